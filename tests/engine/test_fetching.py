"""From gaps to durable bars, whatever the answers look like, and what they are proof for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.broker.port import BarsRequest, FetchFailed, RateLimited
from engine.broker.session import Lane
from engine.cell import Cell, CellState
from engine.events import CellsChanged
from engine.fetching import Fetcher
from tests.engine.builders import (
    GOLD,
    NOON,
    Fault,
    House,
    ScriptedBroker,
    build_house,
    flat_bars,
    key,
    minutes,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time, settle
from uds.model import MINUTE_MS, Bars, SeriesKey, Timeframe

M1 = key(GOLD, Timeframe.M1)
D1 = key(GOLD, Timeframe.D1)
SETTLE_MS = 15_000
NOW = NOON + SETTLE_MS
FROM = NOON - 750 * MINUTE_MS
"""After the daily break of the night before, so every minute is an open one."""


class Desk:
    """A fetcher over a house whose broker has the rows the test gives."""

    def __init__(self, house: House, broker: ScriptedBroker, timeframe: Timeframe) -> None:
        self.house = house
        self.broker = broker
        self.key = SeriesKey(GOLD, timeframe)
        self.fetcher = Fetcher(house.tools, GOLD, timeframe)  # type: ignore[arg-type]

    @property
    def bars(self) -> Bars:
        """What is stored."""
        return self.house.store.load(self.key)

    @property
    def covered(self) -> tuple[tuple[int, int], ...]:
        """What the answers so far were proof for."""
        return self.house.store.coverage(self.key).intervals

    async def fill(self, from_ms: int = FROM) -> None:
        """Fetch what is missing since then."""
        await self.fetcher.fill(from_ms, Lane.FILL)


async def a_desk(
    bars: Bars | Callable[[BarsRequest], Bars], timeframe: Timeframe = Timeframe.M1, page: int = 300
) -> Desk:
    """Noon plus the settle time, logged in, an empty draft begun, and the broker has these."""
    config = small_config(GOLD, broker__page_bars_max=page)
    clock = VirtualClock(NOW)

    def rows(request: BarsRequest) -> Bars:
        found = bars(request) if callable(bars) else bars
        return found.between(request.from_ms, request.until_ms).tail(page)

    broker = ScriptedBroker(rows, clock, page, config.broker.concurrency)
    house = await build_house(config, broker, clock)
    await house.store.recover(GOLD)
    broker.login_s = 0.0
    await house.tools.session.login()
    return Desk(house, broker, timeframe)


@in_virtual_time
async def test_a_gap_is_filled_page_by_page_and_covered_to_the_newest_row() -> None:
    """750 minutes in pages of 300 are three requests."""
    rows = minutes(FROM, 750)
    desk = await a_desk(rows)

    await desk.fill()

    assert rows.same_as(desk.bars)
    assert ((FROM, NOON),) == desk.covered
    assert 3 == len(desk.broker.asked)


@in_virtual_time
async def test_what_is_covered_is_not_asked_for_again() -> None:
    """A restart pays for what is missing only."""
    desk = await a_desk(minutes(FROM, 750))
    await desk.fill()
    await desk.fill()

    assert 3 == len(desk.broker.asked)


@in_virtual_time
async def test_coverage_ends_at_the_close_of_the_newest_row() -> None:
    """What comes after it may only be late: the broker is asked again."""
    desk = await a_desk(minutes(FROM, 747))

    await desk.fill()

    assert ((FROM, NOON - 3 * MINUTE_MS),) == desk.covered
    assert 1 == len(desk.fetcher.missing(FROM))


@in_virtual_time
async def test_minutes_believed_silent_before_they_came_are_asked_for_when_they_come() -> None:
    """An hour ahead, a host believes the silence of an hour; set back, it must lose none of it."""
    desk = await a_desk(minutes(FROM, 752))
    await desk.fill()
    await desk.house.store.append(desk.key, Bars.empty(), ((NOON, NOON + 60 * MINUTE_MS),))

    await asyncio.sleep(120)
    await desk.fetcher.fetch_new(FROM)

    assert minutes(FROM, 752).same_as(desk.bars)
    assert ((FROM, NOON + 2 * MINUTE_MS),) == desk.covered


@in_virtual_time
async def test_a_short_answer_covers_the_minutes_it_has_no_row_for() -> None:
    """Half the minutes had no tick: a later row proves it, and nobody asks for them again."""
    every_second = flat_bars(range(FROM + MINUTE_MS, NOON, 2 * MINUTE_MS))
    desk = await a_desk(every_second)

    await desk.fill()

    assert every_second.same_as(desk.bars)
    assert ((FROM, NOON),) == desk.covered
    heads = [asked for asked in desk.broker.asked if asked.until_ms - asked.from_ms == MINUTE_MS]
    assert 3 + len(heads) == len(desk.broker.asked)


@in_virtual_time
async def test_an_answer_cut_by_its_size_is_chained_to_its_head() -> None:
    """The broker has rows in the daily break, of which the calendar knows nothing."""
    day_ms = 24 * 60 * MINUTE_MS
    rows = minutes(NOON - day_ms, 1_440)
    desk = await a_desk(rows, page=500)

    await desk.fill(NOON - day_ms)

    assert rows.same_as(desk.bars)
    assert ((NOON - day_ms, NOON),) == desk.covered


@in_virtual_time
async def test_the_parts_of_a_cut_answer_are_durable_one_by_one() -> None:
    """Killed in the middle of the chain, only the head is asked for again."""
    day_ms = 24 * 60 * MINUTE_MS
    desk = await a_desk(minutes(NOON - day_ms, 1_440), page=1_400)
    desk.broker.faults.append(Fault(lambda asked: asked.until_ms < NOON))
    filling = asyncio.create_task(desk.fill(NOON - day_ms))
    await asyncio.sleep(0.1)
    filling.cancel()
    await settle()

    assert ((NOON - 1_400 * MINUTE_MS, NOON),) == desk.covered
    (left,) = desk.fetcher.missing(NOON - day_ms)
    assert (NOON - day_ms, NOON - 1_400 * MINUTE_MS) == (left.from_ms, left.until_ms)


@given(st.permutations(range(5)))
def test_pages_may_be_answered_in_any_order(order: list[int]) -> None:
    """Slots work side by side: the newest page may well be the last to arrive."""

    @in_virtual_time
    async def any_order() -> None:
        rows = flat_bars([open_ms for open_ms in range(FROM, NOON, MINUTE_MS) if open_ms % 7])
        desk = await a_desk(rows, page=150)
        plain = desk.broker.fetch_bars

        async def after_a_while(request: BarsRequest) -> object:
            await asyncio.sleep(order[(NOON - request.until_ms) // (150 * MINUTE_MS)] * 0.3)
            return await plain(request)

        desk.broker.fetch_bars = after_a_while  # type: ignore[method-assign, assignment]
        await desk.fill()

        assert rows.same_as(desk.bars)
        assert ((FROM, int(rows.close_time_ms[-1])),) == desk.covered

    any_order()


@in_virtual_time
async def test_silent_pages_are_proved_even_when_the_newest_is_long_in_coming() -> None:
    """Two pages of an unknown holiday are silent while the newest fails: no hole may stay."""
    third_ms, newest_ms = FROM + 300 * MINUTE_MS, FROM + 600 * MINUTE_MS
    before, after = minutes(FROM, 290), minutes(newest_ms, 150)
    desk = await a_desk(before.merged(after), page=150)

    def fails(from_ms: int, until_ms: int, times: int) -> Fault:
        return Fault(lambda asked: from_ms <= asked.from_ms < until_ms, FetchFailed("No."), times)

    desk.broker.faults += [fails(FROM, third_ms, 30), fails(newest_ms, NOON, 60)]

    await desk.fill()

    assert ((FROM, NOON),) == desk.covered
    assert 440 == len(desk.bars)


@in_virtual_time
async def test_an_empty_answer_proves_nothing_until_it_is_told_twice() -> None:
    """07: two empty answers at least a minute apart; the first may only have come too early."""
    desk = await a_desk(minutes(FROM, 740))
    await desk.fill()
    last_ms = NOON - 10 * MINUTE_MS
    assert ((FROM, last_ms),) == desk.covered

    await desk.fetcher.fetch_new(FROM)
    assert ((FROM, last_ms),) == desk.covered

    await asyncio.sleep(61)
    await desk.fetcher.fetch_new(FROM)
    assert ((FROM, NOON),) == desk.covered
    assert 740 == len(desk.bars)


@in_virtual_time
async def test_a_minute_that_comes_late_is_not_lost() -> None:
    """It is missing in one answer and there in the next."""
    shown: list[int] = [749]
    desk = await a_desk(lambda _: minutes(FROM, shown[0]))
    await desk.fill()
    shown[0] = 750

    await desk.fetcher.fetch_new(FROM)

    assert 750 == len(desk.bars)
    assert ((FROM, NOON),) == desk.covered


@in_virtual_time
async def test_a_bar_that_has_not_settled_is_not_stored() -> None:
    """Only final bars go to disk; the minute that closes now may still change."""
    desk = await a_desk(minutes(FROM, 751))
    await asyncio.sleep(50)  # 12:01:05Z, five seconds after the close of the newest
    await desk.fill()

    assert NOON - MINUTE_MS == desk.bars.last_open_ms
    assert ((FROM, NOON),) == desk.covered


@in_virtual_time
async def test_the_same_rows_twice_are_stored_once() -> None:
    """A broker that repeats itself must not make the files grow."""
    desk = await a_desk(minutes(FROM, 750))
    await desk.fill()
    files = dict(desk.house.disk.files)
    again = BarsRequest(GOLD, Timeframe.M1, NOON - 300 * MINUTE_MS, NOON)
    await desk.fetcher._page(again, Lane.FILL, 0)

    assert files == desk.house.disk.files
    assert 750 == len(desk.bars)


@in_virtual_time
async def test_a_failed_page_is_a_reason_until_it_comes() -> None:
    """F9: loud at once, healed by the next good answer, the bars complete."""
    desk = await a_desk(minutes(FROM, 750))
    desk.broker.faults.append(Fault(lambda asked: asked.until_ms >= NOON, FetchFailed("No."), 2))
    filling = asyncio.create_task(desk.fill())
    await settle()

    (reason,) = desk.house.board.status.reasons
    assert ("BROKER_FETCH_FAILED", M1) == (reason.code.value, reason.scope)

    await filling
    assert set() == desk.house.codes
    assert 750 == len(desk.bars)


@in_virtual_time
async def test_a_rate_limit_is_waited_out() -> None:
    """Asking again before the broker allows it would only prolong it."""
    desk = await a_desk(minutes(FROM, 300))
    desk.broker.faults.append(Fault(lambda _: True, RateLimited("Slow down.", 9.0)))

    await desk.fill(NOON - 300 * MINUTE_MS)

    assert desk.house.tools.clock.monotonic_s() >= 9.0
    assert {"BROKER_RATE_LIMITED"} == desk.house.healed_codes


@in_virtual_time
async def test_progress_grows_while_pages_come_in() -> None:
    """The cell's share is what the screen and the estimate are made of."""
    desk = await a_desk(minutes(FROM, 750), page=75)
    before = desk.house.board.status.seq
    await desk.fill()

    posted = desk.house.board.log.after(before, 1_000) or ()
    cells: list[Cell] = [
        one.event.cells[Timeframe.M1] for one in posted if isinstance(one.event, CellsChanged)
    ]
    assert [pytest.approx(page / 10) for page in range(1, 11)] == [c.progress for c in cells]
    assert [75 * page for page in range(1, 11)] == [c.bars for c in cells]
    assert {CellState.FETCHING} == {c.state for c in cells}


