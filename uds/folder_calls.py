"""The steps of a script as system calls inside one folder; links are followed nowhere."""

from __future__ import annotations

import errno
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .disk_steps import (
    Exists,
    Link,
    MakeFolder,
    Remove,
    Rename,
    Step,
    Sync,
    SyncFolder,
    Truncate,
    Write,
    folder_of,
)

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_CHANGE = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Anchor:
    """The data folder itself, wherever its name goes: open as long as anybody works in it.

    Whoever owns a folder works in the very folder that the lock lies in. One of the same name
    that is made after this one was moved or removed belongs to somebody else.
    """

    def __init__(self, root: Path) -> None:
        self._descriptor = os.open(root, _FOLDER)
        weakref.finalize(self, os.close, self._descriptor)

    def open(self) -> int:
        """The folder, once more. Raises OSError, also when it was removed."""
        if not os.fstat(self._descriptor).st_nlink:
            raise OSError(errno.ESTALE, "The data folder was removed")
        return os.open(".", _FOLDER, dir_fd=self._descriptor)


Root = Path | Anchor
"""Where a data folder is: by its name, or, once it is owned, by itself."""


class Trip:
    """The steps of one script as system calls.

    A written file stays open until it is synced, and a folder until another one is needed: the
    way to a folder is walked name by name, and each call on it lets other threads in.
    """

    def __init__(self, root: Root) -> None:
        self._root = root
        self._file: tuple[str, int] | None = None
        self._folder: tuple[str, int] | None = None

    def do(self, step: Step) -> bool:
        """Do one step; what is answered stands at the step. Raises OSError."""
        match step:
            case Write():
                return self._write(step)
            case Sync(path, data_only):
                descriptor = self._writable(path)
                os.fdatasync(descriptor) if data_only else os.fsync(descriptor)
                self._leave_file()
            case Truncate(path, length):
                self._truncate(path, length)
            case SyncFolder(path):
                os.fsync(self._in(path))
            case MakeFolder(path):
                return self._make_folder(path)
            case Exists(path):
                return self._exists(path)
            case Rename(path, as_path):
                folder = self._in(folder_of(path))
                os.replace(_name(path), _name(as_path), src_dir_fd=folder, dst_dir_fd=folder)
            case Link(path, as_path):
                return _link(self._root, path, as_path)
            case Remove(path):
                return self._remove(path)
        return True

    def close(self) -> None:
        """Let go of the written file, synced or not, and of the folder."""
        self._leave_file()
        self._leave_folder()

    def _in(self, folder: str) -> int:
        """The open folder."""
        if self._folder is None or self._folder[0] != folder:
            self._leave_folder()
            self._folder = folder, open_folder(self._root, folder)
        return self._folder[1]

    def _leave_folder(self) -> None:
        if self._folder is not None:
            os.close(self._folder[1])
            self._folder = None

    def _leave_file(self) -> None:
        if self._file is not None:
            os.close(self._file[1])
            self._file = None

    def _write(self, step: Write) -> bool:
        self._leave_file()
        flags = _APPEND | os.O_EXCL if step.must_be_new else _APPEND
        folder = self._in(folder_of(step.path))
        try:
            descriptor = os.open(_name(step.path), flags, 0o600, dir_fd=folder)
        except FileExistsError:
            return False
        self._file = step.path, descriptor
        written = os.write(descriptor, step.data)
        if written != len(step.data):
            os.write(descriptor, step.data[written:])  # fails and so says why: no space, a quota
            raise OSError(errno.EIO, f"only {written} of {len(step.data)} bytes were written")
        return True

    def _truncate(self, path: str, length: int) -> None:
        descriptor = self._writable(path)
        if os.fstat(descriptor).st_size < length:
            raise OSError(errno.EINVAL, f"it is shorter than {length} bytes")
        os.ftruncate(descriptor, length)

    def _writable(self, path: str) -> int:
        """The descriptor of a file, the very one it was written by if it was."""
        if self._file is None or self._file[0] != path:
            self._leave_file()
            folder = self._in(folder_of(path))
            self._file = path, os.open(_name(path), _CHANGE, dir_fd=folder)
        return self._file[1]

    def _make_folder(self, path: str) -> bool:
        if not path:
            return isinstance(self._root, Path) and make_root(self._root)
        try:
            os.mkdir(_name(path), 0o700, dir_fd=self._in(folder_of(path)))
        except FileExistsError:
            return False
        return True

    def _exists(self, path: str) -> bool:
        try:
            folder = self._in(folder_of(path))
            os.stat(_name(path) or ".", dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _remove(self, path: str) -> bool:
        try:
            os.unlink(_name(path), dir_fd=self._in(folder_of(path)))
        except FileNotFoundError:
            return False
        return True


def make_root(root: Path) -> bool:
    """Make the data folder and what is missing above it; False when it was there."""
    missing = [folder for folder in (root, *root.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder.parent, _FOLDER)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return bool(missing)


@contextmanager
def inside(root: Root, path: str) -> Iterator[tuple[int, str]]:
    """The open folder a path lies in, and its name there."""
    with opened(root, folder_of(path)) as descriptor:
        yield descriptor, _name(path)


@contextmanager
def opened(root: Root, folder: str) -> Iterator[int]:
    """A folder below the root, open for the length of the block."""
    descriptor = open_folder(root, folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_folder(root: Root, folder: str) -> int:
    """A folder below the root, reached name by name so that no link leads elsewhere."""
    names = folder.split("/") if folder else []
    assert ".." not in names
    descriptor = root.open() if isinstance(root, Anchor) else os.open(root, _FOLDER)
    for name in names:
        try:
            inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def opener_in(folder: int) -> Callable[[str, int], int]:
    """Open a file of a folder, but not what a link of that name points to."""
    return lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)


def _link(root: Root, path: str, as_path: str) -> bool:
    with inside(root, path) as (here, name), inside(root, as_path) as (there, as_name):
        try:
            os.link(name, as_name, src_dir_fd=here, dst_dir_fd=there, follow_symlinks=False)
        except FileExistsError:
            found = os.stat(as_name, dir_fd=there, follow_symlinks=False)
            if not os.path.samestat(found, os.stat(name, dir_fd=here, follow_symlinks=False)):
                raise
            return False
    return True


def _name(path: str) -> str:
    return path.rpartition("/")[2]
