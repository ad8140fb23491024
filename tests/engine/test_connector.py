"""Login and D1: tried again, never after a permanent refusal, and every symbol on its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.broker.port import BarsRequest, FetchFailed, LoginFailed, LoginFault
from engine.cell import CellState
from engine.gate import GateState
from engine.status import ProcessState, ProcessStatus
from tests.engine.builders import (
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
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.model import Bars, Timeframe

HOUR_S = 3_600


async def a_house(at_ms: int = NOON) -> tuple[House, ScriptedBroker]:
    """Two symbols over the simulated market."""
    config = small_config()
    clock = VirtualClock(at_ms)
    broker = market_broker(config, clock)
    return await build_house(config, broker, clock), broker


def connector(house: House) -> ProcessStatus:
    """Its row of the process table."""
    return house.board.status.processes[0]


def d1_of(symbol: str) -> Fault:
    """Every D1 request of a symbol fails."""

    def matches(asked: BarsRequest) -> bool:
        return (asked.symbol, asked.timeframe) == (symbol, Timeframe.D1)

    return Fault(matches, FetchFailed("No."), times=1_000_000)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LoginFailed("Refused.", LoginFault.TRANSIENT), "BROKER_LOGIN_TRANSIENT"),
        (LoginFailed("Too slow.", LoginFault.TIMEOUT), "BROKER_LOGIN_TIMEOUT"),
        (None, "BROKER_LOGIN_TIMEOUT"),
    ],
    ids=["refused", "timed out", "hangs"],
)
def test_a_failed_login_is_said_tried_again_and_healed(
    error: LoginFailed | None, code: str
) -> None:
    """F1: nothing exits, the gate opens after the login that succeeds."""

    @in_virtual_time
    async def heals() -> None:
        house, broker = await a_house()
        broker.login_errors = [error, error]
        async with running(house):
            await house.board.until(lambda status: bool(status.reasons))
            assert {code} == house.codes
            assert GateState.CLOSED is house.board.status.gate.state
            status = await house.board.until(is_open)
            await asyncio.sleep(1)

        assert 3 == broker.logins == status.broker.login_attempts
        assert (set(), {code}) == (house.codes, house.healed_codes)
        assert 0 == connector(house).restarts

    heals()


@in_virtual_time
async def test_bad_credentials_are_never_tried_again_by_themselves() -> None:
    """The account would be locked; only the operator's restart tries once more."""
    house, broker = await a_house()
    broker.login_errors = [LoginFailed("Wrong password.", LoginFault.PERMANENT)]
    async with running(house) as supervisor:
        await asyncio.sleep(HOUR_S)
        assert 1 == broker.logins
        assert GateState.NEEDS_OPERATOR is house.board.status.gate.state
        assert [] == broker.asked

        supervisor.restart("connector")
        await house.board.until(is_open)
        await asyncio.sleep(1)

    assert 2 == broker.logins
    healed = {"BROKER_LOGIN_PERMANENT", "CHILD_HELD", "GATE_OVERDUE"}
    assert (set(), healed) == (house.codes, house.healed_codes)


@in_virtual_time
async def test_the_next_login_is_announced() -> None:
    """`broker failed, next attempt 12:00:01` is on the screen."""
    house, broker = await a_house()
    broker.login_errors = [LoginFailed("Refused.")]
    async with running(house):
        status = await house.board.until(lambda now: now.broker.next_attempt_ms is not None)

    assert ("failed", "Refused.") == (status.broker.state, status.broker.last_error)
    assert status.broker.next_attempt_ms == pytest.approx(NOON + 600, abs=30)


@in_virtual_time
async def test_it_is_ready_once_logged_in_and_every_d1_is_stored() -> None:
    """Until then it says how many are."""
    house, broker = await a_house()
    broker.faults.append(d1_of(YEN))
    async with running(house):
        await asyncio.sleep(5)
        assert (ProcessState.WARMING, "D1 1/2") == (
            connector(house).state,
            connector(house).detail,
        )
        broker.faults.clear()
        await house.board.until(lambda status: status.processes[0].state is ProcessState.READY)


