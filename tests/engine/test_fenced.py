"""F10: when another owner has the data we say so, stop writing, and stay to be asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from engine.gate import Closed, GateState
from engine.process import ProcessSpec, Tools
from engine.processes import connector, m1_poller
from engine.status import ProcessState
from tests.engine.builders import (
    GOLD,
    NOON,
    House,
    build_house,
    is_open,
    market_broker,
    minutes,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, VirtualTimeLoop, in_virtual_time
from uds.model import Timeframe


async def serve(tools: Tools) -> None:
    """A process that only reads."""
    tools.ready("serving")
    await asyncio.Event().wait()


SPECS = (
    ProcessSpec("connector", connector.run),
    ProcessSpec("m1_poller", m1_poller.run),
    ProcessSpec("ui", serve, only_reads=True),
)


async def a_house(after: House | None = None) -> House:
    """An engine, or the next one over the same disk and cache."""
    config, clock = small_config(), VirtualClock(NOON)
    disk, cache = (after.disk, after.cache) if after else (None, None)
    return await build_house(config, market_broker(config, clock), clock, disk, cache)


@in_virtual_time
async def test_a_successor_is_noticed_within_a_second_and_nothing_is_written_any_more() -> None:
    """OWNER_CHANGED and FENCED, the gate fenced, writers stopped for good, the reader alive."""
    house = await a_house()
    async with running(house, SPECS) as supervisor:
        await house.board.until(is_open)
        successor = await a_house(house)
        await successor.store.connect()
        await asyncio.sleep(1)

        status = house.board.status
        assert {"OWNER_CHANGED", "FENCED"} == house.codes
        assert isinstance(status.gate, Closed)
        assert GateState.FENCED is status.gate.state
        assert ["platform"] == [why.subject for why in status.gate.why]
        stopped = {p.name for p in status.processes if p.state is ProcessState.STOPPED}
        assert {"connector", "m1_poller"} == stopped
        assert ProcessState.READY is status.processes[-1].state

        files = dict(house.disk.files)
        supervisor.restart("m1_poller")
        await asyncio.sleep(3_600)
        assert files == house.disk.files
        assert {"OWNER_CHANGED", "FENCED"} == house.codes


@in_virtual_time
async def test_two_boots_of_one_moment_have_tokens_of_their_own() -> None:
    """No clock is in them: the later one is greater, and readers notice the change."""
    first = await a_house()
    second = await a_house(first)

    assert first.tools.clock.now_ms() == second.tools.clock.now_ms()
    assert second.store.token.value > first.store.token.value


@in_virtual_time
async def test_a_resumed_zombie_writes_nothing_and_its_successor_goes_on() -> None:
    """The pause is noticed by whoever wants to write first, before anything is written."""
    zombie = await a_house()
    async with running(zombie, SPECS):
        await zombie.board.until(is_open)
        successor = await a_house(zombie)
        successor.tools = replace(successor.tools, name="successor")
        await successor.store.connect()
        await successor.store.recover(GOLD)
        series = next(k for k in zombie.board.status.cells if k.timeframe is Timeframe.M1)
        newest = successor.store.load(series).last_close_ms or 0
        await successor.store.append(series, minutes(newest, 1))
        files = dict(zombie.disk.files)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.pass_time(30)
        await asyncio.sleep(120)

        assert files == zombie.disk.files
        assert "FENCED" in zombie.codes
        assert set() == successor.codes
