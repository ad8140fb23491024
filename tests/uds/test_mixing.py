"""Readers beside a symbol that is rebuilt without a pause: every answer is one generation's.

Mixing is made visible: the volume of every bar modulo 97 names its generation, and each
extension adds one bar to every timeframe, so that the length of a tail tells its place in the
sequence. Each answer is held against what it says it is: not one bar of another generation, no
tail missing, none longer or shorter than its seq, never older than an answer before. Two ways
of reading that look just as good are caught by the same loop. `HYPOTHESIS_PROFILE=nightly`
runs it for 20 s.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pytest
import redis.asyncio as redis

from uds import codec, layout
from uds.cache import RedisCache
from uds.embedded import EmbeddedServer
from uds.errors import CacheRegressed
from uds.memory_disk import MemoryDisk
from uds.model import Bars, Generation, SeriesKey, Timeframe
from uds.reader import Reader, Served
from uds.shelf import Snapshot
from uds.store import Store

from .conftest import NAMESPACE
from .samples import GOLD, minute, terms, token

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
DURATION_S = 20.0 if NIGHTLY else 3.0
READERS = 4
MODULUS = 97
BARS = 30
EXTENSIONS = 3
"""Live minutes of each generation before the next is begun."""
COLLECTED_EVERY = 10
TIMEFRAMES = tuple(Timeframe)
Answer: TypeAlias = Served | Snapshot
Way: TypeAlias = Callable[[], Awaitable[Answer | None]]


def named(generation: Generation, count: int, first: int, timeframe: Timeframe) -> Bars:
    """Bars of which each names its generation in its volume."""
    name, numbers = generation.n % MODULUS, np.arange(first, first + count)
    opens = minute(0) + numbers * timeframe.ms
    price = 100.0 + name + numbers / 100
    return Bars.of(
        opens, opens + timeframe.ms, price, price, price, price, name + MODULUS * numbers
    )


async def rebuild(store: Store) -> None:
    """Fill a new generation while the old one is served, then live through some minutes."""
    generation = store.begin(GOLD)
    for timeframe in TIMEFRAMES:
        await store.append(SeriesKey(GOLD, timeframe), named(generation, BARS, 0, timeframe))
    await store.commit(GOLD)
    await store.prime(GOLD)
    await store.flip(GOLD)
    for n in range(BARS, BARS + EXTENSIONS):
        for timeframe in TIMEFRAMES:
            await store.append(SeriesKey(GOLD, timeframe), named(generation, 1, n, timeframe))
        await store.extend(GOLD)
    if generation.n % COLLECTED_EVERY == 0:
        await store.collect(GOLD)


@dataclass
class Tally:
    """What readers were given."""

    reads: int = 0
    mixed: int = 0
    """Answers with a bar that is not of the answer's generation and place."""
    missing: int = 0
    """Answers without a tail, or with fewer bars than their place says."""
    back: int = 0
    """Answers older than one that the same reader had before."""
    generations: set[Generation] = field(default_factory=set)

    def take(self, answer: Answer) -> None:
        """Hold an answer against what it says it is."""
        self.reads += 1
        self.generations.add(answer.generation)
        name, count = answer.generation.n % MODULUS, BARS + answer.seq
        tails = [answer.tails.get(timeframe, Bars.empty()) for timeframe in TIMEFRAMES]
        self.missing += any(len(bars) < count for bars in tails)
        self.mixed += any((bars.v % MODULUS != name).any() or len(bars) > count for bars in tails)

    async def watch(self, way: Way, is_over: Callable[[], bool]) -> None:
        """Read without a pause, and remember how far it was."""
        seen = Generation(0, 0), 0
        while not is_over():
            try:
                answer = await way()
            except CacheRegressed as refusal:
                is_half = " without its " in refusal.detail
                self.missing += is_half
                self.back += not is_half
                continue
            if answer is not None:
                self.take(answer)
                place = answer.generation, answer.seq
                self.back += place < seen
                seen = place


