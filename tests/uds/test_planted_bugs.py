"""Bugs planted in the waist, each of which the crash, cut, error or zombie runs must catch.

No violation in `test_store_crashes.py` means nothing unless the same runs notice a bug. Each
row plants one, names the strategy that catches it, and fails when the bug goes unnoticed. Bugs
that two layers guard against are planted in both: in one alone they change nothing, which is
shown as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest

import uds.recovery
import uds.store
import uds.upkeep
from uds import layout, opening
from uds.codec import unpack_tail
from uds.errors import CacheRegressed, Fenced
from uds.fault import Fault, FaultKind
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import FencingToken, Generation, SeriesKey, Symbol, Timeframe
from uds.ports import Disk, Pointer
from uds.publishing import Publisher
from uds.store import Store
from uds.writing import Writer

from .waist_bugs import (
    both,
    check_nothing,
    collect_live,
    extend_unsequenced,
    flip_incomplete,
    flip_unfenced,
    flip_unread,
    leaving_out,
    mint_by_reading,
    patching,
    pointed_commit,
    prime_one,
    write_nothing_again,
    write_unpoisoned,
)
from .world import (
    SYMBOLS,
    TIMEFRAMES,
    Seam,
    World,
    crash_at,
    fail_at,
    marks_of,
    zombie_at,
)

RUNS_MAX = 400
"""A bug that hides longer than this is not caught."""
Strategy = Callable[[Callable[[World], None]], AsyncIterator[World]]


def shuffled(seed: int = 1) -> list[int]:
    """Operations in an order that does not begin with the dull ones."""
    numbers = list(range(330))
    Random(seed).shuffle(numbers)
    return numbers


async def cuts(plant: Callable[[World], None]) -> AsyncIterator[World]:
    """Power cuts."""
    for operation in shuffled():
        yield await crash_at(operation, Random(operation), plant)


async def kills(plant: Callable[[World], None]) -> AsyncIterator[World]:
    """Kills, and a power cut later."""
    for operation in shuffled():
        yield await crash_at(operation, None, plant)


async def errors(plant: Callable[[World], None]) -> AsyncIterator[World]:
    """A disk that is full for once, after a part was written."""
    for operation in shuffled():
        full = Fault(FaultKind.FULL, "*", kept_bytes=200)
        yield await fail_at(operation, full, Random(operation), plant)


async def zombies(plant: Callable[[World], None]) -> AsyncIterator[World]:
    """Sleepers who wake after their successor's life."""
    for operation in shuffled():
        yield await zombie_at(operation, "never", plant)


async def amnesia(plant: Callable[[World], None]) -> AsyncIterator[World]:
    """The newest commit of a symbol goes bad after three quiet lives; its predecessor must do."""
    world = World()
    plant(world)
    for _ in range(3):
        await world.live(await world.node())
    files = world.platter.files
    newest = max(p for p in files if p.startswith(layout.commit_folder(SYMBOLS[1]) + "/"))
    files[newest] = b"\0"
    store = (await world.node()).store
    recovered = await store.recover(SYMBOLS[1])
    if recovered.found is None or recovered.drops:
        world.violations.append("no whole generation to fall back to")
    yield world


async def twins(plant: Callable[[World], None]) -> AsyncIterator[World]:
    """Two boots in one second: the second mints while the first stands before some operation."""
    for operation in range(12):
        world = World()
        plant(world)
        seam = Seam(operation, "pause")
        disk = MemoryDisk(world.platter, seam)
        first = asyncio.create_task(opening.mint_token(disk, "1"))
        asleep = asyncio.create_task(seam.asleep.wait())
        await asyncio.wait((asleep, first), return_when=asyncio.FIRST_COMPLETED)
        second = await opening.mint_token(MemoryDisk(world.platter), "2")
        seam.woken.set()
        if (await first).value == second.value:
            world.violations.append("two boots hold one token")
        yield world


async def copies(plant: Callable[[World], None]) -> AsyncIterator[World]:
    """A copied data folder on the same Redis: both count their owners from one."""
    one = World()
    plant(one)
    other = World(cache=one.cache)
    node = await one.node(boot=1)
    await one.live(node)
    try:
        await other.live(await other.node(boot=2))
    except Fenced:
        pass
    except CacheRegressed:
        one.violations.append("a copied folder was let in, and came far")
    else:
        one.violations.append("a copied folder was let in")
    yield one


