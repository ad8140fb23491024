"""The real data folder: rights, links, the lock, syncs, and threads that outlive their task."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from uds.disk import FolderDisk
from uds.errors import DiskFailed, DiskFull, FolderLocked, FolderUnreadable
from uds.incarnation import Incarnation
from uds.ports import Append

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
    assert f"Wake it with `kill -CONT {holder.pid}`, then stop it with" in str(stopped.value)


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


async def test_an_owner_whose_folder_was_removed_touches_no_new_one(folder: FolderDisk) -> None:
    """`rm -rf` under a running engine, then a new start: two owners must never write one place."""
    await folder.lock("{}")
    await folder.append([Append("X/tf_60/seg", b"1")])
    shutil.rmtree(folder.root)
    successor = FolderDisk(folder.root)
    await successor.lock("{}")

    for call in (
        folder.append([Append("X/tf_60/seg", b"2")]),
        folder.make(["X"]),
        folder.replace("state.json", b"3"),
        folder.names("owner"),
        folder.read("X/tf_60/seg"),
    ):
        with pytest.raises(DiskFailed, match="The data folder was removed"):
            await call
    assert ["LOCK"] == sorted(path.name for path in folder.root.iterdir())


async def test_an_owner_goes_along_with_a_folder_that_is_moved(folder: FolderDisk) -> None:
    """The lock moves with the folder, and so must everything that it protects."""
    await folder.lock("{}")
    moved = folder.root.rename(folder.root.with_name("moved"))
    await folder.append([Append("X/tf_60/seg", b"1")])

    assert b"1" == (moved / "X/tf_60/seg").read_bytes()
    assert not folder.root.exists()


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


async def test_links_are_not_followed_on_the_way(folder: FolderDisk, tmp_path: Path) -> None:
    """A link in the place of a symbol's folder leads out of ours just as well."""
    outside = tmp_path / "outside"
    (outside / "tf_60").mkdir(parents=True)
    (outside / "tf_60" / "x").write_bytes(b"secret")
    folder.root.mkdir()
    (folder.root / "XAU_USD").symlink_to(outside)

    for wrong in (
        folder.read("XAU_USD/tf_60/x"),
        folder.names("XAU_USD/tf_60"),
        folder.append([Append("XAU_USD/tf_60/x", b"1")]),
        folder.create("XAU_USD/y", b"1"),
        folder.replace("XAU_USD/tf_60/x", b"1"),
        folder.truncate("XAU_USD/tf_60/x", 0),
        folder.remove(["XAU_USD/tf_60/x"]),
    ):
        with pytest.raises(DiskFailed, match="Not a directory"):
            await wrong
    assert ["tf_60"] == os.listdir(outside)
    assert b"secret" == (outside / "tf_60" / "x").read_bytes()


async def test_the_data_folder_itself_may_be_a_link(folder: FolderDisk, tmp_path: Path) -> None:
    """Where the data lies is the operator's choice."""
    (tmp_path / "elsewhere").mkdir()
    folder.root.symlink_to(tmp_path / "elsewhere")
    await folder.append([Append("a/x", b"1")])

    assert b"1" == (tmp_path / "elsewhere" / "a" / "x").read_bytes()


async def test_a_folder_in_the_place_of_a_file_is_a_failure(folder: FolderDisk) -> None:
    """Not a crash of another kind: the waist knows DiskFailed only."""
    (folder.root / "commit" / "00000001-0001").mkdir(parents=True)

    with pytest.raises(DiskFailed, match="Is a directory: could not read commit/00000001-0001"):
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
    """A disk that takes half of it must not be believed to have taken all; the kernel says why."""
    await folder.append([Append("x", b"0" * 100)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, before[1]))
    try:
        with pytest.raises(DiskFailed, match="File too large: could not append to x"):
            await folder.append([Append("x", b"1" * 100)])
        assert 150 == await folder.size("x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_short_write_without_a_cause_is_a_failure_too(
    folder: FolderDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rest that is taken at the second asking was interrupted by something: nobody trusts it."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:4]))

    with pytest.raises(DiskFailed, match="only 4 of 8 bytes were written"):
        await folder.append([Append("x", b"12345678")])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_has_a_name_of_its_own(
    folder: FolderDisk, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Its remedy is another than that of a broken one, and it is said as DISK_FULL (Z3)."""

    def full(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for wrong in (
            folder.append([Append("x", b"1")]),
            folder.create("y", b"1"),
            folder.replace("z", b"1"),
        ):
            with pytest.raises(DiskFull, match=os.strerror(code)):
                await wrong
    await folder.append([Append("x", b"1")])

    assert b"1" == await folder.read("x")


async def test_a_batch_stops_where_its_incarnation_is_revoked(
    folder: FolderDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread outlives its cancelled task; behind the back of the next start it may not write."""
    old = Incarnation("m1_poller", 1)
    reached, may_go = threading.Event(), threading.Event()
    sync = os.fdatasync

    def stuck(descriptor: int) -> None:
        sync(descriptor)
        reached.set()
        assert may_go.wait(5)

    monkeypatch.setattr(os, "fdatasync", stuck)
    with old.active():
        task = asyncio.create_task(folder.append([Append("x", b"1"), Append("y", b"2")]))
    assert await asyncio.to_thread(reached.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    old.revoke()
    may_go.set()
    await asyncio.get_running_loop().shutdown_default_executor()

    assert ["x"] == os.listdir(folder.root)


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

    def broken(*_: object, **__: object) -> None:
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


async def test_bytes_are_made_by_one_thread_at_a_time(folder: FolderDisk) -> None:
    """The loop would wait for each of several in turn; syncs still go side by side."""
    makers, most = 0, 0

    def made(path: str) -> Iterator[Append]:
        nonlocal makers, most
        for _ in range(5):
            makers += 1
            most = max(most, makers)
            time.sleep(0.002)
            makers -= 1
            yield Append(path, b"1")

    await asyncio.gather(*(folder.append(made(f"X/{n}")) for n in range(4)))

    assert 1 == most
    assert [b"11111"] * 4 == [await folder.read(f"X/{n}") for n in range(4)]
