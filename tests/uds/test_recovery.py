"""What a start finds on disk: named after the disasters that were there before it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from uds import layout, recovery
from uds.believing import Record
from uds.manifest import SegmentEntry
from uds.memory_disk import MemoryDisk
from uds.model import Coverage, Generation, Timeframe
from uds.ports import Disk
from uds.recovery import Recovered
from uds.store import Store

from .samples import (
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

FUZZ_ROUNDS = 300
G1, G2 = Generation(1, 1), Generation(1, 2)


async def restarted(disk: Disk, owner: int = 2, tail_bars: int = 100) -> tuple[Store, Recovered]:
    """The next owner's store with gold recovered."""
    store = await store_over(disk, owner=owner, tail_bars=tail_bars)
    return store, await store.recover(GOLD)


def damaged(disk: MemoryDisk, path: str, change: Callable[[list[bytes]], None]) -> bytes:
    """Change the lines of a file (0 is the header); returns what lies there now."""
    lines = disk.files[path].splitlines(keepends=True)
    change(lines)
    disk.files[path] = b"".join(lines)
    return disk.files[path]


def flip_bit(line: int) -> Callable[[list[bytes]], None]:
    """One bit of a price in one line."""

    def change(lines: list[bytes]) -> None:
        at = lines[line].index(b'"o":') + 4
        lines[line] = lines[line][:at] + bytes([lines[line][at] ^ 1]) + lines[line][at + 1 :]

    return change


def removed(line: int) -> Callable[[list[bytes]], None]:
    """One line and no trace of it."""

    def change(lines: list[bytes]) -> None:
        del lines[line]

    return change


# -- no disaster ----------------------------------------------------------------------------------


async def test_a_successor_finds_what_was_committed(disk: Disk) -> None:
    """Bars, coverage, anchors and open mode, bit for bit; the draft has a number of its own."""
    first = await served_store(disk)
    await first.append(GOLD_M5, bars(2, 0, Timeframe.M5))
    await first.append(GOLD_D1, bars(2, 0, Timeframe.D1), [(minute(0), minute(2_880))])
    first.begin(GOLD, keeping=())
    await first.append(GOLD_M1, bars(10), [(minute(0), minute(12))])
    await first.append(GOLD_M5, bars(2, 0, Timeframe.M5))
    await serve(first)
    second, recovered = await restarted(disk)

    assert (G2, (), ()) == (recovered.found, recovered.drops, recovered.skipped)
    assert (first.terms.anchors, "first_tick") == (recovered.anchors, recovered.open_mode)
    assert bars(10).same_as(second.load(GOLD_M1))
    assert bars(2, 0, Timeframe.M5).same_as(second.load(GOLD_M5))
    assert 0 == len(second.load(GOLD_D1))
    assert ((minute(0), minute(12)),) == second.coverage(GOLD_M1).intervals
    assert () == second.coverage(GOLD_M5).intervals
    assert Generation(2, 1) == await serve(second)


async def test_an_empty_folder_is_a_cold_start(disk: Disk) -> None:
    """Nothing found is not an error."""
    store, recovered = await restarted(disk)

    assert Recovered(GOLD, None) == recovered
    assert store.is_drafting(GOLD)
    assert 0 == len(store.load(GOLD_M1))


async def test_a_draft_that_was_never_committed_is_not_found() -> None:
    """Half a generation would be served as a whole one."""
    disk = MemoryDisk()
    first = await served_store(disk)
    first.begin(GOLD)
    await first.append(GOLD_M1, bars(50, 100))
    second, recovered = await restarted(disk)

    assert G1 == recovered.found
    assert bars(10).same_as(second.load(GOLD_M1))


async def test_bars_that_came_live_are_found(disk: Disk) -> None:
    """They stand behind the manifest's length; coverage goes on to the last of them."""
    first = await served_store(disk)
    for n in range(10, 15):
        await first.append(GOLD_M1, bars(1, n), [(minute(n), minute(n + 1))])
        await first.extend(GOLD)
    second, recovered = await restarted(disk)

    assert () == recovered.drops
    assert bars(15).same_as(second.load(GOLD_M1))
    assert ((minute(0), minute(15)),) == second.coverage(GOLD_M1).intervals


