"""F1, F7 and F9 at the broker's port: said in time, nobody else hit, healed in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import pytest

from engine.broker.faulty import BrokerFault, FaultKind, FaultyBroker
from engine.cell import CellState
from engine.derive import derive
from engine.gate import GateState
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
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
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, Timeframe

NEVER_S = 100_000


class Drill:
    """A house of two symbols whose broker can be made to misbehave."""

    def __init__(self, house: House, faulty: FaultyBroker, plain: ScriptedBroker) -> None:
        self.house = house
        self.faulty = faulty
        self.plain = plain

    @property
    def now_s(self) -> float:
        """Seconds since the engine opened."""
        return self.house.tools.clock.monotonic_s()

    def hit(self, kind: FaultKind, **narrowed: object) -> BrokerFault:
        """Inject."""
        return self.faulty.inject(BrokerFault(kind, **narrowed))  # type: ignore[arg-type]

    def nothing_is_left(self) -> None:
        """Nobody restarted, no slot is lost, no hole, and all that is served is the market's."""
        status = self.house.board.status
        assert [0, 0] == [process.restarts for process in status.processes[:2]]
        assert (0, "closed") == (status.broker.slots_used, status.broker.circuit)
        market = simulated_market(self.house.tools.config)
        for symbol in (GOLD, YEN):
            served = self.house.store.tail(symbol)
            assert served is not None
            assert 1 == len(served.coverage.intervals)
            m1 = served.tails[Timeframe.M1]
            first_ms, last_ms = m1.first_open_ms or 0, m1.last_open_ms or 0
            assert market.m1(symbol, first_ms, last_ms + 1).same_as(m1)
            self._is_batch(symbol, m1)

    def _is_batch(self, symbol: str, m1: Bars) -> None:
        served, tools = self.house.store.tail(symbol), self.house.tools
        assert served is not None
        batch = derive(
            m1,
            tools.markets[symbol].anchors,
            tools.markets[symbol].calendar,
            served.coverage,
            tools.clock.now_ms(),
            15_000,
        )
        for timeframe in DERIVED_TIMEFRAMES:
            assert batch[timeframe].same_as(served.tails[timeframe]), timeframe


async def a_drill(disk: MemoryDisk | None = None, *symbols: str) -> Drill:
    """Nothing runs yet."""
    config = small_config(*symbols)
    clock = VirtualClock(NOON)
    plain = market_broker(config, clock)
    faulty = FaultyBroker(plain, clock)
    house = await build_house(config, faulty, clock, disk, MemoryCache())
    return Drill(house, faulty, plain)


@pytest.mark.parametrize(
    ("kind", "code", "detected_s", "logins_max"),
    [
        (FaultKind.LOGIN_REFUSED, "BROKER_LOGIN_TRANSIENT", 0.0, 17),
        (FaultKind.LOGIN_HANGS, "BROKER_LOGIN_TIMEOUT", 10.0, 10),
    ],
)
@pytest.mark.parametrize("heal_after_s", [61.0, 65.3, 69.9])
def test_f1_a_login_that_fails_for_a_minute_is_said_and_healed(
    kind: FaultKind, code: str, detected_s: float, logins_max: int, heal_after_s: float
) -> None:
    """Loud 1 s after it is detectable, one login a step, logged in 12 s after the heal."""

    @in_virtual_time
    async def heals() -> None:
        drill = await a_drill()
        fault = drill.hit(kind)
        async with running(drill.house):
            await drill.house.board.until(lambda status: bool(status.reasons))
            assert {code} == drill.house.codes
            assert detected_s <= drill.now_s <= detected_s + 1.0
            (reason,) = drill.house.board.status.reasons
            assert reason.next_attempt_ms is not None
            await asyncio.sleep(heal_after_s - drill.now_s)
            assert fault.hits <= logins_max
            assert [] == drill.plain.asked

            drill.faulty.heal()
            await drill.house.board.until(lambda status: not status.reasons)
            assert drill.now_s - heal_after_s <= 12.0
            await drill.house.board.until(is_open)
            await asyncio.sleep(1)
            assert set() == drill.house.codes
            assert {code, "GATE_OVERDUE"} == drill.house.healed_codes
            drill.nothing_is_left()

    heals()


@in_virtual_time
async def test_f1_a_crash_of_the_connector_brings_no_login_forward() -> None:
    """One login a step of the schedule, whatever becomes of the process that tries."""
    drill = await a_drill()
    fault = drill.hit(FaultKind.LOGIN_REFUSED)
    async with running(drill.house):
        await asyncio.sleep(60)
        before = fault.hits
        drill.faulty.login = _with_bugs(drill.faulty.login)  # type: ignore[method-assign]
        await asyncio.sleep(30)

    assert fault.hits - before <= 6


def _with_bugs(plain: Callable[[], Awaitable[float]]) -> Callable[[], Coroutine[None, None, float]]:
    calls = [0]

    async def login() -> float:
        calls[0] += 1
        if calls[0] % 2:
            raise RuntimeError("a bug")
        return await plain()

    return login


