"""The only door to time: what the engine believes the moment is, and how it waits."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Protocol

from uds import started


class Clock(Protocol):
    """Time as the engine sees it."""

    def now_ms(self) -> int:
        """The market's wall clock, UTC ms; `--at` and replay shift it."""
        ...

    def real_ms(self) -> int:
        """The host's wall clock, UTC ms: for lock, owner and journal times."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never jump, for durations and deadlines."""
        ...

    def delay_s(self, until_ms: int) -> float:
        """How long to wait until the market's clock says so; negative when it has said so."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait; a delay of zero lets others run."""
        ...


class MovableClock(Clock, Protocol):
    """A clock that can be told what the market's time is."""

    def move_to(self, at_ms: int) -> None:
        """Say `at_ms` now and run on from there."""
        ...


class SystemClock:
    """The host's clock, its wall time shifted by a constant."""

    def __init__(self, shift_ms: int = 0) -> None:
        self.shift_ms = shift_ms

    @classmethod
    def started_at(cls, at_ms: int) -> SystemClock:
        """A running clock that says `at_ms` now."""
        return cls(at_ms - _wall_ms())

    def move_to(self, at_ms: int) -> None:
        """Say `at_ms` now and run on from there."""
        self.shift_ms = at_ms - _wall_ms()

    def now_ms(self) -> int:
        return _wall_ms() + self.shift_ms

    def real_ms(self) -> int:
        return _wall_ms()

    def monotonic_s(self) -> float:
        return time.monotonic()

    def delay_s(self, until_ms: int) -> float:
        return (until_ms - self.now_ms()) / 1_000

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


class ManualClock:
    """Time that moves only when somebody sleeps or says so: tests and simulation."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms
        self._elapsed_s = 0.0

    def now_ms(self) -> int:
        return self._now_ms

    def real_ms(self) -> int:
        return self._now_ms

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def delay_s(self, until_ms: int) -> float:
        return (until_ms - self._now_ms) / 1_000

    def advance(self, by_s: float) -> None:
        """Move both clocks forward."""
        self._elapsed_s += by_s
        self._now_ms += round(by_s * 1_000)

    async def sleep(self, delay_s: float) -> None:
        self.advance(delay_s)
        await asyncio.sleep(0)


def hold_up(for_s: float) -> None:
    """Let nothing in this process run for so long: what a drill does (Z5)."""
    time.sleep(for_s)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def process_age_s() -> float:
    """Seconds since this process was executed, to a hundredth; 0 where the host has no /proc."""
    ticks = started(os.getpid())
    if not ticks:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(ticks) / os.sysconf("SC_CLK_TCK")


def cpu_s() -> float:
    """Seconds of a core that all threads of this process used so far."""
    return time.process_time()


stopwatch_s = time.perf_counter
"""Seconds of the finest clock there is, for stretches too short for any other."""
