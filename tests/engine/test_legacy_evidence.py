"""What old files are proof for: short silences, long holes, damaged days, other anchors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.history.legacy_evidence import (
    QUIET_MINUTES_MAX,
    compared,
    d1_coverage,
    d1_on_anchor,
    m1_coverage,
)
from engine.history.legacy_prose import comparison
from engine.sources import markets
from tests.engine.builders import YEN, flat_bars, small_config
from tests.engine.sample_markets import ANCHORS, ms
from uds.legacy import LegacySeries
from uds.model import MINUTE_MS, Bars, SeriesKey, Timeframe

YEN_M5 = SeriesKey(YEN, Timeframe.M5)
HOUR_MS = 60 * MINUTE_MS
CALENDAR = markets(small_config(YEN))[YEN].calendar
OPEN = ms("2026-01-14T12:00")


def series(
    bars: Bars, timeframe: Timeframe = Timeframe.M1, doubted: tuple[tuple[int, int], ...] = ()
) -> LegacySeries:
    """Old bars without any oddity but the doubted time."""
    return LegacySeries(SeriesKey(YEN, timeframe), bars, 1, (), doubted, 0, 0, 0, 0, False)


def at(*minutes: int) -> Bars:
    """A bar at each minute after noon."""
    return flat_bars([OPEN + minute * MINUTE_MS for minute in minutes])


def spans(found: LegacySeries) -> list[tuple[float, float]]:
    """Covered intervals in minutes after noon."""
    covered = m1_coverage(found, CALENDAR, ANCHORS)
    return [((a - OPEN) / MINUTE_MS, (b - OPEN) / MINUTE_MS) for a, b in covered]


def test_a_quarter_of_an_hour_of_silence_is_a_quiet_market_and_more_is_not() -> None:
    """Nobody knows whether the old platform ran; it was seldom down for less."""
    last = QUIET_MINUTES_MAX + 1

    assert [(0, last + 1)] == spans(series(at(0, last)))
    assert [(0, 1), (last + 1, last + 2)] == spans(series(at(0, last + 1)))
    assert [] == spans(series(Bars.empty()))


def test_time_in_which_the_market_is_shut_is_no_silence() -> None:
    """A weekend needs no proof."""
    friday, sunday = ms("2026-01-09T21:50"), ms("2026-01-11T22:05")
    bars = flat_bars([friday, sunday])

    assert 1 == len(m1_coverage(series(bars), CALENDAR, ANCHORS).intervals)


def test_doubted_time_is_not_covered() -> None:
    """Its bars stay, and are fetched again."""
    doubted = ((OPEN + 2 * MINUTE_MS, OPEN + 4 * MINUTE_MS),)

    assert [(0, 2), (4, 6)] == spans(series(at(*range(6)), doubted=doubted))


def test_days_are_doubted_whole() -> None:
    """Half a day is never asked for, so a hole of half a day would stay for ever."""
    opens = ms("2026-01-11T22:00") + np.arange(3) * 24 * HOUR_MS
    midnight = ms("2026-01-13T00:00")
    found = series(
        flat_bars(opens.tolist(), 24 * HOUR_MS), Timeframe.D1, ((midnight, midnight + HOUR_MS),)
    )
    days = d1_on_anchor(found, ANCHORS)

    assert days is not None
    assert ((opens[0], opens[1]), (opens[2], opens[2] + 24 * HOUR_MS)) == (
        d1_coverage(found, days, ANCHORS, CALENDAR).intervals
    )


def test_days_close_where_the_anchor_does() -> None:
    """The Saturday before a clock change has 23 hours, whatever the old platform wrote."""
    opens = [ms("2026-03-06T22:00"), ms("2026-03-07T22:00")]
    days = d1_on_anchor(series(flat_bars(opens, 24 * HOUR_MS), Timeframe.D1), ANCHORS)

    assert days is not None
    assert ms("2026-03-08T21:00") == days.close_time_ms[1]
    elsewhere = series(flat_bars([opens[0] + HOUR_MS], 24 * HOUR_MS), Timeframe.D1)
    assert d1_on_anchor(elsewhere, ANCHORS) is None


def test_each_kind_of_difference_is_counted_on_its_own() -> None:
    """One number for all of them would tell nobody where to look."""
    width = 5 * MINUTE_MS
    made = flat_bars([OPEN + index * width for index in range(6)], width)
    old = flat_bars([OPEN + index * width for index in range(-1, 5)], width)
    old = replace(
        old,
        open_time_ms=old.open_time_ms + np.array([0, 0, 0, 0, 0, MINUTE_MS]),
        c=old.c + np.array([0, 0, 0, 0.5, 0.5, 0]),
    )
    found = compared(old, made, Timeframe.M5, ANCHORS)

    assert (2, 2, 1, 1, 2) == (
        found.same,
        found.differing,
        found.off_grid,
        found.unmade,
        found.unknown,
    )
    assert not found.is_equal
    assert comparison(YEN_M5, found) == (
        "USD/JPY/M5: 2 bars of the old files equal those made of their M1, 2 differ, the first "
        "2026-01-14 12:10Z with c 100.5 where its M1 make 100, 1 open where no bucket of ours "
        "does, 1 are not made, for want of final M1, 2 are made that the old files do not have."
    )


def test_equal_bars_are_nothing_to_tell() -> None:
    """A difference must stand out."""
    made = flat_bars([OPEN], 5 * MINUTE_MS)

    assert compared(made, made, Timeframe.M5, ANCHORS).is_equal
