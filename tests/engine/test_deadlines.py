"""F4, F5, F6 and the forced gate: late, silent or over budget is said, healed, and never opens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from engine.config import Config
from engine.duties.deadlines import watch_deadlines
from engine.events import GateForced
from engine.gate import GateState, Open
from engine.process import ProcessSpec, Tools
from engine.processes import connector, m1_poller
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    House,
    ScriptedBroker,
    build_house,
    is_open,
    market_broker,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds import CacheDown
from uds.memory_cache import MemoryCache
from uds.model import FencingToken, Generation, Symbol, Timeframe


class SlowCache(MemoryCache):
    """A server that takes its time for a symbol's tails, or does not take them at all."""

    def __init__(self, **write_s: float) -> None:
        super().__init__()
        self.write_s = {f"{name[:3]}/{name[3:]}": delay_s for name, delay_s in write_s.items()}
        self.refuses: Symbol | None = None
        self.at_once = 0
        self.at_once_max = 0

    async def write(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Put tails, slowly."""
        self.at_once += 1
        self.at_once_max = max(self.at_once, self.at_once_max)
        await asyncio.sleep(self.write_s.get(symbol, 0.0))
        self.at_once -= 1
        if symbol == self.refuses:
            raise CacheDown(f"No room for {symbol}.")
        await super().write(symbol, token, generation, tails)


async def a_house(
    cache: SlowCache | None = None, config: Config | None = None
) -> tuple[House, ScriptedBroker]:
    """Two symbols over a script and a slow server."""
    config, clock = config or small_config(), VirtualClock(NOON)
    broker = market_broker(config, clock)
    return await build_house(config, broker, clock, cache=cache or SlowCache()), broker


def detail_of(house: House, code: str) -> str:
    """What a standing reason says."""
    return next(r.detail for r in house.board.status.reasons if r.code.value == code)


@in_virtual_time
async def test_a_cell_that_never_primes_is_named_and_time_does_not_open_the_gate() -> None:
    """F4: thirty seconds, then its name; primed, then open within a tick."""
    cache = SlowCache()
    cache.refuses = YEN
    house, _ = await a_house(cache)
    async with running(house):
        await asyncio.sleep(29)
        assert not house.board.status.overdue
        await asyncio.sleep(2)
        assert house.board.status.overdue
        names = ", ".join(f"{YEN}/{tf.name}" for tf in Timeframe)
        assert f"the gate waits for 8 cells: {names}" == detail_of(house, "GATE_OVERDUE")

        await asyncio.sleep(3_600)
        assert GateState.CLOSED is house.board.status.gate.state
        cache.refuses = None
        await house.board.until(is_open)
        assert house.board.status.gate.state.is_open
        await asyncio.sleep(1)
        assert GateState.OPEN is house.board.status.gate.state
        assert {"GATE_OVERDUE", "REDIS_DOWN", "PRIME_PARTIAL"} == house.healed_codes
        assert set() == house.codes


@in_virtual_time
async def test_a_late_gate_opens_with_what_there_is_where_the_configuration_lets_it() -> None:
    """`gate_on_timeout: open_degraded`: gold is served, the yen's cells are named as missing."""
    cache = SlowCache()
    cache.refuses = YEN
    config = small_config(bootstrap__gate_on_timeout="open_degraded")
    house, _ = await a_house(cache, config)
    async with running(house):
        await asyncio.sleep(31)

        verdict = house.board.status.gate
        assert isinstance(verdict, Open)
        assert GateState.OPEN_DEGRADED is verdict.state
        assert {f"{YEN}/{tf.name}" for tf in Timeframe} == {why.subject for why in verdict.missing}
        assert "GATE_OVERDUE" in house.codes


@in_virtual_time
async def test_a_forced_gate_expires_by_itself() -> None:
    """Fifteen minutes, then it is closed again and the word is gone."""
    cache = SlowCache()
    cache.refuses = YEN
    house, _ = await a_house(cache)
    async with running(house):
        await asyncio.sleep(10)
        house.board.post(GateForced(house.tools.clock.now_ms() + 900_000, "uid 1000"))
        await asyncio.sleep(899)
        assert GateState.FORCED_OPEN is house.board.status.gate.state
        assert "FORCED_OPEN" in house.codes

        await asyncio.sleep(2)
        assert GateState.CLOSED is house.board.status.gate.state
        assert "FORCED_OPEN" not in house.codes


class SetBackClock(VirtualClock):
    """A clock whose wall time somebody may set."""

    set_by_ms = 0

    def now_ms(self) -> int:
        """The market's wall clock."""
        return super().now_ms() + self.set_by_ms


@in_virtual_time
async def test_a_clock_that_is_set_back_does_not_prolong_a_forced_gate() -> None:
    """An hour more of a door held open by hand is what the operator did not sign."""
    clock = SetBackClock(NOON)
    config = small_config()
    house = await build_house(config, market_broker(config, clock), clock)
    watch = asyncio.create_task(watch_deadlines(house.tools, Nobody()))
    house.board.post(GateForced(clock.now_ms() + 900_000, "uid 1000"))
    await asyncio.sleep(1)
    clock.set_by_ms = -3_600_000
    await asyncio.sleep(898)
    assert house.board.status.forced_until_ms is not None

    await asyncio.sleep(2)
    assert house.board.status.forced_until_ms is None
    watch.cancel()


class Nobody:
    """Ends no process."""

    def fail(self, name: str, failure: BaseException) -> None:
        """Nothing fails here."""
        raise AssertionError(f"{name} was ended: {failure}")


class Mute:
    """An m1_poller that does nothing in its first lives."""

    def __init__(self, lives: int) -> None:
        self.mute_lives = lives

    async def run(self, tools: Tools) -> None:
        """Work, unless it is to be mute."""
        if self.mute_lives:
            self.mute_lives -= 1
            tools.warming("0/2")
            await asyncio.Event().wait()
        await m1_poller.run(tools)


@in_virtual_time
async def test_a_silent_m1_poller_is_named_and_brought_back() -> None:
    """F5: the connector alone does not open the gate; 15 s, then a restart, then it flows."""
    house, _ = await a_house()
    specs = (ProcessSpec("connector", connector.run), ProcessSpec("m1_poller", Mute(1).run))
    async with running(house, specs):
        await asyncio.sleep(14)
        assert (GateState.CLOSED, set()) == (house.board.status.gate.state, house.codes)

        said = await house.board.until(
            lambda status: any(r.code.value == "NO_PROGRESS" for r in status.reasons)
        )
        at_s = house.tools.since_opened_s()
        (reason,) = (r for r in said.reasons if r.code.value == "NO_PROGRESS")
        assert "m1_poller" == reason.scope
        assert 15 <= at_s <= 17
        await house.board.until(lambda status: status.processes[1].restarts == 1)
        await asyncio.sleep(1)
        assert at_s + 1.5 >= house.tools.since_opened_s()
        await house.board.until(is_open)
        await asyncio.sleep(1)

        assert set() == house.codes
        assert {"NO_PROGRESS", "CHILD_RESTARTING"} == house.healed_codes
        assert 0 == house.board.status.processes[0].restarts


@in_virtual_time
async def test_whoever_stays_silent_is_named_again_and_again() -> None:
    """It is never given up, and never believed."""
    house, _ = await a_house()
    specs = (ProcessSpec("connector", connector.run), ProcessSpec("m1_poller", Mute(4).run))
    async with running(house, specs):
        await asyncio.sleep(60)
        assert {"NO_PROGRESS", "CHILD_RESTARTING", "GATE_OVERDUE"} == house.codes
        assert GateState.CLOSED is house.board.status.gate.state

        await house.board.until(is_open)
        assert 4 == house.board.status.processes[1].restarts


@in_virtual_time
async def test_an_m1_poller_that_falls_silent_after_the_start_is_brought_back() -> None:
    """Readers would see minutes stop, and the gate would stay open."""
    house, broker = await a_house()
    async with running(house) as supervisor:
        await house.board.until(is_open)
        await asyncio.sleep(120)
        before = len(broker.asked)
        broken = supervisor._keepers["m1_poller"].spec.run
        object.__setattr__(supervisor._keepers["m1_poller"].spec, "run", Mute(1).run)
        supervisor.restart("m1_poller")
        await asyncio.sleep(60)
        assert before == len(broker.asked)

        await house.board.until(
            lambda status: any(r.code.value == "NO_PROGRESS" for r in status.reasons)
        )
        object.__setattr__(supervisor._keepers["m1_poller"].spec, "run", broken)
        assert GateState.OPEN_DEGRADED is house.board.status.gate.state
        await asyncio.sleep(90)
        assert set() == house.codes
        assert len(broker.asked) > before


@in_virtual_time
async def test_past_its_budget_priming_is_partial_names_the_rest_and_goes_on() -> None:
    """F6: a slow server; nothing is seen half primed, the list is exact, and it completes."""
    cache = SlowCache(XAUUSD=0.1, USDJPY=20.0)
    house, _ = await a_house(cache)
    async with running(house):
        await house.board.until(
            lambda status: any(r.code.value == "PRIME_PARTIAL" for r in status.reasons)
        )
        prime = house.board.status.prime
        waited_s = house.tools.since_opened_s() - prime.began_s[YEN]
        assert 0.9 <= waited_s <= 1.5
        detail = detail_of(house, "PRIME_PARTIAL")
        assert detail.startswith("PRIME 8/16 past the budget of 30 s")
        assert detail.endswith(", ".join(f"{YEN}/{tf.name}" for tf in Timeframe))
        assert YEN not in cache.live
        assert GateState.CLOSED is house.board.status.gate.state

        await house.board.until(is_open)
        await asyncio.sleep(1)
        assert "PRIME_PARTIAL" in house.healed_codes
        assert set(house.codes) <= {"PRIME_BUDGET_TOO_SMALL"}
        assert 1 == cache.at_once_max


@in_virtual_time
async def test_a_budget_that_the_measured_rate_cannot_keep_is_said_with_the_number_to_set() -> None:
    """The promise was made for a faster server than this one."""
    cache = SlowCache(XAUUSD=2.0, USDJPY=2.0)
    house, _ = await a_house(cache)
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(1)

        detail = detail_of(house, "PRIME_BUDGET_TOO_SMALL")
        assert detail.startswith("set bootstrap.prime_budget_per_symbol_s to ")
        assert "bars/s measured" in detail
        advised_s = float(detail.partition(" to ")[2].partition(":")[0])
        assert pytest.approx(3.0, abs=0.3) == advised_s


@in_virtual_time
async def test_a_budget_far_too_small_is_said_at_once() -> None:
    """Before the first bar is fetched."""
    house, _ = await a_house(None, small_config(bootstrap__redis_priming_budget_s=0.001))
    async with running(house):
        await asyncio.sleep(0.1)

        assert "redis_priming_budget_s to 0.1: it is 0.001 s" in detail_of(
            house, "PRIME_BUDGET_TOO_SMALL"
        )


@in_virtual_time
async def test_a_start_that_goes_well_says_nothing_of_all_this() -> None:
    """Deadlines that cry wolf are switched off."""
    house, _ = await a_house(SlowCache(XAUUSD=0.01, USDJPY=0.01))
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(3_600)

        assert (set(), set()) == (house.codes, house.healed_codes)
        assert {0} == {process.restarts for process in house.board.status.processes}
        assert {GOLD, YEN} == set(house.board.status.prime.bars)
