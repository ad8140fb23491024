"""`verify` on a folder that an engine made: all holds, and whatever is damaged is named, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from engine.clock import ManualClock
from engine.proof import verify_bars
from engine.proof.verify import NothingStored, verify
from tests.engine.builders import (
    GOLD,
    YEN,
    key,
    small_config,
)
from tests.engine.left_behind import (
    FIRST,
    TWO,
    commit_path,
    committed,
    flip,
    lived,
    named,
    notes,
    priced,
    recommit,
    relived,
    rewrite,
    segment,
    served_by,
    verified,
)
from uds import View, checkpoint, layout, manifest
from uds.folder_view import FolderView
from uds.manifest import TailDigest
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import Bars, Generation, Timeframe
from uds.reader import Reader


@pytest.fixture(scope="module", autouse=True)
def _made_beforehand() -> None:
    """Virtual time has a loop of its own, which cannot run inside a test's."""
    lived()
    relived()


async def test_what_an_engine_left_holds() -> None:
    """No fault and not even a note, with every count that a report promises."""
    stored = relived()
    report = await verified(stored.disk(), served_by(stored), TWO)
    checked = report.checked

    assert ([], []) == (list(report.faults), notes(report))
    assert (3, 3, 16, 16, 1) == (
        checked.commits,
        checked.manifests,
        checked.cells,
        checked.tails,
        checked.state,
    )
    assert len([path for path in stored.files if "seg-" in path]) == checked.segments
    assert "agrees" == report.redis.state
    assert ["00000001-0002", "00000001-0001"] == [
        one["generation"] for one in report.document()["symbols"]
    ]


