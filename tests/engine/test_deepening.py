"""Older history behind an open gate: complete, derived as one, resumable, and out of the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from engine.acts.rebuild_deeds import rebuild_question
from engine.bootstrap import begin_rebuild
from engine.broker.port import BarsRequest
from engine.config import Config
from engine.deepening import SILENT_DAYS, pause_depth
from engine.degraded import DegradedCode
from engine.derive import derive
from engine.events import ReasonRaised
from engine.figures import grouped
from engine.plan import history_from_ms
from engine.process import Tools
from engine.supervisor import Supervisor
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
    minutes,
    running,
    simulated_market,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, Timeframe

DEPTH = {"M1": 600, "M3": 100, "M5": 100, "M15": 60, "M30": 60, "H1": 60, "H4": 60, "D1": 20}
"""60 H4 are ten trading days; the start itself fetches less than one."""
ALL = dict.fromkeys(DEPTH, 40_000)


def deep_config(*symbols: str, **changes: Any) -> Config:
    """A small start and a depth of ten days, all of it resident unless told otherwise."""
    given: dict[str, Any] = {
        "bootstrap__depth_bars": DEPTH,
        "redis__tail_bars": ALL,
        "broker__page_bars_max": 1_000,
        "bootstrap__redis_priming_budget_s": 600.0,
        "bootstrap__prime_budget_per_symbol_s": 600.0,
    }
    return small_config(*(symbols or (GOLD,)), **{**given, **changes})


async def a_house(
    config: Config, disk: MemoryDisk | None = None, at_ms: int = NOON
) -> tuple[House, ScriptedBroker]:
    """A house whose store can be deepened."""
    clock = VirtualClock(at_ms)
    broker = market_broker(config, clock)
    house = await build_house(config, broker, clock, disk, MemoryCache())
    return house, broker


def is_deep(house: House, symbol: str = GOLD) -> bool:
    """Whether the coverage of M1 reaches back to the target, and a commit has all of it."""
    wanted_ms = history_from_ms(house.tools.markets[symbol], Timeframe.H4, NOON, DEPTH["H4"])
    covered = house.store.coverage(key(symbol, Timeframe.M1)).intervals
    has_all = len(covered) == 1 and covered[0][0] <= wanted_ms
    return has_all and not house.store.is_drafting(symbol) and "DEPTH_SHORT" not in house.codes


async def until_deep(house: House, symbol: str = GOLD) -> None:
    """Wait for it."""
    await house.board.until(is_open)
    while not is_deep(house, symbol):
        await asyncio.sleep(1)


def backfilled(broker: ScriptedBroker, timeframe: Timeframe = Timeframe.M1) -> list[BarsRequest]:
    """Requests for time before the start's own."""
    return [
        asked for asked in broker.asked_for(GOLD, timeframe) if asked.until_ms < NOON - 86_400_000
    ]


def is_all_the_market(house: House, symbol: str = GOLD) -> None:
    """M1 and D1 as the market has them, the rest as one batch makes it of them."""
    served = house.store.tail(symbol)
    assert served is not None
    market, known = simulated_market(house.tools.config), house.tools.markets[symbol]
    for timeframe, draw in ((Timeframe.M1, market.m1), (Timeframe.D1, market.d1)):
        bars = served.tails[timeframe]
        whole = draw(symbol, bars.first_open_ms or 0, (bars.last_open_ms or 0) + 1)
        assert whole.same_as(bars), timeframe
    batch = derive(
        served.tails[Timeframe.M1],
        known.anchors,
        known.calendar,
        served.coverage,
        house.tools.clock.now_ms(),
        known.settle_ms,
    )
    for timeframe in DERIVED_TIMEFRAMES:
        assert batch[timeframe].same_as(served.tails[timeframe]), timeframe


@dataclass
class Engine:
    """What an action needs of an engine."""

    tools: Tools
    supervisor: Supervisor
    is_read_only: bool = False

    def stop(self) -> None:
        """Nobody asks for it here."""


