"""The data folder: one contract for memory and a real file system, and what only that has."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from uds.disk import FolderDisk, read_document
from uds.errors import DiskFailed, FolderLocked, FolderUnreadable
from uds.ports import Append, Disk

HOLDER = """
import asyncio, json, os, sys
from pathlib import Path
from uds.disk import FolderDisk
disk = FolderDisk(Path(sys.argv[1]))
asyncio.run(disk.lock(json.dumps({"pid": os.getpid()})))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> FolderDisk:
    """A disk over a folder that does not exist yet."""
    return FolderDisk(tmp_path / "data")


# -- the contract, in memory and on the file system ----------------------------------------------


async def test_what_does_not_exist_is_none_and_nothing(disk: Disk) -> None:
    """A first start finds no folder, and that is not an error."""
    assert await disk.read("XAU_USD/x") is None
    assert () == await disk.names("XAU_USD")


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


# -- the real folder ----------------------------------------------------------------------------


async def test_nobody_else_may_read(folder: FolderDisk) -> None:
    """Folders 0700 and files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        await folder.lock("{}")
        await folder.append([Append("X/tf_60/seg", b"1")])
        await folder.create("owner/1", b"2")
        await folder.replace("X/manifest/1.json", b"3")
        await folder.link("X/manifest/1.json", "X/commit/1")
    finally:
        os.umask(before)
    found = {path: stat.S_IMODE(path.lstat().st_mode) for path in folder.root.rglob("*")}

    assert {0o700} == {mode for path, mode in found.items() if path.is_dir()}
    assert {0o600} == {mode for path, mode in found.items() if path.is_file()}
    assert 0o700 == stat.S_IMODE(folder.root.stat().st_mode)


async def test_a_commit_is_one_file_with_two_names(folder: FolderDisk) -> None:
    """link(2), not a copy: it is there in full or not at all."""
    await folder.replace("m/1.json", b"truth")
    await folder.link("m/1.json", "commit/1")

    assert (folder.root / "m/1.json").samefile(folder.root / "commit/1")


@contextmanager
def held_by_another(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A second process that owns the folder until the block ends."""
    pipe = subprocess.PIPE
    command = (sys.executable, "-c", HOLDER, str(root))
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        yield holder
        holder.kill()


async def test_a_refusal_names_the_owner_and_its_state(folder: FolderDisk) -> None:
    """A stopped owner keeps the lock: without its state one would search for long (Z1)."""
    with held_by_another(folder.root) as holder:
        with pytest.raises(FolderLocked) as running:
            await folder.lock("{}")
        os.kill(holder.pid, signal.SIGSTOP)
        os.waitpid(holder.pid, os.WUNTRACED)
        with pytest.raises(FolderLocked) as stopped:
            await folder.lock("{}")

    assert (
        f"The data folder {folder.root} is owned by process {holder.pid}, which is running. "
        "Stop it with `coldstart-console down`, or choose another folder with --data."
    ) == str(running.value)
    assert f"process {holder.pid}, which is stopped (SIGSTOP)." in str(stopped.value)


async def test_a_killed_owner_leaves_the_folder_free(folder: FolderDisk) -> None:
    """The kernel lets go of the lock, so no stale file ever needs a hand."""
    with held_by_another(folder.root):
        pass
    await folder.lock("{}")
    folder.close()


async def test_closing_lets_the_next_owner_in(folder: FolderDisk) -> None:
    """And until then not even this process gets it twice."""
    next_owner = FolderDisk(folder.root)
    await folder.lock(json.dumps({"pid": os.getpid()}))
    with pytest.raises(FolderLocked, match=str(os.getpid())):
        await next_owner.lock("{}")

    folder.close()
    folder.close()
    await next_owner.lock("{}")
    next_owner.close()


@pytest.mark.parametrize("said", ["", "{", '{"pid":"x"}', "[]", '{"x":1}', "\0" * 10])
async def test_a_refusal_survives_a_damaged_lock_file(folder: FolderDisk, said: str) -> None:
    """The lock is the kernel's; the text in the file is only a courtesy."""
    await folder.lock(said)
    with pytest.raises(FolderLocked, match="is owned by another process"):
        await FolderDisk(folder.root).lock("{}")
    folder.close()


async def test_the_lock_says_who_holds_it(folder: FolderDisk) -> None:
    """A longer text of the owner before leaves nothing behind."""
    folder.root.mkdir()
    (folder.root / "LOCK").write_text("x" * 500)
    await folder.lock('{"pid": 7}')
    folder.close()

    assert '{"pid": 7}' == (folder.root / "LOCK").read_text()


async def test_a_folder_that_cannot_be_made_is_unreadable(tmp_path: Path) -> None:
    """A file stands in its way: said with the path and a remedy, exit 6 above."""
    (tmp_path / "file").write_text("")

    for root in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(FolderUnreadable, match=f"The data folder {root} cannot be used"):
            await FolderDisk(root).lock("{}")


