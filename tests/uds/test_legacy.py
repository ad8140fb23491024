"""The files of the platform of before: every order, every repetition, every damage."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from uds.disk import FolderDisk
from uds.errors import DiskFailed
from uds.legacy import LOOKS_MAX, LegacyFolder, LegacySeries
from uds.legacy_codec import encode_records
from uds.memory_disk import MemoryDisk
from uds.model import MINUTE_MS, Bars, SeriesKey

from .old_lines import record, text
from .samples import GOLD_D1, GOLD_M1, GOLD_M5, T0_MS, bars, minute

PART = "XAU_USD/tf_60/part-20260105.jsonl"
NEXT_PART = "XAU_USD/tf_60/part-20260106.jsonl"
DAY_MS = 86_400_000
T0_DAY_MS = T0_MS // DAY_MS * DAY_MS


async def read(files: dict[str, bytes], key: SeriesKey = GOLD_M1) -> LegacySeries:
    """The series that such a folder holds."""
    return await LegacyFolder(_disk(files)).read(key)


def _disk(files: dict[str, bytes]) -> MemoryDisk:
    disk = MemoryDisk()
    disk.files.update(files)
    return disk


def indices(found: Bars) -> list[int]:
    """Which minutes after T0 the bars are of."""
    return [(open_ms - T0_MS) // MINUTE_MS for open_ms in found.open_time_ms.tolist()]


async def test_bars_come_back_as_they_were_written() -> None:
    """What we write for that platform's readers is what we read of that platform."""
    whole = bars(30, skip=(4, 9))
    found = await read({PART: encode_records(GOLD_M1, whole)})

    assert whole.same_as(found.bars)
    assert (1, (), (), 0, 0, 0, 0, False) == (
        found.files,
        found.faults,
        found.doubted,
        found.unfinished_count,
        found.repeated_count,
        found.differing_count,
        found.unordered_count,
        found.is_written,
    )


async def test_older_spellings_and_loose_values_are_read() -> None:
    """`l` for low, a volume with a fraction, a source we do not know, keys we never heard of."""
    old = record(1, low=None, l=1_990.0, v=6.6, src="history_agg", extensions=None, spread=3)
    bare = record(2, symbol=None, tf_s=None, close_time_ms=None, src="", v=4)
    found = await read({PART: text(record(0), old, bare)})

    assert [0, 1, 2] == indices(found.bars)
    assert [7, 7, 4] == found.bars.v.tolist()
    assert 1_990.0 == found.bars.low[1]
    assert () == found.faults


async def test_of_one_open_the_last_line_counts_and_it_is_told() -> None:
    """A later file beats an earlier one, a later line an earlier; nothing of it goes unsaid."""
    found = await read(
        {
            NEXT_PART: text(record(0, c=2_000.75)),
            PART: text(record(2), record(0), record(1), record(1), record(0, c=2_000.25)),
        }
    )

    assert [0, 1, 2] == indices(found.bars)
    assert 2_000.75 == found.bars.c[0]
    assert (3, 2, 5) == (found.repeated_count, found.differing_count, found.unordered_count)


async def test_a_forming_bar_is_no_bar_and_its_minute_is_doubtful() -> None:
    """The minute had ticks; to take its absence for silence would lose it for ever."""
    found = await read(
        {PART: text(record(0), record(1, complete=False), record(2, complete=False), record(2))}
    )

    assert [0, 2] == indices(found.bars)
    assert 2 == found.unfinished_count
    assert ((minute(1), minute(2)),) == found.doubted
    assert () == found.faults


async def test_a_bad_line_costs_itself_and_makes_its_day_doubtful() -> None:
    """Which minute it was is not known, only that it was one of that day."""
    found = await read(
        {PART: text(record(0), "garbage", "", record(1)), NEXT_PART: text(record(1_440))}
    )

    (fault,) = found.faults
    assert [0, 1, 1_440] == indices(found.bars)
    assert (PART, 1, 2, False) == (fault.path, fault.lines, fault.first_line, fault.is_torn)
    assert "malformed" in fault.why
    assert ((T0_DAY_MS, T0_DAY_MS + DAY_MS),) == found.doubted


async def test_a_write_that_was_cut_off_is_torn_and_nothing_worse() -> None:
    """The old platform was killed in the middle of its last line."""
    whole = text(record(0), record(1))
    found = await read({PART: whole[:-20]})
    (fault,) = found.faults
    assert ([0], 2, True) == (indices(found.bars), fault.first_line, fault.is_torn)

    found = await read({PART: b"garbage\n" + whole[:-20]})
    assert [(2, 1, False)] == [(f.lines, f.first_line, f.is_torn) for f in found.faults]
    assert [0, 1] == indices((await read({PART: whole[:-1]})).bars)


async def test_only_parts_are_read() -> None:
    """Our own segments lie in the same folder."""
    found = await read(
        {
            PART: text(record(0)),
            "XAU_USD/tf_60/seg-00000001-0001.jsonl": text(record(1)),
            "XAU_USD/tf_60/part-20260105.jsonl.bak": text(record(2)),
            "XAU_USD/tf_60/part-2026010.jsonl": text(record(3)),
        }
    )

    assert [0] == indices(found.bars)
    assert 0 == (await read({PART: text(record(0))}, GOLD_M5)).files
    assert 0 == len((await read({}, GOLD_D1)).bars)