@in_virtual_time
async def test_history_deepens_behind_an_open_gate_until_every_target_is_reached() -> None:
    """Ready is not deep: the gate opens on the tail, the rest comes afterwards."""
    house, broker = await a_house(deep_config())
    async with running(house):
        await house.board.until(is_open)
        assert [] == backfilled(broker)
        first = house.store.tail(GOLD)
        assert first is not None
        await asyncio.sleep(0.1)
        assert {"DEPTH_SHORT"} == house.codes
        assert not house.board.status.degraded
        said: list[str] = []
        while not is_deep(house):
            said += [r.detail for r in house.board.status.reasons if GOLD == r.scope]
            assert {1} >= {r.count for r in house.board.status.reasons}
            await asyncio.sleep(0.2)
        counted = [int(detail.split(" ")[0]) for detail in said]
        assert sorted(counted) == counted
        assert 2 <= len(set(counted))
        await asyncio.sleep(6)
        served, status = house.store.tail(GOLD), house.board.status
        assert served is not None
        assert (set(), first.generation.n + 1) == (house.codes, served.generation.n)
        for timeframe, target in DEPTH.items():
            depth = status.depth[key(GOLD, Timeframe[timeframe])]
            assert target == depth.target
            assert target * 0.97 <= depth.bars
            assert depth.first_ms == served.tails[Timeframe[timeframe]].first_open_ms
        is_all_the_market(house)
        assert 10 * 1_380 / 1_000 <= len(backfilled(broker)) <= 2 * 12
        assert 1 == len(backfilled(broker, Timeframe.D1))


@in_virtual_time
async def test_a_stretch_is_derived_whole_where_the_grids_of_h4_and_d1_do_not_agree() -> None:
    """With D1 at midnight and H4 at 17:00, one H4 crosses every seam."""
    anchors = {"zone": "America/New_York", "d1": "00:00", "h4": "17:00"}
    house, _ = await a_house(deep_config(anchors=anchors))
    async with running(house):
        await house.board.until(is_open)
        while (
            house.store.is_drafting(GOLD)
            or house.board.status.depth == {}
            or (
                house.store.tail(GOLD).generation.n < 2  # type: ignore[union-attr]
            )
        ):
            await asyncio.sleep(1)
        served = house.store.tail(GOLD)
        assert served is not None
        market, known = simulated_market(house.tools.config), house.tools.markets[GOLD]
        m1 = served.tails[Timeframe.M1]
        first_ms, last_ms = m1.first_open_ms or 0, m1.last_open_ms or 0
        assert market.m1(GOLD, first_ms, last_ms + 1).same_as(m1)
        now_ms = house.tools.clock.now_ms()
        batch = derive(m1, known.anchors, known.calendar, served.coverage, now_ms, known.settle_ms)
        for timeframe in DERIVED_TIMEFRAMES:
            assert batch[timeframe].same_as(served.tails[timeframe]), timeframe


@in_virtual_time
async def test_a_restart_finds_the_depth_and_asks_for_none_of_it_again() -> None:
    """The generation at the end of a symbol's deepening made it permanent."""
    disk = MemoryDisk()
    house, _ = await a_house(deep_config(), disk)
    async with running(house):
        await until_deep(house)
    again, broker = await a_house(deep_config(), disk, NOON + 600_000)
    async with running(again):
        await until_deep(again)
        await asyncio.sleep(30)

        assert [] == backfilled(broker)
        assert set() == again.codes
        is_all_the_market(again)


@in_virtual_time
async def test_a_restarted_process_goes_on_where_the_last_stretch_ended() -> None:
    """Coverage is the commit point: a stretch is the most that is fetched twice."""
    undisturbed, plain = await a_house(deep_config())
    async with running(undisturbed):
        await until_deep(undisturbed)

    house, broker = await a_house(deep_config())
    async with running(house) as supervisor:
        await house.board.until(is_open)
        for _ in range(3):
            await asyncio.sleep(0.25)
            supervisor.restart("m1_poller")
        await until_deep(house)
        is_all_the_market(house)

    a_stretch = 5
    assert len(backfilled(broker)) <= len(backfilled(plain)) + 3 * a_stretch


@in_virtual_time
async def test_it_waits_while_the_operator_says_so() -> None:
    """An operator who needs the broker for something else."""
    house, broker = await a_house(deep_config())
    async with running(house):
        await house.board.until(is_open)
        pause_depth(house.tools, is_paused=True)
        await asyncio.sleep(60)
        assert house.board.status.depth_paused
        assert len(backfilled(broker)) <= 5

        pause_depth(house.tools, is_paused=False)
        await until_deep(house)


@in_virtual_time
async def test_it_waits_while_a_draft_is_being_filled() -> None:
    """A rebuild is somebody's wish; depth is nobody's hurry."""
    house, broker = await a_house(deep_config())
    async with running(house):
        await house.board.until(is_open)
        plain = broker.rows

        def rows(asked: BarsRequest) -> Bars:
            is_start = asked.timeframe is Timeframe.D1 and asked.until_ms > NOON - 86_400_000
            return Bars.empty() if is_start else plain(asked)

        broker.rows = rows  # the rebuild cannot end
        begin_rebuild(house.tools, GOLD)
        await asyncio.sleep(1)
        asked = len(backfilled(broker))
        await asyncio.sleep(60)
        assert asked == len(backfilled(broker))