async def test_a_read_only_folder_is_unreadable() -> None:
    """Mounted read-only, or somebody else's."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o555)
        with as_nobody(), pytest.raises(FolderUnreadable, match="Permission denied"):
            await FolderDisk(Path(place)).lock("{}")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to write everywhere, when it is root that runs the tests."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(before)


async def test_a_full_disk_at_the_lock_leaves_it_free(
    folder: FolderDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an unreadable folder, not a crash, and the descriptor is not leaked with the lock."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(FolderUnreadable, match="No space left"):
            await folder.lock("{}")
    await folder.lock("{}")
    folder.close()


async def test_links_are_not_followed(folder: FolderDisk, tmp_path: Path) -> None:
    """Who can write to the folder must not make us read or write elsewhere."""
    target = tmp_path / "secret"
    target.write_bytes(b"secret")
    folder.root.mkdir()
    for name in ("read", "append", "create", "replace", "LOCK"):
        (folder.root / name).symlink_to(target)
    (folder.root / "dangling").symlink_to(tmp_path / "nowhere")

    with pytest.raises(DiskFailed):
        await folder.read("read")
    for name in ("append", "dangling"):
        with pytest.raises(DiskFailed):
            await folder.append([Append(name, b"x")])
    assert not await folder.create("create", b"x")
    await folder.replace("replace", b"x")
    with pytest.raises(FolderUnreadable):
        await folder.lock("{}")

    assert b"secret" == target.read_bytes()
    assert b"x" == (folder.root / "replace").read_bytes()
    assert not (folder.root / "replace").is_symlink()
    assert not (tmp_path / "nowhere").exists()


async def test_a_folder_in_the_place_of_a_file_is_a_failure(folder: FolderDisk) -> None:
    """Not a crash of another kind: the waist knows DiskFailed only."""
    (folder.root / "commit" / "00000001-0001").mkdir(parents=True)

    with pytest.raises(DiskFailed, match="Could not read commit/00000001-0001: Is a directory"):
        await folder.read("commit/00000001-0001")


async def test_a_file_in_the_place_of_a_folder_is_a_failure(folder: FolderDisk) -> None:
    """Above all no creation that is tried for ever."""
    folder.root.mkdir()
    (folder.root / "file").write_text("")
    (folder.root / "dangling").symlink_to("nowhere")

    with pytest.raises(DiskFailed):
        await folder.names("file")
    for name in ("file", "dangling"):
        with pytest.raises(DiskFailed):
            await folder.create(f"{name}/00000001", b"")


async def test_a_short_write_is_a_failure(folder: FolderDisk) -> None:
    """A disk that takes half of it must not be believed to have taken all."""
    await folder.append([Append("x", b"0" * 100)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, before[1]))
    try:
        with pytest.raises(DiskFailed, match="only 50 of 100 bytes were written"):
            await folder.append([Append("x", b"1" * 100)])
        with pytest.raises(DiskFailed, match="Could not append to x: File too large"):
            await folder.append([Append("x", b"1" * 100)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("call", ["fdatasync", "fsync"])
async def test_a_failed_sync_is_a_failure(
    folder: FolderDisk, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Of the file or of its folder: without it nothing is durable (Z3)."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    folder.root.mkdir()
    monkeypatch.setattr(os, call, broken)
    with pytest.raises(DiskFailed, match="Input/output error"):
        await folder.append([Append("x", b"1")])


async def test_a_failed_replace_leaves_the_old_file(
    folder: FolderDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it left beside does not stand in the way of the next."""

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    await folder.replace("x", b"old")
    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, broken)
            with pytest.raises(DiskFailed):
                await folder.replace("x", b"new and longer")
        assert b"old" == await folder.read("x")

    await folder.replace("x", b"new")
    assert b"new" == await folder.read("x")


async def test_a_reader_sees_the_old_or_the_new_file(folder: FolderDisk) -> None:
    """Never a mixture, never nothing."""
    versions = [bytes([n]) * 50_000 for n in range(20)]
    seen: set[bytes | None] = set()
    await folder.replace("x", versions[0])

    async def write() -> None:
        for version in versions:
            await folder.replace("x", version)

    writing = asyncio.create_task(write())
    while not writing.done():
        seen.add(await folder.read("x"))
    await writing

    assert seen <= set(versions)
    assert versions[-1] == await folder.read("x")


# -- documents of the operator --------------------------------------------------------------------


def test_a_document_is_read_whole(tmp_path: Path) -> None:
    """The configuration goes through this floor too."""
    (tmp_path / "config.json").write_bytes(b"{}")

    assert b"{}" == read_document(tmp_path / "config.json")


def test_an_unreadable_document_says_why(tmp_path: Path) -> None:
    """The path and the reason, in one sentence."""
    with pytest.raises(FolderUnreadable, match="cannot be read: No such file"):
        read_document(tmp_path / "config.json")
    with pytest.raises(FolderUnreadable, match="cannot be read: Is a directory"):
        read_document(tmp_path)


def test_a_huge_document_is_refused(tmp_path: Path) -> None:
    """--config /dev/zero must not fill the memory."""
    with pytest.raises(FolderUnreadable, match="is larger than 4194304 bytes"):
        read_document(Path("/dev/zero"))
