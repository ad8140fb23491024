"""Our bars against the vendors' own, and the weeks of two clock changes, on real history."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from engine.aggregate import aggregate
from engine.calendars.buckets import Anchors, bucket_closes, bucket_opens
from engine.calendars.trading_calendar import CalendarRules, TradingCalendar
from engine.coverage import classify_holes
from engine.derive import derive
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, Coverage, Timeframe

from .real_history import bars, needs_real_history

pytestmark = needs_real_history

NEW_YORK = Anchors()
UTC_DAY = Anchors("UTC", "00:00", "00:00")
CURRENCIES = TradingCalendar(CalendarRules("America/New_York", "Sun 17:00", "Fri 16:55"))
SETTLE_MS = 15_000
PAIRS = ("EURUSD", "GBPUSD", "USDCAD", "USDJPY")
LADDER = (
    (Timeframe.M5, 10_074),
    (Timeframe.M15, 3_359),
    (Timeframe.M30, 1_679),
    (Timeframe.H1, 839),
    (Timeframe.H4, 216),
    (Timeframe.D1, 41),
)


def ms(iso: str) -> int:
    """UTC ms of a text such as `2022-10-30T21:00`."""
    return round(datetime.fromisoformat(iso + "+00:00").timestamp() * 1_000)


def inside(vendor: Bars, m1: Bars) -> Bars:
    """The vendor's bars whose bucket lies wholly inside the span of the M1 file."""
    from_ms, until_ms = m1.open_time_ms[0], m1.close_time_ms[-1]
    return vendor.take((vendor.open_time_ms >= from_ms) & (vendor.close_time_ms <= until_ms))


def reproduced(m1: Bars, vendor: Bars, timeframe: Timeframe, anchors: Anchors) -> tuple[int, int]:
    """How many of the vendor's bars there are, and how many of ours equal them exactly."""
    theirs = inside(vendor, m1)
    ours = aggregate(m1, timeframe, anchors)
    ours = ours.take(np.isin(ours.open_time_ms, theirs.open_time_ms))
    if len(ours) != len(theirs):
        return len(theirs), -1
    same = [a == b for a, b in zip(ours.columns[:7], theirs.columns[:7], strict=True)]
    return len(theirs), int(np.logical_and.reduce(same).sum())


@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("EURUSD_M5", 12_006),
        ("GBPUSD_M5", 12_008),
        ("USDJPY_M5", 12_005),
        ("USDJPY_M15", 4_004),
        ("USDJPY_H1", 1_000),
    ],
)
def test_every_vendor_bar_of_2022_is_reproduced(file: str, count: int) -> None:
    """Eight weeks over two clock changes: open, high, low, close and volume, exactly."""
    pair, _, name = file.partition("_")
    m1 = bars(f"mt5_2022q4/{pair}_M1", Timeframe.M1, NEW_YORK)
    vendor = bars(f"mt5_2022q4/{file}", Timeframe[name], NEW_YORK)

    assert (count, count) == reproduced(m1, vendor, Timeframe[name], NEW_YORK)


@pytest.mark.parametrize(("timeframe", "count"), LADDER)
def test_every_vendor_bar_of_2020_is_reproduced(timeframe: Timeframe, count: int) -> None:
    """The whole ladder up to D1 with an anchor at midnight UTC."""
    m1 = bars("forexsb_eur_2020/EURUSD_M1", Timeframe.M1, UTC_DAY)
    vendor = bars(f"forexsb_eur_2020/EURUSD_{timeframe.name}", timeframe, UTC_DAY)

    assert (count, count) == reproduced(m1, vendor, timeframe, UTC_DAY)