@in_virtual_time
async def test_a_source_without_older_history_is_believed_and_said() -> None:
    """No request for ever into the time before the source begins."""
    begins_ms = NOON - 5 * 86_400_000
    house, broker = await a_house(deep_config())
    plain = broker.rows
    broker.rows = lambda asked: plain(asked).between(begins_ms, NOON * 2)
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(600)
        asked = len(backfilled(broker))
        served = house.store.tail(GOLD)
        (reason,) = house.board.status.reasons
        await asyncio.sleep(50)

        assert "DEPTH_SHORT" == reason.code.value
        assert "The broker has no M1 of XAU/USD before 2026-01-0" in reason.detail
        assert served is not None
        assert begins_ms == served.tails[Timeframe.M1].first_open_ms
        assert asked == len(backfilled(broker))
        silent = [a for a in backfilled(broker) if a.until_ms <= begins_ms]
        assert len(silent) <= 2 * 2 * (SILENT_DAYS + 3)


@in_virtual_time
async def test_a_rebuild_begins_its_depth_anew() -> None:
    """The new generation has the tail only; what is deep must come again, and does."""
    house, broker = await a_house(deep_config())
    async with running(house):
        await until_deep(house)
        asked = len(backfilled(broker))
        deep = house.store.stored(key(GOLD, Timeframe.M1))[0]
        begin_rebuild(house.tools, GOLD)
        await house.board.until(lambda _: not house.store.is_drafting(GOLD))
        await asyncio.sleep(0.1)
        assert {"DEPTH_SHORT"} == house.codes
        depth = house.board.status.depth[key(GOLD, Timeframe.M1)]
        assert depth.bars < deep / 4
        await until_deep(house)

        assert len(backfilled(broker)) >= 2 * asked - 5
        is_all_the_market(house)


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (DEPTH, "is brought again behind the open gate."),
        ({**DEPTH, "H4": 6, "H1": 6, "M30": 6, "M15": 6}, "what is older is let go."),
    ],
    ids=["all of it again", "less than there is"],
)
def test_the_question_of_a_rebuild_says_what_becomes_of_the_depth(
    targets: dict[str, int], said: str
) -> None:
    """Readers find shallower tails after the flip: whoever asks for it must know before."""

    @in_virtual_time
    async def asked() -> None:
        disk = MemoryDisk()
        house, _ = await a_house(deep_config(), disk)
        async with running(house) as supervisor:
            await house.board.until(is_open)
            pause_depth(house.tools, is_paused=True)
            engine = Engine(house.tools, supervisor)
            assert "depth" not in rebuild_question(engine, {"symbols": (GOLD,)}).sentence
            pause_depth(house.tools, is_paused=False)
            await until_deep(house)
        again, _ = await a_house(deep_config(bootstrap__depth_bars=targets), disk)
        async with running(again) as supervisor:
            await again.board.until(is_open)
            bars = again.store.stored(key(GOLD, Timeframe.M1))[0]
            question = rebuild_question(Engine(again.tools, supervisor), {"symbols": (GOLD,)})
            touched: Any = question.radius["symbols"]

        assert f"The depth goes from {grouped(bars)} to about " in question.sentence
        assert question.sentence.endswith(said)
        assert bars == touched[GOLD]["depth"]["bars"] > 4 * touched[GOLD]["depth"]["after_flip"] > 0

    asked()


@in_virtual_time
async def test_what_is_not_resident_is_on_disk_only_and_counted() -> None:
    """RAM and Redis keep their tails; the rest is for whoever exports."""
    tails = {**ALL, "M1": 400, "M3": 100}
    house, _ = await a_house(deep_config(redis__tail_bars=tails))
    async with running(house):
        await until_deep(house)
        await asyncio.sleep(6)
        served = house.store.tail(GOLD)
        depth = house.board.status.depth[key(GOLD, Timeframe.M1)]

    assert served is not None
    assert (400, 100) == (len(served.tails[Timeframe.M1]), len(served.tails[Timeframe.M3]))
    assert depth.bars > 13_000
    assert 60 <= len(served.tails[Timeframe.H4])


