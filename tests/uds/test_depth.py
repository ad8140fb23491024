"""Older history behind a live generation: on disk at once, permanent with the next commit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from uds.errors import CacheRegressed, DiskFailed
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import FencingToken, Generation, Symbol, Timeframe
from uds.ports import Pointer
from uds.store import Store

from .samples import (
    GOLD,
    GOLD_M1,
    GOLD_M5,
    DiskThatFails,
    bars,
    minute,
    opens,
    segments_in,
    serve,
    served_store,
    store_over,
)

M1, M5 = Timeframe.M1, Timeframe.M5


async def test_older_bars_go_to_disk_beside_the_live_ones() -> None:
    """The segment that live bars go to stays open; readers get what their tail has room for."""
    disk = MemoryDisk()
    store = await served_store(disk)
    older = {M5: bars(2, -2, M5), M1: bars(10, -10)}

    assert await store.backfill(GOLD, older, {M1: (minute(-10), minute(0))})
    await store.append(GOLD_M1, bars(1, 10), [(minute(10), minute(11))])
    served = await store.extend(GOLD)

    assert (21, minute(-10)) == store.stored(GOLD_M1)
    assert list(range(-10, 11)) == opens(served.tails[M1])
    assert ((minute(-10), minute(11)),) == store.coverage(GOLD_M1).intervals
    assert 2 == len(segments_in(disk))
    assert 2 == len(served.tails[M5])


async def test_what_does_not_fit_the_ram_is_read_from_disk() -> None:
    """Deep history is not held in memory."""
    store = await served_store(MemoryDisk(), count=2_000)
    await store.backfill(GOLD, {M1: bars(3_000, -3_000)}, {M1: (minute(-3_000), minute(0))})

    assert 1_540 == len(store.load(GOLD_M1))
    assert (5_000, minute(-3_000)) == store.stored(GOLD_M1)
    found = await store.read(GOLD_M1, minute(-3_000), minute(0))
    assert list(range(-3_000, 0)) == opens(found)


async def test_a_kill_keeps_every_stretch_that_was_acknowledged() -> None:
    """With the checkpoint its coverage too, silent minutes included."""
    disk = MemoryDisk()
    store = await served_store(disk)
    await store.backfill(GOLD, {M1: bars(10, -10, skip=[-5])}, {M1: (minute(-10), minute(0))})
    await store.checkpoint(1)
    successor = await store_over(disk, owner=2)
    recovered = await successor.recover(GOLD)

    assert () == recovered.drops
    assert [n for n in range(-10, 10) if n != -5] == opens(successor.load(GOLD_M1))
    assert ((minute(-10), minute(10)),) == successor.coverage(GOLD_M1).intervals


@pytest.mark.parametrize(("is_whole", "begins"), [(True, -10), (False, 0)])
async def test_a_kill_before_the_checkpoint_keeps_a_stretch_that_was_written_to_its_end(
    is_whole: bool, begins: int
) -> None:
    """The derived bars, which come last, say so; M1 alone would leave them out for ever."""
    disk = MemoryDisk()
    store = await served_store(disk)
    stretch = {M1: bars(10, -10, skip=[-5]), M5: bars(2, -2, M5)}
    if not is_whole:
        del stretch[M5]
    await store.backfill(GOLD, stretch, {M1: (minute(-10), minute(0))})
    successor = await store_over(disk, owner=2)
    recovered = await successor.recover(GOLD)

    assert () == recovered.drops
    assert ((minute(begins), minute(10)),) == successor.coverage(GOLD_M1).intervals


async def test_derived_bars_of_a_stretch_whose_minutes_are_damaged_cover_nothing() -> None:
    """They were written after their M1, but these are not there any more."""
    disk = MemoryDisk()
    store = await served_store(disk)
    stretch = {M1: bars(10, -10), M5: bars(2, -2, M5)}
    await store.backfill(GOLD, stretch, {M1: (minute(-10), minute(0))})
    path = segments_in(disk)[-1]
    disk.files[path] = b"\0" + disk.files[path][1:]
    successor = await store_over(disk, owner=2)
    recovered = await successor.recover(GOLD)

    assert [path] == [drop.path for drop in recovered.drops]
    assert ((minute(0), minute(10)),) == successor.coverage(GOLD_M1).intervals


async def test_nothing_is_written_while_a_draft_is_filled() -> None:
    """It would be lost with the draft's flip."""
    store = await served_store(MemoryDisk())
    store.begin(GOLD)

    assert not await store.backfill(GOLD, {M1: bars(10, -10)}, {M1: (minute(-10), minute(0))})
    assert 0 == len(store.load(GOLD_M1))