async def late(plant: Callable[[World], None]) -> AsyncIterator[World]:
    """An extension that timed out reaches the server after the two that followed it."""
    world = World()
    plant(world)
    node = await world.node()
    await world.live(node)
    symbol = SYMBOLS[1]
    before = world.cache.live[symbol]
    stale = {tf: world.cache.tails[symbol, before.generation, tf] for tf in TIMEFRAMES}
    for n in (20, 21):
        await world._minute(node.store, symbol, n)
    with suppress(CacheRegressed):
        await world.cache.extend(symbol, node.store.token, before.generation, before.seq, stale)
    await world.look(symbol)
    yield world


async def slow_reader(plant: Callable[[World], None]) -> AsyncIterator[World]:
    """A reader that takes one timeframe at each operation of the owner, beside a rebuild."""
    world = World()
    plant(world)
    await world.live(await world.node())
    node = await world.node(_Watched(world))
    await world.live(node)
    yield world


class _Watched(Seam):
    """Lets a reader take its next step before each operation."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._steps = 0
        self._marks: set[int] = set()

    async def before(self, name: str, path: str) -> Fault | None:
        timeframe = TIMEFRAMES[self._steps % len(TIMEFRAMES)]
        found = await read_one(self._world.cache, SYMBOLS[0], timeframe, self._steps)
        self._marks = found if timeframe is TIMEFRAMES[0] else self._marks | found
        if len(self._marks) > 1:
            self._world.violations.append("a slow reader mixed two generations")
        self._steps += 1
        return await super().before(name, path)


_PINNED: list[tuple[Pointer, dict[Timeframe, bytes]] | None] = [None]


async def read_one(cache: MemoryCache, symbol: Symbol, timeframe: Timeframe, step: int) -> set[int]:
    """As it should be: pointer and tails in one call, taken apart afterwards."""
    if timeframe is TIMEFRAMES[0]:
        _PINNED[0] = await cache.read(symbol, TIMEFRAMES)
    return _marks(_PINNED[0], symbol, timeframe)


async def read_one_each(
    cache: MemoryCache, symbol: Symbol, timeframe: Timeframe, step: int
) -> set[int]:
    """The bug: the pointer is read again for each key."""
    return _marks(await cache.read(symbol, (timeframe,)), symbol, timeframe)


def _marks(
    found: tuple[Pointer, dict[Timeframe, bytes]] | None, symbol: Symbol, timeframe: Timeframe
) -> set[int]:
    if found is None or timeframe not in found[1]:
        return set()
    return marks_of(unpack_tail(SeriesKey(symbol, timeframe), found[1][timeframe]))


async def runs_until_caught(strategy: Strategy, plant: Callable[[World], None]) -> int | None:
    """How many runs it took; None when the bug was never noticed."""
    runs = 0
    async for world in strategy(plant):
        runs += 1
        if world.violations:
            return runs
        if runs == RUNS_MAX:
            break
    return None


# -- the bugs -------------------------------------------------------------------------------------


def mutable_pointer() -> Callable[[pytest.MonkeyPatch, World], None]:
    """A file CURRENT that each commit overwrites, in place of the highest commit."""
    link = uds.store.Store.commit

    async def commit(self: Store, symbol: Symbol) -> Generation:
        generation = await link(self, symbol)
        current = f"{layout.folder_of(symbol)}/CURRENT"
        await self._disk.replace(current, str(generation).encode())
        return generation

    def plant(patch: pytest.MonkeyPatch, world: World) -> None:
        patch.setattr(uds.store.Store, "commit", commit)
        patch.setattr(uds.recovery, "_newest_commit", pointed_commit)

    return plant


async def write_unfenced(
    self: MemoryCache, symbol: Symbol, token: FencingToken, generation: Generation, tails: Any
) -> None:
    """No look at the owner."""
    for timeframe, value in tails.items():
        self.tails[symbol, generation, timeframe] = value


def standing_by_number(self: MemoryCache, symbol: Symbol, token: FencingToken) -> str:
    """Tokens compared without their boots."""
    owner = self.owners.get(symbol)
    if owner is None or owner.value < token.value:
        return "UNCLAIMED"
    return "OK" if owner.value == token.value else "FENCED"


async def collect_at_once(
    disk: Disk, symbol: Symbol, shelf: Any, token: int
) -> AsyncIterator[tuple[str, ...]]:
    """The previous generation is garbage too."""
    shelf.previous, shelf.previous_paths = None, frozenset()
    async for paths in _GARBAGE(disk, symbol, shelf, token):
        yield paths


_GARBAGE = uds.upkeep.garbage


_HALF = patching(Store, "prime", prime_one)
_FENCELESS_FLIP = patching(MemoryCache, "flip", flip_unfenced)
_UNREAD = patching(Publisher, "flip", flip_unread)

BUGS: dict[str, tuple[Strategy, Callable[[pytest.MonkeyPatch, World], None]]] = {
    "no fsync of segments before the link": (cuts, leaving_out("append.Sync")),
    "no fsync of the manifest before the link": (cuts, leaving_out("replace.Sync")),
    "no fsync of the commit folder": (cuts, leaving_out("link.SyncFolder")),
    "no fsync of a new segment's folder": (cuts, leaving_out("append.SyncFolder")),
    "no fsync of the manifest's folder": (
        cuts,
        leaving_out("replace.SyncFolder", "link.SyncFolder"),
    ),
    "token read, then written": (
        twins,
        patching(opening, "mint_token", mint_by_reading),
    ),
    "mutable pointer": (zombies, mutable_pointer()),
    "flip before complete": (
        kills,
        both(_HALF, _UNREAD, patching(MemoryCache, "flip", flip_incomplete)),
    ),
    "flip without fence": (
        zombies,
        both(
            _FENCELESS_FLIP,
            patching(MemoryCache, "write", write_unfenced),
        ),
    ),
    "owner compared by number only": (
        copies,
        patching(MemoryCache, "_standing", standing_by_number),
    ),
    "previous generation collected": (amnesia, patching(uds.store, "garbage", collect_at_once)),
    "files of live bars collected": (
        kills,
        patching(uds.store, "garbage", collect_live),
    ),
    "reader re-reading the pointer": (
        slow_reader,
        lambda patch, world: patch.setattr(f"{__name__}.read_one", read_one_each),
    ),
    "extend without sequence": (
        late,
        patching(MemoryCache, "extend", extend_unsequenced),
    ),
    "write after a failed write to the same file": (
        errors,
        patching(Writer, "_write", write_unpoisoned),
    ),
    "killed owner's bytes taken for durable": (
        kills,
        patching(uds.store, "write_again", write_nothing_again),
    ),
}


@pytest.mark.parametrize("bug", BUGS)
async def test_a_planted_bug_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its strategy, within so many runs."""
    strategy, plant = BUGS[bug]
    runs = await runs_until_caught(strategy, lambda world: plant(monkeypatch, world))

    assert runs is not None, f"{bug} went unnoticed"
    print(f"{bug}: caught by {strategy.__name__} after {runs} runs")


@pytest.mark.parametrize("strategy", [amnesia, twins, copies, late, slow_reader])
async def test_without_a_bug_the_special_strategies_find_nothing(strategy: Strategy) -> None:
    """Else they would catch anything."""
    assert None is await runs_until_caught(strategy, lambda world: None)


GUARDED_TWICE: dict[str, tuple[Strategy, Callable[[pytest.MonkeyPatch, World], None]]] = {
    "half a prime is refused by the flip": (late, _HALF),
    "a flip's reply taken for granted is caught by the heartbeat": (late, _UNREAD),
    "the owner folder is not looked at, Redis fences": (
        copies,
        patching(Store, "check_folder", check_nothing),
    ),
}


@pytest.mark.parametrize("bug", GUARDED_TWICE)
async def test_one_of_two_layers_is_enough(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one layer gone nothing wrong becomes visible: at worst the life is refused."""
    strategy, plant = GUARDED_TWICE[bug]
    try:
        caught = await runs_until_caught(strategy, lambda world: plant(monkeypatch, world))
    except CacheRegressed:
        caught = None

    assert caught is None
