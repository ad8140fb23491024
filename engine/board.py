"""The one writer of the status, and the one place to wait for it to change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .apply import apply
from .clock import Clock
from .event_log import EventLog, Posted
from .events import Event
from .status import Status
from .subscription import Subscription
from .well_formed import well_formed


class StatusBoard:
    """Holds the newest status; `post` replaces it and wakes whoever waits."""

    def __init__(self, status: Status, clock: Clock) -> None:
        self._status = status
        self._clock = clock
        self._changed: asyncio.Future[None] | None = None
        self.log = EventLog()
        """The newest events, for whoever comes later."""

    @property
    def status(self) -> Status:
        """The newest value."""
        return self._status

    def post(self, event: Event) -> None:
        """Apply an event; readers see the next value at once. Never waits."""
        event = well_formed(event)
        at_ms = self._clock.now_ms()
        self._status = apply(self._status, event, at_ms)
        self.log.note(Posted(self._status.seq, at_ms, event))
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

    def subscribe(self) -> Subscription:
        """The status now and every event after it: no gap, no overlap."""
        return Subscription(self)