@in_virtual_time
async def test_a_series_without_a_single_bar_is_a_reason() -> None:
    """A symbol the broker has nothing of must not look like one that is merely slow."""
    shown = [Bars.empty()]
    desk = await a_desk(lambda _: shown[0])
    await desk.fill()
    assert {"WATERMARK_MISSING"} == desk.house.codes

    shown[0] = minutes(FROM, 750)
    await desk.fetcher.fetch_new(FROM)
    assert set() == desk.house.codes
    assert 750 == len(desk.bars)


DAYS = [NOON - 14 * 60 * MINUTE_MS - day * Timeframe.D1.ms for day in (7, 6, 2, 1)]
"""22:00Z of Tuesday, Wednesday, Sunday and Monday: 17:00 New York."""


@in_virtual_time
async def test_a_day_is_proved_by_its_row_only() -> None:
    """07: a D1 that is published late must be asked for again, however often it was silent."""
    rows = flat_bars(DAYS[:3], Timeframe.D1.ms)
    desk = await a_desk(rows, Timeframe.D1)
    await desk.fetcher.fill(DAYS[0], Lane.D1)
    for _ in range(3):
        await asyncio.sleep(61)
        await desk.fetcher.fetch_new(DAYS[0])

    assert ((DAYS[0], DAYS[2] + Timeframe.D1.ms),) == desk.covered
    assert 4 == len(desk.broker.asked)