class RestlessDisk(MemoryDisk):
    """Somebody appends to a file each time it was read, so often."""

    def __init__(self, files: dict[str, bytes], writes: int) -> None:
        super().__init__()
        self.files.update(files)
        self.writes = writes

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """The file as it is, and then it is another."""
        data = await super().read(path, from_byte, until_byte)
        if self.writes:
            index = 100 + self.writes
            self.writes -= 1
            self.files[PART] += text(record(index))
            if not self.writes:
                self.files[NEXT_PART] = text(record(1_440))
        return data


async def test_files_that_change_while_they_are_read_are_read_again() -> None:
    """The old platform is still alive: its last lines belong to us all the same, and it is said."""
    found = await LegacyFolder(RestlessDisk({PART: text(record(0))}, 2)).read(GOLD_M1)

    assert [0, 101, 102, 1_440] == indices(found.bars)
    assert found.is_written


async def test_a_writer_that_never_rests_does_not_hold_the_start_up() -> None:
    """What was read last is taken."""
    disk = RestlessDisk({PART: text(record(0))}, 99)
    found = await LegacyFolder(disk).read(GOLD_M1)

    assert LOOKS_MAX == len(found.bars)
    assert found.is_written


class SameLengthDisk(MemoryDisk):
    """Somebody rewrites a file in place after its first reading."""

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """The file as it is, and then it is another of the same length."""
        data = await super().read(path, from_byte, until_byte)
        self.files[path] = text(record(0, v=8))
        return data


async def test_a_change_of_content_alone_is_seen() -> None:
    """The length of a file proves nothing."""
    disk = SameLengthDisk()
    disk.files[PART] = text(record(0, v=7))
    found = await LegacyFolder(disk).read(GOLD_M1)

    assert ([8], True) == (found.bars.v.tolist(), found.is_written)


class UnreadableDisk(MemoryDisk):
    """One file cannot be read."""

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """Fails for it."""
        if path == PART:
            raise DiskFailed(f"Could not read {path}: input/output error.")
        return await super().read(path, from_byte, until_byte)


async def test_a_file_that_cannot_be_read_costs_its_day_only() -> None:
    """The others are as good as before."""
    disk = UnreadableDisk()
    disk.files.update({PART: text(record(0)), NEXT_PART: text(record(1_440))})
    found = await LegacyFolder(disk).read(GOLD_M1)

    (fault,) = found.faults
    assert ([1_440], 0) == (indices(found.bars), fault.lines)
    assert "input/output error" in fault.why
    assert ((T0_DAY_MS, T0_DAY_MS + DAY_MS),) == found.doubted


async def test_the_newest_bars_are_found_without_reading_all() -> None:
    """Before the folder is owned only the open mode is asked for."""
    folder = LegacyFolder(UnreadableDisk())
    assert 0 == len(await folder.newest(GOLD_M1, 10))
    days = {
        f"XAU_USD/tf_60/part-202601{day:02d}.jsonl": text(
            *(record((day - 5) * 1_440 + index) for index in range(9, -1, -1))
        )
        for day in (4, 5, 6, 7)
    }
    disk = UnreadableDisk()
    disk.files.update(days)
    folder = LegacyFolder(disk)

    assert 10 == len(await folder.newest(GOLD_M1, 10))
    assert 20 == len(await folder.newest(GOLD_M1, 11))
    assert 30 == len(await folder.newest(GOLD_M1, 99))
    assert (
        "XAU_USD/tf_60/part-20260107.jsonl",
        len(days["XAU_USD/tf_60/part-20260107.jsonl"]),
    ) == (await folder.newest_size(GOLD_M1))


async def test_a_real_folder_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    """Neither content nor times of the old files change, and nothing appears beside them."""
    for path, content in {PART: text(record(0)), NEXT_PART: text(record(1_440))}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    os.symlink(tmp_path / PART, tmp_path / "XAU_USD/tf_60/part-20260107.jsonl")

    def seen() -> list[tuple[str, bytes, int]]:
        files = sorted(p for p in tmp_path.rglob("*") if p.is_file())
        return [(str(p), p.read_bytes(), p.lstat().st_mtime_ns) for p in files]

    before = seen()
    found = await LegacyFolder(FolderDisk(tmp_path)).read(GOLD_M1)

    assert [0, 1_440] == indices(found.bars)
    assert [0] == [fault.lines for fault in found.faults]
    assert before == seen()


@given(st.data())
@settings(max_examples=60, deadline=None)
async def test_any_order_of_lines_and_files_gives_the_last_of_each_open(
    data: st.DataObject,
) -> None:
    """The law of this file, against a dictionary that is filled line by line."""
    rows = data.draw(
        st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3), st.booleans()), max_size=40)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), min_size=2, max_size=2)))
    files = [rows[: cuts[0]], rows[cuts[0] : cuts[1]], rows[cuts[1] :]]
    expected: dict[int, int] = {}
    for index, volume, _ in rows:
        expected[index] = volume
    found = await read(
        {
            f"XAU_USD/tf_60/part-2026010{day}.jsonl": text(
                *(
                    record(index, v=volume, **({"low": None, "l": 1.0} if is_old else {"low": 1}))
                    for index, volume, is_old in file
                )
            )
            for day, file in enumerate(files, start=1)
        }
    )

    assert sorted(expected) == indices(found.bars)
    assert [expected[index] for index in sorted(expected)] == found.bars.v.tolist()
    assert len(rows) - len(expected) == found.repeated_count
    assert () == found.faults