@pytest.mark.parametrize("days", [1, 2, 3])
async def test_where_time_is_cut_changes_nothing(
    days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deep history goes through memory in stretches; buckets at their seams are judged too."""
    disk = lived().disk()
    path = rewrite(disk, Timeframe.H4, lambda bars: priced(bars, 3))
    whole = await verified(disk)
    monkeypatch.setattr(verify_bars, "_STRETCH_DAYS", days)
    cut = await verified(disk)

    assert [("derived", path)] == named(cut)
    assert list(whole.faults) == list(cut.faults)
    assert whole.checked == cut.checked


ONE_BIT = {
    "a minute's line": lambda disk: (segment(disk, Timeframe.M1), -500),
    "a derived line": lambda disk: (segment(disk, Timeframe.M15), 1_000),
    "a day's line": lambda disk: (segment(disk, Timeframe.D1), 500),
    "a header": lambda disk: (segment(disk, Timeframe.M5), 30),
}


@pytest.mark.parametrize("place", ONE_BIT.values(), ids=ONE_BIT)
async def test_one_flipped_bit_of_a_segment_is_one_fault_that_names_the_file(
    place: Callable[[MemoryDisk], tuple[str, int]],
) -> None:
    """Minutes that cannot be believed accuse no bar that was made of them."""
    disk = lived().disk()
    path, at = place(disk)
    flip(disk, path, at)
    report = await verified(disk, served_by(lived()))
    (fault,) = report.faults

    assert ("segment", path) == (fault.check, fault.path)
    assert ("CORRUPT_JSONL", GOLD) == (fault.code, fault.symbol)
    assert path in fault.detail
    assert "Start the engine" in fault.hint


@pytest.mark.parametrize("at", range(0, 900, 180))
async def test_one_flipped_bit_of_a_commit_is_one_fault(at: int) -> None:
    """The symbol has no generation then, and nothing else is said of it."""
    disk = lived().disk()
    flip(disk, commit_path(), at)
    report = await verified(disk)

    assert [("commit", commit_path())] == named(report)
    assert [None] == [one.generation for one in report.symbols]


@pytest.mark.parametrize("at", [20, 300, -5])
async def test_one_flipped_bit_of_a_manifest_or_of_the_state_is_one_fault(at: int) -> None:
    """A copied folder has a manifest of its own; the state file proves itself alone."""
    disk = lived().disk()
    beside = layout.manifest_path(GOLD, FIRST)
    flip(disk, beside, at)
    flip(disk, layout.STATE, at)
    report = await verified(disk)

    assert {("manifest", beside), ("state", layout.STATE)} == set(named(report))


async def test_a_manifest_of_another_symbol_is_no_commit() -> None:
    """It proves itself, but not that it belongs here."""
    disk = lived().disk()
    disk.files[commit_path()] = relived().files[layout.commit_path(YEN, FIRST)]
    report = await verified(disk)
    (fault,) = report.faults

    assert ("commit", commit_path()) == (fault.check, fault.path)
    assert "another symbol" in fault.detail


def _without_a_line(data: bytes) -> bytes:
    lines = data.split(b"\n")
    return b"\n".join(lines[:50] + lines[51:])


HARM = {
    "a line removed": _without_a_line,
    "cut between lines": lambda data: b"\n".join(data.split(b"\n")[:30]) + b"\n",
    "cut in a line": lambda data: data[:5_000],
    "emptied": lambda data: b"",
    "zeros": lambda data: data[:4_000] + bytes(600) + data[4_600:],
    "a line twice": lambda data: data.replace(b"\n", b"\n" + data.split(b"\n")[9] + b"\n", 9),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M3, Timeframe.D1])
async def test_a_harmed_file_is_one_fault(
    harm: Callable[[bytes], bytes], timeframe: Timeframe
) -> None:
    """Whatever happened to it, it is named once, and nothing else is accused."""
    disk = lived().disk()
    path = segment(disk, timeframe)
    disk.files[path] = harm(disk.files[path])

    assert [("segment", path)] == named(await verified(disk))


async def test_a_missing_file_is_one_fault() -> None:
    """A file that stays away is not one that was collected."""
    disk = lived().disk()
    path = segment(disk, Timeframe.M1)
    disk.files.pop(path)
    (fault,) = (await verified(disk)).faults

    assert path == fault.path
    assert "missing" in fault.detail


async def test_two_files_that_changed_places_are_two_faults() -> None:
    """Each is sound in itself, and in a place where it was not written."""
    disk = lived().disk()
    one, two = (segment(disk, Timeframe.M1, at) for at in (0, 1))
    disk.files[one], disk.files[two] = disk.files[two], disk.files[one]
    report = await verified(disk)

    assert [("segment", one), ("segment", two)] == named(report)
    assert all("holds the bytes of" in fault.detail for fault in report.faults)


@pytest.mark.parametrize("timeframe", [Timeframe.M3, Timeframe.M30, Timeframe.H4])
async def test_a_derived_bar_with_a_wrong_price_is_named(timeframe: Timeframe) -> None:
    """Line, file, commit and digest all vouch for it: only its own minutes do not."""
    disk = lived().disk()
    path = rewrite(disk, timeframe, lambda bars: priced(bars, 2))
    (fault,) = (await verified(disk)).faults

    assert ("derived", path) == (fault.check, fault.path)
    assert (GOLD, timeframe) == (fault.symbol, fault.timeframe)
    assert f"{key(GOLD, timeframe)} has bars that are not what their M1 make: 1" in fault.detail
    assert "its c is" in fault.detail


async def test_a_derived_bar_that_is_missing_or_has_no_minutes_is_named() -> None:
    """A gap between two stored bars, and a bar where the market slept."""
    gap, rootless = lived().disk(), lived().disk()
    rewrite(gap, Timeframe.M5, lambda bars: bars.take(np.arange(len(bars)) != 7))
    rewrite(rootless, Timeframe.M5, _with_a_bar_in_the_break)
    missing, extra = [(await verified(disk)).faults for disk in (gap, rootless)]

    assert ["M1 make and that are not stored" in fault.detail for fault in missing] == [True]
    assert ["have not one M1 under them" in fault.detail for fault in extra] == [True]


def _with_a_bar_in_the_break(bars: Bars) -> Bars:
    """One more, at an open of the daily break: between two bars that are further apart."""
    at = int(np.argmax(np.diff(bars.open_time_ms) > 300_000))
    more = bars.take(slice(at, at + 1))
    opened = more.open_time_ms + 600_000
    return bars.merged(replace(more, open_time_ms=opened, close_time_ms=opened + 300_000))


@pytest.mark.parametrize("timeframe", [Timeframe.H1, Timeframe.H4, Timeframe.D1])
async def test_a_bar_off_its_grid_is_named(timeframe: Timeframe) -> None:
    """A bar is its bucket: one that closes elsewhere is another timeframe's."""
    disk = lived().disk()

    def shifted(bars: Bars) -> Bars:
        closes = bars.close_time_ms.copy()
        closes[1] += 60_000
        return replace(bars, close_time_ms=closes)

    path = rewrite(disk, timeframe, shifted)
    found = named(await verified(disk))

    assert ("bucket", path) == found[0]


async def test_a_stale_digest_is_named() -> None:
    """The files prove themselves, and are not what was served at the commit."""
    disk = lived().disk()
    before = committed(disk)
    digests = before.digests | {"M15": TailDigest(before.digests["M15"].bars, "0" * 64)}
    recommit(disk, msgspec.structs.replace(before, digests=digests))
    (fault,) = (await verified(disk)).faults

    assert ("digest", commit_path()) == (fault.check, fault.path)
    assert (GOLD, Timeframe.M15) == (fault.symbol, fault.timeframe)


async def test_live_lines_that_are_gone_are_told_by_the_state_file() -> None:
    """Behind the commit only the checkpoint knows how far a file had come."""
    disk = lived().disk()
    at_commit = {entry.path: entry.bytes for entry in committed(disk).segments}
    grown = checkpoint.decode(disk.files[layout.STATE]).symbols[GOLD].tails
    path = next(tail.path for tail in grown if tail.tf_s == Timeframe.M1)
    disk.files[path] = disk.files[path][: at_commit.get(path, 500)]
    found = await verified(disk)

    assert ("state", path) in named(found)


async def test_state_files_that_were_taken_away_are_one_fault() -> None:
    """What the next start will say of them, `verify` says before."""
    disk = lived().disk()
    for name in (layout.STATE, layout.STATE_PREVIOUS):
        disk.files.pop(name, None)
    (fault,) = (await verified(disk)).faults

    assert ("state", layout.STATE) == (fault.check, fault.path)
    assert "though it was saved" in fault.detail


async def test_a_watermark_beyond_the_files_is_named() -> None:
    """The state file knows a bar that no file has."""
    disk = lived().disk()
    said = checkpoint.decode(disk.files[layout.STATE])
    gold = said.symbols[GOLD]
    marks = gold.watermarks | {"M30": gold.watermarks["M30"] + 86_400_000}
    ahead = msgspec.structs.replace(gold, watermarks=marks)
    disk.files[layout.STATE] = checkpoint.encode(
        msgspec.structs.replace(said, symbols=said.symbols | {GOLD: ahead})
    )
    (fault,) = (await verified(disk)).faults

    assert ("state", layout.STATE) == (fault.check, fault.path)
    assert (GOLD, Timeframe.M30) == (fault.symbol, fault.timeframe)


async def test_an_unfinished_line_at_the_end_is_a_note() -> None:
    """It is being written, or was interrupted; nobody was told that it is there."""
    disk = lived().disk()
    newest = max(path for path in disk.files if path.startswith("XAU_USD/tf_60/"))
    last = disk.files[newest].split(b"\n")[-2]
    disk.files[newest] += last[:50]
    report = await verified(disk)

    assert report.is_ok
    assert any("XAU/USD has unfinished lines" in note for note in notes(report))


async def test_bars_that_were_not_derived_yet_are_a_note() -> None:
    """Between the minute and what is made of it a crash may fall; the next start derives it."""
    disk = lived().disk()
    disk.files.pop(layout.STATE)
    disk.files.pop(layout.STATE_SAVED)
    listed = {entry.path: entry for entry in committed(disk).segments}
    for path in [path for path in disk.files if path.startswith("XAU_USD/tf_180/")]:
        if path in listed:
            disk.files[path] = disk.files[path][: listed[path].bytes]
        else:
            disk.files.pop(path)
    report = await verified(disk)

    assert report.is_ok
    assert any("XAU/USD/M3" in note and "not derived yet" in note for note in notes(report))


async def test_days_that_differ_from_their_minutes_are_a_note() -> None:
    """Two sources disagree; the broker's word is served."""
    disk = lived().disk()

    def raised(bars: Bars) -> Bars:
        return replace(bars, o=bars.o + 5, h=bars.h + 5, low=bars.low + 5, c=bars.c + 5)

    rewrite(disk, Timeframe.D1, raised)
    report = await verified(disk)

    assert report.is_ok
    assert any("broker's D1" in note for note in notes(report))


async def test_what_lies_about_is_a_note() -> None:
    """A file of nobody proves nothing and breaks nothing."""
    disk = lived().disk()
    disk.files["backup.zip"] = b""
    disk.files["XAU_USD/tf_60/old.csv"] = b""
    found = " ".join(notes(await verified(disk)))

    assert "backup.zip" in found
    assert "XAU_USD/tf_60: old.csv" in found


async def test_damage_of_a_generation_that_was_replaced_is_a_note() -> None:
    """A start healed it and goes by the later one; what is left of it will be collected."""
    stored = relived()
    disk = stored.disk()
    older = manifest.decode(GOLD, FIRST, disk.files[commit_path()])
    path = manifest.segments_of(older, key(GOLD, Timeframe.M5))[0].path
    flip(disk, path, 700)
    by_segment = await verified(disk)
    flip(disk, commit_path(), 300)
    by_commit = await verified(disk)

    assert (True, True) == (by_segment.is_ok, by_commit.is_ok)
    assert any(path in note and "only the older 1-1" in note for note in notes(by_segment))
    assert any("1-2 stands above it" in note for note in notes(by_commit))


async def test_a_damaged_newest_commit_is_a_fault_and_the_one_before_is_judged() -> None:
    """As a start would go by it."""
    stored = relived()
    disk = stored.disk()
    path = layout.commit_path(GOLD, Generation(1, 2))
    flip(disk, path, 300)
    report = await verified(disk)

    assert [("commit", path)] == named(report)
    assert FIRST == report.symbols[0].generation
    assert any("state file speaks of 00000001-0002" in note for note in notes(report))


class MovingDisk(MemoryDisk):
    """A disk on which an engine goes on: some reads of a file fail before it is itself again."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, list[bytes | None]] = {}

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """What is to be shown instead, as long as there is something."""
        if self.shown.get(path) and not from_byte and until_byte is None:
            return self.shown[path].pop(0)
        return await super().read(path, from_byte, until_byte)


@pytest.mark.parametrize("shown", [[None], [None, b""], [b"{"]])
async def test_what_a_second_look_does_not_find_is_no_fault(shown: list[bytes | None]) -> None:
    """A file replaced, collected or written between two reads accuses nobody."""
    disk = MovingDisk()
    disk.files.update(lived().files)
    disk.shown[segment(disk, Timeframe.M5)] = list(shown)

    assert (await verified(disk)).is_ok


async def test_a_commit_that_is_collected_while_it_is_looked_at_is_not_even_a_note() -> None:
    """It parsed; when it is held against its manifest it is gone."""
    disk = MovingDisk()
    disk.files.update(relived().files)
    path = commit_path()
    disk.shown[path] = [disk.files[path], None]
    report = await verified(disk)

    assert report.is_ok
    assert [] == [note for note in notes(report) if "stands above it" in note]


async def test_a_folder_without_anything_is_not_ok() -> None:
    """The wrong --data would else be proved sound; files to adopt are told apart."""
    legacy = MemoryDisk()
    legacy.files["XAU_USD/tf_60/part-20260105.jsonl"] = b""

    with pytest.raises(NothingStored, match="--data"):
        await verified(MemoryDisk())
    with pytest.raises(NothingStored, match="adopts"):
        await verified(legacy)


async def test_a_symbol_that_is_not_stored_yet_is_a_note() -> None:
    """It was configured after the last start; the others are proved all the same."""
    report = await verified(lived().disk(), config=TWO)

    assert report.is_ok
    assert "Nothing of USD/JPY is stored." in notes(report)


async def test_other_anchors_or_another_open_mode_are_a_note() -> None:
    """The bars are sound by what they were cut with; the next start will cut them anew."""
    config = small_config(anchors__h4="18:00", broker__open_mode="previous_close")
    report = await verified(lived().disk(), config=config)
    found = " ".join(notes(report))

    assert report.is_ok
    assert "other anchors" in found
    assert "previous_close is configured" in found


async def test_progress_goes_from_nothing_to_all_of_each_symbol() -> None:
    """The bar on the terminal moves forward only."""
    heard: list[tuple[str, float]] = []
    disk = relived().disk()
    view = View(FolderView(disk), Reader(MemoryCache()), "memory", "coldstart")
    await verify(view, TWO, ManualClock(), lambda *told: heard.append(told))

    assert sorted(heard, key=lambda told: (told[0] != GOLD, told[1])) == heard
    assert [(GOLD, 0.0), (YEN, 1.0)] == [heard[0], heard[-1]]