@in_virtual_time
async def test_without_a_single_day_the_days_are_asked_for_from_their_beginning() -> None:
    """An empty first answer must not silence D1 for ever."""
    shown = [Bars.empty()]
    desk = await a_desk(lambda _: shown[0], Timeframe.D1)
    await desk.fetcher.fill(DAYS[0], Lane.D1)
    assert {"WATERMARK_MISSING"} == desk.house.codes

    shown[0] = flat_bars(DAYS, Timeframe.D1.ms)
    await desk.fetcher.fetch_new(DAYS[0])

    assert 4 == len(desk.bars)
    assert set() == desk.house.codes


@given(st.integers(7, 160), st.integers(100, 300))
def test_a_broker_whose_own_page_is_smaller_than_ours_loses_no_history(own: int, ours: int) -> None:
    """Ask big, accept short, page backwards: nobody tells us how much one answer may hold."""

    @in_virtual_time
    async def loses_nothing() -> None:
        rows = flat_bars([open_ms for open_ms in range(FROM, NOON, MINUTE_MS) if open_ms % 11])
        desk = await a_desk(
            lambda asked: rows.between(asked.from_ms, asked.until_ms).tail(own), page=ours
        )
        await desk.fill()

        assert rows.same_as(desk.bars)
        assert ((FROM, int(rows.close_time_ms[-1])),) == desk.covered

    loses_nothing()