async def test_files_begun_for_live_bars_are_found() -> None:
    """A revision begins a file that no manifest names."""
    disk = MemoryDisk()
    first = await served_store(disk)
    await first.append(GOLD_M1, bars(1, 4, price=9.0))
    await first.append(GOLD_M1, bars(2, 10))
    assert 2 == len(segments_in(disk))
    second, _ = await restarted(disk)

    assert bars(12).merged(bars(1, 4, price=9.0)).same_as(second.load(GOLD_M1))


async def test_the_chain_of_restarts_loses_nothing() -> None:
    """Each generation lists the files of those before it."""
    disk = MemoryDisk()
    await served_store(disk)
    for owner in range(2, 6):
        store, _ = await restarted(disk, owner)
        await store.append(
            GOLD_M1, bars(5, 5 * owner), [(minute(5 * owner), minute(5 * owner + 5))]
        )
        await serve(store)
    last, recovered = await restarted(disk, 6)

    assert Generation(5, 1) == recovered.found
    assert bars(30).same_as(last.load(GOLD_M1))
    assert ((minute(0), minute(30)),) == last.coverage(GOLD_M1).intervals


async def test_strangers_beside_our_files_are_passed_over() -> None:
    """Older platforms, editors and an interrupted replace leave things."""
    disk = MemoryDisk()
    await served_store(disk)
    folder = layout.series_folder(GOLD_M1)
    disk.files |= {
        f"{folder}/part-20260105.jsonl": b"{}",
        f"{folder}/.seg-00000001-0001.jsonl.tmp": b"x",
        f"{layout.commit_folder(GOLD)}/notes": b"x",
        f"{layout.commit_folder(GOLD)}/.00000009-0001.tmp": b"x",
    }
    _, recovered = await restarted(disk)

    assert (G1, (), ()) == (recovered.found, recovered.drops, recovered.skipped)


# -- which bars belong in RAM --------------------------------------------------------------------


async def test_the_newest_bars_are_resident_whatever_file_they_are_in() -> None:
    """Pages come newest first, so the live bars follow the oldest page in its file."""
    disk = MemoryDisk()
    first = await store_over(disk)
    await first.recover(GOLD)
    for page in reversed(range(4)):
        await first.append(GOLD_M1, bars(1_000, 1_000 * page))
    await serve(first)
    await first.append(GOLD_M1, bars(3, 4_000))
    second, _ = await restarted(disk)
    await serve(second)
    third, _ = await restarted(disk, 3)

    for store in (second, third):
        assert opens(bars(1_540, 2_463)) == opens(store.load(GOLD_M1))
        assert minute(2_463) == store.resident_from_ms(GOLD_M1)


async def test_older_files_are_kept_without_being_read() -> None:
    """A start reads what it serves, and the file that may have grown; the rest stays listed."""

    class CountingDisk(MemoryDisk):
        def __init__(self) -> None:
            super().__init__()
            self.read_paths: list[str] = []

        async def read(self, path: str) -> bytes | None:
            self.read_paths.append(path)
            return await super().read(path)

    disk = CountingDisk()
    first = await store_over(disk)
    await first.recover(GOLD)
    for page in reversed(range(4)):
        await first.append(GOLD_M1, bars(1_000, 1_000 * page))
    await serve(first)
    disk.read_paths.clear()
    second, _ = await restarted(disk)
    read = {path for path in disk.read_paths if "/tf_60/" in path}
    await serve(second)
    third, _ = await restarted(disk, 3, tail_bars=5_000)

    newest, second_newest, _, begun_last = segments_in(disk)
    assert {newest, second_newest, begun_last} == read
    assert bars(4_000).same_as(third.load(GOLD_M1))
    assert 0 == third.resident_from_ms(GOLD_M1)


async def test_a_full_tail_says_that_there_is_more_on_disk() -> None:
    """Exactly as many bars as belong in RAM were read, and a file was not."""
    disk = MemoryDisk()
    for owner in (1, 2, 3):
        store, _ = await restarted(disk, owner)
        await store.append(GOLD_M1, bars(1_000, 1_000 * (owner - 1)))
        await serve(store)
    last, _ = await restarted(disk, 4, tail_bars=560)

    assert bars(2_000, 1_000).same_as(last.load(GOLD_M1))
    assert minute(1_000) == last.resident_from_ms(GOLD_M1)


# -- disasters ------------------------------------------------------------------------------------


