"""The walk of a start: cold, caught up, partial, with new symbols, damage and rebuilds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from engine.bootstrap import recover_all
from engine.cell import CellState
from engine.config import Config
from engine.derive import derive
from engine.gate import GateState
from engine.status import Mode, Phase, Status
from tests.engine.builders import (
    CAD,
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
    sim_broker,
    simulated_market,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, Coverage, Symbol, Timeframe

HOUR_S = 3_600
DAY_MS = 24 * HOUR_S * 1_000


@dataclass
class Life:
    """One start over a disk that outlives it."""

    config: Config = field(default_factory=small_config)
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    cache: MemoryCache = field(default_factory=MemoryCache)
    live_s: float = 0.0
    """How long it goes on after the gate has opened."""

    async def run(self) -> tuple[House, ScriptedBroker, Status]:
        """Start, open, live on, stop; the status is that of the first opening."""
        clock = VirtualClock(NOON)
        broker = market_broker(self.config, clock)
        house = await build_house(self.config, broker, clock, self.disk, self.cache)
        async with running(house):
            opened = await house.board.until(is_open)
            await asyncio.sleep(self.live_s)
        return house, broker, opened


def minutes_asked(broker: ScriptedBroker, symbol: Symbol) -> int:
    """How many minutes of M1 it was asked for, open or not."""
    asked = broker.asked_for(symbol, Timeframe.M1)
    return sum(one.until_ms - one.from_ms for one in asked) // MINUTE_MS


def expected_tails(config: Config, symbol: Symbol, served: Bars, now_ms: int) -> dict[str, Bars]:
    """What the served M1 make in one step, by the law of derive."""
    m1 = simulated_market(config).m1(symbol, served.first_open_ms or 0, now_ms - 15_000)
    m1 = m1.take(m1.close_time_ms <= now_ms - 15_000)
    first_ms = now_ms - 5 * DAY_MS
    made = derive(
        m1,
        config.anchors.anchors(),
        config.trading_calendars()[symbol],
        Coverage(((first_ms, now_ms),)),
        now_ms,
        15_000,
    )
    return {"M1": m1, **{timeframe.name: bars for timeframe, bars in made.items()}}


@in_virtual_time
async def test_a_cold_start_seals_every_cell_with_the_brokers_bars() -> None:
    """The whole walk over the product's own simulated broker."""
    config = small_config()
    clock = VirtualClock(NOON)
    house = await build_house(config, sim_broker(config, clock, latency_ms=20), clock)
    async with running(house):
        status = await house.board.until(is_open)

    assert GateState.OPEN is status.gate.state
    assert (Mode.COLD, Phase.PRIME_COMPLETE) == (status.mode, status.phase)
    assert {CellState.SEALED} == {cell.state for cell in status.cells.values()}
    assert {"00000001-0001"} == {str(generation) for generation in status.generations.values()}
    for symbol in (GOLD, YEN):
        snapshot = house.store.tail(symbol)
        assert snapshot is not None
        expected = expected_tails(config, symbol, snapshot.tails[Timeframe.M1], clock.now_ms())
        for timeframe in (Timeframe.M1, *DERIVED_TIMEFRAMES):
            assert expected[timeframe.name].same_as(snapshot.tails[timeframe]), timeframe
        assert 5 == len(snapshot.tails[Timeframe.D1])


@in_virtual_time
async def test_d1_is_asked_before_any_m1() -> None:
    """The first wave is queued before the slots open at the login."""
    _, broker, _ = await Life().run()

    assert [Timeframe.D1, Timeframe.D1] == [one.timeframe for one in broker.asked[:2]]
    assert {Timeframe.M1} == {one.timeframe for one in broker.asked[2:]}