@in_virtual_time
async def test_d1_failing_for_one_symbol_does_not_stop_the_others() -> None:
    """Isolation: gold is served while the yen's cell is the one that is named."""
    house, broker = await a_house()
    broker.faults.append(d1_of(YEN))
    async with running(house):
        await house.board.until(lambda status: GOLD in status.generations)
        await asyncio.sleep(20)
        status = house.board.status

        assert {GOLD} == set(status.generations)
        assert house.store.tail(GOLD) is not None
        assert GateState.CLOSED is status.gate.state
        assert [("BROKER_FETCH_FAILED", key(YEN, Timeframe.D1))] == [
            (reason.code.value, reason.scope) for reason in status.reasons
        ]
        assert CellState.DERIVED is status.cells[key(YEN, Timeframe.H4)].state

        broker.faults.clear()
        await house.board.until(is_open)
    assert [0, 0] == [process.restarts for process in house.board.status.processes[:2]]


@in_virtual_time
async def test_a_closed_trading_day_is_fetched_and_shown() -> None:
    """From Wednesday noon to after 17:00 New York: one request and one bar a symbol."""
    house, broker = await a_house(NOON + 9 * HOUR_S * 1_000)
    async with running(house):
        await house.board.until(is_open)
        before = house.board.status.cells[key(GOLD, Timeframe.D1)]
        asked = len(broker.asked_for(GOLD, Timeframe.D1))
        await asyncio.sleep(HOUR_S + 90)
        after = house.board.status.cells[key(GOLD, Timeframe.D1)]
        snapshot = house.store.tail(GOLD)

    assert before.bars + 1 == after.bars
    assert asked + 1 == len(broker.asked_for(GOLD, Timeframe.D1))
    assert snapshot is not None
    assert after.watermark_ms == snapshot.tails[Timeframe.D1].last_open_ms


@in_virtual_time
async def test_days_the_broker_did_not_have_at_first_are_asked_for_again() -> None:
    """One empty answer must not silence D1 for ever; meanwhile it is said."""
    house, broker = await a_house()
    plain = broker.rows
    late_ms = NOON + 150_000

    def rows(request: BarsRequest) -> Bars:
        is_hidden = request.timeframe is Timeframe.D1 and house.tools.clock.now_ms() < late_ms
        return Bars.empty() if is_hidden else plain(request)

    broker.rows = rows
    async with running(house):
        await asyncio.sleep(60)
        assert {"WATERMARK_MISSING"} <= house.codes
        assert GateState.CLOSED is house.board.status.gate.state

        await house.board.until(is_open)
        assert late_ms <= house.tools.clock.now_ms() <= late_ms + 8_000
        assert "WATERMARK_MISSING" not in house.codes
        assert 5 == house.board.status.cells[key(GOLD, Timeframe.D1)].bars
    assert 0 == connector(house).restarts


@in_virtual_time
async def test_a_new_day_is_held_against_its_own_minutes() -> None:
    """A broker whose D1 and M1 disagree is said when the day is there, not at the next start."""
    house, broker = await a_house(NOON + 9 * HOUR_S * 1_000)
    honest = broker.rows

    def raised(request: BarsRequest) -> Bars:
        bars = honest(request)
        is_new = bars.close_time_ms > NOON
        if request.timeframe is not Timeframe.D1 or not is_new.any():
            return bars
        return replace(bars, h=bars.h + 50 * is_new, c=bars.c + 50 * is_new)

    broker.rows = raised
    async with running(house):
        await house.board.until(is_open)
        assert set() == house.codes
        await asyncio.sleep(1.1 * HOUR_S)

        (reason,) = (r for r in house.board.status.reasons if r.scope == key(GOLD, Timeframe.D1))
        assert "D1_MISMATCH" == reason.code.value