@in_virtual_time
async def test_minutes_go_on_while_history_deepens() -> None:
    """The live tail is never behind because of backfill, nor a symbol because of another."""
    house, broker = await a_house(deep_config(GOLD, YEN))
    broker.latency_s = 2.0
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(200)
        assert {"BACKFILL"} <= set(house.board.status.broker.lanes)
        for symbol in (GOLD, YEN):
            served = house.store.tail(symbol)
            assert served is not None
            behind_ms = house.tools.clock.now_ms() - (served.tails[Timeframe.M1].last_close_ms or 0)
            assert behind_ms <= 15_000 + 60_000 + 5_000


def spoil_first_line(disk: MemoryDisk, timeframe: Timeframe) -> None:
    """Flip a bit of the oldest bar of gold's series."""
    folder = f"XAU_USD/tf_{int(timeframe)}/seg-"

    def first_open(path: str) -> bytes:
        return disk.files[path].split(b"\n")[1].split(b'"open_time_ms":')[1][:13]

    path = min((p for p in disk.files if p.startswith(folder)), key=first_open)
    data = disk.files[path]
    at = data.index(b'"o":') + 6
    disk.files[path] = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("targets", [DEPTH, dict.fromkeys(DEPTH, 0)], ids=["deep", "shallow"])
def test_damage_at_the_head_of_a_deep_series_is_said_until_it_is_fetched_again(
    targets: dict[str, int],
) -> None:
    """No hole inside what is left is no proof: the start's commit must not clear it."""

    @in_virtual_time
    async def lives() -> None:
        disk = MemoryDisk()
        house, _ = await a_house(deep_config(), disk)
        async with running(house):
            await until_deep(house)
            before = house.store.load(key(GOLD, Timeframe.M1))
        spoil_first_line(disk, Timeframe.M1)
        config = deep_config(bootstrap__depth_bars=targets)
        again, broker = await a_house(config, disk, NOON + 600_000)
        async with running(again):
            pause_depth(again.tools, is_paused=True)
            await again.board.until(is_open)
            await asyncio.sleep(120)
            assert "CORRUPT_JSONL" in again.codes
            assert [] == backfilled(broker)

            pause_depth(again.tools, is_paused=False)
            await again.board.until(lambda _: "CORRUPT_JSONL" not in again.codes)
            assert before.first_open_ms == again.store.load(key(GOLD, Timeframe.M1)).first_open_ms
            assert len(backfilled(broker)) <= 2
            is_all_the_market(again)

    lives()


@in_virtual_time
async def test_a_damaged_bar_of_a_time_the_calendar_calls_shut_is_fetched_again() -> None:
    """Calendars are often wrong: a bar that was stored once is missing, whatever they say."""
    house, broker = await a_house(small_config(GOLD))
    plain, shut_ms = broker.rows, NOON - 37 * 3_600_000 - 30 * MINUTE_MS

    def rows(asked: BarsRequest) -> Bars:
        is_there = asked.timeframe is Timeframe.M1 and asked.from_ms <= shut_ms < asked.until_ms
        return plain(asked).merged(minutes(shut_ms, 1)) if is_there else plain(asked)

    broker.rows, m1, hole = rows, key(GOLD, Timeframe.M1), (shut_ms, shut_ms + MINUTE_MS)
    assert 0 == house.tools.markets[GOLD].calendar.expected_minutes(*hole)
    house.tools.damage.note(m1, [hole])
    house.board.post(ReasonRaised(DegradedCode.CORRUPT_JSONL, m1, "a line"))
    async with running(house):
        await house.board.until(is_open)
        await house.board.until(lambda _: "CORRUPT_JSONL" not in house.codes)
        assert 1 == len(await house.store.read(m1, *hole))


@in_virtual_time
async def test_damaged_bars_of_old_time_are_derived_again_once_their_minutes_came_back() -> None:
    """Both are damaged and long out of the RAM: neither the start nor the minutes alone heal it."""
    tails = {**ALL, "M1": 400, "M5": 100}
    disk = MemoryDisk()
    house, _ = await a_house(deep_config(redis__tail_bars=tails), disk)
    async with running(house):
        await until_deep(house)
        m5 = key(GOLD, Timeframe.M5)
        _, first_ms = house.store.stored(m5)
        before = await house.store.read(m5, first_ms or 0, NOON - 600_000)
    for timeframe in (Timeframe.M1, Timeframe.M5):
        spoil_first_line(disk, timeframe)
    again, _ = await a_house(deep_config(redis__tail_bars=ALL), disk, NOON + 600_000)
    async with running(again):
        await again.board.until(is_open)
        assert {"CORRUPT_JSONL"} <= again.codes
        await again.board.until(lambda _: "CORRUPT_JSONL" not in again.codes)
        assert before.same_as(await again.store.read(m5, first_ms or 0, NOON - 600_000))