async def test_a_flipped_bit_costs_one_bar() -> None:
    """The good lines are served, the hole is fetched again, the file stays as evidence (F8)."""
    disk = MemoryDisk()
    await served_store(disk)
    (path,) = segments_in(disk)
    evidence = damaged(disk, path, flip_bit(5))
    second, recovered = await restarted(disk)
    (drop,) = recovered.drops

    assert (GOLD_M1, path, 1, 6, "its checksum is wrong", False) == (
        drop.key,
        drop.path,
        drop.lines,
        drop.first_line,
        drop.why,
        drop.is_torn,
    )
    assert [0, 1, 2, 3, 5, 6, 7, 8, 9] == opens(second.load(GOLD_M1))
    assert ((minute(0), minute(4)), (minute(5), minute(10))) == second.coverage(GOLD_M1).intervals
    assert evidence == disk.files[path]


async def test_a_refetched_hole_is_closed_for_ever() -> None:
    """The next generation does not name the damaged file, so nobody stumbles again."""
    disk = MemoryDisk()
    await served_store(disk)
    damaged(disk, segments_in(disk)[0], flip_bit(5))
    second, _ = await restarted(disk)
    await second.append(GOLD_M1, bars(1, 4), [(minute(4), minute(5))])
    await serve(second)
    third, recovered = await restarted(disk, 3)

    assert () == recovered.drops
    assert bars(10).same_as(third.load(GOLD_M1))
    assert ((minute(0), minute(10)),) == third.coverage(GOLD_M1).intervals


@pytest.mark.parametrize(("line", "hole"), [(1, (0, 1)), (10, (9, 10))], ids=["first", "last"])
async def test_a_bad_line_at_an_end_is_a_hole_there(line: int, hole: tuple[int, int]) -> None:
    """There is no good line on the other side to measure by."""
    disk = MemoryDisk()
    await served_store(disk)
    damaged(disk, segments_in(disk)[0], flip_bit(line))
    second, _ = await restarted(disk)

    whole = second.coverage(GOLD_M1).add(minute(hole[0]), minute(hole[1]))
    assert ((minute(0), minute(10)),) == whole.intervals
    assert minute(hole[0]) not in second.load(GOLD_M1).open_time_ms


async def test_a_torn_tail_costs_only_what_was_not_acknowledged() -> None:
    """Half a line behind the last good one: said, but no hole, for nobody was told it is there."""
    disk = MemoryDisk()
    await served_store(disk)
    (path,) = segments_in(disk)
    disk.files[path] += b'{"symbol":"XAU/USD","tf_s":60,"open_ti'
    second, recovered = await restarted(disk)

    assert [(1, 12, True)] == [(d.lines, d.first_line, d.is_torn) for d in recovered.drops]
    assert bars(10).same_as(second.load(GOLD_M1))
    assert ((minute(0), minute(10)),) == second.coverage(GOLD_M1).intervals


@pytest.mark.parametrize(
    ("cut_bytes", "proved"), [(5, 9), (400, 0)], ids=["in a line", "whole lines too"]
)
async def test_a_file_cut_below_its_recorded_length_is_no_torn_tail(
    cut_bytes: int, proved: int
) -> None:
    """Those bars were acknowledged: they are lost, loudly, and fetched again.

    Where the rest of a line is left it is known which bar is gone; else all are in doubt.
    """
    disk = MemoryDisk()
    await served_store(disk)
    (path,) = segments_in(disk)
    disk.files[path] = disk.files[path][:-cut_bytes]
    second, recovered = await restarted(disk)
    lost = 10 - len(second.load(GOLD_M1))

    assert lost >= 1
    assert [(lost, 12 - lost, False)] == [
        (d.lines, d.first_line, d.is_torn) for d in recovered.drops
    ]
    assert Coverage.of([(minute(0), minute(proved))]) == second.coverage(GOLD_M1)


@pytest.mark.parametrize("line", [1, 5, 10])
async def test_a_removed_line_is_missed(line: int) -> None:
    """Each line left is right by itself; the recorded checksum knows that one is gone."""
    disk = MemoryDisk()
    await served_store(disk)
    damaged(disk, segments_in(disk)[0], removed(line))
    second, recovered = await restarted(disk)

    assert ["1 of its lines are missing"] == [drop.why for drop in recovered.drops]
    assert [n for n in range(10) if n != line - 1] == opens(second.load(GOLD_M1))
    assert () == second.coverage(GOLD_M1).intervals


