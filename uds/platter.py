"""A simulated file system that knows what a power cut may take.

Theory of operation
-------------------
Files and folders are nodes. A file has bytes as everybody sees them and bytes as the medium
has them; Sync makes the second the first. A folder has entries as everybody sees them, those
the medium has, and the changes between, which SyncFolder settles. A kill takes nothing. A
power cut takes, of each file that was not synced, all, nothing or a part of what is new, with
the length ahead of the bytes (NULs) or with bytes that were never written; and of each folder
the end of the pending changes, or any of them, for nobody promises an order without fsync. A
rename is one change. What lay in a folder whose own name is lost is gone with it.

A failed Sync is Linux's: the pages count as clean afterwards, so everybody goes on seeing
the bytes and a later Sync succeeds, but whether they ever reached the medium is open until a
power cut decides it. That is why a file is never synced a second time after a failure.

Nothing here waits, reads a clock or draws of its own: the same calls with the same generator
leave the same ruins.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, MutableMapping
from os import strerror
from typing import TYPE_CHECKING, TypeAlias

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

if TYPE_CHECKING:
    from random import Random


class _File:
    """The bytes of one file, which may have several names or none."""

    __slots__ = ("data", "doubtful", "durable")

    def __init__(self, data: bytes = b"", durable: bytes = b"") -> None:
        self.data = data
        self.durable = durable
        self.doubtful: list[tuple[int, int]] = []
        """[first, end) of bytes whose Sync failed: on the medium or not, nobody knows."""

    def truncate(self, length: int) -> None:
        self.data = self.data[:length]
        self.doubtful = [(a, min(b, length)) for a, b in self.doubtful if a < length]

    def fail_sync(self) -> None:
        unsynced = _agreeing(self.data, self.durable), len(self.data)
        if unsynced[0] < unsynced[1]:
            self.doubtful.append(unsynced)

    def cut_power(self, random: Random) -> None:
        left = _left_of(random, self.durable, self.data)
        for first, end in self.doubtful:
            if random.random() < 0.5:
                left = (left[:first] + bytes(end - first) + left[end:])[: len(left)]
        self.data = self.durable = left
        self.doubtful = []


class _Folder:
    """The names in one folder."""

    __slots__ = ("durable", "entries", "pending")

    def __init__(self) -> None:
        self.entries: dict[str, _Node] = {}
        self.durable: dict[str, _Node] = {}
        self.pending: list[dict[str, _Node | None]] = []
        """Changes since the last sync, in order; None removes a name."""

    def change(self, names: dict[str, _Node | None]) -> None:
        self.pending.append(names)
        _change(self.entries, names)

    def sync(self) -> None:
        for names in self.pending:
            _change(self.durable, names)
        self.pending = []

    def cut_power(self, random: Random) -> None:
        if random.random() < 0.5:
            kept = self.pending[: random.randint(0, len(self.pending))]
        else:
            kept = [names for names in self.pending if random.random() < 0.5]
        for names in kept:
            _change(self.durable, names)
        self.entries = dict(self.durable)
        self.pending = []
        for name in sorted(self.entries):
            self.entries[name].cut_power(random)


_Node: TypeAlias = _File | _Folder


class Platter:
    """The medium of one data folder, which outlives the nodes that use it."""

    def __init__(self) -> None:
        self._root = _Folder()
        self.files = Files(self)
        """path → bytes as everybody sees them; what is put here is durable at once."""
        self.crash_count = 0
        """Grows with each crash and power cut; a handle lives only as long as it stays."""
        self.holder: object | None = None
        """The handle that has the lock; None when it is free."""

    def crash(self) -> None:
        """kill -9 of every node: their handles are dead, what they wrote stays visible."""
        self.crash_count += 1
        self.holder = None

    def power_cut(self, random: Random) -> None:
        """Kill every node, and lose what was not synced as far as the generator wants it."""
        self.crash()
        self._root.cut_power(random)

    def do(self, step: Step) -> bool:
        """Do one step; what is answered stands at the step. Raises OSError as a kernel would."""
        match step:
            case Exists(path):
                return self._find(path) is not None
            case MakeFolder(path):
                return not path or self._put(path, _Folder())
            case Write(path, data, must_be_new):
                return self._write(path, data, must_be_new)
            case Sync(path):
                file = self._file(path)
                file.durable = file.data
            case SyncFolder(path):
                self._folder(path).sync()
            case Rename(path, as_path):
                return self._rename(path, as_path)
            case Link(path, as_path):
                return self._link(path, as_path)
            case Remove(path):
                return self._remove(path)
            case Truncate(path, length):
                file = self._file(path)
                if len(file.data) < length:
                    raise OSError(errno.EINVAL, f"it is shorter than {length} bytes")
                file.truncate(length)
        return True

    def fail_sync(self, path: str) -> None:
        """What a Sync that failed leaves: the unsynced bytes may be lost for good."""
        self._file(path).fail_sync()

    def names(self, folder: str) -> tuple[str, ...]:
        """Entries of a folder, sorted; raises FileNotFoundError, NotADirectoryError."""
        return tuple(sorted(self._folder(folder).entries))

    def data(self, path: str) -> bytes:
        """The bytes of a file; raises FileNotFoundError, IsADirectoryError."""
        return self._file(path).data

    def is_folder(self, path: str) -> bool:
        """Whether a path stands for a folder."""
        return isinstance(self._find(path), _Folder)

    def _write(self, path: str, data: bytes, must_be_new: bool) -> bool:
        if must_be_new or self._find(path) is None:
            return self._put(path, _File(data))
        self._file(path).data += data
        return True

    def _put(self, path: str, node: _Node) -> bool:
        folder, name = self._folder(folder_of(path)), _name(path)
        if name in folder.entries:
            return False
        folder.change({name: node})
        return True

    def _rename(self, path: str, as_path: str) -> bool:
        assert folder_of(path) == folder_of(as_path)
        file, folder = self._file(path), self._folder(folder_of(path))
        found = folder.entries.get(_name(as_path))
        if isinstance(found, _Folder):
            raise _refused(errno.EISDIR)
        if found is not file:
            folder.change({_name(path): None, _name(as_path): file})
        return True

    def _link(self, path: str, as_path: str) -> bool:
        node, found = self._find(path), self._find(as_path)
        if node is None:
            raise _refused(errno.ENOENT)
        if found is node:
            return False
        if found is not None:
            raise _refused(errno.EEXIST)
        if isinstance(node, _Folder):
            raise _refused(errno.EPERM)
        return self._put(as_path, node)

    def _remove(self, path: str) -> bool:
        if self._find(path) is None:
            return False
        self._file(path)
        self._folder(folder_of(path)).change({_name(path): None})
        return True

    def _find(self, path: str) -> _Node | None:
        """What a path stands for; None without it, or without a folder on the way."""
        found: _Node | None = self._root
        for name in path.split("/") if path else ():
            if isinstance(found, _File):
                raise _refused(errno.ENOTDIR)
            found = found.entries.get(name) if found is not None else None
        return found

    def _file(self, path: str) -> _File:
        found = self._find(path)
        if isinstance(found, _File):
            return found
        raise _refused(errno.ENOENT if found is None else errno.EISDIR)

    def _folder(self, path: str) -> _Folder:
        found = self._find(path)
        if isinstance(found, _Folder):
            return found
        raise _refused(errno.ENOENT if found is None else errno.ENOTDIR)


class Files(MutableMapping[str, bytes]):
    """The files of a platter by path, for a hand from outside: evidence and damage.

    A change here is durable at once, and so is whatever else was pending in that folder.
    """

    def __init__(self, platter: Platter) -> None:
        self._platter = platter

    def __getitem__(self, path: str) -> bytes:
        try:
            return self._platter.data(path)
        except OSError:
            raise KeyError(path) from None

    def __setitem__(self, path: str, data: bytes) -> None:
        above: list[str] = []
        folder = folder_of(path)
        while folder:
            above.append(folder)
            folder = folder_of(folder)
        if path not in self:
            for made in reversed(above):
                self._platter.do(MakeFolder(made))
            self._platter.do(Write(path, b"", must_be_new=True))
        self._platter.do(Truncate(path, 0))
        self._platter.do(Write(path, data))
        self._platter.do(Sync(path))
        for changed in (folder_of(path), *(folder_of(made) for made in above)):
            self._platter.do(SyncFolder(changed))

    def __delitem__(self, path: str) -> None:
        if path not in self:
            raise KeyError(path)
        self._platter.do(Remove(path))
        self._platter.do(SyncFolder(folder_of(path)))

    def __iter__(self) -> Iterator[str]:
        return self._below("")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __ior__(self, others: Mapping[str, bytes]) -> Files:
        self.update(others)
        return self

    def __repr__(self) -> str:
        return repr(dict(self))

    def _below(self, folder: str) -> Iterator[str]:
        for name in self._platter.names(folder):
            path = f"{folder}/{name}" if folder else name
            if self._platter.is_folder(path):
                yield from self._below(path)
            else:
                yield path


def _change(entries: dict[str, _Node], names: Mapping[str, _Node | None]) -> None:
    for name, node in names.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


def _left_of(random: Random, durable: bytes, data: bytes) -> bytes:
    """What a power cut leaves of a file that the medium has as `durable` and others as `data`."""
    if data == durable:
        return data
    kept = data[: random.randint(_agreeing(durable, data), len(data))]
    missing = len(data) - len(kept)
    ruins = (durable, data, kept, kept + bytes(missing), kept + random.randbytes(missing))
    return random.choice(ruins)


def _agreeing(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(n for n in range(length) if one[n] != other[n])


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _refused(code: int) -> OSError:
    return OSError(code, strerror(code))
