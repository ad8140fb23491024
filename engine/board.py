"""The one writer of the status, and the one place to wait for it to change.

Some fifty tasks wait for something at any time, and a start posts hundreds of events. So an
event does not wake them to look for themselves: once a turn of the loop the board asks each
one's predicate, and wakes those whose time has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from .apply import apply
from .clock import Clock
from .event_log import EventLog, Posted
from .events import Event, GateTimed, ReasonCleared
from .status import Status
from .subscription import Subscription
from .well_formed import well_formed

_SAME_S = 0.002
"""Two clocks that are read one after the other differ by less, unless one was set."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """One who waits."""

    reached: Callable[[Status], bool]
    """For what."""
    woken: asyncio.Future[None]
    """Done once it was seen to be so."""

    def look(self, status: Status) -> None:
        """Wake it if it is so; a predicate that fails does so again in the task that waits."""
        is_due = True
        try:
            is_due = self.reached(status)
        finally:
            if is_due and not self.woken.done():
                self.woken.set_result(None)


class StatusBoard:
    """Holds the newest status; `post` replaces it and wakes whoever waits."""

    def __init__(self, status: Status, clock: Clock, opened_s: float | None = None) -> None:
        """The engine opened at `opened_s` of the monotonic clock; None means now."""
        self._status = status
        self._clock = clock
        self._opened_s = clock.monotonic_s() if opened_s is None else opened_s
        self._changed: asyncio.Future[None] | None = None
        self._waiting: dict[_Waiting, None] = {}
        self._will_look = False
        self.log = EventLog()
        """The newest events, for whoever comes later."""

    @property
    def status(self) -> Status:
        """The newest value."""
        return self._status

    def post(self, event: Event) -> None:
        """Apply an event; readers see the next value at once. Never waits.

        That something passed which does not stand is no event: it would wake everybody for nothing.
        """
        if isinstance(event, ReasonCleared) and not self._stands(event):
            return
        before = self._status.opened_gate_after_s
        self._take(well_formed(event))
        after_s = self._status.opened_gate_after_s
        if before is None and after_s is not None:
            really_s = self._clock.monotonic_s() - self._opened_s
            if abs(really_s - after_s) > _SAME_S:
                self._take(GateTimed(round(really_s, 3)))
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None
        if self._waiting and not self._will_look:
            self._will_look = True
            next(iter(self._waiting)).woken.get_loop().call_soon(self._look)

    def _stands(self, cleared: ReasonCleared) -> bool:
        place = cleared.code, cleared.scope
        return any((reason.code, reason.scope) == place for reason in self._status.reasons)

    def _take(self, event: Event) -> None:
        at_ms = self._clock.now_ms()
        self._status = apply(self._status, event, at_ms)
        self.log.note(Posted(self._status.seq, at_ms, event))

    async def changed(self) -> Status:
        """Wait for the next event, then the status it led to."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)
        return self._status

    async def until(self, reached: Callable[[Status], bool]) -> Status:
        """Wait until the status satisfies a predicate; at once when it already does."""
        while not reached(self._status):
            waiting = _Waiting(reached, asyncio.get_running_loop().create_future())
            self._waiting[waiting] = None
            try:
                await waiting.woken
            finally:
                del self._waiting[waiting]
        return self._status

    def _look(self) -> None:
        self._will_look = False
        for waiting in tuple(self._waiting):
            waiting.look(self._status)

    def subscribe(self) -> Subscription:
        """The status now and every event after it: no gap, no overlap."""
        return Subscription(self)
