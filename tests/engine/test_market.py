"""The simulated market: one truth however it is asked, and bars like a market's."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.aggregate import aggregate
from engine.broker.market import SimulatedMarket
from engine.calendars.buckets import Anchors, bucket_open
from tests.engine.sample_markets import ANCHORS, CALENDARS, DIGITS, market, ms
from uds.model import MINUTE_MS, Bars, Timeframe, joined

DAY_MS = 86_400_000
SYMBOLS = tuple(CALENDARS)
CLOCK_CHANGE = ms("2024-11-03T06:00")
LATE_NOVEMBER = ms("2024-11-20T00:00")


def digest(bars: Bars) -> str:
    """A fingerprint of every column."""
    return hashlib.sha256(b"".join(column.tobytes() for column in bars.columns)).hexdigest()


@given(
    symbol=st.sampled_from(SYMBOLS),
    seed=st.integers(-(2**70), 2**70),
    start=st.integers(0, 3 * DAY_MS),
    cuts=st.lists(st.integers(0, 3 * DAY_MS), max_size=6),
)
@settings(max_examples=25, deadline=None)
def test_any_chunking_gives_the_same_minutes(
    symbol: str, seed: int, start: int, cuts: list[int]
) -> None:
    """Pages, gaps and repairs cut history anywhere; a market that cared would look corrupt."""
    from_ms = CLOCK_CHANGE + start
    edges = sorted({from_ms, from_ms + 3 * DAY_MS, *(from_ms + cut for cut in cuts)})
    chunked = market(seed)

    chunks = [chunked.m1(symbol, *pair) for pair in reversed(list(pairwise(edges)))]

    whole = market(seed).m1(symbol, edges[0], edges[-1])
    assert whole.same_as(joined(chunks[::-1]))


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize(
    "anchors",
    [
        Anchors(d1="16:00", h4="16:00"),
        Anchors("Europe/Berlin", "00:00", "00:00"),
        Anchors(h4="20:00"),
    ],
    ids=str,
)
def test_other_anchors_cut_the_same_minutes_elsewhere(symbol: str, anchors: Anchors) -> None:
    """A folder whose anchor changes keeps its M1: they must still be what the market says."""
    from_ms, until_ms = CLOCK_CHANGE - 5 * DAY_MS, CLOCK_CHANGE + 5 * DAY_MS
    elsewhere = SimulatedMarket(7, CALENDARS, DIGITS, anchors)

    days = elsewhere.d1(symbol, from_ms, until_ms)

    assert market().m1(symbol, from_ms, until_ms).same_as(elsewhere.m1(symbol, from_ms, until_ms))
    first_ms, last_ms = int(days.open_time_ms[0]), int(days.close_time_ms[-1])
    assert aggregate(market().m1(symbol, first_ms, last_ms), Timeframe.D1, anchors).same_as(days)


@given(symbol=st.sampled_from(SYMBOLS), seed=st.integers(0, 2**64), day=st.integers(0, 300))
@settings(max_examples=25, deadline=None)
def test_d1_equals_its_own_minutes(symbol: str, seed: int, day: int) -> None:
    """The witness compares D1 with M1: a simulated mismatch would hide a real one."""
    from_ms = bucket_open(ms("2024-03-01T00:00") + day * DAY_MS, Timeframe.D1, ANCHORS)
    until_ms = bucket_open(from_ms + 9 * DAY_MS, Timeframe.D1, ANCHORS)
    simulated = market(seed)

    days = simulated.d1(symbol, from_ms, until_ms)

    minutes = simulated.m1(symbol, from_ms, until_ms)
    assert _plain_days(minutes) == [
        tuple(column[row].item() for column in (days.open_time_ms, *_ohlcv(days)))
        for row in range(len(days))
    ]


def _plain_days(minutes: Bars) -> list[tuple[float, ...]]:
    """D1 of M1 by dictionary, without the engine's own aggregation."""
    days: dict[int, list[float]] = {}
    for row in zip(*(c.tolist() for c in (minutes.open_time_ms, *_ohlcv(minutes))), strict=True):
        open_ms, o, h, low, c, v = row
        day = days.setdefault(bucket_open(open_ms, Timeframe.D1, ANCHORS), [o, h, low, c, 0])
        day[1:] = [max(day[1], h), min(day[2], low), c, day[4] + v]
    return [(open_ms, *day) for open_ms, day in days.items()]


def _ohlcv(bars: Bars) -> tuple[np.ndarray, ...]:
    return (bars.o, bars.h, bars.low, bars.c, bars.v)


