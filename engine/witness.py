"""Two witnesses about history: does M1 agree with the broker's D1, and which open does it use.

The open mode. A candle opens either at its first tick or at the close of the candle before.
In the second mode every adjacent pair shares a price, in the first only where the price did
not move. Measured over real M1 and H1 of six sources: first-tick series share 0.8 % to 49 %
of their pairs, and no stretch of 120 pairs more than 73 %; previous-close series (OANDA H1
and D1 of currencies) share every pair of 6 137. So adjacent pairs are judged in stretches
of about 120, and a stretch that shares at least 90 % is taken for previous-close. History
that has both kinds of stretch is mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from uds.model import F64, Bars, Coverage, Timeframe

from .aggregate import aggregate
from .calendars.buckets import Anchors
from .calendars.trading_calendar import TradingCalendar
from .coverage import BucketState, bucket_states

OpenMode: TypeAlias = Literal["first_tick", "previous_close"]

PAIRS_MIN = 30
"""Fewer adjacent pairs than this say nothing."""
STRETCH_PAIRS = 120
"""Pairs that are judged together."""
PREVIOUS_CLOSE_SHARE = 0.90
"""A stretch that shares at least this is in previous-close mode."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One price in which the broker's D1 and the D1 of its own M1 disagree."""

    open_time_ms: int
    """Which D1, UTC ms."""
    price: Literal["o", "h", "low", "c"]
    """Which of its prices."""
    broker: float
    """What the broker says; this is what is served."""
    derived: float
    """What M1 says."""


def d1_witness(
    broker_d1: Bars,
    m1: Bars,
    anchors: Anchors,
    calendar: TradingCalendar,
    coverage: Coverage,
    now_ms: int,
    settle_ms: int,
    point: float,
) -> tuple[Mismatch, ...]:
    """Where final, covered days differ: open or close by more than a point, or M1 goes outside.

    `coverage` is that of the M1; `point` is the price step of the symbol. Days of only one
    side, and days whose M1 is not final, testify nothing.
    """
    derived = aggregate(m1, Timeframe.D1, anchors)
    states = bucket_states(
        derived.open_time_ms, derived.close_time_ms, coverage, calendar, now_ms, settle_ms
    )
    derived = derived.take(states == BucketState.FINAL)
    _, theirs, ours = np.intersect1d(
        broker_d1.open_time_ms, derived.open_time_ms, assume_unique=True, return_indices=True
    )
    broker, derived = broker_d1.take(theirs), derived.take(ours)
    apart = {name: _points(broker, derived, name, point) for name in _PRICES}
    broken = {
        "o": np.abs(apart["o"]) > 1,
        "h": apart["h"] > 0,
        "low": apart["low"] < 0,
        "c": np.abs(apart["c"]) > 1,
    }
    return tuple(
        Mismatch(
            int(broker.open_time_ms[row]),
            name,
            float(getattr(broker, name)[row]),
            float(getattr(derived, name)[row]),
        )
        for row in range(len(broker))
        for name in _PRICES
        if broken[name][row]
    )


_PRICES: tuple[Literal["o", "h", "low", "c"], ...] = ("o", "h", "low", "c")


def _points(broker: Bars, derived: Bars, name: str, point: float) -> F64:
    """Derived minus broker in whole points."""
    apart: F64 = np.rint((getattr(derived, name) - getattr(broker, name)) / point)
    return apart


def open_mode(m1: Bars) -> OpenMode | Literal["mixed"] | None:
    """Which price the candles open with; None when too few adjacent bars exist to tell.

    Works for any timeframe whose bars touch; bars on both sides of a hole are not a pair.
    """
    adjacent = m1.close_time_ms[:-1] == m1.open_time_ms[1:]
    shared = (m1.o[1:] == m1.c[:-1])[adjacent]
    if len(shared) < PAIRS_MIN:
        return None
    stretches = max(1, len(shared) // STRETCH_PAIRS)
    edges = np.arange(stretches + 1) * len(shared) // stretches
    shares = np.add.reduceat(shared, edges[:-1], dtype=np.float64) / np.diff(edges)
    is_previous = shares >= PREVIOUS_CLOSE_SHARE
    if is_previous.all():
        return "previous_close"
    return "mixed" if is_previous.any() else "first_tick"
