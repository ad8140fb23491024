"""Every change of the data folder, written once, as a script of primitive steps.

Theory of operation
-------------------
What survives a power cut depends on the order of writes and syncs, so that order must not
exist twice. A script is a generator: it yields one step, is sent what came of it (a truth
value whose meaning the step gives), and has the step's OSError thrown into it, of which it
makes DiskFailed. Whoever performs the steps decides nothing: the real disk makes each a
system call, the simulated one changes a platter and may be cut off before any of them.

A file's bytes are durable after Sync, a name after SyncFolder of the folder it is in. A name
that exists need not be durable: who made it may have been killed before its SyncFolder. So a
name is settled anew by each handle that meets it for the first time, and `Scripts` remembers
those it settled; after a failure it believes none of them.

`replace` never touches the bytes that a name stands for. It writes a new file beside it and
renames that over it, so a reader, a kill and a power cut find the old file or the new one.
The temporary file is created anew each time: a writer that was paused in the middle of an
earlier attempt holds another file open, and cannot write into this one. The file to be kept
is renamed over its own second name as well; a name that is removed first would be missing
for a moment. Link leaves an existing name of the same file alone, so a commit whose answer
was lost may be repeated, and then is made durable.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from .errors import DiskFailed, DiskFull
from .incarnation import check_incarnation
from .ports import Append
from .told import told

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exists:
    """Ask whether a name exists; sent back True when it does."""

    path: str
    """Of a file or folder."""


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """Make one folder; sent back False when the name is taken already."""

    path: str
    """The folder, whose parent exists; empty for the data folder itself."""


@dataclass(frozen=True, slots=True)
class Write:
    """Write at the end of a file, created when missing; False when it had to be new and is not."""

    path: str
    """The file."""
    data: bytes
    """Written by one call; not durable before Sync."""
    must_be_new: bool = False
    """Whether an existing file is left as it is."""


@dataclass(frozen=True, slots=True)
class Sync:
    """Make a file's bytes and length durable."""

    path: str
    """The file."""
    data_only: bool = False
    """Whether times and the like may lag behind: fdatasync instead of fsync."""


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """Make the names in a folder durable."""

    path: str
    """The folder; empty for the data folder itself."""


@dataclass(frozen=True, slots=True)
class Rename:
    """Move a file to another name of the same folder, in place of what has it, in one step.

    When both are names of one file nothing happens, and both stay.
    """

    path: str
    """The name that goes."""
    as_path: str
    """The name that stands for the file afterwards."""


