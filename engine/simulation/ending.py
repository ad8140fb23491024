"""The course of a run and its last questions: does all heal, and is all there."""

from __future__ import annotations

import asyncio
from random import Random

import numpy as np

from uds import MemoryDisk, Reader, Recovered, Store, mint_token
from uds.model import Bars, SeriesKey, Timeframe

from ..degraded import DegradedCode, Severity
from ..derive import derive
from ..gate import GateState
from ..plan import warmup_from_ms
from ..sources import store_terms
from .case import Act
from .node import SimNode
from .world import World

_LOOK_S = 0.5
HEAL_S = 240.0
"""How long an engine may take to be as if nothing had happened."""
_READ_S = 1.0
_BELIEVED_MAX = 12
"""Minutes that a broker may leave out before it must have been seen."""


async def live_through(world: World, acts: tuple[Act, ...]) -> None:
    """Boot, let everything be done, heal, wait, judge."""
    world.boot()
    world.acts.schedule(acts)
    reading = asyncio.create_task(_read(world), name="reader of Redis")
    await asyncio.sleep(max((act.until_s for act in acts), default=0.0) + 0.5)
    world.acts.heal()
    world.tell("WORLD", "heals")
    node = await _healthy(world)
    reading.cancel()
    if node is None:
        return
    await _settled(world)
    _judge(world, node)
    await _stop(world, node)
    await _judge_disk(world)


async def _read(world: World) -> None:
    reader = Reader(world.cache)
    turn = 0
    while True:
        await asyncio.sleep(_READ_S)
        symbols = world.config.symbols
        await world.oracles.read_redis(reader, symbols[turn % len(symbols)])
        turn += 1


async def _healthy(world: World) -> SimNode | None:
    """The boot that is as if nothing had happened, once there is one."""
    began_us, strike = world.now_us(), world.case.strike
    while world.now_us() - began_us < HEAL_S * 1e6:
        node = world.current
        struck = strike is None or len(world.nodes) > strike.boot or _is_over(world)
        if node is not None and struck and _is_well(world, node):
            return node
        if node is not None and node.engine is not None:
            _help(world, node)
        await asyncio.sleep(_LOOK_S)
    _say_ill(world)
    return None


def _is_over(world: World) -> bool:
    """Whether the struck boot never came so far as the operation."""
    strike = world.case.strike
    assert strike is not None
    return world.nodes[strike.boot - 1].operations <= strike.operation and world.now_us() > 60e6


def _is_well(world: World, node: SimNode) -> bool:
    """Open and not degraded; that D1 and M1 differ is true once M1 were left out."""
    if node.engine is None:
        return False
    status = node.engine.board.status
    degraded = {r.code for r in status.reasons if r.severity is Severity.DEGRADED}
    if world.oracles.has_broker_lied:
        degraded.discard(DegradedCode.D1_MISMATCH)
    return status.gate_state.is_open and not degraded


def _help(world: World, node: SimNode) -> None:
    """After a login that was refused for good nothing comes without an operator."""
    assert node.engine is not None
    if node.engine.board.status.gate_state is GateState.NEEDS_OPERATOR:
        node.node.context().run(node.engine.supervisor.restart, "connector")


def _say_ill(world: World) -> None:
    node = world.current
    if node is None or node.engine is None:
        world.oracles.violated(f"no engine is up {HEAL_S:g} s after all was healed")
        return
    status = node.engine.board.status
    reasons = sorted({f"{r.code.value} of {r.scope}" for r in status.reasons})
    behind = [f"{key} {cell.state.value}" for key, cell in status.cells.items() if not cell.serving]
    world.oracles.violated(
        f"{HEAL_S:g} s after all was healed the gate is {status.gate_state.value}: "
        f"{', '.join(reasons) or 'no reason'}; {', '.join(behind[:4]) or 'all cells served'}"
    )


async def _settled(world: World) -> None:
    """On to a moment at which nothing is due: between the settling of one minute and the next."""
    into_s = world.true_ms() % 60_000 / 1_000
    if not 25 <= into_s <= 55:
        await asyncio.sleep((30 - into_s) % 60)


def _judge(world: World, node: SimNode) -> None:
    assert node.engine is not None
    status = node.engine.board.status
    if not _is_well(world, node) or not node.is_alive:
        reasons = sorted({f"{r.code.value} of {r.scope}: {r.detail}" for r in status.reasons})
        world.oracles.violated(f"what was healed did not stay so: {reasons}")
        return
    for symbol in world.config.symbols:
        snapshot = node.engine.store.tail(symbol)
        pointer = world.cache.live.get(symbol)
        assert snapshot is not None
        if pointer is None or (pointer.generation, pointer.seq) != (
            snapshot.generation,
            snapshot.seq,
        ):
            world.oracles.violated(f"{symbol}: Redis serves {pointer}, RAM {snapshot.generation}")
        for timeframe in world.config.timeframes:
            _judge_series(world, node, SeriesKey(symbol, timeframe))
    used = status.broker.slots_used
    if used:
        world.oracles.violated(f"{used} slots are held though nobody asks")


