"""Pages cover what is missing and nothing else, computed beforehand and newest first."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker.port import BarsRequest
from engine.calendars.buckets import Anchors, bucket_close, bucket_edges, bucket_open
from engine.plan import (
    Market,
    days_from_ms,
    history_from_ms,
    pages,
    remainder,
    stretch,
    warmup_from_ms,
)
from engine.sources import markets
from tests.engine.builders import GOLD, NOON, flat_bars, minutes, small_config
from uds.model import MINUTE_MS, Bars, Coverage, Timeframe

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


def last(count: int, every: int = 1) -> Bars:
    """The newest M1 before noon, one in `every` minutes."""
    return flat_bars([NOON - back * MINUTE_MS for back in range(count * every, 0, -every)])


def test_a_full_answer_that_misses_the_head_leaves_a_remainder() -> None:
    """The broker keeps the newest and cuts the oldest."""
    left = remainder(MARKET, request(300), last(200), 200)

    head = BarsRequest(GOLD, Timeframe.M1, NOON - 300 * MINUTE_MS, NOON - 200 * MINUTE_MS)
    assert head == left


def test_a_page_smaller_than_ours_is_recognised_by_the_largest_answer() -> None:
    """A broker that sends 199 when asked for 200 would lose a minute of every page."""
    left = remainder(MARKET, request(200), last(199), 199)

    assert BarsRequest(GOLD, Timeframe.M1, NOON - 200 * MINUTE_MS, NOON - 199 * MINUTE_MS) == left
    assert remainder(MARKET, request(200), last(199), 200) is None


def test_a_long_silence_before_dense_rows_is_taken_for_a_cut() -> None:
    """A broker that limits the time of an answer sends pages of any length."""
    assert remainder(MARKET, request(200), last(120), 500) is not None
    assert remainder(MARKET, request(200), last(60, every=3), 500) is None


def test_an_answer_without_rows_leaves_no_remainder() -> None:
    """There is nothing to page backwards from."""
    assert remainder(MARKET, request(200), Bars.empty(), 0) is None


def test_a_shut_head_is_not_missing() -> None:
    """Before Sunday's open nobody expects a bar."""
    sunday_ms = NOON + 4 * DAY_MS
    asked = BarsRequest(GOLD, Timeframe.M1, sunday_ms, sunday_ms + DAY_MS)
    opening_ms = MARKET.calendar.next_open(sunday_ms)

    assert remainder(MARKET, asked, minutes(opening_ms, 100), 100) is None


def test_a_full_answer_that_reaches_the_head_has_no_remainder() -> None:
    """Exactly a page is not a page cut short."""
    assert remainder(MARKET, request(200), last(200), 200) is None


@given(st.integers(1, 300), st.integers(1, 50))
def test_a_chain_of_remainders_always_makes_progress(asked: int, broker_page: int) -> None:
    """Each remainder ends before the request it is left of, and nothing of it is lost."""
    left: BarsRequest | None = request(asked)
    came: list[int] = []
    while left is not None:
        answer = flat_bars(range(left.from_ms, left.until_ms, MINUTE_MS)).tail(broker_page)
        came.extend(answer.open_time_ms.tolist())
        before, left = left, remainder(MARKET, left, answer, broker_page)
        assert left is None or left.until_ms < before.until_ms

    assert sorted(came) == list(range(NOON - asked * MINUTE_MS, NOON, MINUTE_MS))


@pytest.mark.parametrize("timeframe", list(Timeframe))
@pytest.mark.parametrize("bars", [1, 7, 300])
def test_a_depth_begins_where_so_many_bars_are_expected(timeframe: Timeframe, bars: int) -> None:
    """300 H4 are fifty trading days, whatever weekends and breaks lie between."""
    from_ms = history_from_ms(MARKET, timeframe, NOON, bars)

    edges = bucket_edges(from_ms, NOON, timeframe, MARKET.anchors)
    closed = edges[1:] <= NOON
    expected = MARKET.calendar.expected_minutes(edges[:-1][closed], edges[1:][closed]) > 0
    a_day = DAY_MS // timeframe.ms
    assert from_ms == bucket_open(from_ms, Timeframe.D1, MARKET.anchors)
    assert bars <= expected.sum() <= bars + a_day


def test_a_stretch_is_whole_trading_days_and_cuts_no_bucket() -> None:
    """Each stretch derives by itself."""
    until_ms = bucket_open(NOON, Timeframe.D1, MARKET.anchors)
    oldest_ms = history_from_ms(MARKET, Timeframe.D1, NOON, 30)

    from_ms, last_ms = stretch(MARKET, oldest_ms, until_ms, 5_000)

    assert until_ms == last_ms
    assert 3 == (until_ms - from_ms) // DAY_MS - 2  # over a weekend
    for timeframe in Timeframe:
        assert from_ms == bucket_open(from_ms, timeframe, MARKET.anchors)


def test_a_stretch_of_less_than_a_day_is_a_day() -> None:
    """A day is never cut, however small the pages are."""
    until_ms = bucket_open(NOON, Timeframe.D1, MARKET.anchors)

    from_ms, _ = stretch(MARKET, until_ms - 9 * DAY_MS, until_ms, 10)

    assert from_ms == bucket_open(until_ms - 1, Timeframe.D1, MARKET.anchors)


def test_a_stretch_reaches_past_its_end_where_the_anchors_do_not_agree() -> None:
    """With D1 at 00:00 and H4 at 17:00 a bucket crosses every day's open."""
    anchors = Anchors("America/New_York", "00:00", "17:00")
    market = replace(MARKET, anchors=anchors)
    until_ms = bucket_open(NOON, Timeframe.D1, anchors)

    _, last_ms = stretch(market, until_ms - 9 * DAY_MS, until_ms, 5_000)

    assert bucket_close(until_ms - 1, Timeframe.H4, anchors) == last_ms > until_ms


def test_another_anchor_moves_the_warm_up() -> None:
    """Nothing about 17:00 New York may be hidden in the planning."""
    tokyo = Market(GOLD, MARKET.calendar, Anchors("Asia/Tokyo", "06:00", "06:00"), 200, 15_000)

    from_ms = warmup_from_ms(tokyo, NOON, 300)

    assert from_ms == bucket_open(from_ms, Timeframe.D1, tokyo.anchors)
    assert from_ms != warmup_from_ms(MARKET, NOON, 300)