@dataclass(frozen=True, slots=True)
class Link:
    """Give a file a second name; sent back False when that is its name already."""

    path: str
    """The file."""
    as_path: str
    """The second name; another file that has it is an error."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file's name; sent back False when there was none."""

    path: str
    """The name."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """Cut the end off a file; not durable before Sync."""

    path: str
    """The file."""
    length: int
    """Bytes that stay; more than there are is an error."""


Step: TypeAlias = (
    Exists | MakeFolder | Write | Sync | SyncFolder | Rename | Link | Remove | Truncate
)
Script: TypeAlias = Generator[Step, bool, T]


def perform(script: Script[T], do: Callable[[Step], bool]) -> T:
    """Do the steps of a script one after another; raises Revoked between two of them."""
    try:
        step = next(script)
        while True:
            check_incarnation()
            try:
                answer = do(step)
            except OSError as error:
                step = script.throw(error)
            else:
                step = script.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


class Scripts:
    """The scripts of one handle, which remembers the names it knows to be durable."""

    def __init__(self) -> None:
        self._settled: set[str] = set()

    def append(self, appends: Iterable[Append]) -> Script[None]:
        """Write each and make it durable before the next, its name as well."""
        for path, data in appends:
            with self._saying("append to", path):
                yield from self._append(path, data)

    def make(self, folders: Sequence[str]) -> Script[None]:
        """Make folders and all above them; those side by side are made durable together."""
        missing = [folder for folder in folders if folder not in self._settled]
        for parent in dict.fromkeys(map(folder_of, missing)):
            with self._saying("make folders in", parent or "the data folder"):
                yield from self._make(parent)
                beside = [folder for folder in missing if folder_of(folder) == parent]
                for folder in beside:
                    yield MakeFolder(folder)
                yield SyncFolder(parent)
                self._settled.update(beside)

    def create(self, path: str, data: bytes) -> Script[bool]:
        """Create a file that must not exist; after a failure there may be a part of it."""
        with self._saying("create", path):
            yield from self._make(folder_of(path))
            if not (yield Write(path, data, must_be_new=True)):
                return False
            yield Sync(path)
            yield SyncFolder(folder_of(path))
            return True

    def replace(self, path: str, data: bytes, keep_as: str | None = None) -> Script[None]:
        """Put a whole file in place of another, which may keep a name in the same folder."""
        assert keep_as is None or folder_of(keep_as) == folder_of(path)
        fresh = _beside(path)
        with self._saying("replace", path):
            self._settled.discard(path)
            yield from self._make(folder_of(path))
            yield Remove(fresh)
            if not (yield Write(fresh, data, must_be_new=True)):
                raise FileExistsError(errno.EEXIST, "another writer is at it")
            yield Sync(fresh)
            if keep_as is not None and (yield Exists(path)):
                yield from self._keep(path, keep_as)
            yield Rename(fresh, path)
            yield SyncFolder(folder_of(path))

    def truncate(self, path: str, length: int) -> Script[None]:
        """Cut the end off a file."""
        with self._saying("truncate", path):
            yield Truncate(path, length)
            yield Sync(path)

    def link(self, path: str, as_path: str) -> Script[None]:
        """Give a durable file a second name."""
        with self._saying("link", as_path):
            yield from self._make(folder_of(as_path))
            yield Link(path, as_path)
            yield SyncFolder(folder_of(as_path))

    def remove(self, paths: Sequence[str]) -> Script[None]:
        """Remove files; also when all are gone already, for that may not be durable yet."""
        for path in paths:
            with self._saying("remove", path):
                self._settled.discard(path)
                yield Remove(path)
        for folder in dict.fromkeys(folder_of(path) for path in paths):
            with self._saying("remove files in", folder or "the data folder"):
                if (yield Exists(folder)):
                    yield SyncFolder(folder)

    def _append(self, path: str, data: bytes) -> Script[None]:
        is_settled = path in self._settled
        if not is_settled:
            yield from self._make(folder_of(path))
        yield Write(path, data)
        yield Sync(path, data_only=True)
        if not is_settled:
            yield SyncFolder(folder_of(path))
            self._settled.add(path)

    def _keep(self, path: str, keep_as: str) -> Script[None]:
        spare = _beside(keep_as)
        yield Remove(spare)
        yield Link(path, spare)
        yield Rename(spare, keep_as)
        yield Remove(spare)  # still there when keep_as was a name of this very file

    def _make(self, folder: str) -> Script[None]:
        """Make a folder and all above it; outermost first, each durable before the next."""
        if folder in self._settled:
            return
        if folder:
            yield from self._make(folder_of(folder))
        yield MakeFolder(folder)
        if folder:
            yield SyncFolder(folder_of(folder))
        self._settled.add(folder)

    @contextmanager
    def _saying(self, doing: str, path: str) -> Iterator[None]:
        try:
            with saying(doing, path):
                yield
        except DiskFailed:
            self._settled.clear()
            raise


@contextmanager
def saying(doing: str, path: str) -> Iterator[None]:
    """Make DiskFailed, or DiskFull, of an OSError in the block: what was tried, where, why not."""
    try:
        yield
    except OSError as error:
        detail = told("disk_failed", error.strerror or error, doing, path)
        if error.errno in _NO_SPACE:
            raise DiskFull(detail, hint=told("disk_full_remedy")) from error
        raise DiskFailed(detail, hint=told("disk_remedy")) from error


def folder_of(path: str) -> str:
    """The folder a path lies in; empty for the data folder itself."""
    return path.rpartition("/")[0]


def span(size: int, from_byte: int, until_byte: int | None) -> tuple[int, int]:
    """[first, end) of what `Disk.read` is asked for, within a file of `size` bytes."""
    first = min(from_byte, size) if from_byte >= 0 else max(0, size + from_byte)
    return first, size if until_byte is None else max(first, min(until_byte, size))


def _beside(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}.{name}.tmp"
