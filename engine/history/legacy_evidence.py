"""What the files of the platform of before are proof for, and what they say against us.

They tell bars, not what was asked of the broker: the platform may have been down. So silence
between two bars is believed only while it is short. A market that the calendar opens shows a
row in a quarter of an hour as good as always; a longer hole may be an outage, stays a gap and
is fetched again. Of a day with damaged lines nothing is believed but the bars themselves.

A derived bar may tell more: that its missing minutes had no tick, or lie where our calendar
shuts all of it. It is believed when the M1 of the files are as many as it says it was made of,
and make this very bar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from uds import LegacySeries
from uds.model import Bars, Coverage, PartialReason, Timeframe

from ..aggregate import aggregate_all
from ..calendars.buckets import Anchors, bucket_close, bucket_closes, bucket_open, bucket_opens
from ..calendars.trading_calendar import TradingCalendar
from .proof import proved

QUIET_MINUTES_MAX = 15
"""Open-market minutes without a bar that still count as a quiet market."""
_PRICES = ("o", "h", "low", "c")


def m1_coverage(
    legacy: LegacySeries,
    calendar: TradingCalendar,
    anchors: Anchors,
    derived: Iterable[LegacySeries] = (),
) -> Coverage:
    """The time in which a minute without a row had no tick, as far as that can be believed."""
    bars = legacy.bars
    if not len(bars):
        return Coverage()
    closes, opens = bars.close_time_ms[:-1], bars.open_time_ms[1:]
    torn = np.flatnonzero(calendar.expected_minutes(closes, opens) > QUIET_MINUTES_MAX)
    starts = bars.open_time_ms[np.append(0, torn + 1)].tolist()
    ends = bars.close_time_ms[np.append(torn, len(bars) - 1)].tolist()
    known = [*zip(starts, ends, strict=True)]
    for series in derived:
        known += _told_silent(series, bars, calendar, anchors)
    return _without(Coverage.of(known), legacy.doubted)


def _told_silent(
    derived: LegacySeries, m1: Bars, calendar: TradingCalendar, anchors: Anchors
) -> list[tuple[int, int]]:
    """The buckets whose bar rightly says that what it lacks will never come."""
    timeframe, told = derived.key.timeframe, derived.bars
    made = aggregate_all(m1, (timeframe,), anchors)[timeframe]
    _, theirs, ours = np.intersect1d(
        told.open_time_ms, made.bars.open_time_ms, assume_unique=True, return_indices=True
    )
    old, new = told.take(theirs), made.bars.take(ours)
    is_shut = calendar.expected_minutes(new.open_time_ms, new.close_time_ms) == 0
    is_silent = (old.partial_reasons & PartialReason.NO_TICK > 0) | (
        is_shut & (old.source_count > 0)
    )
    is_silent &= old.partial_reasons & PartialReason.BOUNDARY == 0
    is_silent &= old.source_count == made.source_count[ours]
    for name in (*_PRICES, "v"):
        is_silent &= getattr(old, name) == getattr(new, name)
    silent = new.take(is_silent)
    return list(zip(silent.open_time_ms.tolist(), silent.close_time_ms.tolist(), strict=True))


def d1_on_anchor(legacy: LegacySeries, anchors: Anchors) -> Bars | None:
    """Its days, closed where ours close; None when one of them opens elsewhere."""
    bars = legacy.bars
    if not is_on_anchor(bars, anchors):
        return None
    closes = bucket_closes(bars.open_time_ms, Timeframe.D1, anchors)
    return Bars.of(bars.open_time_ms, closes, bars.o, bars.h, bars.low, bars.c, bars.v)


def is_on_anchor(days: Bars, anchors: Anchors) -> bool:
    """Whether every day opens where ours do."""
    return np.array_equal(days.open_time_ms, bucket_opens(days.open_time_ms, Timeframe.D1, anchors))


def d1_coverage(
    legacy: LegacySeries, days: Bars, anchors: Anchors, calendar: TradingCalendar
) -> Coverage:
    """Days on the anchor from the first to the last, less those that are missing or damaged."""
    doubted = (
        (
            bucket_open(from_ms, Timeframe.D1, anchors),
            bucket_close(until_ms - 1, Timeframe.D1, anchors),
        )
        for from_ms, until_ms in legacy.doubted
    )
    return _without(proved(days, anchors, calendar), doubted)


@dataclass(frozen=True, slots=True)
class Compared:
    """A derived timeframe of the files beside what the same M1 make here."""

    timeframe: Timeframe
    same: int
    """Bars that are equal in both."""
    differing: int
    """Bars of one open with other content."""
    off_grid: int
    """Bars of the files whose open is no bucket's."""
    unmade: int
    """Other bars of the files that their M1 do not make, or do not make whole."""
    unknown: int
    """Bars that the M1 make and the files do not have."""
    first: str
    """The oldest differing bar with both its values, in words; empty without one."""

    @property
    def is_equal(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.differing or self.off_grid or self.unmade or self.unknown)


def compared(legacy: Bars, made: Bars, timeframe: Timeframe, anchors: Anchors) -> Compared:
    """The files' bars of a timeframe held against the derived ones."""
    is_off = legacy.open_time_ms != bucket_opens(legacy.open_time_ms, timeframe, anchors)
    _, theirs, ours = np.intersect1d(
        legacy.open_time_ms, made.open_time_ms, assume_unique=True, return_indices=True
    )
    old, new = legacy.take(theirs), made.take(ours)
    unlike = {name: getattr(old, name) != getattr(new, name) for name in (*_PRICES, "v")}
    is_other = np.logical_or.reduce(list(unlike.values()))
    first = ""
    if is_other.any():
        row = int(np.argmax(is_other))
        name = next(name for name, column in unlike.items() if column[row])
        first = (
            f"{moment(int(old.open_time_ms[row]))} with {name} {getattr(old, name)[row]:g}"
            f" where its M1 make {getattr(new, name)[row]:g}"
        )
    return Compared(
        timeframe,
        len(old) - int(is_other.sum()),
        int(is_other.sum()),
        int(is_off.sum()),
        len(legacy) - len(old) - int(is_off.sum()),
        len(made) - len(new),
        first,
    )


def moment(ts_ms: int) -> str:
    """An instant as a sentence says it."""
    return datetime.fromtimestamp(ts_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%MZ")


def _without(coverage: Coverage, doubted: Iterable[tuple[int, int]]) -> Coverage:
    for from_ms, until_ms in doubted:
        coverage = coverage.without(from_ms, until_ms)
    return coverage
