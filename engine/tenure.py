"""Whether the data are still ours: asked anew after a pause, before anything is written.

A process that was stopped for a while, or whose host slept, wakes up in the middle of what it
was doing, and a successor may have taken the data meanwhile. The watchdog beats; when a beat
is missing for longer than two seconds, whoever wants to write first asks who the owner is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from uds import CacheDown, CacheRegressed, DiskFailed, Fenced

from .board import StatusBoard
from .clock import Clock
from .degraded import DegradedCode
from .events import ReasonRaised
from .sayings import said_of

PAUSE_S = 2.0
"""A longer silence of the watchdog means that we were stopped."""


class Tenure:
    """One owner's claim, as far as it has been proved."""

    def __init__(self, clock: Clock, check: Callable[[], Awaitable[None]]) -> None:
        """`check` asks disk and Redis who the owner is; it raises Fenced, CacheDown and kin."""
        self._clock = clock
        self._check = check
        self._beaten_s: float | None = None
        self._is_doubted = False
        self._checking = asyncio.Lock()

    def beat(self) -> None:
        """The watchdog runs; a gap since the last beat is a reason to doubt."""
        self._notice_gap()
        self._beaten_s = self._clock.monotonic_s()

    def doubt(self) -> None:
        """Ask again before the next write."""
        self._is_doubted = True

    async def assure(self) -> None:
        """Return once nothing speaks against writing; raises Fenced.

        A Redis or a disk that does not answer says nothing about the owner: every write to Redis
        carries our token, and the cache watch claims it anew.
        """
        self._notice_gap()
        if not self._is_doubted:
            return
        async with self._checking:
            if self._is_doubted:
                await self.prove()

    async def prove(self) -> bool:
        """Ask now; whether everybody who was asked said that we are. Raises Fenced."""
        try:
            await self._check()
        except (CacheDown, CacheRegressed, DiskFailed):
            self._is_doubted = False
            return False
        self._is_doubted = False
        return True

    def _notice_gap(self) -> None:
        if self._beaten_s is None:
            return
        now_s = self._clock.monotonic_s()
        if now_s - self._beaten_s > PAUSE_S:
            self._is_doubted = True
            self._beaten_s = now_s


def say_fenced(board: StatusBoard, error: Fenced) -> None:
    """Another owner has the data: loudly, once."""
    standing = {reason.code for reason in board.status.reasons}
    for code in (DegradedCode.OWNER_CHANGED, DegradedCode.FENCED):
        if code not in standing:
            board.post(ReasonRaised.told(code, None, *said_of(error)))
