"""Files for other programs, in a folder that is no data folder.

A file appears whole or not at all, but for one that is written in several steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from . import layout
from .disk import FolderDisk
from .errors import DiskFailed
from .legacy_codec import encode_records
from .model import Bars, SeriesKey
from .ports import Append
from .told import told

_MARKS = (layout.LOCK, layout.STATE)


class ExportFolder:
    """One folder of the operator's; it is made when the first file is.

    Raises DiskFailed with a remedy that names it: the data folder is not at fault.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._disk = FolderDisk(root)

    async def is_data_folder(self) -> bool:
        """Whether an engine owns or owned it; raises DiskFailed."""
        with self._blamed():
            found = await self._disk.names("")
        return layout.OWNER_FOLDER in found or any(mark in found for mark in _MARKS)

    async def parts(self, key: SeriesKey) -> tuple[str, ...]:
        """Parts of a series that are there already, oldest day first."""
        folder = layout.series_folder(key)
        with self._blamed():
            names = await self._disk.names(folder)
        return tuple(f"{folder}/{name}" for name in names if layout.is_legacy_part(name))

    async def existing(self, path: str) -> tuple[str, ...]:
        """The path itself when there is such a file."""
        with self._blamed():
            return () if await self._disk.size(path) is None else (path,)

    async def put_part(self, key: SeriesKey, day: Bars) -> None:
        """The bars of one UTC day as today's platform keeps them; raises DiskFailed."""
        opened = datetime.fromtimestamp(int(day.open_time_ms[0]) / 1_000, UTC)
        path = f"{layout.series_folder(key)}/part-{opened:%Y%m%d}.jsonl"
        with self._blamed():
            await self._disk.replace(path, encode_records(key, day))

    async def write(self, path: str, data: bytes, *, is_new: bool) -> None:
        """Begin a file with these bytes, in place of another; else add them. Raises DiskFailed."""
        with self._blamed():
            if is_new:
                await self._disk.replace(path, data)
            else:
                await self._disk.append([Append(path, data)])

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except DiskFailed as error:
            first = error.told[0] if error.told else error.detail
            raise type(error)(first, hint=told("export_remedy", self._root)) from error
