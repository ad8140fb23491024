"""The real data folder: appends with fdatasync, exclusive creates, atomic replaces, the lock.

Each public call makes one trip into a worker thread, whatever the size of its batch. Names
are relative to the folder; directories are 0700 and files 0600, and links are not followed.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path

from .errors import DiskFailed, FolderLocked, FolderUnreadable
from .host_process import state_of
from .layout import LOCK
from .ports import Append

_DOCUMENT_BYTES_MAX = 4 * 1024 * 1024
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderDisk:
    """Disk over one folder of the host's file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock_fd: int | None = None

    async def lock(self, holder: str) -> None:
        """Make the folder and own it; raises FolderUnreadable, FolderLocked."""
        await asyncio.to_thread(self._lock, holder)

    async def names(self, folder: str) -> tuple[str, ...]:
        """Entries of a folder, sorted; none when it does not exist."""
        return await asyncio.to_thread(self._names, folder)

    async def read(self, path: str) -> bytes | None:
        """A whole file; None when it does not exist."""
        return await asyncio.to_thread(self._read, path)

    async def append(self, appends: Sequence[Append]) -> None:
        """Write each, fdatasync each, then fsync the folders of new files."""
        await asyncio.to_thread(self._append, appends)

    async def create(self, path: str, data: bytes) -> bool:
        """Create with O_EXCL and fsync file and folder; False when it exists."""
        return await asyncio.to_thread(self._create, path, data)

    async def replace(self, path: str, data: bytes) -> None:
        """Temporary file, fsync, rename, fsync of the folder."""
        await asyncio.to_thread(self._replace, path, data)

    async def link(self, path: str, as_path: str) -> None:
        """link(2) and fsync of the folder; an existing name that is the same file is fine."""
        await asyncio.to_thread(self._link, path, as_path)

    def close(self) -> None:
        """Release the lock."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _lock(self, holder: str) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self.root / LOCK, flags, 0o600)
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
        self._lock_fd = descriptor

    def _names(self, folder: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(os.listdir(self.root / folder)))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _failed("list", folder, error) from error

    def _read(self, path: str) -> bytes | None:
        try:
            with open(self.root / path, "rb", opener=_open_itself) as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed("read", path, error) from error

    def _append(self, appends: Sequence[Append]) -> None:
        new_folders: dict[Path, None] = {}
        for path, data in appends:
            target = self.root / path
            try:
                if not target.exists():
                    self._make_folder(target.parent)
                    new_folders[target.parent] = None
                _write(target, _CREATE | os.O_APPEND, data)
            except OSError as error:
                raise _failed("append to", path, error) from error
        for folder in new_folders:
            try:
                _sync_folder(folder)
            except OSError as error:
                raise _failed("append to", str(folder), error) from error

    def _create(self, path: str, data: bytes) -> bool:
        target = self.root / path
        try:
            self._make_folder(target.parent)
            try:
                _write(target, _CREATE | os.O_EXCL, data)
            except FileExistsError:
                return False
            _sync_folder(target.parent)
        except OSError as error:
            raise _failed("create", path, error) from error
        return True

    def _replace(self, path: str, data: bytes) -> None:
        target = self.root / path
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            self._make_folder(target.parent)
            _write(temporary, _CREATE | os.O_TRUNC, data)
            os.replace(temporary, target)
            _sync_folder(target.parent)
        except OSError as error:
            raise _failed("replace", path, error) from error

    def _link(self, path: str, as_path: str) -> None:
        source, target = self.root / path, self.root / as_path
        try:
            self._make_folder(target.parent)
            if not (target.exists() and target.samefile(source)):
                os.link(source, target, follow_symlinks=False)
            _sync_folder(target.parent)
        except OSError as error:
            raise _failed("link", as_path, error) from error

    def _make_folder(self, folder: Path) -> None:
        missing = [f for f in (folder, *folder.parents) if not f.exists()]
        for made in reversed(missing):
            made.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(made.parent)


def _write(target: Path, flags: int, data: bytes) -> None:
    descriptor = os.open(target, flags, 0o600)
    try:
        written = os.write(descriptor, data)
        if written != len(data):
            raise OSError(None, f"only {written} of {len(data)} bytes were written")
        os.fsync(descriptor) if flags & (os.O_EXCL | os.O_TRUNC) else os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _open_itself(path: str, flags: int) -> int:
    """Open a file, but not what a link of that name points to."""
    return os.open(path, flags | os.O_NOFOLLOW)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(doing: str, path: str, error: OSError) -> DiskFailed:
    return DiskFailed(
        f"Could not {doing} {path}: {error.strerror or error}.",
        hint="Check the disk and the rights of the data folder.",
    )


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
    return FolderLocked(
        f"The data folder {root} is owned by process {pid}, which is {state_of(pid)}.",
        hint="Stop it with `coldstart-console down`, or choose another folder with --data.",
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
