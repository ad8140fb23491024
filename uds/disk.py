"""The real data folder: scripts of steps as system calls, reading, and the lock.

Each public call makes one trip into a worker thread, whatever the size of its batch. Names
are relative to the folder; directories are 0700 and files 0600. Links are followed neither
as files nor as folders on the way; the data folder itself may be one. Who owns the folder works
in that very folder: when it is moved he goes with it, when it is removed every call fails, and
a new folder of its name is never touched.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock

from .disk_steps import Script, Scripts, T, perform, saying, span
from .errors import FolderLocked, FolderUnreadable
from .folder_calls import Anchor, Root, Trip, inside, make_root, opened, opener_in
from .host_process import is_stopped, state_of
from .incarnation import check_incarnation
from .layout import LOCK
from .ports import Append

_DOCUMENT_BYTES_MAX = 4 * 1024 * 1024
_making = Lock()
"""Held while the bytes of a write are made: the loop contends with one thread that computes."""


class FolderDisk:
    """Disk over one folder of the host's file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scripts = Scripts()
        self._at: Root = root
        self._lock_fd: int | None = None

    async def lock(self, holder: str) -> None:
        """Make the folder and own it; raises FolderUnreadable, FolderLocked."""
        await asyncio.to_thread(self._lock, holder)

    async def names(self, folder: str) -> tuple[str, ...]:
        """Entries of a folder, sorted; none when it does not exist."""
        return await asyncio.to_thread(self._names, folder)

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """Bytes [from_byte, until_byte) of a file, from its end when negative; None without it."""
        return await asyncio.to_thread(self._read, path, from_byte, until_byte)

    async def size(self, path: str) -> int | None:
        """Length of a file in bytes; None when it does not exist."""
        return await asyncio.to_thread(self._size, path)

    async def append(self, appends: Iterable[Append]) -> None:
        """Write and fdatasync each before the next, and fsync the folders of new files."""
        await asyncio.to_thread(self._run, self._scripts.append(_in_turn(appends)))

    async def make(self, folders: Sequence[str]) -> None:
        """mkdir(2) each, and one fsync for those that lie side by side."""
        await asyncio.to_thread(self._run, self._scripts.make(folders))

    async def create(self, path: str, data: bytes) -> bool:
        """Create with O_EXCL and fsync file and folder; False when it exists."""
        return await asyncio.to_thread(self._run, self._scripts.create(path, data))

    async def replace(self, path: str, data: bytes, keep_as: str | None = None) -> None:
        """Temporary file, fsync, rename, fsync of the folder."""
        await asyncio.to_thread(self._run, self._scripts.replace(path, data, keep_as))

    async def truncate(self, path: str, length: int) -> None:
        """ftruncate(2) and fsync; a file that is shorter is an error."""
        await asyncio.to_thread(self._run, self._scripts.truncate(path, length))

    async def link(self, path: str, as_path: str) -> None:
        """link(2) and fsync of the folder; an existing name that is the same file is fine."""
        await asyncio.to_thread(self._run, self._scripts.link(path, as_path))

    async def remove(self, paths: Sequence[str]) -> None:
        """unlink(2) of each that exists, then fsync of each folder."""
        await asyncio.to_thread(self._run, self._scripts.remove(paths))

    def close(self) -> None:
        """Release the lock."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd, self._at = None, self.root

    def _run(self, script: Script[T]) -> T:
        trip = Trip(self._at)
        try:
            return perform(script, trip.do)
        finally:
            trip.close()

    def _lock(self, holder: str) -> None:
        try:
            make_root(self.root)
            anchor = Anchor(self.root)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            with opened(anchor, "") as folder:
                descriptor = os.open(LOCK, flags, 0o600, dir_fd=folder)
        except OSError as error:
            raise _unusable(self.root, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode(), 0)
        except BlockingIOError as error:
            found = os.pread(descriptor, 4_096, 0)
            os.close(descriptor)
            raise _refusal(self.root, found) from error
        except OSError as error:
            os.close(descriptor)
            raise _unusable(self.root, error) from error
        self._lock_fd, self._at = descriptor, anchor

    def _names(self, folder: str) -> tuple[str, ...]:
        check_incarnation()
        with saying("list", folder):
            try:
                with opened(self._at, folder) as descriptor:
                    return tuple(sorted(os.listdir(descriptor)))
            except FileNotFoundError:
                return ()

    def _read(self, path: str, from_byte: int, until_byte: int | None) -> bytes | None:
        check_incarnation()
        with saying("read", path):
            try:
                with (
                    inside(self._at, path) as (folder, name),
                    open(name, "rb", opener=opener_in(folder)) as file,
                ):
                    size = os.fstat(file.fileno()).st_size
                    first, end = span(size, from_byte, until_byte)
                    file.seek(first)
                    return file.read(end - first)
            except FileNotFoundError:
                return None

    def _size(self, path: str) -> int | None:
        check_incarnation()
        with saying("measure", path):
            try:
                with inside(self._at, path) as (folder, name):
                    return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
            except FileNotFoundError:
                return None


def _unusable(root: Path, error: OSError) -> FolderUnreadable:
    return FolderUnreadable(
        f"The data folder {root} cannot be used: {error.strerror}.",
        hint="Check its owner and mode, or choose another with --data.",
    )


def _refusal(root: Path, found: bytes) -> FolderLocked:
    try:
        pid = int(json.loads(found)["pid"])
    except (ValueError, KeyError, TypeError):
        return FolderLocked(
            f"The data folder {root} is owned by another process.",
            hint="Stop it first, or choose another folder with --data.",
        )
    stop = "top it with `coldstart-console down`, or choose another folder with --data."
    return FolderLocked(
        f"The data folder {root} is owned by process {pid}, which is {state_of(pid)}.",
        hint=f"Wake it with `kill -CONT {pid}`, then s{stop}" if is_stopped(pid) else f"S{stop}",
    )


def read_document(path: Path) -> bytes:
    """A small file of the operator's, such as a configuration; raises FolderUnreadable."""
    try:
        with open(path, "rb") as file:
            data = file.read(_DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        raise FolderUnreadable(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > _DOCUMENT_BYTES_MAX:
        raise FolderUnreadable(f"{path} is larger than {_DOCUMENT_BYTES_MAX} bytes.")
    return data


def _in_turn(appends: Iterable[Append]) -> Iterator[Append]:
    """The same; they may be made as they are asked for."""
    each = iter(appends)
    while True:
        with _making:
            found = next(each, None)
        if found is None:
            return
        yield found
