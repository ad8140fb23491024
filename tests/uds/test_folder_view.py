"""Reading a folder that somebody else owns: what is pinned, what grows, what vanishes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.uds.samples import (
    GOLD,
    GOLD_D1,
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
from uds import layout
from uds.folder_check import check_commits, check_state, foreign_names
from uds.folder_view import FolderView, Pinned, Vanished
from uds.memory_disk import MemoryDisk
from uds.model import Bars, Generation, SeriesKey, joined

FAR = 1 << 62


class CountingDisk(MemoryDisk):
    """A disk that knows how many bytes were read of it."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes_read = 0

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """The bytes, counted."""
        data = await super().read(path, from_byte, until_byte)
        self.bytes_read += len(data or b"")
        return data


class ForgetfulDisk(MemoryDisk):
    """A disk on which an engine collects some files right after their names were listed."""

    def __init__(self) -> None:
        super().__init__()
        self.to_collect: list[str] = []

    async def names(self, folder: str) -> tuple[str, ...]:
        """The names as they are before the collection."""
        found = await super().names(folder)
        gone, self.to_collect = self.to_collect, []
        await self.remove(gone)
        return found


async def pinned_on(disk: MemoryDisk) -> Pinned:
    """What a reader pins of gold."""
    found = await FolderView(disk).pin(GOLD)
    assert found is not None
    return found


async def whole(pinned: Pinned, key: SeriesKey = GOLD_M1) -> Bars:
    """All of a series as it comes."""
    return joined([part async for part in pinned.series(key)])


def damage(disk: MemoryDisk, path: str, at: int = 40) -> None:
    """Flip one bit."""
    data = disk.files[path]
    disk.files[path] = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


async def test_nothing_is_pinned_where_nothing_was_committed() -> None:
    """Bars that no commit names are nobody's truth."""
    disk = MemoryDisk()
    store = await store_over(disk)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(5))

    assert None is await FolderView(disk).pin(GOLD)


async def test_the_newest_commit_that_proves_itself_is_pinned() -> None:
    """A damaged one is passed over and told, as a start does."""
    disk = MemoryDisk()
    await served_store(disk, count=10)
    second = await store_over(disk, owner=2)
    await second.recover(GOLD)
    await serve(second)
    damage(disk, layout.commit_path(GOLD, Generation(2, 1)))

    found = await pinned_on(disk)

    assert Generation(1, 1) == found.generation
    assert 1 == len(found.skipped)
    assert "2-1" in found.skipped[0]


async def test_live_bars_are_read_where_recovery_finds_them() -> None:
    """Behind the record of the open file, and in files that were begun for them."""
    disk = MemoryDisk()
    store = await served_store(disk, count=10)
    await store.append(GOLD_M1, bars(5, first=10))
    await store.append(GOLD_M1, bars(2, first=3, price=9.0))  # a revision begins a file
    await store.append(GOLD_M1, bars(1, first=15))

    found = await pinned_on(disk)

    assert list(range(16)) == opens(await whole(found))
    assert [9.03, 9.04] == (await found.read(GOLD_M1, minute(3), minute(5))).o.tolist()
    assert list(range(12, 16)) == opens(await found.tail(GOLD_M1, 4))


async def test_what_another_owner_wrote_behind_the_record_is_no_part_of_it() -> None:
    """A zombie's bars stand in a file of its own token, which the next owner had recorded."""
    disk = MemoryDisk()
    zombie = await served_store(disk, count=10)
    second = await store_over(disk, owner=2)
    await second.recover(GOLD)
    await serve(second)
    await zombie.append(GOLD_M1, bars(5, first=10))

    found = await pinned_on(disk)

    assert list(range(10)) == opens(await whole(found))
    assert list(range(7, 10)) == opens(await found.tail(GOLD_M1, 3))


async def test_pages_that_came_newest_first_are_given_in_time_order() -> None:
    """A cold start writes history backwards; a reader wants it forwards."""
    disk = MemoryDisk()
    store = await store_over(disk)
    await store.recover(GOLD)
    for first in (20, 10, 0):
        await store.append(GOLD_M1, bars(10, first=first))
    await store.commit(GOLD)

    parts = [opens(part) async for part in (await pinned_on(disk)).series(GOLD_M1)]

    assert [list(range(10)), list(range(10, 20)), list(range(20, 30))] == parts


async def test_a_generation_may_be_asked_for_by_its_name() -> None:
    """Redis may serve the one before; a name that was collected is none."""
    disk = MemoryDisk()
    await served_store(disk)
    view = FolderView(disk)

    there, gone = [await view.pin_at(GOLD, Generation(1, n)) for n in (1, 2)]

    assert there is not None
    assert Generation(1, 1) == there.generation
    assert gone is None