def fetched(pair: str) -> tuple[Bars, Coverage]:
    """A pair's M1 of 2022 and the coverage that fetching it would have left."""
    m1 = bars(f"mt5_2022q4/{pair}_M1", Timeframe.M1, NEW_YORK)
    return m1, Coverage.of([(int(m1.open_time_ms[0]), int(m1.close_time_ms[-1]))])


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("sunday", ["2022-10-30T21:00", "2022-11-06T22:00"])
def test_six_h4_each_trading_day_in_the_weeks_of_clock_changes(pair: str, sunday: str) -> None:
    """Europe changed on 10-30, New York on 11-06; pandas and polars get these weeks wrong."""
    m1, coverage = fetched(pair)
    now_ms = int(m1.close_time_ms[-1]) + SETTLE_MS
    week_ms = ms(sunday), ms(sunday) + 5 * 86_400_000
    m1 = m1.between(*week_ms)

    h4 = derive(m1, NEW_YORK, CURRENCIES, coverage, now_ms, SETTLE_MS)[Timeframe.H4]
    days, counts = np.unique(
        bucket_opens(h4.open_time_ms, Timeframe.D1, NEW_YORK), return_counts=True
    )

    assert [ms(sunday) + day * 86_400_000 for day in range(5)] == days.tolist()
    assert [6] * 5 == counts.tolist()
    row = h4.open_time_ms.searchsorted(m1.open_time_ms, side="right") - 1
    assert (m1.open_time_ms < h4.close_time_ms[row]).all()
    assert h4.v.sum() == m1.v.sum()


def test_fridays_last_h4_of_real_weeks_is_final_on_friday() -> None:
    """The last row of 2022-11-04 closes at 20:55; at 21:00:15 the H4 must be there."""
    m1, _ = fetched("USDJPY")
    friday = m1.between(ms("2022-11-04T00:00"), ms("2022-11-04T21:00"))
    coverage = Coverage.of([(ms("2022-11-03T21:00"), int(friday.close_time_ms[-1]))])

    made = derive(friday, NEW_YORK, CURRENCIES, coverage, ms("2022-11-04T21:00:15"), SETTLE_MS)

    assert ms("2022-11-04T20:55") == coverage.until_ms
    assert ms("2022-11-04T17:00") == made[Timeframe.H4].last_open_ms


def test_random_holes_in_covered_history_starve_no_bucket() -> None:
    """3 % of the minutes without a row: counting would hold back most H4 for ever."""
    m1, coverage = fetched("EURUSD")
    month = m1.between(ms("2022-10-16T21:00"), ms("2022-11-11T22:00"))
    kept = month.take(np.random.default_rng(2022).random(len(month)) >= 0.03)
    now_ms = ms("2022-11-11T22:00:15")

    made = derive(kept, NEW_YORK, CURRENCIES, coverage, now_ms, SETTLE_MS)
    holes = classify_holes(
        kept.open_time_ms, coverage, CURRENCIES, ms("2022-10-16T21:00"), ms("2022-11-11T22:00")
    )

    for timeframe in DERIVED_TIMEFRAMES:
        keys = np.unique(bucket_opens(kept.open_time_ms, timeframe, NEW_YORK))
        assert keys.tolist() == made[timeframe].open_time_ms.tolist()
    assert {"no_tick", "weekend"} == {hole.kind for hole in holes}
    silent_ms = sum(hole.until_ms - hole.from_ms for hole in holes if hole.kind == "no_tick")
    expected = CURRENCIES.expected_minutes(ms("2022-10-16T21:00"), ms("2022-11-11T22:00"))
    inside_hours = int(CURRENCIES.are_open(kept.open_time_ms).sum())
    assert (expected - inside_hours) * MINUTE_MS == silent_ms


def test_the_closes_of_real_bars_are_the_next_opens() -> None:
    """Buckets that touch leave no instant to two bars or to none."""
    m1, _ = fetched("GBPUSD")

    for timeframe in Timeframe:
        closes = bucket_closes(m1.open_time_ms, timeframe, NEW_YORK)
        assert (bucket_opens(closes, timeframe, NEW_YORK) == closes).all()
        assert (bucket_opens(closes - 1, timeframe, NEW_YORK) <= m1.open_time_ms).all()