async def test_deepening_makes_it_permanent() -> None:
    """A generation that begins with all of it; readers change over at the flip."""
    disk = MemoryDisk()
    store = await served_store(disk)
    await store.backfill(GOLD, {M1: bars(10, -10)}, {M1: (minute(-10), minute(0))})

    assert Generation(1, 2) == store.deepen(GOLD)
    await store.append(GOLD_M1, bars(1, 10), [(minute(10), minute(11))])
    await serve(store)
    await store.collect(GOLD)
    successor = await store_over(disk, owner=2)
    recovered = await successor.recover(GOLD)
    assert (Generation(1, 2), ()) == (recovered.found, recovered.drops)
    assert list(range(-10, 11)) == opens(successor.load(GOLD_M1))


async def test_a_stretch_that_failed_is_not_covered() -> None:
    """Coverage is its commit point: it is simply brought again."""
    disk = DiskThatFails()
    store = await served_store(disk)
    disk.appends_to_fail = 1
    with pytest.raises(DiskFailed):
        await store.backfill(GOLD, {M1: bars(10, -10)}, {M1: (minute(-10), minute(0))})

    assert ((minute(0), minute(10)),) == store.coverage(GOLD_M1).intervals
    assert await store.backfill(GOLD, {M1: bars(10, -10)}, {M1: (minute(-10), minute(0))})
    assert list(range(-10, 10)) == opens(store.load(GOLD_M1))
    assert 0 == len(store.load(GOLD_M5))


class CacheThatAnswersLate(MemoryCache):
    """What it answers is true when it is asked; the store flips before it hears of it."""

    store: Store | None = None

    async def holds(
        self, symbols: Sequence[Symbol], token: FencingToken
    ) -> tuple[Pointer | None, ...]:
        """The pointers of before."""
        pointers = await super().holds(symbols, token)
        if self.store is not None:
            await serve(self.store)
        return pointers


async def test_a_flip_under_an_answer_is_no_loss_of_redis() -> None:
    """A busy loop hears of a pointer after the flip that moved it; nothing is wrong with that."""
    cache = CacheThatAnswersLate()
    store = await served_store(MemoryDisk(), cache)
    store.deepen(GOLD)
    cache.store = store
    await store.check_ownership()

    cache.store = None
    cache.live.clear()
    with pytest.raises(CacheRegressed, match="serves nothing of XAU/USD"):
        await store.check_ownership()


async def test_a_doubted_file_is_read_however_old_its_bars_are() -> None:
    """Else damage that the scrub found in deep history would never be said, nor fetched again."""
    disk = MemoryDisk()
    store = await served_store(disk, count=2_000)
    for from_n, until_n in ((-3_000, 0), (-6_000, -3_000)):
        older = {M1: bars(3_000, from_n)}
        await store.backfill(GOLD, older, {M1: (minute(from_n), minute(until_n))})
    store.deepen(GOLD)
    await serve(store)
    deep = segments_in(disk)[1]
    data = bytearray(disk.files[deep])
    data[len(data) // 2] ^= 1
    disk.files = {**disk.files, deep: bytes(data)}

    unread = await store.recover(GOLD)
    assert () == unread.drops
    doubting = await store.recover(GOLD, (deep,))
    assert [deep] == [drop.path for drop in doubting.drops]
    assert 1 == len(list(store.coverage(GOLD_M1).gaps(minute(-3_000), minute(0))))
    assert 1_540 == len(store.load(GOLD_M1))