@pytest.mark.parametrize("damage", ["missing", "header", "empty"])
async def test_a_lost_file_is_a_hole_of_its_own_range(damage: str) -> None:
    """The other files and the other timeframes are served; only its minutes are fetched again."""
    disk = MemoryDisk()
    first = await store_over(disk)
    await first.recover(GOLD)
    for page in (2, 1, 0):
        await first.append(GOLD_M1, bars(5, 5 * page), [(minute(5 * page), minute(5 * page + 5))])
    await serve(first)
    path = segments_in(disk)[1]
    if damage == "missing":
        del disk.files[path]
    else:
        disk.files[path] = b"" if damage == "empty" else b"\0" + disk.files[path][1:]
    second, recovered = await restarted(disk)

    assert [(path, 0, False)] == [(d.path, d.lines, d.is_torn) for d in recovered.drops]
    assert [*range(5), *range(10, 15)] == opens(second.load(GOLD_M1))
    assert ((minute(0), minute(5)), (minute(10), minute(15))) == second.coverage(GOLD_M1).intervals


async def test_a_rescue_does_not_undo_a_revision() -> None:
    """The damaged file is older than the one that revised a bar of it."""
    disk = MemoryDisk()
    first = await store_over(disk)
    await first.recover(GOLD)
    await first.append(GOLD_M1, bars(10))
    await first.append(GOLD_M1, bars(1, 3, price=9.0))
    await serve(first)
    damaged(disk, segments_in(disk)[0], flip_bit(8))
    second, _ = await restarted(disk)
    await serve(second)
    third, _ = await restarted(disk, 3)

    for store in (second, third):
        assert [n for n in range(10) if n != 7] == opens(store.load(GOLD_M1))
        assert 9.03 == store.load(GOLD_M1).o[3]


async def test_two_damaged_files_are_rescued_in_the_order_they_were_written() -> None:
    """The later of two revisions stays the later one."""
    disk = MemoryDisk()
    first = await store_over(disk)
    await first.recover(GOLD)
    await first.append(GOLD_M1, bars(10))
    await first.append(GOLD_M1, bars(10, 0, price=9.0))
    await serve(first)
    for path in segments_in(disk):
        damaged(disk, path, flip_bit(10))
    second, _ = await restarted(disk)

    assert bars(9, 0, price=9.0).same_as(second.load(GOLD_M1))


async def test_a_damaged_live_file_takes_the_proof_of_the_live_minutes() -> None:
    """No record knows which minutes it held, so only those of bars that are there are proved."""
    disk = MemoryDisk()
    first = await served_store(disk)
    await first.append(GOLD_M1, bars(1, 4, price=9.0))
    await first.append(GOLD_M1, bars(2, 10))
    await first.append(GOLD_M1, bars(1, 5, price=9.0))
    await first.append(GOLD_M1, bars(2, 12))
    path = segments_in(disk)[1]
    disk.files[path] = b"\0" + disk.files[path][1:]
    second, recovered = await restarted(disk)

    assert [path] == [drop.path for drop in recovered.drops]
    assert [*range(10), 12, 13] == opens(second.load(GOLD_M1))
    proved = ((minute(0), minute(10)), (minute(12), minute(14)))
    assert proved == second.coverage(GOLD_M1).intervals


@pytest.mark.parametrize("left", [b"", b'{"seg":1,"symb'])
async def test_a_live_file_torn_in_its_header_held_nothing(left: bytes) -> None:
    """The write that began it was never acknowledged; it is said and costs nothing."""
    disk = MemoryDisk()
    await served_store(disk)
    disk.files[layout.segment_path(GOLD_M1, 1, 2)] = left
    second, recovered = await restarted(disk)

    assert [True] == [drop.is_torn for drop in recovered.drops]
    assert ((minute(0), minute(10)),) == second.coverage(GOLD_M1).intervals


async def test_a_bad_commit_falls_back_to_the_one_before() -> None:
    """And says so: what is served is older than what was there."""
    disk = MemoryDisk()
    first = await served_store(disk)
    first.begin(GOLD)
    await first.append(GOLD_M1, bars(20), [(minute(0), minute(20))])
    await serve(first)
    disk.files[layout.commit_path(GOLD, G2)] = b'{"schema":1'
    second, recovered = await restarted(disk)

    assert G1 == recovered.found
    assert bars(10).same_as(second.load(GOLD_M1))
    (skipped,) = recovered.skipped
    assert "the manifest 1-2 of XAU/USD cannot be used" in str(skipped)


