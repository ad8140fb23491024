"""The waist: durable, then visible, then announced, and every step may be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import redis

from uds import codec, layout, manifest
from uds.cache import RedisCache
from uds.disk import FolderDisk
from uds.errors import CacheDown, CacheRegressed, DiskFailed, Fenced
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import Bars, FencingToken, Generation, Symbol, Timeframe
from uds.ports import Append, Cache, Pointer
from uds.store import Store

from .samples import (
    GOLD,
    GOLD_D1,
    GOLD_M1,
    GOLD_M5,
    TIMEFRAMES,
    DiskThatFails,
    bars,
    minute,
    opens,
    preview,
    segments_in,
    serve,
    served_store,
    store_over,
    token,
)

G1, G2, G3 = Generation(1, 1), Generation(1, 2), Generation(1, 3)


class CacheThatFails(MemoryCache):
    """A cache whose next extensions or flips are not answered, applied or not."""

    def __init__(self) -> None:
        super().__init__()
        self.lost_calls = 0
        """Calls that never arrive."""
        self.lost_replies = 0
        """Calls that are applied, and nobody hears of it."""

    async def flip(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        seq: int,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Make a complete generation the live one."""
        self._arrive()
        await super().flip(symbol, token, generation, seq, timeframes)
        self._answer()

    async def extend(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        from_seq: int,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Replace tails of the live generation, advance seq by one."""
        self._arrive()
        await super().extend(symbol, token, generation, from_seq, tails)
        self._answer()

    def _arrive(self) -> None:
        if self.lost_calls:
            self.lost_calls -= 1
            raise CacheDown("Redis cannot be reached.")

    def _answer(self) -> None:
        if self.lost_replies:
            self.lost_replies -= 1
            raise CacheDown("Redis did not answer.")


def emptied(cache: MemoryCache) -> None:
    """What FLUSHALL does."""
    cache.owners.clear()
    cache.live.clear()
    cache.tails.clear()


async def in_redis(cache: Cache) -> tuple[Pointer, dict[Timeframe, list[int]]]:
    """What a reader of Redis sees of gold: the pointer, and the number of each bar."""
    found = await cache.read(GOLD, TIMEFRAMES)
    assert found is not None
    keys = {GOLD_M1, GOLD_M5, GOLD_D1}
    tails = {key.timeframe: codec.unpack_tail(key, found[1][key.timeframe]) for key in keys}
    return found[0], {tf: opens(tail) for tf, tail in tails.items()}


async def agree(store: Store, cache: Cache) -> bool:
    """Whether readers of RAM and of Redis get the same of gold."""
    snapshot = store.tail(GOLD)
    assert snapshot is not None
    pointer, tails = await in_redis(cache)
    same_place = (pointer.generation, pointer.seq) == (snapshot.generation, snapshot.seq)
    return same_place and tails == {tf: opens(tail) for tf, tail in snapshot.tails.items()}


# -- durable ------------------------------------------------------------------------------------


async def test_what_was_appended_is_loaded() -> None:
    """From RAM, at once; readers see nothing of a draft."""
    store = await store_over(MemoryDisk())
    await store.recover(GOLD)
    appended = await store.append(GOLD_M1, bars(3), [(minute(0), minute(4))])

    assert bars(3).same_as(store.load(GOLD_M1))
    assert ((minute(0), minute(4)),) == store.coverage(GOLD_M1).intervals
    assert (GOLD_M1, minute(2)) == (appended.key, appended.watermark_ms)
    assert (0, 0) == (appended.repeated_count, appended.revised_count)
    assert store.tail(GOLD) is None


async def test_an_empty_answer_is_coverage_too() -> None:
    """No bars in a fetched interval is knowledge: no segment is written, nothing asked again."""
    disk = MemoryDisk()
    store = await store_over(disk)
    store.begin(GOLD)
    appended = await store.append(GOLD_M1, Bars.empty(), [(minute(0), minute(5))])

    assert None is appended.watermark_ms
    assert ((minute(0), minute(5)),) == store.coverage(GOLD_M1).intervals
    assert {} == disk.files


async def test_a_repeated_append_writes_nothing() -> None:
    """Every page may come twice: from the broker, or from a retry of ours."""
    disk = MemoryDisk()
    store = await store_over(disk)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(5))
    before = dict(disk.files)
    for repeated in (bars(5), bars(2, 1), bars(1, 4)):
        await store.append(GOLD_M1, repeated)

    assert before == disk.files
    assert [0, 1, 2, 3, 4] == opens(store.load(GOLD_M1))


async def test_only_what_is_new_or_revised_is_written() -> None:
    """Of an overlapping page one line each, whether the bar is other or new."""
    disk = MemoryDisk()
    store = await store_over(disk)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(5))
    await store.append(GOLD_M1, bars(2, 0).merged(bars(1, 2, price=9.0)).merged(bars(3, 4)))
    first, second = (
        codec.decode_segment(GOLD_M1, disk.files[path]).bars for path in segments_in(disk)
    )

    assert [0, 1, 2, 3, 4] == opens(first)
    assert [2, 5, 6] == opens(second)
    assert 9.02 == store.load(GOLD_M1).o[2]


async def test_pages_may_come_newest_first() -> None:
    """The order of fetching is not the order of time."""
    store = await store_over(MemoryDisk())
    await store.recover(GOLD)
    for first in (6, 3, 0):
        await store.append(GOLD_M1, bars(3, first))

    assert bars(9).same_as(store.load(GOLD_M1))


async def test_memory_holds_the_tail_and_a_day() -> None:
    """An engine that runs for a year must not grow; disk keeps all."""
    disk = MemoryDisk()
    store = await served_store(disk, count=0)
    await store.append(GOLD_M1, bars(2_000))
    snapshot = await store.extend(GOLD)

    assert 100 + 1_440 == len(store.load(GOLD_M1))
    assert opens(bars(100, 1_900)) == opens(snapshot.tails[Timeframe.M1])
    (path,) = segments_in(disk)
    assert 2_000 == len(codec.decode_segment(GOLD_M1, disk.files[path]).bars)


async def test_it_is_known_from_where_on_all_is_resident() -> None:
    """Who derives from RAM must not take the first resident bar for the first stored one."""
    store = await served_store(MemoryDisk(), count=0)
    await store.append(GOLD_M1, bars(1_540))
    assert 0 == store.resident_from_ms(GOLD_M1)
    await store.append(GOLD_M1, bars(1, 1_540))

    assert minute(1) == store.resident_from_ms(GOLD_M1)
    assert 0 == store.resident_from_ms(GOLD_M5)


async def test_many_appends_at_once_lose_nothing(tmp_path: Path) -> None:
    """Fetching, deriving and polling meet here; writes of a symbol wait for each other."""
    disk = FolderDisk(tmp_path)
    store = await store_over(disk)
    await store.recover(GOLD)
    await asyncio.gather(*(store.append(GOLD_M1, bars(4, 3 * n)) for n in range(10)))
    assert 1 == len(await disk.names(layout.series_folder(GOLD_M1)))
    await store.commit(GOLD)
    successor = await store_over(disk, owner=2)
    recovered = await successor.recover(GOLD)

    assert bars(31).same_as(store.load(GOLD_M1))
    assert bars(31).same_as(successor.load(GOLD_M1))
    assert () == recovered.drops


@pytest.mark.parametrize("kept_bytes", [0, 40, 400])
async def test_a_failed_append_poisons_its_segment(kept_bytes: int) -> None:
    """Nobody knows what reached the disk, so the retry begins a file; nothing is lost (Z3)."""
    disk = DiskThatFails()
    store = await served_store(disk, count=5)
    disk.appends_to_fail, disk.kept_bytes = 1, kept_bytes
    with pytest.raises(DiskFailed):
        await store.append(GOLD_M1, bars(2, 5))
    assert [0, 1, 2, 3, 4] == opens(store.load(GOLD_M1))
    await store.append(GOLD_M1, bars(2, 5))
    await store.append(GOLD_M1, bars(1, 7))
    poisoned, fresh = segments_in(disk)

    assert [5, 6, 7] == opens(codec.decode_segment(GOLD_M1, disk.files[fresh]).bars)
    assert [0, 1, 2, 3, 4] == opens(
        codec.decode_segment(GOLD_M1, disk.files[poisoned]).bars.tail(9).between(0, minute(5))
    )
    successor = await store_over(disk, owner=2)
    await successor.recover(GOLD)
    assert bars(8).same_as(successor.load(GOLD_M1))
    assert ((minute(0), minute(8)),) == successor.coverage(GOLD_M1).intervals


async def test_a_cancelled_append_poisons_its_segment() -> None:
    """A thread goes on writing after its task was cancelled; nobody may write behind it."""

    class SlowDisk(MemoryDisk):
        is_slow = False

        async def append(self, appends: Sequence[Append]) -> None:
            await super().append(appends)
            if self.is_slow:
                await asyncio.Event().wait()

    disk = SlowDisk()
    store = await served_store(disk, count=5)
    disk.is_slow = True
    task = asyncio.create_task(store.append(GOLD_M1, bars(2, 5)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    disk.is_slow = False
    await store.append(GOLD_M1, bars(3, 5))

    assert [7, 3] == [
        len(codec.decode_segment(GOLD_M1, disk.files[path]).bars) for path in segments_in(disk)
    ]
    assert bars(8).same_as(store.load(GOLD_M1))


# -- committed ----------------------------------------------------------------------------------


async def test_a_repeated_commit_is_the_same_commit() -> None:
    """Its answer may have been lost."""
    disk = MemoryDisk()
    store = await store_over(disk)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(3))

    assert G1 == await store.commit(GOLD)
    before = dict(disk.files)
    assert G1 == await store.commit(GOLD)
    assert before == disk.files


async def test_a_commit_that_failed_is_made_anew() -> None:
    """What came between the two attempts belongs to it."""
    disk = DiskThatFails()
    store = await store_over(disk)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(3), [(minute(0), minute(3))])
    disk.links_to_fail = 1
    with pytest.raises(DiskFailed):
        await store.commit(GOLD)
    assert () == await disk.names(layout.commit_folder(GOLD))
    await store.append(GOLD_M1, bars(3, 3), [(minute(3), minute(6))])
    await store.commit(GOLD)
    found = manifest.decode(GOLD, G1, disk.files[layout.commit_path(GOLD, G1)])

    assert [6] == [entry.bars for entry in found.segments]
    assert ((minute(0), minute(6)),) == found.coverage["M1"]


async def test_a_draft_leaves_readers_what_they_have() -> None:
    """A rebuild is filled beside what is served; appends go to it."""
    cache = MemoryCache()
    store = await served_store(MemoryDisk(), cache)
    served = store.tail(GOLD)
    assert served is not None
    assert G2 == store.begin(GOLD)
    assert store.is_drafting(GOLD)
    await store.append(GOLD_M1, bars(3, 50))

    assert [50, 51, 52] == opens(store.load(GOLD_M1))
    assert served is store.tail(GOLD)
    assert G1 == (await in_redis(cache))[0].generation
    await serve(store)
    assert not store.is_drafting(GOLD)
    assert [50, 51, 52] == (await in_redis(cache))[1][Timeframe.M1]


async def test_beginning_anew_keeps_what_it_is_told() -> None:
    """D1 of a recovered draft is good when its M1 is too old to go on from."""
    disk = MemoryDisk()
    first = await served_store(disk)
    first.begin(GOLD)
    await first.append(GOLD_D1, bars(3, 0, Timeframe.D1), [(minute(0), minute(4_320))])
    await first.append(GOLD_M1, bars(3))
    await serve(first)
    second = await store_over(disk, owner=2)
    await second.recover(GOLD)
    files = set(segments_in(disk, GOLD_D1))
    second.begin(GOLD, keeping=(Timeframe.D1,))
    await second.append(GOLD_M1, bars(5, 500), [(minute(500), minute(505))])
    await serve(second)

    third = await store_over(disk, owner=3)
    await third.recover(GOLD)
    assert files == set(segments_in(disk, GOLD_D1))
    assert bars(3, 0, Timeframe.D1).same_as(third.load(GOLD_D1))
    assert ((minute(0), minute(4_320)),) == third.coverage(GOLD_D1).intervals
    assert opens(bars(5, 500)) == opens(third.load(GOLD_M1))
    assert ((minute(500), minute(505)),) == third.coverage(GOLD_M1).intervals


# -- visible ------------------------------------------------------------------------------------


async def test_a_flip_serves_all_series_at_once(cache: Cache) -> None:
    """Snapshot and Redis name one generation and hold the same bars."""
    store = await store_over(MemoryDisk(), cache)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(10), [(minute(0), minute(12))])
    await store.append(GOLD_M5, bars(2, 0, Timeframe.M5))
    await store.commit(GOLD)
    await store.prime(GOLD)
    assert await cache.read(GOLD, ()) is None
    snapshot = await store.flip(GOLD)

    assert (G1, 0) == (snapshot.generation, snapshot.seq)
    assert ((minute(0), minute(12)),) == snapshot.coverage.intervals
    assert snapshot is store.tail(GOLD)
    assert {tf: len(tail) for tf, tail in snapshot.tails.items()} == dict(
        zip(TIMEFRAMES, (10, 2, 0), strict=True)
    )
    assert await agree(store, cache)


async def test_a_flip_that_was_not_read_back_is_none() -> None:
    """A server that says OK and forgets must not open the gate."""

    class ForgetfulCache(MemoryCache):
        forgets = True

        async def read(
            self, symbol: Symbol, timeframes: Sequence[Timeframe]
        ) -> tuple[Pointer, dict[Timeframe, bytes]] | None:
            return None if self.forgets else await super().read(symbol, timeframes)

    cache = ForgetfulCache()
    store = await store_over(MemoryDisk(), cache)
    await store.recover(GOLD)
    await store.commit(GOLD)
    await store.prime(GOLD)
    with pytest.raises(CacheRegressed, match="The flip of XAU/USD to 1-1 was lost"):
        await store.flip(GOLD)
    assert store.tail(GOLD) is None

    cache.forgets = False
    assert G1 == (await store.flip(GOLD)).generation


async def test_the_generation_before_is_kept_and_the_one_before_that_is_not() -> None:
    """Readers that still hold the previous one can finish; memory does not grow."""
    cache = MemoryCache()
    store = await served_store(MemoryDisk(), cache)
    for _ in range(2):
        store.begin(GOLD)
        await serve(store)
    await store.collect(GOLD)

    assert Pointer(G3, 0, G2) == cache.live[GOLD]
    assert {G2, G3} == {generation for _, generation, _ in cache.tails}


async def test_a_flip_whose_reply_was_lost_is_repeated_without_harm() -> None:
    """Above all the previous generation must not be taken for a stale one (Z4)."""
    cache = CacheThatFails()
    store = await served_store(MemoryDisk(), cache)
    store.begin(GOLD)
    await store.commit(GOLD)
    await store.prime(GOLD)
    cache.lost_replies = 1
    with pytest.raises(CacheDown):
        await store.flip(GOLD)
    snapshot = store.tail(GOLD)
    assert snapshot is not None
    assert G1 == snapshot.generation
    await store.flip(GOLD)

    assert Pointer(G2, 0, G1) == cache.live[GOLD]
    assert {G1, G2} == {generation for _, generation, _ in cache.tails}
    assert await agree(store, cache)


async def test_an_extension_shows_what_was_appended(cache: Cache) -> None:
    """Durable first; readers see it, all of it, when it is extended."""
    store = await served_store(MemoryDisk(), cache)
    before = store.tail(GOLD)
    await store.append(GOLD_M1, bars(1, 10), [(minute(10), minute(11))])
    await store.append(GOLD_M5, bars(1, 1, Timeframe.M5))
    assert before is store.tail(GOLD)
    after = await store.extend(GOLD)

    assert before is not None
    assert (0, 10) == (before.seq, len(before.tails[Timeframe.M1]))
    assert (1, 11, 1) == (after.seq, len(after.tails[Timeframe.M1]), len(after.tails[Timeframe.M5]))
    assert ((minute(0), minute(11)),) == after.coverage.intervals
    assert await agree(store, cache)


async def test_an_extension_by_nothing_only_asks(cache: Cache) -> None:
    """A minute without a tick: the coverage grows, the place in the stream does not."""
    store = await served_store(MemoryDisk(), cache)
    await store.append(GOLD_M1, Bars.empty(), [(minute(10), minute(12))])
    snapshot = await store.extend(GOLD)
    await cache.claim([GOLD], token(2))
    with pytest.raises(Fenced):
        await store.extend(GOLD)

    assert 0 == snapshot.seq
    assert ((minute(0), minute(12)),) == snapshot.coverage.intervals


async def test_bars_between_priming_and_the_flip_are_shown_by_the_next_extension() -> None:
    """They missed the tails that were primed, and no later M5 may be waited for."""
    cache = MemoryCache()
    store = await store_over(MemoryDisk(), cache)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(5))
    await store.commit(GOLD)
    await store.prime(GOLD)
    await store.append(GOLD_M1, bars(1, 5))
    await store.append(GOLD_M5, bars(1, 0, Timeframe.M5))
    await store.flip(GOLD)
    await store.extend(GOLD)

    assert await agree(store, cache)


@pytest.mark.parametrize("kind", ["lost_calls", "lost_replies"])
async def test_an_extension_that_was_not_answered_is_repeated(kind: str) -> None:
    """Applied or not, nothing is lost and nothing doubled, not even what came in between."""
    cache = CacheThatFails()
    store = await served_store(MemoryDisk(), cache)
    await store.append(GOLD_M1, bars(1, 10))
    setattr(cache, kind, 1)
    with pytest.raises(CacheDown):
        await store.extend(GOLD)
    snapshot = store.tail(GOLD)
    assert snapshot is not None
    assert 0 == snapshot.seq
    await store.append(GOLD_M1, bars(1, 11))
    await store.append(GOLD_M5, bars(1, 1, Timeframe.M5))
    await store.extend(GOLD)

    assert opens(bars(12)) == (await in_redis(cache))[1][Timeframe.M1]
    assert 1 == len((await in_redis(cache))[1][Timeframe.M5])
    assert await agree(store, cache)


async def test_forming_bars_are_shown_and_remembered(cache: Cache) -> None:
    """Redis first, then RAM: what Redis did not take is not shown to anybody."""
    store = await served_store(MemoryDisk(), cache)
    forming = {Timeframe.M1: preview(10), Timeframe.M5: preview(2, Timeframe.M5)}
    await store.preview(GOLD, forming)
    await store.preview(GOLD, {})
    assert forming == store.previews(GOLD)
    await cache.claim([GOLD], token(2))
    with pytest.raises(Fenced):
        await store.preview(GOLD, {Timeframe.M1: preview(11)})

    assert forming == store.previews(GOLD)


async def test_a_tick_goes_through() -> None:
    """The waist keeps none of it."""
    cache = MemoryCache()
    store = await store_over(MemoryDisk(), cache)
    await store.publish_tick(GOLD, b"{}")

    assert [(GOLD, b"{}")] == cache.ticks


# -- ownership of Redis ---------------------------------------------------------------------------


async def test_a_successor_fences_every_write(cache: Cache) -> None:
    """What the zombie has on disk stays its own; readers never see it (Z1)."""
    zombie = await served_store(MemoryDisk(), cache)
    successor = await served_store(MemoryDisk(), cache, count=20, owner=2)
    await zombie.append(GOLD_M1, bars(1, 10, price=9.0))
    zombie_draft = await store_over_draft(zombie)

    for call in (
        zombie.check_ownership(),
        zombie.connect(),
        zombie.extend(GOLD),
        zombie_draft.prime(GOLD),
        zombie_draft.flip(GOLD),
    ):
        with pytest.raises(Fenced):
            await call
    assert await agree(successor, cache)


async def store_over_draft(store: Store) -> Store:
    """The same store with a draft begun and committed."""
    store.begin(GOLD)
    await store.commit(GOLD)
    return store


async def test_an_emptied_server_gets_everything_back(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """FLUSHALL: claim, prime, flip, and the place in the stream is the old one (Z2)."""
    store = await served_store(MemoryDisk(), redis_cache)
    await store.append(GOLD_M1, bars(1, 10))
    await store.extend(GOLD)
    raw_redis.flushall()
    with pytest.raises(CacheRegressed):
        await store.check_ownership()
    await store.connect()
    await store.restore(GOLD)

    await store.check_ownership()
    assert 1 == (await in_redis(redis_cache))[0].seq
    assert await agree(store, redis_cache)
    await store.append(GOLD_M1, bars(1, 11))
    await store.extend(GOLD)
    assert await agree(store, redis_cache)


class CacheThatAnswersLate(MemoryCache):
    """A cache whose answer about the owner is on its way for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.is_answered = asyncio.Event()
        self.is_taken = asyncio.Event()

    async def holds(
        self, symbols: Sequence[Symbol], token: FencingToken
    ) -> tuple[Pointer | None, ...]:
        """What readers of each were served when it was asked."""
        found = await super().holds(symbols, token)
        self.is_answered.set()
        await self.is_taken.wait()
        return found


async def test_an_answer_that_a_minute_overtakes_is_no_loss() -> None:
    """The heartbeat asked before the minute was shown: Redis lost nothing (a drill found it)."""
    cache = CacheThatAnswersLate()
    cache.is_taken.set()
    store = await served_store(MemoryDisk(), cache)
    cache.is_taken.clear()
    cache.is_answered.clear()
    asking = asyncio.create_task(store.check_ownership())
    await cache.is_answered.wait()
    await store.append(GOLD_M1, bars(1, 10))
    await store.extend(GOLD)
    cache.is_taken.set()

    await asking


async def test_restoring_what_is_there_changes_nothing(cache: Cache) -> None:
    """Every reconnection asks for it; most found nothing lost."""
    store = await served_store(MemoryDisk(), cache)
    before = await cache.read(GOLD, TIMEFRAMES)
    await store.restore(GOLD)

    assert before == await cache.read(GOLD, TIMEFRAMES)


async def test_restoring_before_anything_was_served_is_nothing() -> None:
    """The first connection of a cold start."""
    cache = MemoryCache()
    store = await store_over(MemoryDisk(), cache)
    await store.restore(GOLD)
    await store.recover(GOLD)
    await store.restore(GOLD)

    assert ({}, {}) == (cache.live, cache.tails)


async def test_an_old_backup_is_brought_up_to_date() -> None:
    """Redis restarted from a snapshot of minutes ago: our generation, but fewer extensions."""
    cache = MemoryCache()
    store = await served_store(MemoryDisk(), cache)
    backup = dict(cache.live), dict(cache.tails)
    for n in range(10, 13):
        await store.append(GOLD_M1, bars(1, n))
        await store.extend(GOLD)
    cache.live, cache.tails = backup
    await store.restore(GOLD)

    assert 3 == cache.live[GOLD].seq
    assert await agree(store, cache)
    await store.append(GOLD_M1, bars(1, 13))
    await store.extend(GOLD)
    assert await agree(store, cache)


async def test_restoring_after_a_lost_reply_does_not_stand_in_the_way() -> None:
    """Redis is one extension ahead of what we know; the repeated one finds itself applied."""
    cache = CacheThatFails()
    store = await served_store(MemoryDisk(), cache)
    await store.append(GOLD_M1, bars(1, 10))
    cache.lost_replies = 1
    with pytest.raises(CacheDown):
        await store.extend(GOLD)
    await store.restore(GOLD)
    await store.extend(GOLD)

    assert 1 == cache.live[GOLD].seq
    assert await agree(store, cache)


async def test_an_emptied_server_gets_the_primed_draft_back() -> None:
    """It was emptied between prime and flip: the flip that is repeated must find its tails."""
    cache = MemoryCache()
    store = await served_store(MemoryDisk(), cache)
    store.begin(GOLD)
    await store.append(GOLD_M1, bars(3))
    await store.commit(GOLD)
    await store.prime(GOLD)
    emptied(cache)
    await store.connect()
    with pytest.raises(CacheRegressed, match="INCOMPLETE"):
        await store.flip(GOLD)
    await store.restore(GOLD)
    await store.flip(GOLD)

    assert G2 == cache.live[GOLD].generation
    assert await agree(store, cache)


async def test_restoring_never_fences_us_by_our_own_flip() -> None:
    """The flip was applied, its reply lost: Redis serves the draft, RAM still the one before."""
    cache = CacheThatFails()
    store = await served_store(MemoryDisk(), cache)
    store.begin(GOLD)
    await store.commit(GOLD)
    await store.prime(GOLD)
    cache.lost_replies = 1
    with pytest.raises(CacheDown):
        await store.flip(GOLD)
    await store.restore(GOLD)
    await store.flip(GOLD)

    assert Pointer(G2, 0, G1) == cache.live[GOLD]
    assert await agree(store, cache)


async def test_restoring_waits_for_a_flip() -> None:
    """Between pointer and snapshot it would bring the old generation back, or fence us."""

    class SlowCache(MemoryCache):
        is_answered = asyncio.Event()

        async def flip(
            self,
            symbol: Symbol,
            token: FencingToken,
            generation: Generation,
            seq: int,
            timeframes: Sequence[Timeframe],
        ) -> None:
            await super().flip(symbol, token, generation, seq, timeframes)
            await self.is_answered.wait()

    cache = SlowCache()
    cache.is_answered.set()
    store = await served_store(MemoryDisk(), cache)
    store.begin(GOLD)
    await store.commit(GOLD)
    await store.prime(GOLD)
    cache.is_answered.clear()
    flip = asyncio.create_task(store.flip(GOLD))
    restore = asyncio.create_task(store.restore(GOLD))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not restore.done()
    cache.is_answered.set()
    await asyncio.gather(flip, restore)

    assert Pointer(G2, 0, G1) == cache.live[GOLD]
    assert await agree(store, cache)


async def test_without_a_server_of_its_own_closing_only_lets_go() -> None:
    """An external Redis goes on."""
    store = await served_store(MemoryDisk())
    await store.close()

    assert store.server is None
    assert token(1) == store.token
