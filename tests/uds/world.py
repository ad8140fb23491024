"""A small world for the store: a platter, a Redis, owners that die or sleep, and readers beside.

Every bar carries a mark in its volume: the number of the life that made its generation. What
is acknowledged is written down here, so that whatever happens can be held against it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, TypeVar

from uds import opening
from uds.errors import CacheRegressed, DiskFailed, Fenced, UdsError
from uds.fault import Fault
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk, NodeCrashed, Platter
from uds.model import Bars, Generation, SeriesKey, Symbol, Timeframe
from uds.ports import Cache
from uds.reader import Reader
from uds.recovery import Recovered
from uds.shelf import StoreTerms
from uds.store import Store

from .samples import minute, terms

SYMBOLS = ("XAU/USD", "USD/JPY", "HKG33")
TIMEFRAMES = (Timeframe.M1, Timeframe.M5, Timeframe.D1)
M1, M5, D1 = TIMEFRAMES
_T = TypeVar("_T")
_MARKS = 1_000
"""A volume is mark + 1 000 × the bar's number: both can be read from it."""


def marked(mark: int, count: int, first: int = 0, timeframe: Timeframe = M1) -> Bars:
    """`count` bars from the `first`-th bucket on, all of one mark."""
    numbers = list(range(first, first + count))
    opens = [minute(0) + n * timeframe.ms for n in numbers]
    prices = [100.0 + mark + n / 1_000 for n in numbers]
    return Bars.of(
        opens,
        [open_ms + timeframe.ms for open_ms in opens],
        prices,
        prices,
        prices,
        prices,
        [mark + _MARKS * n for n in numbers],
    )


def marks_of(bars: Bars) -> set[int]:
    """The marks in a series."""
    return {int(v) % _MARKS for v in bars.v}


def small_terms() -> StoreTerms:
    """Three symbols in three timeframes."""
    return terms(SYMBOLS, TIMEFRAMES)


@dataclass
class Seam:
    """Counts every operation of one node, and stops it where it is told to."""

    at: int | None = None
    """The operation before which something happens; None for never."""
    does: str = "crash"
    """`crash`, `pause` until `woken` is set, or `fail` with `fault`, where a step can fail."""
    fault: Fault | None = None
    """How it fails."""
    has_failed: bool = False
    count: int = 0
    names: list[str] = field(default_factory=list)
    asleep: asyncio.Event = field(default_factory=asyncio.Event)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def before(self, name: str, path: str) -> Fault | None:
        """Asked by the disk and by the cache before each step."""
        number, self.count = self.count, self.count + 1
        self.names.append(name)
        if number == self.at:
            if self.does == "crash":
                raise NodeCrashed
            if self.does == "fail":
                self.has_failed = not name.startswith("cache.")
                return self.fault if self.has_failed else None
            self.asleep.set()
            await self.woken.wait()
        return None


class SeamedCache:
    """A cache whose node may stop before and after each call: a reply may be lost with it."""

    _LOCAL = frozenset({"connect", "close"})

    def __init__(self, inner: Cache, seam: Seam) -> None:
        self._inner = inner
        self._seam = seam

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Awaitable[object]] = getattr(self._inner, name)
        if name in self._LOCAL:
            return call

        async def seamed(*args: object) -> object:
            await self._seam.before(f"cache.{name}", "")
            reply = await call(*args)
            await self._seam.before(f"cache.{name} answered", "")
            return reply

        return seamed


@dataclass
class Node:
    """One owner and what it was told is durable."""

    store: Store
    disk: MemoryDisk
    seam: Seam