def _judge_series(world: World, node: SimNode, key: SeriesKey) -> None:
    """What is stored is what the market says, byte for byte, and all of it is there."""
    assert node.engine is not None
    store, tools = node.engine.store, node.engine.tools
    bars = store.load(key)
    m1 = SeriesKey(key.symbol, Timeframe.M1)
    covered = store.coverage(m1)
    market, now_ms = tools.markets[key.symbol], world.true_ms()
    revision = node.revisions[key.symbol]
    true = world.truth.series(key.symbol, key.timeframe, revision)
    if key.timeframe is Timeframe.D1:
        first_ms = bars.first_open_ms or 0
        until_ms = now_ms - market.settle_ms
        wanted = true.take((true.open_time_ms >= first_ms) & (true.close_time_ms <= until_ms))
    else:
        from_ms = warmup_from_ms(market, now_ms, tools.config.bootstrap.warmup_bars.M1)
        first_ms = min(from_ms, covered.intervals[0][0])
        last_ms = min(covered.until_ms or 0, now_ms - market.settle_ms)
        wanted = true.take((true.open_time_ms >= first_ms) & (true.close_time_ms <= last_ms))
        late_ms = now_ms - market.settle_ms - last_ms
        if key.timeframe is Timeframe.M1 and late_ms > 180_000:
            world.oracles.violated(f"{key} ends {late_ms / 1_000:g} s before the newest minute")
    if world.oracles.has_broker_lied and key.timeframe is not Timeframe.D1:
        wanted = _believed(world, node, key, wanted)
    if not bars.same_as(wanted):
        world.oracles.violated(f"{key} is not what the market says: {_difference(bars, wanted)}")


def _believed(world: World, node: SimNode, key: SeriesKey, wanted: Bars) -> Bars:
    """What there must be when a short silence of the broker was no truth but was believed."""
    assert node.engine is not None
    tools = node.engine.tools
    m1 = SeriesKey(key.symbol, Timeframe.M1)
    minutes = tools.store.load(m1)
    if key.timeframe is Timeframe.M1:
        lacking = len(wanted) - len(minutes)
        if lacking > _BELIEVED_MAX:
            world.oracles.violated(f"{key}: {lacking} minutes were left out and believed")
        return wanted.take(np.isin(wanted.open_time_ms, minutes.open_time_ms))
    market = tools.markets[key.symbol]
    covered = tools.store.coverage(m1)
    made = derive(
        minutes, market.anchors, market.calendar, covered, world.true_ms(), market.settle_ms
    )
    return made[key.timeframe]


def _difference(bars: Bars, wanted: Bars) -> str:
    found = set(bars.open_time_ms.tolist())
    true = set(wanted.open_time_ms.tolist())
    missing, foreign = sorted(true - found), sorted(found - true)
    if missing or foreign:
        return (
            f"{len(missing)} of {len(true)} missing {missing[:2]}, {len(foreign)} foreign "
            f"{foreign[:2]}"
        )
    for name in ("close_time_ms", "o", "h", "low", "c", "v", "source_count", "expected_count"):
        one, other = getattr(bars, name), getattr(wanted, name)
        differing = (one != other).nonzero()[0]
        if len(differing):
            at = int(differing[0])
            first_ms = bars.open_time_ms[at]
            return f"{name} of {len(differing)} bars, {one[at]} for {other[at]} at {first_ms}"
    return "only in its partial reasons"


async def _stop(world: World, node: SimNode) -> None:
    """An orderly stop leaves nobody behind."""
    assert node.engine is not None
    world.ends = True
    node.engine.stop()
    began_us = world.now_us()
    while node.is_alive and world.now_us() - began_us < 30e6:
        await asyncio.sleep(_LOOK_S)
    await asyncio.sleep(0)
    left = world.loop.living(node.node)
    if node.is_alive or left:
        world.oracles.violated(f"{node.view.name} was stopped and left {left}")


async def _judge_disk(world: World) -> None:
    """What was served is durable: after a power cut the next owner finds it."""
    world.platter.power_cut(Random(f"{world.case.seed}/last"))
    disk = MemoryDisk(world.platter)
    token = await mint_token(disk, "f" * 32)
    store = Store(store_terms(world.config), token, disk, world.cache, None)
    for symbol in world.config.symbols:
        recovered: Recovered = await store.recover(symbol)
        world.oracles.check_recovered(symbol, recovered, store.load)
        torn = [drop for drop in recovered.drops if not drop.is_torn]
        is_excused = symbol in world.oracles.damaged or world.oracles.is_disk_faulty
        if torn and not is_excused:
            world.oracles.violated(f"{symbol}: {torn[0].path} is damaged: {torn[0].why}")