class Ways:
    """How a reader may come to an answer; the last two must not be trusted."""

    def __init__(self, store: Store, cache: RedisCache, client: redis.Redis) -> None:
        self.store = store
        self._reader = Reader(cache)
        self._client: Any = client

    async def one_call(self) -> Answer | None:
        """As the product reads Redis."""
        return await self._reader.read(GOLD, TIMEFRAMES)

    async def from_ram(self) -> Answer | None:
        """As the product's API answers."""
        await asyncio.sleep(0.001)
        return self.store.tail(GOLD)

    async def pointer_first(self) -> Answer | None:
        """The pointer, then each tail under the name that it gives."""
        generation, seq = await self._pointer()
        tails = {timeframe: await self._tail(generation, timeframe) for timeframe in TIMEFRAMES}
        return Served(generation, seq, None, tails)

    async def pointer_per_key(self) -> Answer | None:
        """The pointer anew for each tail."""
        generation, seq = await self._pointer()
        tails = {tf: await self._tail((await self._pointer())[0], tf) for tf in TIMEFRAMES}
        return Served(generation, seq, None, tails)

    async def _pointer(self) -> tuple[Generation, int]:
        found = await self._client.hmget(layout.live_key(NAMESPACE, GOLD), ["generation", "seq"])
        return Generation.parse(found[0].decode()), int(found[1])

    async def _tail(self, generation: Generation, timeframe: Timeframe) -> Bars:
        key = SeriesKey(GOLD, timeframe)
        value = await self._client.get(layout.tail_key(NAMESPACE, key, generation))
        return Bars.empty() if value is None else codec.unpack_tail(key, value)


@pytest.fixture
async def readers(
    shared_server: EmbeddedServer, redis_cache: RedisCache
) -> AsyncIterator[list[Ways]]:
    """Readers with connections of their own, who may only read, of a store that serves gold."""
    store = Store(terms((GOLD,), TIMEFRAMES), token(1), MemoryDisk(), redis_cache, None)
    await store.connect()
    await rebuild(store)
    async with AsyncExitStack() as closing:
        found: list[Ways] = []
        for _ in range(READERS):
            cache = RedisCache(shared_server.reader_url, NAMESPACE)
            closing.push_async_callback(cache.close)
            client = redis.Redis.from_url(shared_server.reader_url)
            closing.push_async_callback(client.aclose)
            found.append(Ways(store, cache, client))
        yield found


async def read_beside_rebuilds(store: Store, ways: Sequence[Way], until_mixed: bool) -> Tally:
    """Rebuild and read at once, for so long or until something is mixed."""
    tally, end_s = Tally(), time.monotonic() + DURATION_S

    def is_over() -> bool:
        return time.monotonic() >= end_s or (until_mixed and tally.mixed > 0)

    async with asyncio.TaskGroup() as tasks:
        for way in ways:
            tasks.create_task(tally.watch(way, is_over))
        while not is_over():
            await rebuild(store)
    return tally


async def test_no_answer_is_mixed_and_none_is_half(readers: list[Ways]) -> None:
    """From Redis and from RAM, while generations come and go as fast as they can."""
    ways = [*(one.one_call for one in readers), readers[0].from_ram]
    tally = await read_beside_rebuilds(readers[0].store, ways, until_mixed=False)
    print(f"{tally.reads} reads of {len(tally.generations)} generations in {DURATION_S:.0f} s")

    assert (0, 0, 0) == (tally.mixed, tally.missing, tally.back)
    assert 10 * DURATION_S < tally.reads
    assert 3 * DURATION_S < len(tally.generations)


@pytest.mark.parametrize("way", [Ways.pointer_first, Ways.pointer_per_key])
async def test_the_same_loop_catches_who_reads_key_by_key(
    readers: list[Ways], way: Callable[[Ways], Awaitable[Answer | None]]
) -> None:
    """Else finding nothing above would mean nothing."""
    ways = [partial(way, one) for one in readers]
    tally = await read_beside_rebuilds(readers[0].store, ways, until_mixed=True)
    print(f"{way.__name__}: {tally.mixed} mixed and {tally.missing} half of {tally.reads} reads")

    assert 0 < tally.mixed
