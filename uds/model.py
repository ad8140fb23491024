"""The words every floor shares: symbols, timeframes, bars, generations, coverage.

Everything here is a value. Times are UTC epoch milliseconds; a bar's open is inclusive and
is its identity, its close is exclusive and equals the next bucket's open. Ranges are
half-open, `from_ms <= t < until_ms`.

What has columns lives in `columns.py` and is fetched from there on first use: whoever only
names a symbol or a state need not wait for numpy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from .door import lazy_door

if TYPE_CHECKING:
    from .columns import F64 as F64
    from .columns import I32 as I32
    from .columns import I64 as I64
    from .columns import U8 as U8
    from .columns import BadBars as BadBars
    from .columns import Bars as Bars
    from .columns import Compared as Compared
    from .columns import compare as compare
    from .columns import joined as joined

__getattr__ = lazy_door(
    __name__,
    {
        "columns": (
            "F64",
            "I32",
            "I64",
            "U8",
            "BadBars",
            "Bars",
            "Compared",
            "compare",
            "joined",
        ),
    },
)

Symbol: TypeAlias = str
"""A market's name as the configuration spells it, for example `XAU/USD` or `GER30`."""

MINUTE_MS = 60_000


class Timeframe(IntEnum):
    """The eight timeframes; the value is the nominal width in seconds, so they sort by width."""

    M1 = 60
    M3 = 180
    M5 = 300
    M15 = 900
    M30 = 1_800
    H1 = 3_600
    H4 = 14_400
    D1 = 86_400

    @property
    def ms(self) -> int:
        """Nominal width in milliseconds (an H4 or D1 over a clock change differs)."""
        return int(self) * 1_000

    @property
    def minutes(self) -> int:
        """Nominal width in minutes: how many M1 bars make a whole one."""
        return int(self) // 60

    @property
    def is_derived(self) -> bool:
        """Whether we compute it from M1; the broker is asked for M1 and D1 only (I1)."""
        return self not in (Timeframe.M1, Timeframe.D1)

    @property
    def src(self) -> str:
        """The word `src` on disk and on the wire: `derived` or `history`."""
        return "derived" if self.is_derived else "history"


DERIVED_TIMEFRAMES = tuple(tf for tf in Timeframe if tf.is_derived)


class SeriesKey(NamedTuple):
    """Which series: one symbol in one timeframe; printed as `XAU/USD/M5`."""

    symbol: Symbol
    timeframe: Timeframe

    def __str__(self) -> str:
        return f"{self.symbol}/{self.timeframe.name}"


class PartialReason(IntFlag):
    """Why a derived bar was made of fewer M1 than its width has minutes."""

    NONE = 0
    CALENDAR_PAUSE = 1
    """The market is shut for part of the bucket."""
    NO_TICK = 2
    """A fetched, open minute had no tick, so the broker sent no row."""
    BOUNDARY = 4
    """The stored history begins inside the bucket."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A bar that is still forming; it has no road into `Store.append` (I3)."""

    key: SeriesKey
    """Which series it will become a bar of."""
    open_time_ms: int
    """Inclusive open of the bucket, UTC ms."""
    close_time_ms: int
    """Exclusive close of the bucket, UTC ms."""
    o: float
    """First price so far."""
    h: float
    """Highest price so far."""
    low: float
    """Lowest price so far."""
    c: float
    """Last price so far."""
    v: int
    """Ticks so far."""


_GENERATION = re.compile(r"([0-9]{8})-([0-9]{4})")


class Generation(NamedTuple):
    """Which data: the n-th set of series written for a symbol by the owner with this token."""

    token: int
    """Owner token that wrote it; tokens only grow."""
    n: int
    """1 for the token's first generation of the symbol."""

    def __str__(self) -> str:
        return f"{self.token:08d}-{self.n:04d}"

    @property
    def short(self) -> str:
        """As a sentence on the screen says it: `42-3`."""
        return f"{self.token}-{self.n}"

    @classmethod
    def parse(cls, text: str) -> Generation:
        """The inverse of str(); raises ValueError on anything else."""
        match = _GENERATION.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not a generation like 00000042-0003")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class FencingToken:
    """The right to write, minted only by `open_store()`; every write carries it."""

    value: int
    """Number of this owner; a higher one on the same folder fences us."""
    boot_id: str
    """128 random bits in hex: names this boot without a clock (F10)."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which time a series was fetched for: half-open intervals, merged and ascending.

    A missing minute inside is `no_tick`; outside it is a gap still to fetch.
    """

    intervals: tuple[tuple[int, int], ...] = ()
    """(from_ms, until_ms) pairs, neither touching nor overlapping."""

    @classmethod
    def of(cls, intervals: Iterable[tuple[int, int]]) -> Coverage:
        """Merge any intervals, empty ones dropped."""
        merged: list[tuple[int, int]] = []
        for from_ms, until_ms in sorted(pair for pair in intervals if pair[0] < pair[1]):
            if merged and from_ms <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], until_ms))
            else:
                merged.append((from_ms, until_ms))
        return cls(tuple(merged))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self.intervals)

    def add(self, from_ms: int, until_ms: int) -> Coverage:
        """This and one interval more."""
        return Coverage.of((*self.intervals, (from_ms, until_ms)))

    def without(self, from_ms: int, until_ms: int) -> Coverage:
        """This less one interval."""
        cut = ((a, min(b, from_ms)) for a, b in self.intervals)
        rest = ((max(a, until_ms), b) for a, b in self.intervals)
        return Coverage.of((*cut, *rest))

    def gaps(self, from_ms: int, until_ms: int) -> Coverage:
        """What of [from_ms, until_ms) is not covered."""
        holes: list[tuple[int, int]] = []
        cursor_ms = from_ms
        for start_ms, end_ms in self.intervals:
            if end_ms <= cursor_ms:
                continue
            if start_ms >= until_ms:
                break
            holes.append((cursor_ms, start_ms))
            cursor_ms = end_ms
        holes.append((cursor_ms, until_ms))
        return Coverage.of(holes)

    @property
    def until_ms(self) -> int | None:
        """Where the newest covered interval ends; None when nothing is covered."""
        return self.intervals[-1][1] if self.intervals else None
