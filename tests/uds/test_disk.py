"""The data folder: one contract for the simulated disk and a real file system."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from random import Random

import pytest

from uds.disk import FolderDisk
from uds.errors import DiskFailed
from uds.incarnation import Incarnation, Revoked
from uds.memory_disk import MemoryDisk
from uds.ports import Append, Disk


@pytest.fixture
def folder(tmp_path: Path) -> FolderDisk:
    """A disk over a folder that does not exist yet."""
    return FolderDisk(tmp_path / "data")


async def test_what_does_not_exist_is_none_and_nothing(disk: Disk) -> None:
    """A first start finds no folder, and that is not an error."""
    assert await disk.read("XAU_USD/x") is None
    assert await disk.size("XAU_USD/x") is None
    assert () == await disk.names("XAU_USD")
    await disk.remove(["XAU_USD/x"])


async def test_appends_follow_each_other(disk: Disk) -> None:
    """One batch may touch several files, and one file several times."""
    await disk.append([Append("a/x", b"1"), Append("a/y", b"2")])
    await disk.append([Append("a/x", b"3"), Append("a/x", b"4")])

    assert b"134" == await disk.read("a/x")
    assert b"2" == await disk.read("a/y")


async def test_a_file_is_created_once(disk: Disk) -> None:
    """Exclusive creation is what mints a token."""
    assert await disk.create("owner/00000001", b"first")
    assert not await disk.create("owner/00000001", b"second")
    assert b"first" == await disk.read("owner/00000001")


async def test_of_many_creators_one_wins(disk: Disk) -> None:
    """Two boots in one second must not get one token (F10)."""
    won = await asyncio.gather(*(disk.create("owner/1", b"%d" % n) for n in range(8)))

    assert 1 == sum(won)
    assert b"%d" % won.index(True) == await disk.read("owner/1")


async def test_a_replaced_file_is_the_new_one(disk: Disk) -> None:
    """Of another, or of none."""
    await disk.replace("a/x", b"long content")
    await disk.replace("a/x", b"short")

    assert b"short" == await disk.read("a/x")
    assert ("x",) == await disk.names("a")


async def test_the_replaced_file_keeps_a_name(disk: Disk) -> None:
    """The state before is what a start falls back to; the first replace has none to keep."""
    await disk.replace("state", b"1", keep_as="state.prev")
    assert ("state",) == await disk.names("")
    await disk.replace("state", b"2", keep_as="state.prev")
    await disk.replace("state", b"3", keep_as="state.prev")

    assert b"3" == await disk.read("state")
    assert b"2" == await disk.read("state.prev")
    assert ("state", "state.prev") == await disk.names("")


async def test_a_file_that_is_its_own_previous_one_may_be_replaced(disk: Disk) -> None:
    """A crash between the two renames leaves two names of one file, which rename(2) ignores."""
    await disk.replace("state", b"1")
    await disk.link("state", "state.prev")
    await disk.replace("state", b"2", keep_as="state.prev")

    assert b"2" == await disk.read("state")
    assert b"1" == await disk.read("state.prev")
    assert ("state", "state.prev") == await disk.names("")


async def test_what_an_interrupted_replace_left_does_not_matter(disk: Disk) -> None:
    """Nor may a writer that still holds the temporary file write into the new one."""
    await disk.append([Append(".state.tmp", b"half"), Append(".state.prev.tmp", b"other")])
    await disk.replace("state", b"1", keep_as="state.prev")
    await disk.replace("state", b"2", keep_as="state.prev")

    assert b"2" == await disk.read("state")
    assert b"1" == await disk.read("state.prev")
    assert ("state", "state.prev") == await disk.names("")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ((0, None), b"0123456789"),
        ((3, None), b"3456789"),
        ((3, 5), b"34"),
        ((3, 100), b"3456789"),
        ((10, None), b""),
        ((11, 20), b""),
        ((5, 3), b""),
        ((-3, None), b"789"),
        ((-3, 8), b"7"),
        ((-100, 2), b"01"),
    ],
)
async def test_a_part_of_a_file_is_half_open(
    disk: Disk, part: tuple[int, int | None], expected: bytes
) -> None:
    """A start reads the end of a long file, and a scrub a window of it."""
    await disk.append([Append("x", b"0123456789")])

    assert expected == await disk.read("x", *part)


async def test_the_end_of_a_file_is_cut_off(disk: Disk) -> None:
    """A torn tail goes; what is appended next follows the good lines."""
    await disk.append([Append("a/x", b"good torn")])
    await disk.truncate("a/x", 5)
    assert 5 == await disk.size("a/x")
    await disk.append([Append("a/x", b"next")])

    assert b"good next" == await disk.read("a/x")


async def test_a_file_is_never_made_longer_by_cutting(disk: Disk) -> None:
    """The kernel would fill it with NULs, which nobody wrote."""
    await disk.append([Append("x", b"short")])

    with pytest.raises(DiskFailed, match="it is shorter than 6 bytes: could not truncate x"):
        await disk.truncate("x", 6)
    with pytest.raises(DiskFailed, match="No such file or directory: could not truncate y"):
        await disk.truncate("y", 0)
    assert b"short" == await disk.read("x")
    assert await disk.read("y") is None


async def test_removed_files_are_gone_and_others_stay(disk: Disk) -> None:
    """Those that are gone already are fine: a collection may be repeated."""
    await disk.append([Append(path, b"1") for path in ("a/x", "a/y", "b/z")])
    await disk.remove(["a/x", "b/z", "c/none"])
    await disk.remove(["a/x"])

    assert ("y",) == await disk.names("a")
    assert () == await disk.names("b")
    await disk.append([Append("a/x", b"2")])
    assert b"2" == await disk.read("a/x")


async def test_a_second_name_outlives_the_first(disk: Disk) -> None:
    """A manifest's own name may be collected while its commit stands."""
    await disk.replace("manifest/1.json", b"truth")
    await disk.link("manifest/1.json", "commit/1")
    await disk.remove(["manifest/1.json"])

    assert b"truth" == await disk.read("commit/1")


