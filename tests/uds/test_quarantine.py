"""What was not believed is kept, with a sidecar that says where it stood and why."""

from __future__ import annotations

import json

from uds import layout
from uds.memory_disk import MemoryDisk
from uds.model import Generation
from uds.quarantine import BadLine, Evidence, Quarantine

from .samples import (
    GOLD,
    GOLD_M1,
    bars,
    minute,
    opens,
    segments_in,
    served_store,
    store_over,
    token,
)

FOLDER = layout.QUARANTINE_FOLDER


def find(path: str, data: bytes) -> Evidence:
    """A whole file as evidence."""
    return Evidence(path, data, (BadLine(1, 0, len(data), "it is bad"),))


def kept(disk: MemoryDisk) -> dict[str, bytes]:
    """The quarantined bytes by file name, without sidecars."""
    return {
        path.removeprefix(f"{FOLDER}/"): data
        for path, data in sorted(disk.files.items())
        if path.startswith(FOLDER) and path.endswith(".jsonl")
    }


def sidecar(disk: MemoryDisk, name: str) -> dict[str, object]:
    """What is said of one find."""
    found: dict[str, object] = json.loads(disk.files[layout.sidecar_path(f"{FOLDER}/{name}")])
    return found


async def test_bad_lines_are_kept_as_they_were() -> None:
    """Byte for byte, with line, place and reason, so that somebody can find out what happened."""
    disk = MemoryDisk()
    await served_store(disk)
    (path,) = segments_in(disk)
    lines = disk.files[path].splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"v":', b'"w":')
    disk.files[path] = b"".join(lines)
    await (await store_over(disk, owner=2)).recover(GOLD)

    (name,) = kept(disk)
    assert f"00000002-0001.{path.replace('/', '.')}" == name
    assert lines[4] == kept(disk)[name]
    (stretch,) = sidecar(disk, name)["stretches"]  # type: ignore[misc]
    at = sum(map(len, lines[:4]))
    assert (5, at, len(lines[4]) - 1) == (stretch["line"], stretch["from_byte"], stretch["bytes"])
    assert "its checksum is wrong" == stretch["reason"]
    assert (path, 2) == (sidecar(disk, name)["path"], sidecar(disk, name)["owner_token"])


async def test_a_torn_tail_is_kept_and_cut_off() -> None:
    """The file is whole again and stays in use; the bytes are still there to look at."""
    disk = MemoryDisk()
    store = await served_store(disk)
    await store.append(GOLD_M1, bars(1, 10), [(minute(10), minute(11))])
    (path,) = segments_in(disk)
    whole = disk.files[path]
    disk.files[path] = whole + b'{"symbol":"XAU/USD","tf_s":60,"open_t'
    successor = await store_over(disk, owner=2)
    recovered = await successor.recover(GOLD)

    assert [True] == [drop.is_torn for drop in recovered.drops]
    assert whole == disk.files[path]
    assert [b'{"symbol":"XAU/USD","tf_s":60,"open_t'] == list(kept(disk).values())
    assert list(range(11)) == opens(successor.load(GOLD_M1))
    assert [path] == segments_in(disk)
    again = await (await store_over(disk, owner=3)).recover(GOLD)
    assert () == again.drops


async def test_zeros_behind_the_last_line_are_a_torn_tail() -> None:
    """A power cut leaves a file's new length without its bytes; several such lines too."""
    disk = MemoryDisk()
    await served_store(disk)
    (path,) = segments_in(disk)
    whole = disk.files[path]
    disk.files[path] = whole + b"\0" * 100 + b"\n" + b"\0" * 30 + b"\n"
    recovered = await (await store_over(disk, owner=2)).recover(GOLD)

    assert [(2, True)] == [(drop.lines, drop.is_torn) for drop in recovered.drops]
    assert whole == disk.files[path]


async def test_a_file_more_bad_than_good_is_not_believed_at_all() -> None:
    """More than 5 % bad lines: whatever happened to it may have happened to the others."""
    disk = MemoryDisk()
    await served_store(disk, count=100)
    (path,) = segments_in(disk)
    lines = disk.files[path].splitlines(keepends=True)
    for at in range(1, 23):
        lines[at] = lines[at].replace(b'"v":', b'"w":')
    disk.files[path] = b"".join(lines)
    store = await store_over(disk, owner=2)
    recovered = await store.recover(GOLD)

    assert 0 == len(store.load(GOLD_M1))
    assert () == store.coverage(GOLD_M1).intervals
    assert [disk.files[path]] == list(kept(disk).values())
    assert [0] == [drop.lines for drop in recovered.drops]


async def test_a_bad_commit_is_kept_too() -> None:
    """It is the one file that tells which generation was lost."""
    disk = MemoryDisk()
    await served_store(disk)
    path = layout.commit_path(GOLD, Generation(1, 1))
    disk.files[path] = b"\0" * 64
    await (await store_over(disk, owner=2)).recover(GOLD)

    assert [b"\0" * 64] == list(kept(disk).values())


async def test_the_oldest_finds_make_room_and_it_is_told() -> None:
    """A folder that only grows would one day fill the disk it protects."""
    disk = MemoryDisk()
    quarantine = Quarantine(disk, token(7), bytes_max=2_500)
    told = [await quarantine.keep([find(f"a/tf_60/{n}.jsonl", b"x" * 600)]) for n in range(4)]

    assert [0, 0, 0, 1] == told
    assert ["2", "3", "4"] == [name[12] for name in kept(disk)]
    assert 3 == sum(path.endswith(".json") for path in disk.files)


async def test_the_newest_find_stays_however_large_it_is() -> None:
    """Evidence of what has just happened is what the operator will look for."""
    disk = MemoryDisk()
    quarantine = Quarantine(disk, token(7), bytes_max=100)

    assert 0 == await quarantine.keep([find("a/tf_60/1.jsonl", b"x" * 600)])
    assert 1 == await quarantine.keep([find("a/tf_60/2.jsonl", b"y" * 600)])
    assert [b"y" * 600] == list(kept(disk).values())


async def test_nothing_bad_makes_no_folder() -> None:
    """A healthy start leaves no trace of the quarantine."""
    disk = MemoryDisk()
    await served_store(disk)
    recovered = await (await store_over(disk, owner=2)).recover(GOLD)

    assert ((), 0, {}) == (recovered.drops, recovered.rotated_count, kept(disk))
