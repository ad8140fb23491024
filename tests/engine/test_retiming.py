"""History moved by weeks: the market's own clock shows the same, whatever was changed between."""

from __future__ import annotations

import numpy as np
import pytest

from engine.broker.quotes import Quotes
from engine.broker.replay import History
from engine.broker.retiming import retimed, weeks_to
from engine.calendars.buckets import Anchors, bucket_opens
from tests.engine.history_files import minute_bars
from tests.engine.sample_markets import ANCHORS, FX, HONG_KONG, ms
from uds.model import MINUTE_MS, Bars, Timeframe

DAY_MS = 86_400_000


def history(from_ms: int, count: int = 3, symbol: str = "EUR/USD") -> History:
    """A symbol with a few minutes, its day, and a quote half a minute after the open."""
    m1 = minute_bars(from_ms + np.arange(count) * MINUTE_MS)
    day_ms = int(bucket_opens(m1.open_time_ms, Timeframe.D1, ANCHORS)[0])
    d1 = Bars.of(*(np.array([x]) for x in (day_ms, day_ms + DAY_MS, 1.0, 2.0, 0.5, 1.5, 9)))
    quote = np.array([from_ms + MINUTE_MS // 2])
    quotes = Quotes(quote, np.array([1.0]), np.array([1.1]), np.array([1]))
    return History({symbol: m1}, {symbol: d1}, {symbol: quotes}, (), from_ms + count * MINUTE_MS)


def moved(found: History, weeks: int, anchors: Anchors = ANCHORS) -> History:
    """The same, later."""
    return retimed(found, weeks, {"EUR/USD": FX}, anchors)


@pytest.mark.parametrize(
    ("was", "weeks", "becomes"),
    [
        ("2025-01-08T15:00", 1, "2025-01-15T15:00"),
        ("2025-01-08T15:00", 20, "2025-05-28T14:00"),
        ("2025-07-09T14:00", -20, "2025-02-19T15:00"),
        ("2024-02-28T22:00", 60, "2025-04-23T21:00"),
    ],
)
def test_new_york_shows_the_same_time_of_the_same_weekday(
    was: str, weeks: int, becomes: str
) -> None:
    """Bars, days and quotes alike; a shift of so many hours would miss every clock change."""
    found = moved(history(ms(was)), weeks)

    assert ms(becomes) == found.m1["EUR/USD"].first_open_ms
    assert ms(becomes) + MINUTE_MS // 2 == int(found.quotes["EUR/USD"].ts_ms[0])
    assert ms(becomes) + 3 * MINUTE_MS == found.last_common_m1_ms
    days = found.d1["EUR/USD"]
    assert np.array_equal(bucket_opens(days.open_time_ms, Timeframe.D1, ANCHORS), days.open_time_ms)


def test_each_market_keeps_the_clock_of_its_own_place() -> None:
    """Hong Kong has no summer time: between the same two weeks New York moves and it does not."""
    found = retimed(
        history(ms("2025-01-08T03:00"), symbol="HKG33"), 20, {"HKG33": HONG_KONG}, ANCHORS
    )

    assert ms("2025-05-28T03:00") == found.m1["HKG33"].first_open_ms


def test_an_hour_that_the_new_week_does_not_have_falls_away() -> None:
    """02:00 to 03:00 of New York's night of 9 March 2025; no minute may stand twice."""
    found = moved(history(ms("2025-03-02T06:58"), 70), 1)

    opens_ms = found.m1["EUR/USD"].open_time_ms
    assert 10 == len(opens_ms)
    assert np.all(np.diff(opens_ms) == MINUTE_MS)


@pytest.mark.parametrize(
    ("now", "at", "weeks"),
    [
        ("2022-12-12T11:59", None, 0),
        ("2022-12-12T12:00", None, 1),
        ("2022-11-30T00:00", None, -1),
        ("2030-01-01T00:00", "2022-12-12T12:00", 1),
        ("2030-01-01T00:00", "2022-12-12T12:01", 2),
        ("2030-01-01T00:00", "2022-12-05T11:59", 0),
    ],
)
def test_a_replay_is_moved_near_but_never_past_its_clock(
    now: str, at: str | None, weeks: int
) -> None:
    """Not into the future by itself; and a clock that is set finds history ahead of it."""
    at_ms = None if at is None else ms(at)

    assert weeks == weeks_to(ms("2022-12-05T12:00"), ms(now), at_ms)
