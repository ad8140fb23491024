"""Readers beside the engine: one takes a symbol whole, one takes its time.

Both ask Redis alone. The slow one notes where it is pointed to, goes away for some seconds and
then takes the tails of that generation one by one: until ten seconds after its successor was
flipped in, all of them must still be there.
"""

from __future__ import annotations

import asyncio
from random import Random

from uds import Reader
from uds.model import Generation, Symbol

from .world import World

_READ_S = 1.0
_HELD_S = (0.3, 9.0)
"""How long a slow reader may hold a generation that it was pointed to; the grace is ten."""


async def read_whole(world: World) -> None:
    """Look at one symbol after another, each at one moment."""
    reader = Reader(world.cache)
    turn = 0
    while True:
        await asyncio.sleep(_READ_S)
        symbols, timeframes = world.config.symbols, world.config.timeframes
        some = {timeframes[(turn + step) % len(timeframes)] for step in (0, 1, 4)}
        symbol = symbols[turn % len(symbols)]
        await world.oracles.read_redis(reader, symbol, tuple(sorted(some)))
        turn += 1


async def read_slowly(world: World) -> None:
    """Hold on to what was pointed to, then look for it."""
    random = Random(f"{world.case.seed}/slow reader")
    while True:
        await asyncio.sleep(random.uniform(0.0, 0.5))
        symbol = random.choice(world.config.symbols)
        live, losses = world.cache.live.get(symbol), world.oracles.losses
        if live is None or _gone(world, symbol, live.generation):
            continue  # nothing is served, or somebody took a part away before
        await asyncio.sleep(random.uniform(*_HELD_S))
        gone = _gone(world, symbol, live.generation)
        if world.oracles.losses != losses:
            continue  # not the engine's doing
        world.oracles.counts["slow reads"] += 1
        if gone:
            world.oracles.violated(
                f"{symbol}: a slow reader lost {', '.join(gone)} of {live.generation.short}"
            )


def _gone(world: World, symbol: Symbol, generation: Generation) -> list[str]:
    """Timeframes of a generation that Redis does not have."""
    tails = world.cache.tails
    return [tf.name for tf in world.config.timeframes if (symbol, generation, tf) not in tails]
