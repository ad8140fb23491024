"""What the derive benchmark works on, and what a right answer is.

The M1 are simulated, so any machine draws the same. The right answer is made here the slow
and direct way: the bucket of every single M1 by the published wall-clock grid (see
`docs/buckets.md`), then one reduction per column. No chain of timeframes is involved, so a
mistake of the kernel's chain would show as wrong rows of ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from engine.broker.market import SimulatedMarket
from engine.calendars.buckets import Anchors, bucket_open, bucket_opens
from engine.calendars.trading_calendar import TradingCalendar
from engine.config import Config
from engine.config_file import load_config
from uds.model import DERIVED_TIMEFRAMES, F64, I64, Bars, Coverage, Symbol, Timeframe

CHAIN: tuple[tuple[Timeframe, Timeframe], ...] = (
    (Timeframe.M3, Timeframe.M1),
    (Timeframe.M5, Timeframe.M1),
    (Timeframe.M15, Timeframe.M5),
    (Timeframe.M30, Timeframe.M15),
    (Timeframe.H1, Timeframe.M30),
)
"""Each timeframe up to H1 and the one it is folded from; H4 is folded from H1."""


_Table = TypeVar("_Table")


class Columns(NamedTuple):
    """Bars as plain columns of equal length, opens ascending."""

    open_ms: I64
    o: F64
    h: F64
    low: F64
    c: F64
    v: I64


Derived: TypeAlias = Mapping[Timeframe, Columns]


class Series(NamedTuple):
    """M1 of one symbol and what `derive` must know beside them."""

    symbol: Symbol
    m1: Bars
    calendar: TradingCalendar
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Case:
    """One size of history."""

    name: str
    """As the report says it."""
    series: tuple[Series, ...]
    """What one pass derives."""
    until_ms: int
    """Where the history ends: a D1 edge, so that every bar of it is final."""
    anchors: Anchors
    """The grid of H4."""

    @property
    def m1_count(self) -> int:
        """M1 of all series."""
        return sum(len(one.m1) for one in self.series)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to derive a case."""

    name: str
    """Library and idiom."""
    derive: Callable[[], object]
    """One pass: from the library's own tables of M1 to its own six tables per series."""
    answer: Callable[[], Sequence[Derived]]
    """A pass and its result as columns, one per series; never timed."""
    m1_count: int
    """M1 that a pass works off."""


def one_by_one(
    name: str,
    case: Case,
    tables: Sequence[_Table],
    idiom: Callable[[_Table], object],
    answer: Callable[[_Table], Derived],
) -> Variant:
    """A variant that derives series after series, each result dropped before the next is made.

    So does the engine: a symbol is stored and gone when the next one comes.
    """

    def derive() -> None:
        for table in tables:
            idiom(table)

    m1_count = sum(len(one.m1) for one in case.series[: len(tables)])
    return Variant(name, derive, lambda: [answer(table) for table in tables], m1_count)


def load_configuration() -> Config:
    """The configuration of this checkout: 13 symbols with their calendars."""
    root = Path(__file__).resolve().parent.parent
    return load_config(root / "config.json", os.environ, {}, root)


def case_of(
    name: str, config: Config, symbols: Sequence[Symbol], until_ms: int, minutes: int
) -> Case:
    """At least so many open minutes of each symbol, from the D1 open before them."""
    anchors = config.anchors.anchors()
    calendars = config.trading_calendars()
    market = SimulatedMarket(
        config.broker.sim.seed,
        calendars,
        {symbol: config.digits(symbol) for symbol in calendars},
        anchors,
    )
    until_ms = bucket_open(until_ms, Timeframe.D1, anchors)
    series = []
    for symbol in symbols:
        calendar = calendars[symbol]
        from_ms = bucket_open(calendar.back(until_ms, minutes), Timeframe.D1, anchors)
        m1 = market.m1(symbol, from_ms, until_ms)
        series.append(Series(symbol, _owned(m1), calendar, Coverage.of([(from_ms, until_ms)])))
    return Case(name, tuple(series), until_ms, anchors)


def _owned(bars: Bars) -> Bars:
    """The same bars in memory of their own rather than as a window of a longer series."""
    return bars.take(np.arange(len(bars)))


def right_answer(m1: Bars, anchors: Anchors) -> Derived:
    """Every timeframe straight from M1."""
    return {timeframe: _direct(m1, timeframe, anchors) for timeframe in DERIVED_TIMEFRAMES}


def _direct(m1: Bars, timeframe: Timeframe, anchors: Anchors) -> Columns:
    key_ms, first = np.unique(bucket_opens(m1.open_time_ms, timeframe, anchors), return_index=True)
    last = np.append(first[1:], len(m1)) - 1
    return Columns(
        key_ms,
        m1.o[first],
        np.maximum.reduceat(m1.h, first),
        np.minimum.reduceat(m1.low, first),
        m1.c[last],
        np.add.reduceat(m1.v, first),
    )


class Score(NamedTuple):
    """How an answer compares with the right one, over all series."""

    h4_right: int
    """H4 bars with the open of a bucket of the grid and the right content."""
    h4_wrong: int
    """H4 bars that are not."""
    h4_missing: int
    """H4 buckets of the grid without a right bar."""
    others_wrong: int
    """M3 to H1 bars that are wrong or missing."""

    @property
    def is_right(self) -> bool:
        """Whether every bar is as it should be."""
        return not (self.h4_wrong or self.h4_missing or self.others_wrong)


def score(answers: Sequence[Derived], expected: Sequence[Derived]) -> Score:
    """Compare bar for bar; a pass may answer for the first few series only."""
    h4_right = h4_wrong = h4_missing = others_wrong = 0
    for answer, wanted in zip(answers, expected, strict=False):
        for timeframe in DERIVED_TIMEFRAMES:
            given, due = len(answer[timeframe].open_ms), len(wanted[timeframe].open_ms)
            right = _right_count(answer[timeframe], wanted[timeframe])
            if timeframe is Timeframe.H4:
                h4_right += right
                h4_wrong += given - right
                h4_missing += due - right
            else:
                others_wrong += max(given, due) - right
    return Score(h4_right, h4_wrong, h4_missing, others_wrong)


def _right_count(answer: Columns, wanted: Columns) -> int:
    _, mine, theirs = np.intersect1d(answer.open_ms, wanted.open_ms, return_indices=True)
    same = np.ones(len(mine), dtype=np.bool_)
    for given, due in zip(answer, wanted, strict=True):
        same &= given[mine] == due[theirs]
    return int(same.sum())
