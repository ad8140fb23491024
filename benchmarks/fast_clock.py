"""A clock whose market lives faster than the host: for endurance, never for the product."""

from __future__ import annotations

import time

from engine.clock import SystemClock

SPEED = 60
"""Minutes of the market in one of the host."""


class FastClock(SystemClock):
    """The market's wall time runs `SPEED` times as fast, and so does whoever waits for it.

    What belongs to the host stays the host's: monotonic time, the delays of retries, timeouts of
    Redis and the broker, and the beats of the duties beside the market. A heartbeat that came
    240 times a second would test the heartbeat.
    """

    def __init__(self, at_ms: int) -> None:
        super().__init__()
        self._at_ms = at_ms
        self._began_ns = time.monotonic_ns()
        self._held_ms: int | None = None

    @classmethod
    def started_at(cls, at_ms: int) -> FastClock:
        """A running clock that says `at_ms` now."""
        return cls(at_ms)

    def now_ms(self) -> int:
        """The market's wall clock."""
        if self._held_ms is not None:
            return self._held_ms
        return self._at_ms + (time.monotonic_ns() - self._began_ns) * SPEED // 1_000_000

    def hold(self) -> None:
        """Say no later time from now on."""
        self._held_ms = self.now_ms()

    def delay_s(self, until_ms: int) -> float:
        """How long to wait on the host until the market is there."""
        return (until_ms - self.now_ms()) / 1_000 / SPEED
