"""Takes from Redis and from the disk what they had; whoever notices in time may go on."""

from __future__ import annotations

from collections.abc import Callable

from uds import MemoryCache

from .case import Act, ActKind
from .oracles import REDIS_CODES
from .world import World

_KIND = ActKind
_BEAT_S = 0.25
"""How long nobody looks at Redis."""


def _empty_redis(world: World, act: Act) -> None:
    _expect_said(world, "Redis emptied")
    world.cache.emptied()
    world.oracles.emptied()


def _roll_redis_back(world: World, act: Act) -> None:
    before = world.cache.copied()
    world.loop.call_later(act.for_s, _put_back, world, before, context=world.context)


def _put_back(world: World, before: MemoryCache) -> None:
    if (before.owners, before.live) != (world.cache.owners, world.cache.live):
        _expect_said(world, "Redis rolled back")
        world.oracles.counts["Redis was rolled back"] += 1
    world.cache.put_back(before)
    world.oracles.emptied()


def _expect_said(world: World, told: str) -> None:
    node = world.current
    world.loudness.note_loss()
    if node is not None and node.view.has_opened:
        world.loudness.expect(node, REDIS_CODES, _BEAT_S, told)


def _lose_tail(world: World, act: Act) -> None:
    live = world.cache.live.get(act.subject)
    keys = [k for k in world.cache.tails if live and k[:2] == (act.subject, live.generation)]
    if keys:
        del world.cache.tails[world.random.choice(keys)]
        world.oracles.emptied()


def _flip_bit(world: World, act: Act) -> None:
    folder = act.subject.replace("/", "_")
    paths = sorted(p for p in world.platter.files if f"{folder}/tf_" in p)
    if not paths:
        return
    path = paths[int(act.amount * len(paths)) % len(paths)]
    data = bytearray(world.platter.files[path])
    at = world.random.randrange(len(data)) if data else 0
    if data:
        data[at] ^= 1 << world.random.randrange(8)
        world.platter.files[path] = bytes(data)
        world.oracles.damaged.add(act.subject)
        world.tell("NEMESIS", f"flipped a bit of {path}")


def _spoil_state(world: World, act: Act) -> None:
    node = world.current
    if node is not None:
        world.kill(node)
        world.boot_later(act.amount)
    paths = world.state_files.spoil(act.subject, world.random)
    world.tell("NEMESIS", f"spoiled {', '.join(paths) or 'nothing'}")


LOSSES: dict[ActKind, Callable[[World, Act], None]] = {
    _KIND.REDIS_EMPTIED: _empty_redis,
    _KIND.REDIS_ROLLED_BACK: _roll_redis_back,
    _KIND.REDIS_TAIL_LOST: _lose_tail,
    _KIND.BIT_FLIPPED: _flip_bit,
    _KIND.STATE_SPOILED: _spoil_state,
}
"""How each kind of loss is done."""