def test_d1_does_not_depend_on_the_range() -> None:
    """One day asked for alone is the same as within half a year."""
    simulated = market()
    until_ms = LATE_NOVEMBER
    whole = simulated.d1("XAU/USD", until_ms - 180 * DAY_MS, until_ms)

    single = [
        simulated.d1("XAU/USD", int(open_ms), int(open_ms) + 1) for open_ms in whole.open_time_ms
    ]

    assert 128 <= len(whole) <= 130
    assert whole.take(slice(1, None)).same_as(
        simulated.d1("XAU/USD", int(whole.open_time_ms[0]) + 1, until_ms)
    )
    assert whole.same_as(joined(single))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_minute_lies_in_a_session(symbol: str) -> None:
    """A bar while the market is shut would be calendar drift of our own making."""
    from_ms, until_ms = ms("2024-12-20T00:00"), ms("2024-12-31T00:00")
    minutes = market().m1(symbol, from_ms, until_ms)

    open_minutes = CALENDARS[symbol].minutes(from_ms, until_ms)

    assert set() == set(minutes.open_time_ms.tolist()) - set(open_minutes.tolist())
    assert 0.990 < len(minutes) / len(open_minutes) < 0.999


def test_a_shut_day_has_no_bars() -> None:
    """A weekend is no D1 of volume zero: no data, no bar."""
    saturday_ms = ms("2024-11-15T22:00")
    simulated = market()

    assert 0 == len(simulated.d1("USD/JPY", saturday_ms, saturday_ms + DAY_MS))
    assert 0 == len(simulated.m1("USD/JPY", saturday_ms, saturday_ms + DAY_MS))
    assert () == simulated.ticks_of_minute("USD/JPY", saturday_ms + DAY_MS // 2)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_each_day_begins_with_its_first_open_minute(symbol: str) -> None:
    """The head of a day is never in doubt, so a cold window's first D1 can be checked."""
    until_ms = ms("2024-11-20T22:00")
    simulated = market()

    for open_ms in simulated.d1(symbol, until_ms - 400 * DAY_MS, until_ms).open_time_ms.tolist():
        first = CALENDARS[symbol].next_open(open_ms)
        assert 1 == len(simulated.m1(symbol, first, first + MINUTE_MS))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_prices_are_exact_decimals(symbol: str) -> None:
    """Hashes compare scaled integers; a price between two points would have two texts."""
    minutes = market().m1(symbol, LATE_NOVEMBER, LATE_NOVEMBER + 3 * DAY_MS)

    for column in (minutes.o, minutes.h, minutes.low, minutes.c):
        assert [round(price, DIGITS[symbol]) for price in column.tolist()] == column.tolist()


def test_minutes_open_near_but_rarely_at_the_close_before() -> None:
    """This is first-tick mode; opens glued to closes would be detected as the other mode."""
    minutes = market().m1("XAU/USD", LATE_NOVEMBER, LATE_NOVEMBER + DAY_MS)

    leaps = np.abs(minutes.o[1:] - minutes.c[:-1])

    assert np.mean(leaps == 0) < 0.2
    assert np.median(leaps) < np.median(minutes.h - minutes.low)


@given(symbol=st.sampled_from(SYMBOLS), minute=st.integers(0, 14 * 1_440))
@settings(max_examples=60, deadline=None)
def test_the_ticks_of_a_minute_reproduce_its_bar(symbol: str, minute: int) -> None:
    """A preview built of every tick must end as the final bar."""
    open_ms = LATE_NOVEMBER + minute * MINUTE_MS
    simulated = market()
    bar = simulated.m1(symbol, open_ms, open_ms + MINUTE_MS)

    ticks = simulated.ticks_of_minute(symbol, open_ms)

    bids = [tick.bid for tick in ticks]
    times = [tick.ts_ms for tick in ticks]
    made = [(bids[0], max(bids), min(bids), bids[-1], len(bids))] if ticks else []
    assert list(zip(*(column.tolist() for column in _ohlcv(bar)), strict=True)) == made
    assert list(range(1, len(ticks) + 1)) == [tick.minute_volume for tick in ticks]
    assert times == sorted(set(times))
    assert all(open_ms <= ts_ms < open_ms + MINUTE_MS for ts_ms in times)
    assert all(tick.ask > tick.bid for tick in ticks)


def test_seeds_and_symbols_draw_different_markets() -> None:
    """A seed names a market; two that agree would make one of them pointless."""
    shapes = [
        tuple(np.sign(bars.c - bars.o))
        for bars in (
            market(7).d1("USD/JPY", LATE_NOVEMBER - 90 * DAY_MS, LATE_NOVEMBER),
            market(8).d1("USD/JPY", LATE_NOVEMBER - 90 * DAY_MS, LATE_NOVEMBER),
            market(7).d1("XAU/USD", LATE_NOVEMBER - 90 * DAY_MS, LATE_NOVEMBER),
        )
    ]

    assert 3 == len(set(shapes))


def test_another_process_draws_the_same_market() -> None:
    """A restart asks for what it already has; hashes that differ per process would break it."""
    expected = digest(market().m1("USD/JPY", LATE_NOVEMBER, LATE_NOVEMBER + DAY_MS))
    program = (
        "from tests.engine.test_market import digest, market, LATE_NOVEMBER, DAY_MS\n"
        "print(digest(market().m1('USD/JPY', LATE_NOVEMBER, LATE_NOVEMBER + DAY_MS)))"
    )

    for hash_seed in ("0", "12345"):
        answer = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        assert expected == answer.stdout.strip()
