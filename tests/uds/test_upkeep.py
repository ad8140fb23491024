"""Scrub and collect: what is read again, and what may be thrown away and what may not."""

from __future__ import annotations

import pytest

from uds import layout
from uds.errors import CacheRegressed, Fenced
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import Generation, Timeframe
from uds.store import Store

from .samples import (
    GOLD,
    GOLD_M1,
    GOLD_M5,
    bars,
    minute,
    opens,
    segments_in,
    serve,
    served_store,
    store_over,
)

G1, G2, G3 = (Generation(1, n) for n in (1, 2, 3))


async def rebuilt(store: Store, times: int = 1) -> None:
    """A forced rebuild of ten minutes, served."""
    for _ in range(times):
        store.begin(GOLD)
        await store.append(GOLD_M1, bars(10), [(minute(0), minute(10))])
        await serve(store)


async def commits(disk: MemoryDisk) -> list[str]:
    """The commit points of gold."""
    return list(await disk.names(layout.commit_folder(GOLD)))


# -- collect --------------------------------------------------------------------------------------


async def test_live_and_previous_stay_the_others_go() -> None:
    """A fall back needs one generation before; nobody needs two."""
    disk, cache = MemoryDisk(), MemoryCache()
    store = await served_store(disk, cache)
    await rebuilt(store, 2)
    assert 3 == len(segments_in(disk))
    collected = await store.collect(GOLD)

    assert [str(G2), str(G3)] == await commits(disk)
    assert ["0002", "0003"] == [path[-10:-6] for path in segments_in(disk)]
    assert (G1,) == collected.dropped
    assert {G2, G3} == {generation for _, generation, _ in cache.tails}
    assert 0 == (await store.collect(GOLD)).file_count


async def test_what_is_left_is_a_whole_data_folder() -> None:
    """Both generations that stay can be recovered bar for bar."""
    disk = MemoryDisk()
    store = await served_store(disk)
    await rebuilt(store, 2)
    await store.collect(GOLD)
    for spoiled in (None, G3):
        if spoiled is not None:
            disk.files[layout.commit_path(GOLD, spoiled)] = b"\0"
        successor = await store_over(disk, owner=2)
        recovered = await successor.recover(GOLD)
        assert () == recovered.drops
        assert list(range(10)) == opens(successor.load(GOLD_M1))


async def test_files_of_a_draft_stay() -> None:
    """It is being filled right now."""
    disk = MemoryDisk()
    store = await served_store(disk)
    store.begin(GOLD)
    await store.append(GOLD_M1, bars(5), [(minute(0), minute(5))])
    await store.collect(GOLD)

    assert 2 == len(segments_in(disk))
    await serve(store)
    successor = await store_over(disk, owner=2)
    assert () == (await successor.recover(GOLD)).drops


async def test_files_of_an_abandoned_draft_go() -> None:
    """Its pages would never be looked at again."""
    disk = MemoryDisk()
    store = await served_store(disk)
    store.begin(GOLD)
    await store.append(GOLD_M1, bars(5), [(minute(0), minute(5))])
    await rebuilt(store)
    await store.collect(GOLD)

    assert 2 == len(segments_in(disk))


async def test_tails_of_an_abandoned_draft_leave_redis() -> None:
    """Primed and dropped: no pointer will ever name them."""
    cache = MemoryCache()
    store = await served_store(MemoryDisk(), cache)
    store.begin(GOLD)
    await store.prime(GOLD)
    await rebuilt(store)
    assert G2 in {generation for _, generation, _ in cache.tails}
    collected = await store.collect(GOLD)

    assert (G2,) == collected.dropped
    assert {G1, G3} == {generation for _, generation, _ in cache.tails}


async def test_a_successor_keeps_the_generation_it_began_from() -> None:
    """Its commit is the only one to fall back to; older ones go."""
    disk, cache = MemoryDisk(), MemoryCache()
    store = await served_store(disk, cache)
    await rebuilt(store)
    successor = await store_over(disk, cache, owner=2)
    await successor.recover(GOLD)
    await serve(successor)
    await successor.collect(GOLD)

    assert [str(G2), "00000002-0001"] == await commits(disk)
    assert ["00000001-0002"] == [path[-19:-6] for path in segments_in(disk)]


