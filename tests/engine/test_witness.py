"""Two witnesses: the broker's D1 against its M1, and the price that candles open with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.calendars.buckets import Anchors, bucket_opens
from engine.calendars.trading_calendar import CalendarRules, TradingCalendar
from engine.witness import Mismatch, d1_witness, open_mode
from uds.model import MINUTE_MS, Bars, Coverage, Timeframe

from .real_history import bars, needs_real_history

UTC_DAY = Anchors("UTC", "00:00", "00:00")
ALWAYS = TradingCalendar(CalendarRules("UTC", "Mon 00:00", "Mon 00:00"))
DAY_MS = 86_400_000
POINT = 0.01


def walk(minutes: int = 2_880, from_ms: int = 20_000 * DAY_MS) -> Bars:
    """Two days of M1 whose open is one point off the close before: first-tick candles."""
    opens = from_ms + np.arange(minutes) * MINUTE_MS
    steps = np.random.default_rng(11).integers(-5, 6, (2, minutes)).cumsum(axis=1).sum(axis=0)
    close = (10_000 + steps) / 100
    open_ = np.append(100.0, close[:-1]) + POINT
    high, low = np.maximum(open_, close) + 0.05, np.minimum(open_, close) - 0.05
    return Bars.of(opens, opens + MINUTE_MS, open_, high, low, close, np.ones(minutes, np.int64))


def chained(m1: Bars) -> Bars:
    """The same candles, each opening at the close before."""
    return replace(m1, o=np.append(m1.o[:1], m1.c[:-1]))


def judged(broker: Bars, m1: Bars) -> tuple[Mismatch, ...]:
    """The witness's word on fully covered, settled days."""
    covered = Coverage.of([(int(m1.open_time_ms[0]), int(m1.close_time_ms[-1]))])
    now_ms = int(m1.close_time_ms[-1]) + DAY_MS
    return d1_witness(broker, m1, UTC_DAY, ALWAYS, covered, now_ms, 15_000, POINT)


def day_of(m1: Bars, **changed: float) -> Bars:
    """The first day of some M1 as a D1 bar, with some prices changed."""
    from_ms = int(m1.open_time_ms[0])
    first = m1.between(from_ms, from_ms + DAY_MS)
    return Bars.of(
        [from_ms],
        [from_ms + DAY_MS],
        [changed.get("o", first.o[0])],
        [changed.get("h", first.h.max())],
        [changed.get("low", first.low.min())],
        [changed.get("c", first.c[-1])],
        [1_440],
    )


def test_a_d1_that_its_m1_bear_out_is_no_mismatch() -> None:
    """A reason on every cell would teach the operator to look away."""
    m1 = walk()
    wide = day_of(m1, o=m1.o[0] + POINT, h=float(m1.h.max()) + 3.0, low=1.0)

    assert () == judged(wide, m1)


@pytest.mark.parametrize(("price", "by"), [("o", 0.02), ("c", -0.02), ("h", -0.01), ("low", 0.01)])
def test_a_d1_that_its_m1_contradict_is_told_price_by_price(price: str, by: float) -> None:
    """Two points off at open or close, or M1 outside the day's range: D1_MISMATCH."""
    m1 = walk(1_440)
    honest = getattr(day_of(m1), price)[0]
    wrong = replace(day_of(m1), **{price: np.array([honest + by])})

    mismatches = judged(wrong, m1)

    assert [price] == [mismatch.price for mismatch in mismatches]
    assert (honest + by, honest) == (mismatches[0].broker, mismatches[0].derived)


def test_a_day_that_is_not_covered_testifies_nothing() -> None:
    """Half a day of M1 always disagrees with the day; that is no fault of the broker."""
    m1 = walk()
    from_ms = int(m1.open_time_ms[0])
    half = Coverage.of([(from_ms, from_ms + DAY_MS // 2)])

    assert () == d1_witness(
        day_of(m1, c=2.0, low=1.0), m1, UTC_DAY, ALWAYS, half, from_ms + 9 * DAY_MS, 15_000, POINT
    )


def test_the_open_mode_is_told_from_shared_prices() -> None:
    """The two modes differ in high or low of one bar in fifteen; mixing them is split brain."""
    first_tick = walk()
    mixed = first_tick.take(slice(0, 1_440)).merged(chained(first_tick).take(slice(1_440, None)))

    assert "first_tick" == open_mode(first_tick)
    assert "previous_close" == open_mode(chained(first_tick))
    assert "mixed" == open_mode(mixed)


def test_a_handful_of_bars_does_not_tell_the_open_mode() -> None:
    """A guess from ten bars would be adopted for good."""
    assert open_mode(walk(30)) is None
    assert open_mode(Bars.empty()) is None


def test_bars_across_a_hole_are_not_a_pair() -> None:
    """A weekend between two bars says nothing of how candles open."""
    m1 = chained(walk())

    assert open_mode(m1.take(slice(0, None, 2))) is None


@needs_real_history
@pytest.mark.parametrize(
    ("file", "mode"),
    [
        ("lean_oanda_2014/EURUSD_H1", "previous_close"),
        ("lean_oanda_2014/NZDUSD_H1", "previous_close"),
        ("lean_oanda_2014/XAUUSD_H1", "first_tick"),
        ("lean_oanda_2014/EURUSD_M1", "first_tick"),
        ("lean_oanda_2014/XAUUSD_M1", "first_tick"),
        ("lean_fxcm_2014/EURUSD_M1", "first_tick"),
        ("lean_fxcm_2014/NZDUSD_H1", "first_tick"),
        ("lean_oanda_de30_2019/GER30_M1", "first_tick"),
        ("mt5_2022q4/USDCAD_M1", "first_tick"),
        ("mt5_2022q4/USDJPY_M1", "first_tick"),
        ("forexsb_eur_2020/EURUSD_M1", "first_tick"),
    ],
)
def test_the_open_mode_of_real_history_is_recognised(file: str, mode: str) -> None:
    """OANDA's H1 of currencies opens at the previous close, everything else at the first tick."""
    timeframe = Timeframe[file.rpartition("_")[2]]

    assert mode == open_mode(bars(file, timeframe, UTC_DAY))


@needs_real_history
def test_real_days_bear_out_their_real_minutes() -> None:
    """A vendor's D1 of a UTC day and the D1 of its M1: no false alarm on 41 real days."""
    m1 = bars("forexsb_eur_2020/EURUSD_M1", Timeframe.M1, UTC_DAY)
    d1 = bars("forexsb_eur_2020/EURUSD_D1", Timeframe.D1, UTC_DAY)
    covered = Coverage.of([(int(m1.open_time_ms[0]), int(m1.close_time_ms[-1]))])
    days = np.unique(bucket_opens(m1.open_time_ms, Timeframe.D1, UTC_DAY))
    now_ms = int(d1.close_time_ms[-1]) + DAY_MS

    assert () == d1_witness(d1, m1, UTC_DAY, ALWAYS, covered, now_ms, 15_000, 0.00001)
    assert 41 == np.isin(days[1:-1], d1.open_time_ms).sum()
