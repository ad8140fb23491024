"""The page journal: a kill in the middle of a download costs at most the page under way."""

from __future__ import annotations

import random

import pytest

from uds import journal, layout
from uds.errors import BadJournal, DiskFailed
from uds.journal import Journal, JournalHead, Page
from uds.manifest import SegmentEntry
from uds.memory_disk import MemoryDisk
from uds.model import Coverage, Generation, Timeframe
from uds.recovery import Recovered
from uds.store import Store

from .samples import (
    GOLD,
    GOLD_D1,
    GOLD_M1,
    DiskThatFails,
    bars,
    minute,
    opens,
    segments_in,
    serve,
    served_store,
    store_over,
)

FUZZ_ROUNDS = 2_000
G = Generation(42, 3)
HEAD = JournalHead(GOLD, G, Generation(41, 1), "first_tick", {"zone": "America/New_York"})
ENTRY = SegmentEntry(
    60, "XAU_USD/tf_60/seg-00000042-0001.jsonl", 900, "0123abcd", minute(0), minute(4), 5
)
PAGES = (
    Page(Timeframe.M1, Coverage.of([(minute(5), minute(9))]), (ENTRY,)),
    Page(Timeframe.D1, Coverage.of([(minute(0), minute(1_440))]), ()),
    Page(Timeframe.M1, Coverage.of([(minute(0), minute(5))]), ()),
)


def encoded(*pages: Page) -> bytes:
    """A whole journal."""
    head = journal.encode_head(HEAD)
    seed = journal.seed_of(head)
    return head + b"".join(journal.encode_page(page, seed) for page in pages)


async def downloading(disk: MemoryDisk, *pages: int) -> Store:
    """A store whose start had fetched these pages of five minutes when it was killed."""
    store = await store_over(disk)
    await store.recover(GOLD)
    for page in pages:
        covered = [(minute(5 * page), minute(5 * page + 5))]
        await store.append(GOLD_M1, bars(5, 5 * page), covered)
    return store


async def resumed(disk: MemoryDisk, owner: int = 2) -> tuple[Store, Recovered]:
    """The next owner's store."""
    store = await store_over(disk, owner=owner)
    return store, await store.recover(GOLD)


def test_a_journal_survives_the_disk() -> None:
    """Head, pages, coverage and files by timeframe."""
    found = journal.decode(GOLD, G, encoded(*PAGES))

    assert Journal(HEAD, PAGES) == found
    assert Coverage.of([(minute(0), minute(9))]) == found.coverage(Timeframe.M1)
    assert {ENTRY.path: ENTRY} == found.entries(Timeframe.M1)


def test_a_bad_line_costs_its_own_page_only() -> None:
    """And a torn one at the end costs nothing that was acknowledged."""
    lines = encoded(*PAGES).splitlines(keepends=True)
    lines[2] = lines[2].replace(b"86400", b"86401")
    found = journal.decode(GOLD, G, b"".join(lines) + b'{"tf_s":60,"cov')

    assert (PAGES[0], PAGES[2]) == found.pages


def test_no_mutation_proves_a_minute_that_was_not_fetched() -> None:
    """Whatever the bytes are: our own error, or pages that were written."""
    dice, data = random.Random(11), encoded(*PAGES)
    for _ in range(FUZZ_ROUNDS):
        hurt = bytearray(data)
        hurt[dice.randrange(len(hurt))] ^= 1 << dice.randrange(8)
        try:
            found = journal.decode(GOLD, G, bytes(hurt))
        except BadJournal:
            continue
        assert set(found.pages) <= set(PAGES)


@pytest.mark.parametrize("data", [b"", b"{}", b"\0" * 50, encoded()[:-3]])
def test_a_journal_without_a_head_is_refused(data: bytes) -> None:
    """Nobody knows what its pages would belong to."""
    with pytest.raises(BadJournal):
        journal.decode(GOLD, G, data)


async def test_a_start_takes_up_the_pages_of_the_one_before() -> None:
    """Newest page first, as a cold start fetches them; the rest is still to be fetched."""
    disk = MemoryDisk()
    await downloading(disk, 3, 2)
    store, recovered = await resumed(disk)

    assert (None, Generation(1, 1)) == (recovered.found, recovered.resumed)
    assert minute(20) == recovered.covered_until_ms
    assert list(range(10, 20)) == opens(store.load(GOLD_M1))
    assert ((minute(10), minute(20)),) == store.coverage(GOLD_M1).intervals


async def test_pages_live_through_two_kills() -> None:
    """The second draft's journal begins with what it took over."""
    disk = MemoryDisk()
    await downloading(disk, 3)
    second, _ = await resumed(disk)
    await second.append(GOLD_M1, bars(5, 10), [(minute(10), minute(15))])
    third, recovered = await resumed(disk, owner=3)

    assert Generation(2, 1) == recovered.resumed
    assert list(range(10, 20)) == opens(third.load(GOLD_M1))
    assert ((minute(10), minute(20)),) == third.coverage(GOLD_M1).intervals
    await serve(third)
    fourth, last = await resumed(disk, owner=4)
    assert (Generation(3, 1), None) == (last.found, last.resumed)
    assert list(range(10, 20)) == opens(fourth.load(GOLD_M1))