@in_virtual_time
async def test_f1_bad_credentials_are_tried_once_until_the_operator_restarts() -> None:
    """A broker locks the account after a few; nobody but the operator may spend one."""
    drill = await a_drill()
    fault = drill.hit(FaultKind.LOGIN_PERMANENT)
    async with running(drill.house) as supervisor:
        await asyncio.sleep(3_600)
        assert 1 == fault.hits
        assert "BROKER_LOGIN_PERMANENT" in drill.house.codes
        assert GateState.NEEDS_OPERATOR is drill.house.board.status.gate.state
        assert 0 == drill.house.board.status.processes[1].restarts

        supervisor.restart("connector")
        await asyncio.sleep(3_600)
        assert 2 == fault.hits

        drill.faulty.heal()
        supervisor.restart("connector")
        await drill.house.board.until(is_open)
        await asyncio.sleep(1)
        assert set() == drill.house.codes


@in_virtual_time
async def test_f7_a_new_symbol_is_said_at_once_and_served_when_the_source_has_it() -> None:
    """The known symbol starts as if nothing were; the new one's first bar comes within 8 s."""
    disk = MemoryDisk()
    known = await a_drill(disk, GOLD)
    async with running(known.house):
        await known.house.board.until(is_open)

    drill = await a_drill(disk)
    drill.hit(FaultKind.EMPTY, symbol=YEN)
    async with running(drill.house):
        await drill.house.board.until(lambda status: bool(status.reasons))
        assert {"WATERMARK_MISSING"} == drill.house.codes
        assert drill.now_s < 1.0
        await drill.house.board.until(lambda status: GOLD in status.generations)
        assert drill.now_s < 2.0
        gold_asked = len(drill.plain.asked_for(GOLD, Timeframe.M1))
        await asyncio.sleep(25)
        assert {"WATERMARK_MISSING"} == drill.house.codes
        assert not drill.house.board.status.degraded
        assert CellState.FETCHING is drill.house.board.status.cells[key(YEN, Timeframe.M1)].state

        healed_s = drill.now_s
        drill.faulty.heal()
        await drill.house.board.until(
            lambda status: (status.cells[key(YEN, Timeframe.M1)].watermark_ms or 0) > 0
        )
        assert drill.now_s - healed_s <= 8.0
        await drill.house.board.until(is_open)
        assert drill.now_s - healed_s <= 8.0
        assert set() == drill.house.codes
        assert len(drill.plain.asked_for(GOLD, Timeframe.M1)) <= gold_asked + 1
        drill.nothing_is_left()


FETCH_KINDS = tuple(kind for kind in FaultKind if not kind.is_of_login)
LOUD = {
    FaultKind.RATE_LIMIT: "BROKER_RATE_LIMITED",
    FaultKind.EMPTY: "WATERMARK_MISSING",
    FaultKind.SHORT: None,
}


@pytest.mark.parametrize("kind", FETCH_KINDS)
@pytest.mark.parametrize("times", [1, 3, 9])
def test_f9_whatever_befalls_the_fetches_of_a_start_it_ends_complete(
    kind: FaultKind, times: int
) -> None:
    """No slot leaks, nobody restarts, no bar is lost, and the reasons are gone."""

    @in_virtual_time
    async def completes() -> None:
        drill = await a_drill()
        fault = drill.hit(kind, times=times)
        async with running(drill.house):
            await drill.house.board.until(is_open)
            await asyncio.sleep(120)
            assert times == fault.hits
            assert set() == drill.house.codes
            code = LOUD.get(kind, "BROKER_FETCH_FAILED")
            assert code is None or code in drill.house.healed_codes
            drill.nothing_is_left()

    completes()


@pytest.mark.parametrize("symbol", [None, YEN])
@pytest.mark.parametrize("kind", FETCH_KINDS)
def test_f9_while_live_readers_are_served_and_the_minutes_come_with_the_heal(
    kind: FaultKind, symbol: str | None
) -> None:
    """Degraded and dated, never closed; whole again within 12 s and a minute's poll."""

    @in_virtual_time
    async def heals() -> None:
        drill = await a_drill()
        async with running(drill.house):
            await drill.house.board.until(is_open)
            fault = drill.hit(kind, symbol=symbol)
            await asyncio.sleep(200)
            assert fault.hits > 0
            assert drill.house.board.status.gate_state.is_open
            if symbol is not None:
                served = drill.house.store.tail(GOLD)
                assert served is not None
                assert NOON + 2 * MINUTE_MS <= (served.coverage.until_ms or 0)
            if kind in (FaultKind.FETCH_ERROR, FaultKind.FETCH_HANGS, FaultKind.DUPLICATE):
                assert {"BROKER_FETCH_FAILED"} == drill.house.codes

            drill.faulty.heal()
            await asyncio.sleep(73)
            assert set() == drill.house.codes
            drill.nothing_is_left()
            served = drill.house.store.tail(YEN)
            assert served is not None
            behind_ms = drill.house.tools.clock.now_ms() - (served.coverage.until_ms or 0)
            assert behind_ms <= 90_000

    heals()


@in_virtual_time
async def test_f9_an_outage_never_multiplies_requests() -> None:
    """Two symbols whose every fetch fails for ten minutes: a probe every few seconds, no more."""
    drill = await a_drill()
    async with running(drill.house):
        await drill.house.board.until(is_open)
        fault = drill.hit(FaultKind.FETCH_ERROR)
        await asyncio.sleep(600)

    assert 8 <= fault.hits <= 600 / 5 + 20
    assert "open" == drill.house.board.status.broker.circuit
