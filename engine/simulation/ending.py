"""The course of a run and its last questions: does all heal, and is all there."""

from __future__ import annotations

import asyncio
from random import Random

from uds import MemoryDisk, Recovered, Store, mint_token

from ..degraded import DegradedCode, Severity
from ..sources import store_terms
from .case import Act
from .loudness import standing_codes
from .node import SimNode
from .readers import read_slowly, read_whole
from .stored import judge_stored
from .world import World

_LOOK_S = 0.5
STRUCK_S = 16.0
"""How long an operation may be awaited that is struck: a start, a minute, a collection."""
HEAL_S = 240.0
"""How long an engine may take to be as if nothing had happened."""
_AUDIT_S = 1.0
"""How long the tails of one symbol in Redis may wait to be held against those in RAM."""
_MINUTE_S = 65.0
"""How long a wait for the next minute lasts that began under another wall clock."""
_DOUBT_S = 125.0
"""How long a long silence is doubted at most."""


async def live_through(world: World, acts: tuple[Act, ...]) -> None:
    """Boot, let everything be done, heal, wait, judge."""
    world.boot()
    world.acts.schedule(acts)
    readers = (
        asyncio.create_task(read_whole(world), name="reader of Redis"),
        asyncio.create_task(read_slowly(world), name="slow reader of Redis"),
    )
    least_s = 0.0 if world.case.strike is None else STRUCK_S
    await asyncio.sleep(max((act.until_s for act in acts), default=least_s) + 0.5)
    world.strike = None
    world.acts.heal()
    world.tell("WORLD", "heals")
    await asyncio.sleep(_LOOK_S)  # what a stall had put off comes now, a successor's boot too
    node = await _healthy(world)
    for reader in readers:
        reader.cancel()
    if node is None:
        return
    await _settled(world, node)
    await _judge(world, node)
    await _stop(world, node)
    await _judge_disk(world)


async def _healthy(world: World) -> SimNode | None:
    """The boot that is as if nothing had happened, once there is one."""
    began_us = world.now_us()
    while world.now_us() - began_us < HEAL_S * 1e6:
        node = world.current
        is_alone = sum(node.is_alive for node in world.nodes) == 1
        if node is not None and is_alone and _is_well(world, node):
            return node
        if node is not None and node.engine is not None:
            _help(world, node)
        for other in world.nodes:
            if other.is_alive and DegradedCode.FENCED in {code for _, code, _ in other.view.raised}:
                world.kill(other)
        world.boot_if_none()
        await asyncio.sleep(_LOOK_S)
    _say_ill(world)
    return None


def _is_well(world: World, node: SimNode) -> bool:
    """Open and not degraded; M1 that were left out differ from D1 and from the calendar truly.

    A budget that priming did not keep, slow as it was, is the operator's: nobody else raises it.
    """
    if node.engine is None:
        return False
    status = node.engine.board.status
    degraded = {r.code for r in status.reasons if r.severity is Severity.DEGRADED}
    degraded.discard(DegradedCode.PRIME_BUDGET_TOO_SMALL)
    if world.oracles.has_broker_lied:
        degraded -= {DegradedCode.D1_MISMATCH, DegradedCode.CALENDAR_DRIFT}
    return status.gate_state.is_open and not degraded


def _help(world: World, node: SimNode) -> None:
    """After a login that was refused for good nothing comes without an operator."""
    assert node.engine is not None
    if DegradedCode.BROKER_LOGIN_PERMANENT in standing_codes(node):
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


def _is_busy(node: SimNode) -> bool:
    """Whether history is being deepened, or a generation filled."""
    assert node.engine is not None
    engine = node.engine
    status = engine.board.status
    drafts = any(engine.store.is_drafting(symbol) for symbol in engine.tools.markets)
    deepens = any(reason.code is DegradedCode.DEPTH_SHORT for reason in status.reasons)
    return drafts or deepens or engine.board.status.broker.slots_used > 0 or not node.is_alive


async def _settled(world: World, node: SimNode) -> None:
    """On to a moment at which nothing is due: between the settling of one minute and the next."""
    if world.oracles.has_broker_lied:
        await asyncio.sleep(_DOUBT_S)
    elif world.oracles.has_clock_jumped:
        await asyncio.sleep(_MINUTE_S)
    else:
        await asyncio.sleep(_AUDIT_S * (len(world.config.symbols) + 2))
    began_us = world.now_us()
    while world.now_us() - began_us < 120e6:
        into_s = world.true_ms() % 60_000 / 1_000
        if 20 <= into_s <= 55 and not _is_busy(node):
            return
        await asyncio.sleep(_LOOK_S if 20 <= into_s < 55 else (25 - into_s) % 60)


async def _judge(world: World, node: SimNode) -> None:
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
        await judge_stored(world, node, symbol)
    node.conduct.judge_tails()
    used = status.broker.slots_used
    if used:
        world.oracles.violated(f"{used} slots are held though nobody asks")


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
        world.ledger.check_recovered(symbol, recovered, store.load)
        torn = [drop for drop in recovered.drops if not drop.is_torn]
        is_excused = symbol in world.oracles.damaged or world.oracles.is_disk_faulty
        if torn and not is_excused:
            world.oracles.violated(f"{symbol}: {torn[0].path} is damaged: {torn[0].why}")