async def test_what_owners_that_were_killed_had_in_redis_goes_with_their_commits() -> None:
    """Each was killed before its grace was over: a server of others would fill up with them."""
    disk, cache = MemoryDisk(), MemoryCache()
    await served_store(disk, cache)
    for owner in (2, 3, 4):
        successor = await store_over(disk, cache, owner=owner)
        await successor.recover(GOLD)
        await serve(successor)
    assert 4 == len({generation for _, generation, _ in cache.tails})
    collected = await successor.collect(GOLD)

    kept = {Generation(3, 1), Generation(4, 1)}
    assert {Generation(1, 1), Generation(2, 1)} == set(collected.dropped)
    assert kept == {generation for _, generation, _ in cache.tails}
    assert sorted(map(str, kept)) == await commits(disk)


async def test_nothing_goes_before_a_generation_is_live() -> None:
    """A draft is no reason to throw anything away."""
    disk = MemoryDisk()
    await served_store(disk)
    successor = await store_over(disk, owner=2)
    await successor.recover(GOLD)

    assert (0, ()) == ((c := await successor.collect(GOLD)).file_count, c.dropped)


async def test_nothing_goes_while_redis_serves_something_else() -> None:
    """On a result that is not certain nothing is deleted."""
    disk, cache = MemoryDisk(), MemoryCache()
    store = await served_store(disk, cache)
    await rebuilt(store, 2)
    cache.live.clear()

    assert 0 == (await store.collect(GOLD)).file_count
    assert 3 == len(await commits(disk))


async def test_nothing_goes_once_another_owner_is_there() -> None:
    """It may have read the commits before ours; Redis need not know of it yet."""
    disk, cache = MemoryDisk(), MemoryCache()
    store = await served_store(disk, cache)
    await rebuilt(store, 2)
    await disk.create(layout.owner_path(9), b"")

    with pytest.raises(Fenced, match="Owner 9 took the data folder from owner 1"):
        await store.collect(GOLD)
    assert 3 == len(await commits(disk))


async def test_legacy_files_and_strangers_are_never_touched() -> None:
    """What we did not write is not ours to remove."""
    disk = MemoryDisk()
    store = await served_store(disk)
    folder = layout.series_folder(GOLD_M1)
    strangers = [f"{folder}/part-20260105.jsonl", f"{folder}/notes.txt"]
    strangers += [f"{folder}/seg-00000009-0001.jsonl", f"{layout.commit_folder(GOLD)}/README"]
    for path in strangers:
        disk.files[path] = b"mine"
    await rebuilt(store, 3)
    await store.collect(GOLD)

    assert [b"mine"] * 4 == [disk.files[path] for path in strangers]


# -- scrub ----------------------------------------------------------------------------------------


async def test_every_file_has_its_turn() -> None:
    """One a call, round and round."""
    disk = MemoryDisk()
    store = await served_store(disk)
    assert None is await (await store_over(MemoryDisk())).scrub()
    await store.append(GOLD_M5, bars(2, 0, Timeframe.M5))
    await store.append(GOLD_M1, bars(1, 3, price=9.0))
    turns = [await store.scrub() for _ in range(6)]

    paths = {*segments_in(disk), *segments_in(disk, GOLD_M5)}
    assert paths == {turn.path for turn in turns[:3] if turn}
    assert paths == {turn.path for turn in turns[3:] if turn}
    assert all(turn and turn.is_sound for turn in turns)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
async def test_damage_is_found_while_it_runs(damage: str) -> None:
    """Not a year later, at the next restart."""
    disk = MemoryDisk()
    store = await served_store(disk)
    (path,) = segments_in(disk)
    if damage == "gone":
        del disk.files[path]
    elif damage == "cut":
        disk.files[path] = disk.files[path][:-1]
    else:
        disk.files[path] = disk.files[path][:300] + b"\0" + disk.files[path][301:]
    found = await store.scrub()

    assert found is not None
    assert (path, GOLD_M1, False) == (found.path, found.key, found.is_sound)


