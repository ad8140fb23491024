"""Where what could not be believed is kept: the bytes as they were, and a sidecar that explains.

A find is two files of one number: `….jsonl` holds the bad lines, or the whole file, as they
were on disk; `….json` says where each came from and what was wrong with it. At most 64 MB are
kept; the oldest finds make room, and the caller is told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from . import layout
from .model import FencingToken
from .ports import Append, Disk

QUARANTINE_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BadLine:
    """A stretch of a file that was not believed."""

    line: int
    """Number of its first line, the header being 1."""
    from_byte: int
    """Where it begins in the file."""
    bytes: int
    """How long it is."""
    reason: str
    """What was wrong with it, in words."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is to be kept of one damaged file."""

    path: str
    """The file, relative to the data folder."""
    data: bytes
    """The bad stretches one after another, as they were."""
    stretches: tuple[BadLine, ...]
    """Where they were."""


class Quarantine:
    """The quarantine folder of one owner."""

    def __init__(self, disk: Disk, token: FencingToken, bytes_max: int) -> None:
        self._disk = disk
        self._token = token
        self._bytes_max = bytes_max
        self._last_n = 0

    async def keep(self, finds: Sequence[Evidence]) -> int:
        """Write the finds, then make room; how many older ones were given up for it."""
        for find in finds:
            await self._write(find)
        return await self._make_room() if finds else 0

    async def _write(self, find: Evidence) -> None:
        self._last_n += 1
        path = layout.quarantine_path(self._token.value, self._last_n, find.path)
        sidecar = {
            "schema": 1,
            "path": find.path,
            "owner_token": self._token.value,
            "boot_id": self._token.boot_id,
            "stretches": [asdict(stretch) for stretch in find.stretches],
        }
        document = json.dumps(sidecar, indent=1).encode() + b"\n"
        await self._disk.append([Append(path, find.data)])
        await self._disk.replace(layout.sidecar_path(path), document)

    async def _make_room(self) -> int:
        """Remove the oldest finds until the rest fits; the newest always stays."""
        finds: dict[str, list[tuple[str, int]]] = {}
        for name in await self._disk.names(layout.QUARANTINE_FOLDER):
            number = layout.quarantine_number(name)
            if number is not None:
                path = f"{layout.QUARANTINE_FOLDER}/{name}"
                finds.setdefault(number, []).append((path, await self._disk.size(path) or 0))
        total = sum(size for files in finds.values() for _, size in files)
        removed = 0
        for number in sorted(finds)[:-1]:
            if total <= self._bytes_max:
                break
            await self._disk.remove([path for path, _ in finds[number]])
            total -= sum(size for _, size in finds[number])
            removed += 1
        return removed
