"""The time a call may take, told apart from the time our own loop was held.

A deadline is a timer of the loop, and a loop that was held looks at its sockets and its timers in
the same turn. Without more ado a call whose answer had come long ago would then be cancelled in
the very turn that reads it, and an overloaded host would be blamed on the other side. So a
deadline that is noticed late grants a grace in which what lies there is read; never more than a
few in one call. In a loop that is on time nothing is granted, and a silent side is found when
it always was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LATE_S = 0.02
"""A deadline noticed so late was missed because the loop was held."""
GRACE_S = 0.1
"""What a call has then to read what came meanwhile."""
GRACES_MAX = 5
"""In one call."""


@asynccontextmanager
async def within(limit_s: float) -> AsyncIterator[None]:
    """Raises TimeoutError when the block takes longer while the loop is there to see it end."""
    async with asyncio.timeout(None) as timeout:
        deadline = _Deadline(timeout, limit_s)
        try:
            yield
        finally:
            deadline.cancel()


class _Deadline:
    """One timer, set again after each grace."""

    def __init__(self, timeout: asyncio.Timeout, limit_s: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._graces = 0
        self._set(limit_s)

    def cancel(self) -> None:
        """The call has ended by itself."""
        self._timer.cancel()

    def _set(self, after_s: float) -> None:
        self._due_s = self._loop.time() + after_s
        self._timer = self._loop.call_at(self._due_s, self._passed)

    def _passed(self) -> None:
        now_s = self._loop.time()
        if now_s - self._due_s > LATE_S and self._graces < GRACES_MAX:
            self._graces += 1
            self._set(GRACE_S)
        else:
            self._timeout.reschedule(now_s)
