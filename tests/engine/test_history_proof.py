"""What a file is proof for: silence between its rows, and nothing about days it does not hold."""

from __future__ import annotations

import numpy as np

from engine.history.proof import proved
from tests.engine.history_files import minute_bars
from tests.engine.sample_markets import ANCHORS, FX, METAL, ms
from uds.model import MINUTE_MS, Bars

WEEK = FX.minutes(ms("2024-11-18T00:00"), ms("2024-11-23T00:00"))


def test_missing_minutes_between_rows_are_silence() -> None:
    """No row for a minute without ticks: the file would starve its buckets for ever otherwise."""
    opens = WEEK[::7]

    assert ((int(opens[0]), int(opens[-1]) + MINUTE_MS),) == proved(
        minute_bars(opens), ANCHORS, FX
    ).intervals


def test_a_weekend_between_rows_is_one_stretch() -> None:
    """Nobody trades then, so there is nothing to prove."""
    opens = FX.minutes(ms("2024-11-18T00:00"), ms("2024-11-27T00:00"))
    quiet_ends = opens[(opens < ms("2024-11-22T21:40")) | (opens > ms("2024-11-24T22:30"))]

    assert 1 == len(proved(minute_bars(quiet_ends), ANCHORS, FX).intervals)


def test_a_trading_day_without_a_row_is_not_covered() -> None:
    """A half finished download must not become no_tick for ever."""
    missing = (WEEK >= ms("2024-11-19T20:00")) & (WEEK < ms("2024-11-21T03:00"))

    covered = proved(minute_bars(WEEK[~missing]), ANCHORS, FX)

    assert [
        (ms("2024-11-18T00:00"), ms("2024-11-19T22:00")),
        (ms("2024-11-20T22:00"), ms("2024-11-22T21:55")),
    ] == list(covered)


def test_a_known_holiday_is_no_hole() -> None:
    """The calendar says that nobody traded."""
    opens = METAL.minutes(ms("2024-12-23T12:00"), ms("2024-12-27T12:00"))

    covered = proved(minute_bars(opens), ANCHORS, METAL)

    assert (opens[0], opens[-1] + MINUTE_MS) == (covered.intervals[0][0], covered.until_ms)


def test_nothing_proves_nothing() -> None:
    """A file whose rows were all bad covers no time."""
    assert () == proved(Bars.empty(), ANCHORS, FX).intervals
    assert 1 == len(proved(minute_bars(np.array([ms("2024-11-20T10:00")])), ANCHORS, FX).intervals)