@in_virtual_time
async def test_a_broker_that_sends_other_bars_only_is_given_up_loudly() -> None:
    """The same newest bars whatever is asked: no loop for ever, no hole taken for silence."""
    newest = minutes(NOON - 10 * MINUTE_MS, 10)
    desk = await a_desk(minutes(FROM, 750))
    honest = desk.broker.rows
    desk.broker.rows = lambda _: newest

    await desk.fill()
    asked = len(desk.broker.asked)
    assert {"GAP", "BROKER_FETCH_FAILED"} == desk.house.codes
    assert asked <= 3 * 2 + 1
    assert FROM not in [from_ms for from_ms, _ in desk.covered]

    desk.broker.rows = honest
    await desk.fetcher.fetch_new(FROM)
    assert set() == desk.house.codes
    assert ((FROM, NOON),) == desk.covered


@in_virtual_time
async def test_silence_about_minutes_that_were_stored_once_is_asked_about_again() -> None:
    """Their file was damaged, so they were had: a broker at a loss for a moment is not believed."""
    rows, hole = minutes(FROM, 750), (NOON - 9 * MINUTE_MS, NOON - 8 * MINUTE_MS)
    desk = await a_desk(rows.take(rows.open_time_ms != hole[0]))
    await desk.fill()
    desk.house.store.doubt(desk.key, *hole)
    desk.house.tools.damage.note(desk.key, [hole])
    await desk.fill()
    desk.broker.rows = lambda asked: rows.between(asked.from_ms, asked.until_ms)
    await asyncio.sleep(60)
    await desk.fetcher.fetch_new(FROM)

    assert rows.same_as(desk.bars)


@in_virtual_time
async def test_a_gap_is_tried_a_few_times_and_then_once_an_hour() -> None:
    """An attempt cap: what the broker does not have is not asked for each minute for ever."""
    hole_from_ms, hole_until_ms = FROM + 100 * MINUTE_MS, FROM + 200 * MINUTE_MS
    rows, elsewhere = minutes(FROM, 750), minutes(FROM, 10)
    desk = await a_desk(rows)
    await desk.fill()
    coverage = desk.house.store.coverage(desk.key).without(hole_from_ms, hole_until_ms)
    series = desk.house.store._series(desk.key)
    series.coverage = coverage
    desk.broker.rows = lambda asked: (
        elsewhere if asked.from_ms == hole_from_ms else rows.between(asked.from_ms, asked.until_ms)
    )
    began = len(desk.broker.asked)
    for _ in range(30):
        await asyncio.sleep(60)
        await desk.fetcher.fetch_new(FROM)

    holes = [a for a in desk.broker.asked[began:] if a.from_ms == hole_from_ms]
    assert 5 * 2 == len(holes)
    assert "GAP" in desk.house.codes
    (reason,) = (r for r in desk.house.board.status.reasons if r.code.value == "GAP")
    assert desk.key == reason.scope
    assert "100 M1 from 2026-01-14 01:10Z" in reason.detail

    desk.broker.rows = lambda asked: rows.between(asked.from_ms, asked.until_ms)
    await asyncio.sleep(3_600)
    await desk.fetcher.fetch_new(FROM)
    assert set() == desk.house.codes