@dataclass
class World:
    """What outlives the owners, and what must be true of it."""

    platter: Platter = field(default_factory=Platter)
    cache: MemoryCache = field(default_factory=MemoryCache)
    leaves_out: frozenset[str] = frozenset()
    """Planted bugs of the disk."""
    durable: dict[tuple[Symbol, Timeframe], dict[int, int]] = field(default_factory=dict)
    """open → volume of bars acknowledged in the committed generation."""
    drafted: dict[tuple[Symbol, Timeframe], dict[int, int]] = field(default_factory=dict)
    """The same of the draft under way."""
    attempted: dict[tuple[Symbol, Timeframe], set[tuple[int, int]]] = field(default_factory=dict)
    """(open, volume) of every bar that an owner who was not superseded began to write."""
    committed: dict[Symbol, Generation] = field(default_factory=dict)
    """The last acknowledged commit."""
    committing: dict[Symbol, Generation] = field(default_factory=dict)
    """A commit that was asked for and may have happened."""
    reads: int = 0
    has_emptied: bool = False
    """Whether Redis lost everything: then readers are refused rather than misled."""
    seen_ms: dict[Symbol, tuple[Generation, int]] = field(default_factory=dict)
    """The generation a reader was given last, and its newest M1."""
    violations: list[str] = field(default_factory=list)
    readers: dict[Symbol, Reader] = field(default_factory=dict)
    lives: int = 0

    async def node(self, seam: Seam | None = None, boot: int | None = None) -> Node:
        """The next owner: it mints its token and claims, as `open_store` and the watch do."""
        self.lives += 1
        seam = seam or Seam()
        disk = MemoryDisk(self.platter, seam, self.leaves_out)
        token = await again(lambda: opening.mint_token(disk, f"{boot or self.lives:032x}"))
        store = Store(small_terms(), token, disk, SeamedCache(self.cache, seam), None)  # type: ignore[arg-type]
        await again(store.connect)
        return Node(store, disk, seam)

    # -- a life ------------------------------------------------------------------------------

    async def live(self, node: Node) -> None:
        """Recover, fill, serve, follow some minutes, rebuild one symbol, keep house.

        A start goes on in the mark of what it finds; a rebuild has one of its own.
        """
        store = node.store
        for symbol in SYMBOLS:
            recovered = await again(partial(store.recover, symbol))
            self.check_recovered(store, symbol, recovered)
            await self._fill(store, symbol, self._mark(symbol), 6 * self.lives)
            await self._serve(store, symbol)
        for n in (1, 0):  # the second comes late, and so begins a file of its own
            for symbol in SYMBOLS:
                await self._minute(store, symbol, 6 * self.lives + n)
        await again(lambda: store.checkpoint(1))
        rebuilt = SYMBOLS[0]
        await self._rebuild(store, rebuilt, self._mark(rebuilt) + 1, 6 * self.lives + 2)
        await self._minute(store, rebuilt, 6 * self.lives + 2)
        await again(lambda: store.checkpoint(2))
        for symbol in SYMBOLS:
            await again(partial(store.collect, symbol))
            await again(store.scrub)
        await store.check_ownership()

    async def _fill(self, store: Store, symbol: Symbol, mark: int, until: int) -> None:
        """A start: two pages of M1, newest first, one of D1, and what is derived."""
        await self.append(store, symbol, M1, marked(mark, until - until // 2, until // 2), drafts=1)
        await self.append(store, symbol, M1, marked(mark, until // 2), drafts=1)
        await self.append(store, symbol, D1, marked(mark, 2, 0, D1), drafts=1)
        await self.append(store, symbol, M5, marked(mark, max(1, until // 5), 0, M5), drafts=1)

    async def _serve(self, store: Store, symbol: Symbol) -> None:
        book = store._shelves[symbol].draft
        assert book is not None
        self.committing[symbol] = book.generation
        generation = await again(lambda: store.commit(symbol))
        self.committed[symbol] = generation
        del self.committing[symbol]
        for timeframe in TIMEFRAMES:
            self.durable[symbol, timeframe] = self.drafted.pop((symbol, timeframe), {})
        await store.prime(symbol)
        await store.flip(symbol)
        await self.look(symbol)

    async def _minute(self, store: Store, symbol: Symbol, n: int) -> None:
        await self.append(store, symbol, M1, marked(self._mark(symbol), 1, n))
        await store.extend(symbol)
        await self.look(symbol)

    async def _rebuild(self, store: Store, symbol: Symbol, mark: int, until: int) -> None:
        store.begin(symbol)
        for timeframe in TIMEFRAMES:
            self.drafted.pop((symbol, timeframe), None)
        await self._fill(store, symbol, mark, until)
        await self._serve(store, symbol)

    def _mark(self, symbol: Symbol) -> int:
        return min((v % _MARKS for v in self.durable.get((symbol, M1), {}).values()), default=1)

    async def append(
        self, store: Store, symbol: Symbol, timeframe: Timeframe, bars: Bars, drafts: int = 0
    ) -> None:
        """Write bars and note them once they are acknowledged."""
        covered = [] if timeframe is M5 else [(int(bars.open_time_ms[0]), _end(bars))]
        key, rows = SeriesKey(symbol, timeframe), _rows(bars)
        self.attempted.setdefault((symbol, timeframe), set()).update(rows)
        await again(lambda: store.append(key, bars, covered))
        account = (self.drafted if drafts else self.durable).setdefault((symbol, timeframe), {})
        account |= dict(rows)

    # -- what must hold ----------------------------------------------------------------------

    async def look(self, symbol: Symbol) -> None:
        """A reader of Redis: whole, of one generation, never back in time."""
        reader = self.readers.setdefault(symbol, Reader(self.cache))
        try:
            served = await reader.read(symbol, TIMEFRAMES)
        except CacheRegressed as error:
            self._expect(self.has_emptied, f"{symbol}: a reader was refused: {error}")
            return
        if served is None:
            return
        self.reads += 1
        last_ms = served.tails[M1].last_open_ms or 0
        before = self.seen_ms.get(symbol, (served.generation, 0))
        self._expect(
            before[0] != served.generation or last_ms >= before[1],
            f"{symbol}: a reader went back in time within {served.generation}",
        )
        self.seen_ms[symbol] = (served.generation, last_ms)
        marks = {mark for bars in served.tails.values() for mark in marks_of(bars)}
        self._expect(len(marks) <= 1, f"{symbol}: a read of {served.generation} mixes {marks}")

    def check_recovered(self, store: Store, symbol: Symbol, recovered: Recovered) -> None:
        """Nothing acknowledged is lost, nothing is mixed, nothing is covered without proof."""
        committed, maybe = self.committed.get(symbol), self.committing.pop(symbol, None)
        if recovered.found is not None and recovered.found == maybe:
            committed = self.committed[symbol] = maybe
            for timeframe in TIMEFRAMES:
                self.durable[symbol, timeframe] = self.drafted.get((symbol, timeframe), {})
        if committed is not None:
            self._expect(
                recovered.found == committed,
                f"{symbol}: {recovered.found} was found where {committed} was acknowledged",
            )
        marks: set[int] = set()
        for timeframe in TIMEFRAMES:
            key = SeriesKey(symbol, timeframe)
            bars, wanted = store.load(key), self.durable.get((symbol, timeframe), {})
            found = dict(_rows(bars))
            foreign = set(found.items()) - self.attempted.get((symbol, timeframe), set())
            self._expect(not foreign, f"{key}: {len(foreign)} bars that nobody may have written")
            self.attempted[symbol, timeframe] = set(found.items())  # the rest may not appear later
            lost = sorted(open_ms for open_ms, v in wanted.items() if found.get(open_ms) != v)
            self._expect(not lost, f"{key}: {len(lost)} acknowledged bars are lost or changed")
            marks |= marks_of(bars)
            if timeframe is not M5:
                self._check_coverage(store, key, set(found))
        self._expect(
            len(marks) <= 1,
            f"{symbol}: the draft from {recovered.found} mixes {marks}",
        )
        for timeframe in TIMEFRAMES:
            self.drafted.pop((symbol, timeframe), None)

    def _check_coverage(self, store: Store, key: SeriesKey, opens: set[int]) -> None:
        """Every bucket here has a bar, so what is covered without one was never fetched."""
        width_ms = key.timeframe.ms
        bare = [
            ts_ms
            for from_ms, until_ms in store.coverage(key)
            for ts_ms in range(from_ms, until_ms, width_ms)
            if ts_ms not in opens
        ]
        self._expect(not bare, f"{key}: {len(bare)} covered buckets have no bar")

    def _expect(self, holds: bool, sentence: str) -> None:
        if not holds:
            self.violations.append(sentence)


async def again(call: Callable[[], Awaitable[_T]]) -> _T:
    """What the engine does with a disk that fails: the same call once more."""
    try:
        return await call()
    except DiskFailed:
        return await call()


def _rows(bars: Bars) -> list[tuple[int, int]]:
    return list(zip(bars.open_time_ms.tolist(), bars.v.tolist(), strict=True))


def _end(bars: Bars) -> int:
    return int(bars.close_time_ms[-1])


# -- strategies -----------------------------------------------------------------------------------


async def crashed_life(world: World, seam: Seam) -> bool:
    """A life that is killed where the seam says; False when it ended by itself."""
    try:
        node = await world.node(seam)
        await world.live(node)
    except NodeCrashed:
        return True
    return False


async def crash_at(
    operation: int, cut: Random | None, plant: Callable[[World], None] | None = None
) -> World:
    """A whole life, then one killed before an operation, then one that must find all and live."""
    world = World()
    if plant is not None:
        plant(world)
    await world.live(await world.node())
    await crashed_life(world, Seam(operation))
    if cut is not None:
        world.platter.power_cut(cut)
        await world.live(await world.node())
        return world
    world.platter.crash()
    await world.live(await world.node())
    world.platter.power_cut(Random(operation))  # what a kill left was read, but is it durable?
    await world.live(await world.node())
    return world


async def fail_at(
    operation: int, fault: Fault, cut: Random, plant: Callable[[World], None] | None = None
) -> World:
    """A life in which one step of the disk fails and is tried again, then a power cut."""
    world = World()
    if plant is not None:
        plant(world)
    await world.live(await world.node())
    await world.live(await world.node(Seam(operation, "fail", fault)))
    world.platter.power_cut(cut)
    await world.live(await world.node())
    return world


async def zombie_at(
    operation: int, empties: str, plant: Callable[[World], None] | None = None
) -> World:
    """The second owner sleeps before an operation while a third lives, then wakes and goes on.

    `empties` says when Redis loses everything: `never`, `before` the third owner, or `after`.
    """
    world = World()
    if plant is not None:
        plant(world)
    await world.live(await world.node())
    seam = Seam(operation, "pause")
    zombie = asyncio.create_task(_zombie(world, seam))
    waiting = asyncio.create_task(seam.asleep.wait())
    await asyncio.wait((zombie, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if empties == "before":
        world.cache.emptied()
    successor = World(
        world.platter,
        world.cache,
        durable=deepcopy(world.durable),
        attempted=deepcopy(world.attempted),
        drafted=deepcopy(world.drafted),
        committed=dict(world.committed),
        committing=dict(world.committing),
        readers=world.readers,
        seen_ms=world.seen_ms,
        has_emptied=empties != "never",
        lives=world.lives + 1,
    )
    world.has_emptied = successor.has_emptied
    node = await successor.node()
    await successor.live(node)
    if empties == "after":
        world.cache.emptied()
    served = dict(world.cache.live)
    seam.woken.set()
    await asyncio.wait((zombie,))
    zombie.result()
    if await _is_latest(node):  # else it slept before it took its token: it is the successor
        for symbol in SYMBOLS:
            pointer = world.cache.live.get(symbol)
            if empties != "after" and pointer != served[symbol]:
                successor.violations.append(f"{symbol}: the zombie made {pointer} visible")
        await _heal(node.store)
        for symbol in SYMBOLS:
            await successor.look(symbol)
        await successor.live(await successor.node())
    return successor


async def _is_latest(node: Node) -> bool:
    try:
        await node.store.check_folder()
    except Fenced:
        return False
    return True


async def _zombie(world: World, seam: Seam) -> None:
    try:
        await world.live(await world.node(seam))
    except UdsError:
        return  # fenced, or the successor has already swept away what it was about to use


async def _heal(store: Store) -> None:
    """What the watch of the cache does at its next beat."""
    try:
        await store.check_ownership()
    except CacheRegressed:
        await store.connect()
        for symbol in SYMBOLS:
            await store.restore(symbol)
