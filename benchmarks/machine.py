"""What else the machine was doing while we measured.

A ratio of two timings is only as good as the quiet around them. The share of all cores that
other programs (and the host, as stolen time) use is read from the kernel's counters.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

OTHER_LOAD_MAX = 0.04
"""Share of all cores above which a run is refused, or labelled when forced."""

_STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class Usage:
    """Counters at one moment; only the difference of two means anything."""

    all_s: float
    """Time of all cores together."""
    busy_s: float
    """The part of it that was not idle: programs, kernel and what the host took."""
    own_s: float
    """The part of it that this process used, its threads included."""

    @classmethod
    def now(cls) -> Usage | None:
        """The counters, or None where the kernel does not publish them."""
        if not _STAT.is_file():
            return None
        ticks = [int(word) for word in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
        tick_s = 1 / os.sysconf("SC_CLK_TCK")
        idle, waiting = ticks[3], ticks[4]
        return cls(
            all_s=sum(ticks) * tick_s,
            busy_s=(sum(ticks) - idle - waiting) * tick_s,
            own_s=time.process_time(),
        )


def other_load(since: Usage | None, until: Usage | None) -> float | None:
    """Share of all cores that others used between two moments; None when unknown."""
    if since is None or until is None or until.all_s <= since.all_s:
        return None
    others_s = (until.busy_s - since.busy_s) - (until.own_s - since.own_s)
    return max(0.0, others_s / (until.all_s - since.all_s))


def load_before(watch_s: float) -> float | None:
    """Watch the machine while we do nothing."""
    since = Usage.now()
    time.sleep(watch_s)
    return other_load(since, Usage.now())


def in_words(load: float | None) -> str:
    """A share as the report says it."""
    return "unknown" if load is None else f"{load:.1%}"


def description() -> str:
    """Interpreter, system and cores, for the head of a report."""
    return (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores"
    )


def settle_allocator() -> None:
    """Make the C library keep freed memory, as the allocators inside polars and duckdb do.

    glibc hands every large block back to the kernel until a block of nearly 32 MB was freed
    once; from then on it keeps them. When that happens by accident in the middle of a run,
    numpy and pandas are a third faster after it than before.
    """
    bytearray(31 * 2**20)