@in_virtual_time
async def test_derived_timeframes_cost_no_request() -> None:
    """The broker is asked for M1 and D1 only (I1)."""
    _, broker, status = await Life().run()

    pages = -(-status.cells[key(GOLD, Timeframe.M1)].bars // 400)
    assert 1 == len(broker.asked_for(GOLD, Timeframe.D1))
    assert pages == len(broker.asked_for(GOLD, Timeframe.M1))


@in_virtual_time
async def test_every_stage_of_every_symbol_is_on_the_timeline() -> None:
    """The waterfall is drawn from it."""
    house, _, _ = await Life().run()

    spans = [(s.name, s.symbol) for s in house.tools.timeline.spans if s.of is None]
    stages = ("D1", "M1", "derive", "commit", "prime", "flip")
    assert sorted([("login", None), *((s, y) for s in stages for y in (GOLD, YEN))], key=str) == (
        sorted(spans, key=str)
    )


@in_virtual_time
async def test_a_short_pause_is_caught_up_with_the_missing_minutes_only() -> None:
    """Ten minutes away are ten minutes to fetch; the rest comes from the disk."""
    first = Life()
    before, _, _ = await first.run()
    await asyncio.sleep(600)
    house, broker, status = await Life(disk=first.disk).run()

    assert (Mode.CATCH_UP, Mode.CATCH_UP) == (status.mode, status.modes[GOLD])
    assert "11 min of open market away" in status.mode_reason
    assert 10 == minutes_asked(broker, GOLD) == minutes_asked(broker, YEN)
    assert [] == broker.asked_for(GOLD, Timeframe.D1)
    assert "00000002-0001" == str(status.generations[GOLD])
    was, now = (one.store.load(key(GOLD, Timeframe.M1)) for one in (before, house))
    assert now.between(0, was.last_close_ms or 0).same_as(was)


@in_virtual_time
async def test_nothing_missing_asks_nothing() -> None:
    """A restart within the minute needs a login and no request."""
    first = Life()
    await first.run()
    _, broker, status = await Life(disk=first.disk).run()

    assert [] == broker.asked
    assert Mode.CATCH_UP is status.mode


@in_virtual_time
async def test_what_redis_holds_is_never_a_source() -> None:
    """The same pause over a full and over an empty Redis ends in the same bars."""
    first = Life()
    await first.run()
    kept, _, _ = await Life(disk=first.disk, cache=first.cache).run()
    empty, _, _ = await Life(disk=first.disk).run()

    for timeframe in Timeframe:
        series = key(GOLD, timeframe)
        assert kept.store.load(series).same_as(empty.store.load(series))


@in_virtual_time
async def test_a_long_pause_is_a_partial_bootstrap() -> None:
    """All M1 anew, D1 kept: five hours of open market are more than four."""
    first = Life()
    await first.run()
    await asyncio.sleep(5 * HOUR_S)
    house, broker, status = await Life(disk=first.disk).run()

    assert Mode.PARTIAL_BOOTSTRAP is status.mode
    assert "more than 4 h" in status.mode_reason
    assert minutes_asked(broker, GOLD) > 300
    assert [] == broker.asked_for(GOLD, Timeframe.D1)
    assert 5 == len(house.store.load(key(GOLD, Timeframe.D1)))


@in_virtual_time
async def test_a_long_pause_keeps_the_depth_that_reaches_the_window() -> None:
    """Imported or older M1 must not vanish because the platform was away for an afternoon."""
    deep = small_config(bootstrap__warmup_bars__M1=900)
    first = Life(deep)
    before, _, _ = await first.run()
    oldest_ms = before.store.load(key(GOLD, Timeframe.M1)).first_open_ms
    await asyncio.sleep(5 * HOUR_S)
    house, broker, status = await Life(deep, disk=first.disk).run()

    assert Mode.PARTIAL_BOOTSTRAP is status.mode
    assert oldest_ms == house.store.load(key(GOLD, Timeframe.M1)).first_open_ms
    assert minutes_asked(broker, GOLD) > 900


@in_virtual_time
async def test_a_new_symbol_starts_cold_beside_an_old_one_that_catches_up() -> None:
    """F7: the others are untouched, and the platform's mode is theirs."""
    first = Life(small_config(GOLD))
    await first.run()
    await asyncio.sleep(600)
    _, broker, status = await Life(small_config(GOLD, CAD), disk=first.disk).run()

    assert {GOLD: Mode.CATCH_UP, CAD: Mode.COLD} == dict(status.modes)
    assert Mode.CATCH_UP is status.mode
    assert 10 == minutes_asked(broker, GOLD)
    assert minutes_asked(broker, CAD) > 300
    assert 1 == len(broker.asked_for(CAD, Timeframe.D1))


@in_virtual_time
async def test_a_removed_symbol_costs_nothing_and_its_data_stay() -> None:
    """It may come back."""
    first = Life()
    await first.run()
    kept = {path for path in first.disk.files if path.startswith("USD_JPY/")}
    _, broker, _ = await Life(small_config(GOLD), disk=first.disk).run()
    _, again, status = await Life(disk=first.disk).run()

    assert [] == broker.asked
    assert kept <= set(first.disk.files)
    assert [] == again.asked
    assert 16 == status.ready_cells


@in_virtual_time
async def test_a_damaged_line_is_said_fetched_again_and_healed() -> None:
    """F8: one flipped bit costs one request and no bar; the old file is left alone."""
    first = Life()
    before, _, _ = await first.run()
    path = next(p for p in first.disk.files if p.startswith("XAU_USD/tf_60/seg-"))
    data = first.disk.files[path]
    at = data.index(b'"o":', len(data) // 2) + 6
    first.disk.files[path] = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    house, broker, status = await Life(disk=first.disk).run()

    assert 1 == len(broker.asked)
    assert 1 == minutes_asked(broker, GOLD)
    assert Mode.CATCH_UP is status.mode
    assert {"CORRUPT_JSONL"} == house.healed_codes
    assert set() == house.codes
    m1 = key(GOLD, Timeframe.M1)
    assert before.store.load(m1).same_as(house.store.load(m1))


@in_virtual_time
async def test_the_clock_is_agreed_on_before_anything_is_decided() -> None:
    """Data later than the clock must stop the start, not look like a pause of nothing."""
    first = Life()
    before, _, _ = await first.run()
    clock = VirtualClock(NOON)
    house = await build_house(
        first.config, market_broker(first.config, clock), clock, disk=first.disk
    )
    heard: list[int] = []

    def refuse(newest_close_ms: int) -> None:
        heard.append(newest_close_ms)
        raise ValueError("later than the clock")

    with pytest.raises(ValueError, match="later than the clock"):
        await recover_all(house.tools, refuse)

    assert [before.store.load(key(GOLD, Timeframe.M1)).last_close_ms] == heard
    assert house.board.status.mode is None


@in_virtual_time
async def test_an_empty_folder_agrees_with_any_clock() -> None:
    """There is nothing that could be later."""
    config = small_config()
    clock = VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    heard: list[int] = []

    await recover_all(house.tools, heard.append)

    assert [0] == heard


@in_virtual_time
async def test_bars_that_came_live_are_found_by_the_next_start() -> None:
    """They stand behind the commit; a restart must not fetch them again."""
    first = Life(live_s=10 * 60)
    lived, _, _ = await first.run()
    house, broker, _ = await Life(disk=first.disk).run()

    assert 0 == minutes_asked(broker, GOLD)
    for timeframe in Timeframe:
        series = key(GOLD, timeframe)
        assert lived.store.load(series).same_as(house.store.load(series)), timeframe


@in_virtual_time
async def test_a_bucket_whose_first_minutes_left_the_ram_is_not_derived_from_the_rest() -> None:
    """M1 leaves the RAM minute by minute; the bucket at the edge must keep its true open."""
    config = small_config(
        GOLD,
        bootstrap__warmup_bars={"M1": 1_500, "D1": 5},
        redis__tail_bars={"M1": 60},
    )
    house, _, _ = await Life(config, live_s=10 * 60).run()

    snapshot = house.store.tail(GOLD)
    assert snapshot is not None
    market = simulated_market(config)
    m1 = market.m1(GOLD, NOON - 5 * DAY_MS, NOON + 11 * MINUTE_MS)
    whole = derive(
        m1,
        config.anchors.anchors(),
        config.trading_calendars()[GOLD],
        Coverage(((NOON - 5 * DAY_MS, NOON + DAY_MS),)),
        NOON + DAY_MS,
        15_000,
    )
    for timeframe in DERIVED_TIMEFRAMES:
        served = snapshot.tails[timeframe]
        span = (served.first_open_ms or 0, (served.last_open_ms or 0) + 1)
        assert whole[timeframe].between(*span).same_as(served), timeframe
