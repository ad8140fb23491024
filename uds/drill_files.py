"""What drills write in a data folder: the way back, while a fault is in, and what came of each.

`drills/running.json` exists exactly while a drill may have a fault in. It is durable before the
fault is put in, so whoever finds it at a boot knows that a drill was cut off, and what to undo.
Outcomes are one small file each; the oldest make room.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from . import layout
from .ports import Disk

OUTCOMES_KEPT = 200


class DrillFiles:
    """The drills' corner of one data folder; every write is durable when its call returns."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    async def begin(self, undo: Mapping[str, object]) -> None:
        """Write the way back down; raises DiskFailed, and then nothing may be put in."""
        await self._disk.replace(layout.DRILL_JOURNAL, _document(undo))

    async def end(self) -> None:
        """The way back was gone."""
        await self._disk.remove((layout.DRILL_JOURNAL,))

    async def found(self) -> dict[str, object] | None:
        """The way back that somebody left, empty when it cannot be read; None without one."""
        data = await self._disk.read(layout.DRILL_JOURNAL)
        if data is None:
            return None
        return _read(data) or {}

    async def keep(self, ended_ms: int, drill_id: str, outcome: Mapping[str, object]) -> None:
        """Add to the history, and remove its oldest pages."""
        path = layout.drill_outcome_path(ended_ms, drill_id)
        await self._disk.replace(path, _document(outcome))
        old = (await self.names())[:-OUTCOMES_KEPT]
        await self._disk.remove([f"{layout.DRILLS_FOLDER}/{name}" for name in old])

    async def outcomes(self, count: int) -> tuple[dict[str, object], ...]:
        """The newest of the history, oldest first; what cannot be read is left out."""
        found = []
        for name in (await self.names())[-count:]:
            found.append(_read(await self._disk.read(f"{layout.DRILLS_FOLDER}/{name}") or b""))
        return tuple(document for document in found if document is not None)

    async def evidence(self) -> frozenset[str]:
        """The entries of the quarantine folder."""
        return frozenset(await self._disk.names(layout.QUARANTINE_FOLDER))

    async def discard(self, names: Iterable[str]) -> None:
        """Remove evidence that a drill made up; names of anything else are left alone."""
        ours = [name for name in names if layout.quarantine_number(name) is not None]
        await self._disk.remove([f"{layout.QUARANTINE_FOLDER}/{name}" for name in ours])

    async def names(self) -> tuple[str, ...]:
        """The pages of the history, oldest first."""
        names = await self._disk.names(layout.DRILLS_FOLDER)
        return tuple(name for name in names if layout.is_drill_outcome(name))


def _document(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, indent=1).encode() + b"\n"


def _read(data: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