async def test_a_commit_collected_while_it_is_read_is_pinned_anew() -> None:
    """Between the list of commits and the reading of them an engine may move on."""
    disk = ForgetfulDisk()
    await served_store(disk)
    second = await store_over(disk, owner=2)
    await second.recover(GOLD)
    await serve(second)
    disk.to_collect = [layout.commit_path(GOLD, Generation(2, 1))]

    assert Generation(1, 1) == (await pinned_on(disk)).generation


async def test_a_file_collected_meanwhile_is_said_to_have_vanished() -> None:
    """The reader pins again; it is not told that the folder is damaged."""
    disk = MemoryDisk()
    await served_store(disk)
    found = await pinned_on(disk)
    await disk.remove(segments_in(disk))

    for reading in (whole(found), found.read(GOLD_M1, 0, FAR), found.tail(GOLD_M1, 3)):
        with pytest.raises(Vanished, match="not there any more"):
            await reading


async def test_a_tail_costs_the_tail_and_not_the_history() -> None:
    """The newest ten of five thousand bars are read for what ten cost."""
    disk = CountingDisk()
    store = await store_over(disk, tail_bars=10_000)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(4_990))
    await serve(store)
    await store.append(GOLD_M1, bars(10, first=4_990))
    found = await pinned_on(disk)
    disk.bytes_read = 0

    tail = await found.tail(GOLD_M1, 10)

    assert list(range(4_990, 5_000)) == opens(tail)
    assert 16_000 > disk.bytes_read


async def test_a_recorded_tail_ends_where_the_commit_ends() -> None:
    """Digests are over what was recorded; what came live is not in them."""
    disk = MemoryDisk()
    store = await served_store(disk, count=10)
    await store.append(GOLD_M1, bars(5, first=10))
    found = await pinned_on(disk)
    await store.checkpoint(0)
    state = (await check_state(FolderView(disk))).checkpoint

    assert state is not None
    assert list(range(6, 10)) == opens(await found.recorded_tail(GOLD_M1, 4))
    later = await found.recorded_tail(GOLD_M1, 4, state.symbols[GOLD].tails)
    assert list(range(11, 15)) == opens(later)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), min_size=1, max_size=8))
async def test_tail_series_and_read_agree_whatever_was_written(
    chunks: Sequence[tuple[int, int]],
) -> None:
    """Pages in any order, revisions over revisions, half of it live: three roads, one truth."""
    disk = MemoryDisk()
    store = await store_over(disk)
    await store.recover(GOLD)
    expected = Bars.empty()
    for number, (first, count) in enumerate(chunks):
        chunk = bars(count, first=first, price=1_000.0 + number)
        await store.append(GOLD_M1, chunk)
        expected = expected.merged(chunk)
        if number == len(chunks) // 2:
            await serve(store)

    found = await pinned_on(disk)

    assert expected.same_as(await whole(found))
    assert expected.between(minute(7), minute(19)).same_as(
        await found.read(GOLD_M1, minute(7), minute(19))
    )
    for count in (1, 5, 100):
        assert expected.tail(count).same_as(await found.tail(GOLD_M1, count))


async def test_a_cursor_may_stop_anywhere() -> None:
    """Eight series are read side by side, a stretch of time at once."""
    disk = MemoryDisk()
    store = await store_over(disk)
    await store.recover(GOLD)
    for first in (20, 0):
        await store.append(GOLD_M1, bars(20, first=first))
    await store.append(GOLD_M1, bars(3, first=9, price=9.0))
    await store.commit(GOLD)
    heard: list[str] = []
    cursor = await (await pinned_on(disk)).cursor(GOLD_M1, lambda read: heard.append(read.flaw))

    stops = [opens(await cursor.until(minute(index))) for index in (5, 10, 10, 25, 99)]

    assert [list(range(a, b)) for a, b in ((0, 5), (5, 10), (10, 10), (10, 25), (25, 40))] == stops
    assert ["", "", ""] == heard


async def test_the_file_of_a_bar_is_the_one_whose_line_counts() -> None:
    """A fault names the place: of two lines with one open the later file's."""
    disk = MemoryDisk()
    store = await served_store(disk)
    await store.append(GOLD_M1, bars(1, first=3, price=9.0))
    found = await pinned_on(disk)
    first, second = segments_in(disk)

    assert second == await found.path_of(GOLD_M1, minute(3))
    assert first == await found.path_of(GOLD_M1, minute(4))
    assert "XAU_USD/tf_60" == await found.path_of(GOLD_M1, minute(77))


async def test_legacy_files_are_named_and_left_alone() -> None:
    """They are adopted by a start; a reader only says that they are there."""
    disk = MemoryDisk()
    disk.files.update(
        {
            "XAU_USD/tf_60/part-20260105.jsonl": b"{}\n",
            "XAU_USD/tf_60/part-20260104.jsonl": b"{}\n",
            "XAU_USD/tf_60/notes.txt": b"",
        }
    )

    assert (
        "XAU_USD/tf_60/part-20260104.jsonl",
        "XAU_USD/tf_60/part-20260105.jsonl",
    ) == await FolderView(disk).legacy_parts(GOLD_M1)