async def test_folders_are_not_files(disk: Disk) -> None:
    """Each wrong use is DiskFailed with the kernel's words, whichever disk it is."""
    await disk.append([Append("a/x", b"1")])

    for wrong, words in (
        (disk.read("a"), "Is a directory: could not read a"),
        (disk.append([Append("a", b"2")]), "Is a directory: could not append to a"),
        (disk.append([Append("a/x/y", b"2")]), "Not a directory: could not append to a/x/y"),
        (disk.names("a/x"), "Not a directory: could not list a/x"),
        (disk.remove(["a"]), "Is a directory: could not remove a"),
    ):
        with pytest.raises(DiskFailed, match=words):
            await wrong


async def test_memory_and_folder_answer_alike(folder: FolderDisk) -> None:
    """What is proved on the simulated disk is a claim about the real one."""
    dice, memory = Random(1), MemoryDisk()
    for _ in range(400):
        one, other = dice.choices(("a/x", "a/y", "b/c/z", "w", "b"), k=2)
        data, number = dice.randbytes(dice.randint(0, 9)), dice.randint(-5, 9)
        doing = dice.randrange(10)
        answers = [await answer(disk, doing, one, other, data, number) for disk in (memory, folder)]
        assert answers[0] == answers[1]

    found = {p.relative_to(folder.root).as_posix(): p.read_bytes() for p in files_in(folder.root)}
    assert dict(memory.files) == found


def files_in(root: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in root.rglob("*") if path.is_file()]


async def answer(disk: Disk, doing: int, one: str, other: str, data: bytes, number: int) -> object:
    """What a disk says to one of ten operations; of a failure its sentence."""
    operations: tuple[Coroutine[object, object, object], ...] = (
        disk.append([Append(one, data), Append(other, data)]),
        disk.create(one, data),
        disk.replace(one, data),
        disk.replace(one, data, keep_as=f"{one}.prev"),
        disk.truncate(one, max(0, number)),
        disk.link(one, other),
        disk.remove([one, other]),
        disk.read(one, number, number + 4 if number > 0 else None),
        disk.names(one.rpartition("/")[0]),
        disk.make([one, other]),
    )
    for unused in operations[:doing] + operations[doing + 1 :]:
        unused.close()
    try:
        return await operations[doing]
    except DiskFailed as failure:
        return str(failure)


async def test_a_link_is_the_file_under_a_second_name(disk: Disk) -> None:
    """The commit point; a repeated commit finds itself done."""
    await disk.replace("manifest/1.json", b"truth")
    await disk.link("manifest/1.json", "commit/1")
    await disk.link("manifest/1.json", "commit/1")

    assert b"truth" == await disk.read("commit/1")


async def test_a_link_never_takes_anothers_name(disk: Disk) -> None:
    """A commit is immutable: a second one of that name is an error, not a new truth."""
    await disk.replace("manifest/1.json", b"truth")
    await disk.link("manifest/1.json", "commit/1")
    await disk.replace("manifest/1.json", b"lie")

    with pytest.raises(DiskFailed):
        await disk.link("manifest/1.json", "commit/1")
    assert b"truth" == await disk.read("commit/1")


async def test_what_does_not_exist_cannot_be_linked(disk: Disk) -> None:
    """A commit of nothing would be an empty truth."""
    with pytest.raises(DiskFailed):
        await disk.link("manifest/1.json", "commit/1")


async def test_names_are_sorted_and_only_the_folders_own(disk: Disk) -> None:
    """The order of a directory is chance; what lies deeper belongs to others."""
    await disk.append([Append(f"a/{name}", b"") for name in ("c", "b/deep", "d")])
    await disk.append([Append("ab/x", b"")])

    assert ("b", "c", "d") == await disk.names("a")


async def test_a_revoked_incarnation_reads_nothing_either(disk: Disk) -> None:
    """What it would read it would act upon; another incarnation is not concerned."""
    await disk.append([Append("x", b"1")])
    old = Incarnation("m1_poller", 1)
    old.revoke()

    with old.active():
        for late in (disk.read("x"), disk.size("x"), disk.names("")):
            with pytest.raises(Revoked, match="Start 1 of m1_poller was revoked"):
                await late
        for late in (disk.append([Append("x", b"2")]), disk.remove(["x"])):
            with pytest.raises(Revoked):
                await late
    assert b"1" == await disk.read("x")
