"""M1 and all that is made of it: followed by the minute, and unbroken by a crash."""

from __future__ import annotations

import asyncio

import pytest

from engine.broker.port import BarsRequest, FetchFailed
from engine.cell import CellState
from engine.gate import GateState
from engine.status import ProcessState, ProcessStatus
from tests.engine.builders import (
    CAD,
    GOLD,
    NOON,
    YEN,
    Fault,
    House,
    ScriptedBroker,
    build_house,
    is_open,
    key,
    market_broker,
    running,
    simulated_market,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, Timeframe

HOUR_S = 3_600


async def a_house(at_ms: int = NOON) -> tuple[House, ScriptedBroker]:
    """Two symbols over the simulated market."""
    config = small_config()
    clock = VirtualClock(at_ms)
    broker = market_broker(config, clock)
    return await build_house(config, broker, clock), broker


def rows_of(house: House) -> tuple[ProcessStatus, ProcessStatus]:
    """connector and m1_poller as the table shows them."""
    first, second, *_ = house.board.status.processes
    return first, second


def is_m1(asked: BarsRequest) -> bool:
    """Whether it is a request the m1_poller sent."""
    return asked.timeframe is Timeframe.M1


@in_virtual_time
async def test_the_symbol_an_operator_waits_for_is_served_first() -> None:
    """D1 of all go before it all the same, and the gate opens as late or early as without."""
    config, clock = small_config(GOLD, YEN, CAD), VirtualClock(NOON)
    broker = market_broker(config, clock)
    broker.concurrency = 1
    house = await build_house(config, broker, clock)
    house.tools.session.prefer(CAD)
    async with running(house):
        first = await house.board.until(lambda status: bool(status.generations))
        await house.board.until(is_open)

    asked = [(one.timeframe, one.symbol) for one in broker.asked]
    assert [CAD] == list(first.generations)
    assert {Timeframe.D1} == {timeframe for timeframe, _ in asked[:3]}
    assert [CAD, GOLD, YEN] == list(dict.fromkeys(symbol for _, symbol in asked[3:]))


@in_virtual_time
async def test_no_two_long_steps_share_a_turn_of_the_loop() -> None:
    """Thirteen symbols are ready at once, and who reads must not wait for all thirteen."""
    house, _ = await a_house()
    loop, turns, found = asyncio.get_running_loop(), 0, list[int]()

    def count() -> None:
        nonlocal turns
        turns += 1
        if len(found) < 13:
            loop.call_soon(count)

    async def compute() -> None:
        await house.tools.turn()
        found.append(turns)

    async with running(house):
        await house.board.until(is_open)
        count()
        await asyncio.gather(*(compute() for _ in range(13)))

    assert 13 == len(set(found))


@pytest.mark.parametrize("matches", [is_m1, lambda asked: is_m1(asked) and asked.symbol == YEN])
def test_a_crash_in_the_middle_of_the_start_is_one_restart_and_nobody_elses(
    matches: object,
) -> None:
    """A bug in one process must not cost the other, and the gate must open all the same."""

    @in_virtual_time
    async def crashes() -> None:
        house, broker = await a_house()
        broker.faults.append(Fault(matches, RuntimeError("a bug")))  # type: ignore[arg-type]
        async with running(house):
            status = await house.board.until(is_open)
            await asyncio.sleep(1)

            connector, m1_poller = rows_of(house)
            assert (0, 1) == (connector.restarts, m1_poller.restarts)
            assert "RuntimeError: a bug" == m1_poller.last_exit
            assert ProcessState.READY is m1_poller.state
            assert (set(), {"CHILD_RESTARTING"}) == (house.codes, house.healed_codes)
            assert 16 == status.ready_cells
        served = house.store.tail(GOLD)
        assert served is not None
        m1 = served.tails[Timeframe.M1]
        market = simulated_market(house.tools.config)
        whole = market.m1(GOLD, m1.first_open_ms or 0, (m1.last_open_ms or 0) + 1)
        assert whole.same_as(m1)

    crashes()


@in_virtual_time
async def test_a_restart_fetches_only_what_was_not_durable_yet() -> None:
    """Every page is durable as soon as it is there."""
    house, broker = await a_house()
    broker.faults.append(
        Fault(lambda asked: is_m1(asked) and asked.symbol == YEN, FetchFailed("No."), times=3)
    )
    async with running(house) as supervisor:
        await house.board.until(lambda status: GOLD in status.generations)
        asked = len(broker.asked_for(GOLD, Timeframe.M1))
        supervisor.restart("m1_poller")
        await house.board.until(is_open)

    assert asked == len(broker.asked_for(GOLD, Timeframe.M1))


@in_virtual_time
async def test_every_closed_minute_reaches_readers_with_all_it_completes() -> None:
    """After an hour each timeframe is where the market is, and Redis counts the extensions."""
    house, _ = await a_house()
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(HOUR_S + 30)
        served = house.store.tail(GOLD)
        now_ms = house.tools.clock.now_ms()

    assert served is not None
    assert 55 < served.seq <= 61
    assert house.cache.live[GOLD].seq == served.seq
    for timeframe in DERIVED_TIMEFRAMES[:5]:
        due_ms = (now_ms - 15_000) // timeframe.ms * timeframe.ms
        assert due_ms == served.tails[timeframe].last_close_ms, timeframe


@in_virtual_time
async def test_readers_never_see_the_watermark_go_back() -> None:
    """Monotonic: neither a minute nor a rebuild may show an older newest bar."""
    house, _ = await a_house()
    marks: list[int] = []
    async with running(house):
        await house.board.until(is_open)
        for second in range(300):
            if second == 100:
                house.store.begin(GOLD)
            await asyncio.sleep(1)
            served = house.store.tail(GOLD)
            assert served is not None
            marks.append(served.tails[Timeframe.M1].last_open_ms or 0)

    assert marks == sorted(marks)
    assert marks[-1] > marks[0]


@in_virtual_time
async def test_a_shut_market_is_not_polled() -> None:
    """From Friday's close on there is nothing to ask; Sunday evening it goes on."""
    friday_ms = NOON + (2 * 24 + 9) * HOUR_S * 1_000 + 20 * MINUTE_MS
    house, broker = await a_house(friday_ms)
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(HOUR_S)
        asked = len(broker.asked)
        await asyncio.sleep(4 * HOUR_S)

    assert asked == len(broker.asked)
    assert set() == house.codes


@in_virtual_time
async def test_a_symbol_without_any_minute_keeps_the_gate_closed_and_breaks_nothing() -> None:
    """An empty series must neither look ready nor crash the process of all the others."""
    house, broker = await a_house()
    plain = broker.rows
    late_ms = NOON + 600_000

    def rows(request: BarsRequest) -> Bars:
        is_hidden = request.symbol == YEN and house.tools.clock.now_ms() < late_ms
        return Bars.empty() if is_hidden and is_m1(request) else plain(request)

    broker.rows = rows
    async with running(house):
        await asyncio.sleep(300)
        status = house.board.status
        assert GateState.CLOSED is status.gate.state
        assert {GOLD} == set(status.generations)
        assert {"WATERMARK_MISSING", "GATE_OVERDUE"} == house.codes
        assert CellState.FETCHING is status.cells[key(YEN, Timeframe.M1)].state

        await house.board.until(is_open)
        assert late_ms <= house.tools.clock.now_ms() <= late_ms + 8_000
        assert set() == house.codes
    served = house.store.tail(YEN)
    assert served is not None
    assert 1 == len(served.coverage.intervals)
    assert len(served.tails[Timeframe.M1]) >= 300
    assert [0, 0] == [process.restarts for process in rows_of(house)]


@in_virtual_time
async def test_it_is_ready_once_every_symbol_is_served() -> None:
    """Until then it says how many are."""
    house, broker = await a_house()
    broker.faults.append(
        Fault(lambda asked: is_m1(asked) and asked.symbol == YEN, FetchFailed("No."), times=24)
    )
    async with running(house):
        await asyncio.sleep(5)
        assert (ProcessState.WARMING, "1/2") == (rows_of(house)[1].state, rows_of(house)[1].detail)

        await house.board.until(is_open)
        await asyncio.sleep(1)
        assert ProcessState.READY is rows_of(house)[1].state


@in_virtual_time
async def test_a_broker_that_hangs_while_live_is_said_and_the_minutes_come_later() -> None:
    """F9 after READY: degraded, served, complete again after the next good answer."""
    house, broker = await a_house()
    async with running(house):
        await house.board.until(is_open)
        broker.faults.append(Fault(is_m1, times=12))
        await asyncio.sleep(30)
        assert {"BROKER_FETCH_FAILED"} == house.codes
        assert GateState.OPEN_DEGRADED is house.board.status.gate.state

        await asyncio.sleep(300)
        assert set() == house.codes
        assert 0 == house.board.status.broker.slots_used
        served = house.store.tail(GOLD)
        assert served is not None
        assert 1 == len(served.coverage.intervals)
