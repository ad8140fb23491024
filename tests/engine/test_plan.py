"""Pages cover what is missing and nothing else, computed beforehand and newest first."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker.port import BarsRequest
from engine.buckets import Anchors, bucket_close, bucket_open
from engine.plan import Market, days_from_ms, pages, remainder, warmup_from_ms
from engine.sources import markets
from tests.engine.builders import GOLD, NOON, flat_bars, minutes, small_config
from uds.model import MINUTE_MS, Coverage, Timeframe

DAY_MS = 24 * 60 * MINUTE_MS
MARKET = replace(markets(small_config(GOLD))[GOLD], page_bars_max=200, settle_ms=15_000)
SATURDAY = NOON + 3 * DAY_MS
FROM = NOON - DAY_MS // 2
MINUTES = list(range(FROM, NOON, MINUTE_MS))
IS_OPEN = {ts for ts in MINUTES if MARKET.calendar.is_open(ts)}

minute_of_range = st.integers(0, len(MINUTES)).map(lambda index: FROM + index * MINUTE_MS)
some_coverage = st.lists(st.tuples(minute_of_range, minute_of_range), max_size=5).map(Coverage.of)
page_sizes = st.integers(1, 400)


def covered_minutes(requests: tuple[BarsRequest, ...]) -> list[int]:
    """Every open minute that some request asks for, once for each time it is asked."""
    asked = [ts for r in requests for ts in MINUTES if r.from_ms <= ts < r.until_ms]
    return [ts for ts in asked if ts in IS_OPEN]


@given(some_coverage, page_sizes)
def test_pages_ask_once_for_each_open_minute_that_is_not_covered(
    coverage: Coverage, page_bars_max: int
) -> None:
    """Counted minute by minute: none is forgotten, none is paid for twice."""
    market = replace(MARKET, page_bars_max=page_bars_max)
    is_covered = {ts for a, b in coverage for ts in range(a, b, MINUTE_MS)}

    requests = pages(market, Timeframe.M1, coverage, FROM, NOON + market.settle_ms)

    expected = [ts for ts in MINUTES if ts in IS_OPEN and ts not in is_covered]
    assert expected == sorted(covered_minutes(requests))


@given(some_coverage, page_sizes)
def test_a_page_expects_no_more_bars_than_an_answer_holds(
    coverage: Coverage, page_bars_max: int
) -> None:
    """A page that is too long is cut by the broker and costs a chained request."""
    market = replace(MARKET, page_bars_max=page_bars_max)

    for request in pages(market, Timeframe.M1, coverage, FROM, NOON + market.settle_ms):
        assert 1 <= len(covered_minutes((request,))) <= page_bars_max


@given(some_coverage, page_sizes)
def test_pages_come_newest_first_and_do_not_overlap(coverage: Coverage, page_bars_max: int) -> None:
    """The newest minutes are what readers want first."""
    market = replace(MARKET, page_bars_max=page_bars_max)
    requests = pages(market, Timeframe.M1, coverage, FROM, NOON + market.settle_ms)

    assert all(earlier.until_ms <= later.from_ms for later, earlier in pairwise(requests))


def test_a_gap_takes_the_least_number_of_pages() -> None:
    """Each page is a request, and requests are the whole cost of a start."""
    requests = pages(MARKET, Timeframe.M1, Coverage(), FROM, NOON + MARKET.settle_ms)

    assert -(-len(IS_OPEN) // MARKET.page_bars_max) == len(requests)


def test_the_newest_page_is_a_full_one() -> None:
    """What is left over is the oldest page, which readers miss least."""
    newest, *_, oldest = pages(MARKET, Timeframe.M1, Coverage(), FROM, NOON + MARKET.settle_ms)

    assert MARKET.page_bars_max == len(covered_minutes((newest,)))
    assert len(IS_OPEN) % MARKET.page_bars_max == len(covered_minutes((oldest,)))


def test_a_shut_market_is_not_asked() -> None:
    """Market-closed is not an error, and polling a weekend is waste."""
    covered = Coverage(((FROM, SATURDAY - 12 * 60 * MINUTE_MS),))

    assert () == pages(MARKET, Timeframe.M1, covered, FROM, SATURDAY)


def test_a_minute_that_has_not_settled_is_not_asked_for() -> None:
    """It would come back incomplete, or not at all."""
    covered = Coverage(((FROM, NOON),))
    close_ms = NOON + MINUTE_MS

    assert () == pages(MARKET, Timeframe.M1, covered, FROM, close_ms + MARKET.settle_ms - 1)
    assert 1 == len(pages(MARKET, Timeframe.M1, covered, FROM, close_ms + MARKET.settle_ms))


def test_all_of_d1_fits_one_page() -> None:
    """180 days are 180 bars."""
    from_ms = days_from_ms(MARKET, NOON, 180)

    (request,) = pages(MARKET, Timeframe.D1, Coverage(), from_ms, NOON)

    assert (from_ms, NOON - MARKET.settle_ms) == (request.from_ms, request.until_ms)


def test_d1_is_due_when_a_trading_day_has_closed_and_not_before() -> None:
    """The forming day has no final bar."""
    open_ms = bucket_open(NOON, Timeframe.D1, MARKET.anchors)
    close_ms = bucket_close(NOON, Timeframe.D1, MARKET.anchors)
    covered = Coverage(((open_ms - 9 * DAY_MS, open_ms),))
    final_ms = close_ms + MARKET.settle_ms

    assert () == pages(MARKET, Timeframe.D1, covered, open_ms, final_ms - 1)
    assert 1 == len(pages(MARKET, Timeframe.D1, covered, open_ms, final_ms))


def test_the_warm_up_begins_at_a_d1_open_with_enough_open_minutes_behind() -> None:
    """No H4 or D1 bucket may start half-way, or its first bar would be partial for ever."""
    from_ms = warmup_from_ms(MARKET, NOON, 4_320)

    assert from_ms == bucket_open(from_ms, Timeframe.D1, MARKET.anchors)
    assert 4_320 <= MARKET.calendar.expected_minutes(from_ms, NOON) < 4_320 + 1_440


@pytest.mark.parametrize("days", [1, 5, 60, 180])
def test_so_many_days_back_are_trading_days(days: int) -> None:
    """Weekends and holidays hold no D1 bar."""
    from_ms = days_from_ms(MARKET, NOON, days)
    opens, at_ms = [], from_ms
    while bucket_close(at_ms, Timeframe.D1, MARKET.anchors) <= NOON:
        close_ms = bucket_close(at_ms, Timeframe.D1, MARKET.anchors)
        if MARKET.calendar.expected_minutes(at_ms, close_ms):
            opens.append(at_ms)
        at_ms = close_ms

    assert days == len(opens)


def request(count: int) -> BarsRequest:
    """So many minutes before noon."""
    return BarsRequest(GOLD, Timeframe.M1, NOON - count * MINUTE_MS, NOON)


def test_a_full_answer_that_misses_the_head_leaves_a_remainder() -> None:
    """The broker keeps the newest and cuts the oldest."""
    newest = minutes(NOON - 200 * MINUTE_MS, 200)

    left = remainder(request(300), newest, 200)

    head = BarsRequest(GOLD, Timeframe.M1, NOON - 300 * MINUTE_MS, NOON - 200 * MINUTE_MS)
    assert head == left


@pytest.mark.parametrize("count", [0, 1, 199])
def test_a_short_answer_has_no_remainder(count: int) -> None:
    """Less than a page means that there was no more."""
    assert remainder(request(300), minutes(NOON - count * MINUTE_MS, count), 200) is None


def test_a_full_answer_that_reaches_the_head_has_no_remainder() -> None:
    """Exactly a page is not a page cut short."""
    assert remainder(request(200), minutes(NOON - 200 * MINUTE_MS, 200), 200) is None


@given(st.integers(1, 300), st.integers(1, 50))
def test_a_chain_of_remainders_always_makes_progress(asked: int, page_bars_max: int) -> None:
    """Each remainder ends before the request it is left of; the chain ends by itself."""
    left: BarsRequest | None = request(asked)
    steps = 0
    while left is not None:
        count = (left.until_ms - left.from_ms) // MINUTE_MS
        answer = flat_bars(range(left.from_ms, left.until_ms, MINUTE_MS)).tail(page_bars_max)
        assert len(answer) == min(count, page_bars_max)
        before, left = left, remainder(left, answer, page_bars_max)
        assert left is None or left.until_ms < before.until_ms
        steps += 1

    assert -(-asked // page_bars_max) == steps


def test_another_anchor_moves_the_warm_up() -> None:
    """Nothing about 17:00 New York may be hidden in the planning."""
    tokyo = Market(GOLD, MARKET.calendar, Anchors("Asia/Tokyo", "06:00", "06:00"), 200, 15_000)

    from_ms = warmup_from_ms(tokyo, NOON, 300)

    assert from_ms == bucket_open(from_ms, Timeframe.D1, tokyo.anchors)
    assert from_ms != warmup_from_ms(MARKET, NOON, 300)