async def test_bars_that_came_live_are_no_damage() -> None:
    """The file grew since; its account grew with it."""
    store = await served_store(MemoryDisk())
    await store.append(GOLD_M1, bars(2, 10), [(minute(10), minute(12))])
    found = await store.scrub()

    assert found is not None
    assert found.is_sound


async def test_a_damaged_symbol_is_repaired_behind_its_readers() -> None:
    """Recovering a served symbol makes a draft of what is good; readers keep what they have."""
    disk = MemoryDisk()
    store = await served_store(disk)
    served = store.tail(GOLD)
    (path,) = segments_in(disk)
    lines = disk.files[path].splitlines(keepends=True)
    disk.files[path] = b"".join([*lines[:4], b"\0\n", *lines[5:]])
    recovered = await store.recover(GOLD)

    assert [1] == [drop.lines for drop in recovered.drops]
    assert served is store.tail(GOLD)
    assert ((minute(3), minute(4)),) == store.coverage(GOLD_M1).gaps(
        minute(0), minute(10)
    ).intervals
    await store.append(GOLD_M1, bars(1, 3), [(minute(3), minute(4))])
    await serve(store)
    await store.collect(GOLD)
    assert G2 == (await store.extend(GOLD)).generation
    successor = await store_over(disk, owner=2)
    assert () == (await successor.recover(GOLD)).drops
    assert list(range(10)) == opens(successor.load(GOLD_M1))


async def test_what_a_file_lost_is_taken_from_ram_where_readers_have_it() -> None:
    """A broker that is silent about a minute that readers have must not take it from them."""
    disk = MemoryDisk()
    store = await served_store(disk)
    (path,) = segments_in(disk)
    lines = disk.files[path].splitlines(keepends=True)
    disk.files[path] = b"".join([*lines[:4], b"\0\n", *lines[5:]])
    await store.recover(GOLD, (path,))

    assert list(range(10)) == opens(store.load(GOLD_M1))
    gaps = store.coverage(GOLD_M1).gaps(minute(0), minute(10))
    assert ((minute(3), minute(4)),) == gaps.intervals
    await store.commit(GOLD)
    successor = await store_over(disk, owner=2)
    assert () == (await successor.recover(GOLD)).drops
    assert list(range(10)) == opens(successor.load(GOLD_M1))


# -- deep history ---------------------------------------------------------------------------------


async def test_bars_that_left_the_ram_are_read_from_disk() -> None:
    """A revision in a later file counts, as it does in RAM."""
    store = await store_over(MemoryDisk(), tail_bars=100)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(6_000), [(minute(0), minute(6_000))])
    await store.append(GOLD_M1, bars(1, 50, price=9.0))
    found = await store.read(GOLD_M1, minute(40), minute(5_500))

    assert list(range(40, 5_500)) == opens(found)
    assert bars(1, 50, price=9.0).same_as(found.between(minute(50), minute(51)))


# -- ownership ------------------------------------------------------------------------------------


async def test_a_later_owner_in_the_folder_fences_before_redis_is_claimed() -> None:
    """An emptied Redis would accept anybody: the disk is the witness."""
    disk, cache = MemoryDisk(), MemoryCache()
    store = await served_store(disk, cache)
    await disk.create(layout.owner_path(2), b"")

    with pytest.raises(Fenced):
        await store.connect()


async def test_a_pointer_that_went_back_is_noticed_at_the_next_beat() -> None:
    """An old backup of Redis knows us as its owner, and serves the minute before."""
    cache = MemoryCache()
    store = await served_store(MemoryDisk(), cache)
    before = cache.live[GOLD]
    await store.append(GOLD_M1, bars(1, 10))
    await store.extend(GOLD)
    await store.check_ownership()
    cache.live[GOLD] = before

    with pytest.raises(CacheRegressed, match="not the newest"):
        await store.check_ownership()
    await store.restore(GOLD)
    await store.check_ownership()