async def flaw_of(disk: MemoryDisk, key: SeriesKey = GOLD_M1) -> list[str]:
    """What is wrong with the files of a series."""
    found = await pinned_on(disk)
    reads = [await found.fetch(file) for file in await found.files(key)]
    return [read.flaw for read in reads if read.flaw]


async def test_a_torn_end_is_no_flaw_behind_the_record_and_one_within() -> None:
    """A write that was never acknowledged may end anywhere; a committed one may not."""
    disk = MemoryDisk()
    store = await served_store(disk)
    (path,) = segments_in(disk)
    committed = disk.files[path]
    await store.append(GOLD_M1, bars(2, first=10))
    disk.files[path] = disk.files[path][:-20]
    behind = await flaw_of(disk)
    disk.files[path] = committed[:-20]

    assert [] == behind
    (within,) = await flaw_of(disk)
    assert within.startswith("line 11 cannot be used")


async def test_lines_that_were_written_anew_are_noticed_though_each_is_sound() -> None:
    """Somebody who knows the format can make good lines; not the commit's checksum of them."""
    disk = MemoryDisk()
    await served_store(disk)
    (path,) = segments_in(disk)
    other = MemoryDisk()
    store = await store_over(other)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(10, price=2_001.0))
    disk.files[path] = other.files[path]

    assert ["its committed bytes were changed since: their checksum is another"] == await flaw_of(
        disk
    )


async def test_a_file_under_another_name_is_noticed() -> None:
    """Its lines prove themselves by its own header, but the header is that of another place."""
    disk = MemoryDisk()
    store = await store_over(disk)
    await store.recover(GOLD)
    for first in (10, 0):
        await store.append(GOLD_M1, bars(10, first=first))
    await store.commit(GOLD)
    one, two = segments_in(disk)
    disk.files[one], disk.files[two] = disk.files[two], disk.files[one]

    assert [
        "it holds the bytes of seg-00000001-0001",
        "it holds the bytes of seg-00000001-0002",
    ] == sorted(await flaw_of(disk))


async def test_commits_are_held_against_their_manifests() -> None:
    """On a copied folder they are two files, and either may be damaged."""
    original, disk = MemoryDisk(), MemoryDisk()
    await served_store(original)
    disk.files = dict(original.files)
    generation = Generation(1, 1)
    path = layout.manifest_path(GOLD, generation)
    sound = await check_commits(FolderView(disk), GOLD)
    damage(disk, path)
    found = await check_commits(FolderView(disk), GOLD)

    assert ((generation,), 1, 1, ()) == (sound.sound, sound.manifests, sound.count, sound.flaws)
    assert [(generation, path)] == [(g, flaw.path) for g, flaw in found.flaws]


async def test_a_bad_state_file_gives_way_to_the_one_before() -> None:
    """Only what a start would read first is a flaw; a bad spare is no harm."""
    disk = MemoryDisk()
    store = await served_store(disk)
    await store.checkpoint(1)
    await store.append(GOLD_M5, bars(1, timeframe=GOLD_M5.timeframe))
    await store.checkpoint(2)
    good = disk.files[layout.STATE]
    damage(disk, layout.STATE)
    current_bad = await check_state(FolderView(disk))
    disk.files[layout.STATE] = good
    damage(disk, layout.STATE_PREVIOUS)
    spare_bad = await check_state(FolderView(disk))
    await disk.remove([layout.STATE])
    both_bad = await check_state(FolderView(disk))

    assert [1, 2, None] == [
        checked.checkpoint and checked.checkpoint.saved_ms
        for checked in (current_bad, spare_bad, both_bad)
    ]
    assert [1, 0, 1] == [len(c.flaws) for c in (current_bad, spare_bad, both_bad)]
    assert "missing" in both_bad.flaws[0].detail
    assert (False, True) == (current_bad.is_spare_bad, spare_bad.is_spare_bad)


async def test_what_no_engine_wrote_is_named() -> None:
    """An operator's notes do no harm, but a misplaced file may be somebody's history."""
    disk = MemoryDisk()
    await served_store(disk)
    disk.files.update(
        {
            "XAU_USD/tf_60/EURUSD.csv": b"",
            "XAU_USD/commit/.00000001-0001.tmp": b"",
            "EUR_USD/tf_60/seg-00000001-0001.jsonl": b"",
            "XAU_USD/tf_240/x": b"",
        }
    )

    found = dict(await foreign_names(disk, (GOLD,)))

    assert {"": ("EUR_USD",), "XAU_USD": ("tf_240",), "XAU_USD/tf_60": ("EURUSD.csv",)} == found


async def test_days_are_read_as_minutes_are() -> None:
    """Every timeframe has the same files."""
    disk = MemoryDisk()
    store = await store_over(disk)
    await store.recover(GOLD)
    await store.append(GOLD_D1, bars(9, timeframe=GOLD_D1.timeframe))
    await store.commit(GOLD)

    assert 9 == len(await whole(await pinned_on(disk), GOLD_D1))
