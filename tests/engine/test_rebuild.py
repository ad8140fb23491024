"""A forced rebuild as readers see it: one generation at a time, and never a closed gate."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np

from engine.bootstrap import begin_rebuild
from engine.broker.port import BarsRequest, FetchFailed
from engine.cell import CellState
from engine.gate import GateState
from tests.engine.builders import (
    GOLD,
    NOON,
    Fault,
    House,
    build_house,
    is_open,
    key,
    market_broker,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.model import MINUTE_MS, Bars, Timeframe


class Reader:
    """Looks at what readers get, again and again, and remembers every answer."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.seen: list[tuple[int, set[int], GateState]] = []
        """(generation, markers among all its bars, the gate) of each look."""

    async def run(self) -> None:
        """Read every 5 ms."""
        while True:
            snapshot = self.house.store.tail(GOLD)
            assert snapshot is not None
            markers = {
                int(volume) // int(minutes)
                for timeframe, bars in snapshot.tails.items()
                if timeframe is not Timeframe.D1
                for volume, minutes in zip(bars.v, _minutes_in(bars), strict=True)
            }
            state = self.house.board.status.gate.state
            self.seen.append((snapshot.generation.n, markers, state))
            await asyncio.sleep(0.005)


def _minutes_in(bars: Bars) -> list[int]:
    whole = (bars.close_time_ms - bars.open_time_ms) // MINUTE_MS
    rows = zip(bars.source_count, whole, bars.partial_reasons > 0, strict=True)
    return [int(p) if is_p else int(w) for p, w, is_p in rows]


@in_virtual_time
async def test_a_forced_rebuild_never_shows_readers_two_generations() -> None:
    """History is revised between the two, so that a mixed answer would give itself away."""
    config = small_config()
    clock = VirtualClock(NOON)
    broker = market_broker(config, clock)
    plain, marker = broker.rows, [1]

    def marked(request: BarsRequest) -> Bars:
        bars = plain(request)
        return replace(bars, v=np.full(len(bars), marker[0], dtype=np.int64))

    broker.rows = marked
    house = await build_house(config, broker, clock)
    async with running(house) as supervisor:
        await house.board.until(is_open)
        reader = Reader(house)
        reading = asyncio.create_task(reader.run())
        await asyncio.sleep(0.1)
        for rebuild in (2, 3):
            marker[0] = rebuild
            begin_rebuild(house.tools, GOLD)
            await house.board.until(
                lambda status, n=rebuild: status.generations[GOLD].n == n  # type: ignore[misc]
            )
            await asyncio.sleep(0.1)
        reading.cancel()

        assert all(process.restarts == 0 for process in house.board.status.processes)
        assert ("connector", "m1_poller") == supervisor.names
    generations = [generation for generation, _, _ in reader.seen]
    assert [1, 2, 3] == sorted(set(generations))
    assert generations == sorted(generations)
    assert [{generation} for generation in generations] == [marks for _, marks, _ in reader.seen]
    assert {GateState.OPEN} == {state for _, _, state in reader.seen}


@in_virtual_time
async def test_a_rebuild_shows_its_way_while_the_old_bars_are_counted() -> None:
    """The cell goes through its states again; readers, and so the counts, stay where they are."""
    config = small_config()
    clock = VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    async with running(house):
        await house.board.until(is_open)
        m1 = key(GOLD, Timeframe.M1)
        served = house.board.status.cells[m1]
        begin_rebuild(house.tools, GOLD)
        emptied = house.board.status.cells[m1]
        await house.board.until(lambda status: status.cells[m1].state is CellState.FETCHING)
        fetching = house.board.status.cells[m1]

    assert CellState.EMPTY is emptied.state
    assert (served.bars, served.watermark_ms, served.serving) == (
        emptied.bars,
        emptied.watermark_ms,
        emptied.serving,
    )
    assert served.bars == fetching.bars


@in_virtual_time
async def test_a_rebuild_begun_while_a_minute_is_fetched_waits_for_its_own_days() -> None:
    """The minute's end must not paint the emptied cells sealed: D1 is still to be fetched."""
    config = small_config()
    clock = VirtualClock(NOON)
    broker = market_broker(config, clock)
    house = await build_house(config, broker, clock)
    async with running(house):
        await house.board.until(is_open)
        broker.latency_s = 2.0
        asked = len(broker.asked)
        while len(broker.asked) == asked:
            await asyncio.sleep(0.5)
        broker.faults.append(
            Fault(lambda one: one.timeframe is Timeframe.D1, FetchFailed("No."), times=6)
        )
        begin_rebuild(house.tools, GOLD)
        await asyncio.sleep(2.5)
        states = {house.board.status.cells[key(GOLD, tf)].state for tf in Timeframe}
        await house.board.until(lambda status: status.generations[GOLD].n == 2)
        served = house.store.tail(GOLD)

    assert CellState.SEALED not in states
    assert served is not None
    assert 5 == len(served.tails[Timeframe.D1])


@in_virtual_time
async def test_a_long_rebuild_ends_with_the_newest_minute() -> None:
    """Minutes that closed while pages came in are fetched before the flip, not after it."""
    config = small_config(GOLD, broker__page_bars_max=10)
    clock = VirtualClock(NOON)
    broker = market_broker(config, clock)
    house = await build_house(config, broker, clock)
    async with running(house):
        await house.board.until(is_open)
        broker.latency_s = 4.5
        began_ms = clock.now_ms()
        begin_rebuild(house.tools, GOLD)
        await house.board.until(lambda status: status.generations[GOLD].n == 2)
        served, flipped_ms = house.store.tail(GOLD), clock.now_ms()

    assert flipped_ms - began_ms > 80_000
    assert served is not None
    assert (served.tails[Timeframe.M1].last_close_ms or 0) > flipped_ms - 90_000