@in_virtual_time
async def test_a_page_that_is_answered_says_nothing_about_the_page_beside_it() -> None:
    """A reason clears only when what failed has succeeded, not when something else did."""
    desk = await a_desk(minutes(FROM, 750), page=75)
    failing = Fault(lambda asked: asked.until_ms >= NOON, FetchFailed("No."), 5)
    desk.broker.faults.append(failing)
    filling = asyncio.create_task(desk.fill())
    await asyncio.sleep(0.6)

    assert 0 < failing.times
    assert len(desk.bars) > 300
    assert {"BROKER_FETCH_FAILED"} == desk.house.codes
    assert set() == desk.house.healed_codes
    await filling
    assert (set(), {"BROKER_FETCH_FAILED"}) == (desk.house.codes, desk.house.healed_codes)


@in_virtual_time
async def test_a_silent_page_says_nothing_about_a_page_that_had_to_be_mended() -> None:
    """Rows came twice and are not clean yet; a minute without a tick is no better answer."""
    rows = minutes(FROM, 750)
    desk = await a_desk(rows)
    await desk.fill()
    late = minutes(NOON, 2)
    doubled = late.take(np.array([0, 0, 1]))
    desk.broker.rows = lambda asked: doubled if asked.from_ms == NOON else Bars.empty()
    await asyncio.sleep(120)
    await desk.fetcher.fetch_new(FROM)
    assert {"BROKER_FETCH_FAILED"} == desk.house.codes
    await asyncio.sleep(60)
    await desk.fetcher.fetch_new(FROM)
    silent = desk.broker.asked[-1]
    assert NOON < silent.from_ms
    assert {"BROKER_FETCH_FAILED"} == desk.house.codes

    desk.broker.rows = lambda asked: late.between(asked.from_ms, asked.until_ms)
    for _ in range(3):
        await asyncio.sleep(60)
        await desk.fetcher.fetch_new(FROM)
    assert set() == desk.house.codes


@in_virtual_time
async def test_a_long_silence_in_the_past_is_asked_for_twice_before_it_is_believed() -> None:
    """One empty answer may be a fault; a minute's silence is believed at once."""
    rows = minutes(FROM, 750)
    desk = await a_desk(rows, page=150)
    silent = [FROM + 150 * MINUTE_MS]

    def answers(asked: BarsRequest) -> Bars:
        if asked.from_ms in silent:
            silent.remove(asked.from_ms)
            return Bars.empty()
        return rows.between(asked.from_ms, asked.until_ms)

    desk.broker.rows = answers
    await desk.fill(NOON - 150 * MINUTE_MS)
    await desk.fill()

    assert 750 == len(desk.bars)
    assert 6 == len(desk.broker.asked)


@in_virtual_time
async def test_an_empty_series_is_polled_with_one_request() -> None:
    """A symbol the broker has nothing of must not cost a whole fill every few seconds."""
    shown = [Bars.empty()]
    desk = await a_desk(lambda _: shown[0], page=75)
    await desk.fill()
    asked = len(desk.broker.asked)
    for _ in range(30):
        await asyncio.sleep(5)
        assert not await desk.fetcher.has_any(FROM, Lane.FILL)
    assert asked + 30 == len(desk.broker.asked)

    shown[0] = minutes(FROM, 750)
    assert await desk.fetcher.has_any(FROM, Lane.FILL)
    await desk.fill()
    assert shown[0].same_as(desk.bars)


@in_virtual_time
async def test_old_history_is_read_without_being_stored() -> None:
    """Deepening derives from a stretch before any of it goes to disk."""
    rows = minutes(FROM, 750)
    desk = await a_desk(rows, page=200)

    read = await desk.fetcher.read(FROM, NOON, Lane.BACKFILL)

    assert read is not None
    assert rows.same_as(read)
    assert 0 == len(desk.bars)
    assert () == desk.covered