async def test_a_page_without_its_journal_line_was_not_acknowledged() -> None:
    """Bars first, then the note: a kill between them costs that page and no more."""
    disk = MemoryDisk()
    await downloading(disk, 3, 2)
    path = layout.journal_path(GOLD, Generation(1, 1))
    disk.files[path] = disk.files[path][:-30]
    store, _ = await resumed(disk)

    assert list(range(15, 20)) == opens(store.load(GOLD_M1))
    assert ((minute(15), minute(20)),) == store.coverage(GOLD_M1).intervals


async def test_a_damaged_page_is_fetched_again() -> None:
    """The journal says that it was there; the file says that it is not any more."""
    disk = MemoryDisk()
    await downloading(disk, 3, 2)
    path = segments_in(disk)[0]
    lines = disk.files[path].splitlines(keepends=True)
    disk.files[path] = b"".join([*lines[:2], *lines[3:]])
    store, recovered = await resumed(disk)

    assert ["1 of its lines are missing"] == [drop.why for drop in recovered.drops]
    assert ((minute(10), minute(15)),) == store.coverage(GOLD_M1).intervals


async def test_a_partial_bootstrap_is_taken_up_on_top_of_its_commit() -> None:
    """The stored bars are the base; what was fetched anew stands over them."""
    disk = MemoryDisk()
    await served_store(disk)
    second, _ = await resumed(disk)
    await second.append(GOLD_M1, bars(5, 100), [(minute(100), minute(105))])
    third, recovered = await resumed(disk, owner=3)

    assert (Generation(1, 1), Generation(2, 1)) == (recovered.found, recovered.resumed)
    assert minute(10) == recovered.covered_until_ms
    assert [*range(10), *range(100, 105)] == opens(third.load(GOLD_M1))


async def test_a_cold_start_over_a_commit_is_taken_up_without_it() -> None:
    """The commit's bars open in another mode, or were cut by other anchors."""
    disk = MemoryDisk()
    await served_store(disk)
    second, _ = await resumed(disk)
    second.begin(GOLD, is_resumable=True)
    await second.append(GOLD_M1, bars(5, 100), [(minute(100), minute(105))])
    third, recovered = await resumed(disk, owner=3)

    assert (None, Generation(2, 2)) == (recovered.found, recovered.resumed)
    assert list(range(100, 105)) == opens(third.load(GOLD_M1))


async def test_kept_days_are_in_the_journal_too() -> None:
    """A draft that keeps D1 is taken up with D1."""
    disk = MemoryDisk()
    first = await served_store(disk)
    await first.append(GOLD_D1, bars(2, 0, Timeframe.D1), [(minute(0), minute(2_880))])
    second, _ = await resumed(disk)
    second.begin(GOLD, keeping=(Timeframe.D1,), is_resumable=True)
    await second.append(GOLD_M1, bars(5, 100), [(minute(100), minute(105))])
    third, _ = await resumed(disk, owner=3)

    assert 2 == len(third.load(GOLD_D1))
    assert ((minute(0), minute(2_880)),) == third.coverage(GOLD_D1).intervals


async def test_a_forced_rebuild_leaves_no_trace() -> None:
    """It failed half-way: the next start serves what was live."""
    disk = MemoryDisk()
    first = await served_store(disk)
    first.begin(GOLD)
    await first.append(GOLD_M1, bars(5, 100), [(minute(100), minute(105))])
    store, recovered = await resumed(disk)

    assert (Generation(1, 1), None) == (recovered.found, recovered.resumed)
    assert list(range(10)) == opens(store.load(GOLD_M1))


async def test_after_a_failed_note_the_draft_goes_on_without_a_journal() -> None:
    """A line after a torn one could not be told from it; the pages are fetched again instead."""
    disk = DiskThatFails()
    store = await store_over(disk)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(5), [(minute(0), minute(5))])
    disk.appends_to_fail = 1
    with pytest.raises(DiskFailed):
        await store.append(GOLD_M1, bars(5, 5), [(minute(5), minute(10))])
    await store.append(GOLD_M1, bars(5, 5), [(minute(5), minute(10))])
    second, _ = await resumed(disk)

    assert ((minute(0), minute(5)),) == second.coverage(GOLD_M1).intervals
    await serve(store)
    assert list(range(10)) == opens((await resumed(disk, owner=3))[0].load(GOLD_M1))


async def test_the_journal_goes_once_its_generation_is_live() -> None:
    """From the commit on the manifest knows better."""
    disk = MemoryDisk()
    store = await downloading(disk, 0)
    assert 1 == len(await disk.names(layout.journal_folder(GOLD)))
    await serve(store)
    await store.collect(GOLD)

    assert () == await disk.names(layout.journal_folder(GOLD))
