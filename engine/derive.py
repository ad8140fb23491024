"""M3 to H4 from M1: the one function that batch, catch-up, live minute, repair and rebuild call.

Theory of operation. `derive` is a pure function of M1, calendar, coverage and clock. It has
no memory, so the law of this file cannot be broken by a restart: for any set of M1, any
chunking, order and repetition, deriving step by step gives the bars that deriving once
gives. Step by step means:

1. `absorb` the M1 that arrived into those that are stored. The newest fetch wins; what
   repeats is counted and changes nothing.
2. Whatever a change can alter lies in the buckets it touches. `derive_touched` derives
   exactly those: give it the span of the changed M1, of the newly covered time, and of the
   time that has settled since. Sparse changes may go bucket by bucket, `dirty_buckets`
   names them.
3. The bars replace the stored ones of the same opens. A final bar is never merged with what
   was there before: if its high is lower now, the high goes down (I3).

Only final buckets come out (see `coverage`), and a bucket without M1 has no bar: never a
flat one. The cascade itself is in `aggregate`.

A bar made of fewer M1 than its bucket has minutes says so: `source_count` M1 it was made
of, `expected_count` minutes of its bucket (over a clock change that is more or fewer than
the timeframe's nominal ones) and the reasons: the calendar shuts part of it, or more is
missing than the calendar explains, or the history itself begins inside. A whole bar has
zeros there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from uds.model import (
    DERIVED_TIMEFRAMES,
    I64,
    MINUTE_MS,
    Bars,
    Coverage,
    PartialReason,
    Timeframe,
)

from .absorb import Absorbed, absorb
from .aggregate import Aggregated, aggregate, aggregate_all
from .calendars.buckets import Anchors, bucket_close, bucket_open, bucket_opens
from .calendars.trading_calendar import TradingCalendar
from .coverage import BucketState, bucket_states

__all__ = ["Absorbed", "absorb", "aggregate", "derive", "derive_touched", "dirty_buckets"]


def derive(
    m1: Bars,
    anchors: Anchors,
    calendar: TradingCalendar,
    coverage: Coverage,
    now_ms: int,
    settle_ms: int,
    timeframes: tuple[Timeframe, ...] = DERIVED_TIMEFRAMES,
    history_begins_ms: int | None = None,
) -> dict[Timeframe, Bars]:
    """The final bars of each timeframe that these M1 make.

    `coverage` is that of the M1, `now_ms` the broker's clock. `history_begins_ms` is given
    when the broker has nothing older: its bucket is then final with BOUNDARY rather than
    held back as a partial head; None when older M1 may yet be fetched.
    """
    if history_begins_ms is not None:
        coverage = coverage.add(0, history_begins_ms)
    made = aggregate_all(m1, timeframes, anchors)
    out = {}
    for timeframe, (bars, count) in made.items():
        states = bucket_states(
            bars.open_time_ms, bars.close_time_ms, coverage, calendar, now_ms, settle_ms
        )
        final = states == BucketState.FINAL
        kept = Aggregated(bars, count)
        if not final.all():
            kept = Aggregated(bars.take(final), count[final])
        out[timeframe] = _explained(kept, calendar, history_begins_ms)
    return out


def derive_touched(
    m1: Bars,
    from_ms: int,
    until_ms: int,
    anchors: Anchors,
    calendar: TradingCalendar,
    coverage: Coverage,
    now_ms: int,
    settle_ms: int,
    timeframes: tuple[Timeframe, ...] = DERIVED_TIMEFRAMES,
    history_begins_ms: int | None = None,
) -> dict[Timeframe, Bars]:
    """`derive`, but only the buckets that [from_ms, until_ms) touches; equal to it there."""
    spans = {
        timeframe: (
            bucket_open(from_ms, timeframe, anchors),
            bucket_close(until_ms - 1, timeframe, anchors),
        )
        for timeframe in timeframes
    }
    window = m1.between(
        min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    )
    made = derive(
        window, anchors, calendar, coverage, now_ms, settle_ms, timeframes, history_begins_ms
    )
    return {timeframe: bars.between(*spans[timeframe]) for timeframe, bars in made.items()}


def dirty_buckets(changed_open_ms: I64, timeframe: Timeframe, anchors: Anchors) -> I64:
    """Opens of the buckets that these M1 belong to, ascending and unique."""
    return np.unique(bucket_opens(changed_open_ms, timeframe, anchors))


def _explained(made: Aggregated, calendar: TradingCalendar, history_begins_ms: int | None) -> Bars:
    """The bars with the three extension columns of those that are partial."""
    bars, count = made
    minutes = (bars.close_time_ms - bars.open_time_ms) // MINUTE_MS
    partial = np.flatnonzero(count < minutes)
    if not len(partial):
        return bars
    open_ms, close_ms = bars.open_time_ms[partial], bars.close_time_ms[partial]
    source, width = count[partial], minutes[partial]
    tradable = calendar.expected_minutes(open_ms, close_ms)
    reasons = (tradable < width) * np.uint8(PartialReason.CALENDAR_PAUSE)
    if history_begins_ms is not None:
        begins_inside = (open_ms < history_begins_ms) & (history_begins_ms < close_ms)
        reasons |= begins_inside * np.uint8(PartialReason.BOUNDARY)
        open_ms = np.where(begins_inside, history_begins_ms, open_ms)
        tradable = calendar.expected_minutes(open_ms, close_ms)
    reasons |= (source < tradable) * np.uint8(PartialReason.NO_TICK)
    source_count = bars.source_count.copy()
    expected_count = bars.expected_count.copy()
    partial_reasons = bars.partial_reasons.copy()
    source_count[partial], expected_count[partial], partial_reasons[partial] = (
        source,
        width,
        reasons,
    )
    return replace(
        bars,
        source_count=source_count,
        expected_count=expected_count,
        partial_reasons=partial_reasons,
    )
