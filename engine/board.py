"""The one writer of the status, and the one place to wait for it to change."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from .apply import apply
from .clock import Clock
from .events import Event
from .status import Status

_BACKLOG_EVENTS = 4_096


class StatusBoard:
    """Holds the newest status; `post` replaces it and wakes whoever waits."""

    def __init__(self, status: Status, clock: Clock) -> None:
        self._status = status
        self._clock = clock
        self._changed: asyncio.Future[None] | None = None
        self._subscribers: list[deque[Event]] = []

    @property
    def status(self) -> Status:
        """The newest value."""
        return self._status

    def post(self, event: Event) -> None:
        """Apply an event; readers see the next value at once. Never waits."""
        self._status = apply(self._status, event, self._clock.now_ms())
        for backlog in self._subscribers:
            backlog.append(event)
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None

    async def changed(self) -> Status:
        """Wait for the next event, then the status it led to."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)
        return self._status

    async def until(self, reached: Callable[[Status], bool]) -> Status:
        """Wait until the status satisfies a predicate; at once when it already does."""
        status = self._status
        while not reached(status):
            status = await self.changed()
        return status

    def subscribe(self) -> tuple[Status, AsyncIterator[Event]]:
        """The status now and every event after it: no gap, no overlap.

        A subscriber that falls 4 096 events behind loses the oldest; it still sees the newest
        status, which holds their effect.
        """
        backlog: deque[Event] = deque(maxlen=_BACKLOG_EVENTS)
        self._subscribers.append(backlog)
        return self._status, self._stream(backlog)

    async def _stream(self, backlog: deque[Event]) -> AsyncIterator[Event]:
        try:
            while True:
                while backlog:
                    yield backlog.popleft()
                await self.changed()
        finally:
            # by identity: two backlogs that are empty are equal
            self._subscribers = [other for other in self._subscribers if other is not backlog]