async def test_when_every_commit_is_bad_it_is_a_cold_start_that_says_why() -> None:
    """Never a crash, never a silent drop (F8)."""
    disk = MemoryDisk()
    first = await served_store(disk)
    first.begin(GOLD)
    await serve(first)
    await first.collect(GOLD)
    for generation in (G1, G2):
        disk.files[layout.commit_path(GOLD, generation)] = b"\0" * 100
    store, recovered = await restarted(disk)

    assert (None, 2) == (recovered.found, len(recovered.skipped))
    assert 0 == len(store.load(GOLD_M1))


async def test_damage_in_a_derived_series_leaves_its_source_alone() -> None:
    """It is derived again, nothing is fetched."""
    disk = MemoryDisk()
    first = await store_over(disk)
    await first.recover(GOLD)
    await first.append(GOLD_M1, bars(10), [(minute(0), minute(10))])
    await first.append(GOLD_M5, bars(2, 0, Timeframe.M5))
    await serve(first)
    damaged(disk, segments_in(disk, GOLD_M5)[0], flip_bit(1))
    second, recovered = await restarted(disk)

    assert [GOLD_M5] == [drop.key for drop in recovered.drops]
    assert bars(10).same_as(second.load(GOLD_M1))
    assert ((minute(0), minute(10)),) == second.coverage(GOLD_M1).intervals
    assert opens(bars(1, 1, Timeframe.M5)) == opens(second.load(GOLD_M5))


async def test_no_damage_of_one_file_hides_a_lost_bar_or_changes_one() -> None:
    """Any damage: what is served is true, and no lost bar's minute counts as fetched (F8)."""
    dice = random.Random(8)
    whole = MemoryDisk()
    first = await store_over(whole)
    await first.recover(GOLD)
    for page in (2, 0, 1):
        await first.append(GOLD_M1, bars(6, 6 * page), [(minute(6 * page), minute(6 * page + 6))])
    await serve(first)
    truth = first.load(GOLD_M1)
    hurt = 0
    for _ in range(FUZZ_ROUNDS):
        disk = MemoryDisk()
        disk.files = dict(whole.files)
        path = dice.choice(segments_in(disk))
        disk.files[path] = mangled(dice, disk.files[path])
        second, recovered = await restarted(disk)
        found = second.load(GOLD_M1)
        lost = set(opens(truth)) - set(opens(found))
        hurt += bool(lost)

        assert truth.merged(found).same_as(truth)
        for n in lost:
            assert 1 == len(second.coverage(GOLD_M1).gaps(minute(n), minute(n + 1)).intervals)
        assert recovered.drops or not lost

    assert FUZZ_ROUNDS / 2 < hurt


def mangled(dice: random.Random, data: bytes) -> bytes:
    """A file to which one thing happened: to a byte, a stretch, or whole lines."""
    lines = data.splitlines(keepends=True)
    at, until = sorted(dice.sample(range(len(data)), 2))
    line, other = dice.sample(range(len(lines)), 2)
    match dice.randrange(7):
        case 0:
            return data[:at] + bytes([data[at] ^ dice.randrange(1, 256)]) + data[at + 1 :]
        case 1:
            return data[:at] + data[until:]
        case 2:
            return data[:at]
        case 3:
            return data[:at] + bytes(until - at) + data[until:]
        case 4:
            del lines[line]
        case 5:
            lines[line], lines[other] = lines[other], lines[line]
        case _:
            lines.insert(line, lines[other])
    return b"".join(lines)


async def zombie_writes_on(disk: MemoryDisk) -> list[int]:
    """What a third owner finds when the first went on writing after the second's commit."""
    first = await served_store(disk)
    second, _ = await restarted(disk)
    await serve(second)
    await first.append(GOLD_M1, bars(2, 10, price=9.0))
    third, _ = await restarted(disk, owner=3)
    return opens(third.load(GOLD_M1))


async def test_what_a_zombie_writes_to_its_own_file_is_not_believed() -> None:
    """The commit of its successor says how long the file was; the rest is nobody's."""
    assert list(range(10)) == await zombie_writes_on(MemoryDisk())


async def test_it_is_the_recorded_length_that_keeps_a_zombie_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the bug planted that every file may have grown, its bars would be believed."""

    def trusting(path: str, entry: SegmentEntry | None, may_grow: bool) -> Record:
        return Record(path, entry, may_grow=True)

    monkeypatch.setattr(recovery, "Record", trusting)

    assert list(range(12)) == await zombie_writes_on(MemoryDisk())
