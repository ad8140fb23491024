"""Reads what today's platform left in the data folder: `<SYM>/tf_<s>/part-YYYYMMDD.jsonl`.

Theory of operation. Its parts are only ever read: no call of this file changes, moves or
removes one. A file holds the bars of one UTC day, in theory; in practice lines stand in any
order, come twice, and lie in the wrong file. So a series is the union of all its files, taken
by name and then by line, and of one open the last line wins; how often that happened is told.

The platform may still run. After a series was read, each of its files is looked at a second
time, and what has changed since is read again, until a look finds everything at rest. A writer
that never rests is told of, and what was read last is taken: nothing after the adoption
depends on these files.

A file that cannot be read, or lines that cannot be believed, cost themselves only. Their days
are told as doubtful, so that nobody takes a bar that was lost for a minute without a tick.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from . import layout
from .errors import DiskFailed
from .legacy_codec import Part, decode_part
from .model import Bars, Coverage, SeriesKey, Timeframe
from .ports import Disk

PART_BYTES_MAX = 64 * 1024 * 1024
"""A day of M1 has a third of a megabyte; a larger file than this is not one of them."""
LOOKS_MAX = 4
"""After so many looks at files that change all the time, what was read last is taken."""


@dataclass(frozen=True, slots=True)
class LegacyFault:
    """What of one file was not believed."""

    path: str
    """Relative to the data folder."""
    lines: int
    """How many of its lines; 0 when it is the whole file."""
    first_line: int
    """The first of them, from 1."""
    why: str
    """What was wrong with it, in words."""
    is_torn: bool
    """Whether it is only the end of an interrupted write."""


@dataclass(frozen=True, slots=True)
class LegacySeries:
    """All parts of one series as far as they can be believed."""

    key: SeriesKey
    bars: Bars
    """Complete bars, each open once; closes are nominal, for H4 and D1 an anchor may differ."""
    files: int
    """Parts that were read."""
    faults: tuple[LegacyFault, ...]
    """What was dropped, file by file."""
    doubted: tuple[tuple[int, int], ...]
    """Half-open intervals in which a bar may have been lost, UTC ms, merged and ascending."""
    unfinished_count: int
    """Lines passed over because they say that their bar was still forming."""
    repeated_count: int
    """Lines passed over because a later one has the same open."""
    differing_count: int
    """Those of them that held other content."""
    unordered_count: int
    """Lines that stood after a later open."""
    is_written: bool
    """Whether a file changed while it was read."""


@dataclass(frozen=True, slots=True)
class _Read:
    """One file as a look found it."""

    path: str
    """Relative to the data folder."""
    mark: tuple[int, int]
    """Its length and CRC-32: another mark is another content."""
    part: Part | None
    """What it holds; None when it cannot be read."""
    why: str
    """Why it cannot; empty when it can."""


class LegacyFolder:
    """The parts of one data folder, read through the Disk seam."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    async def parts(self, key: SeriesKey) -> tuple[str, ...]:
        """Paths of a series' parts, oldest day first; raises DiskFailed."""
        folder = layout.series_folder(key)
        names = await self._disk.names(folder)
        return tuple(f"{folder}/{name}" for name in names if layout.is_legacy_part(name))

    async def newest_size(self, key: SeriesKey) -> tuple[str, int] | None:
        """The newest part and its length, which a running writer changes; None without any."""
        paths = await self.parts(key)
        return (paths[-1], await self._disk.size(paths[-1]) or 0) if paths else None

    async def read(self, key: SeriesKey) -> LegacySeries:
        """All of a series; raises DiskFailed when the folder itself cannot be listed."""
        found: dict[str, _Read] = {}
        is_written = False
        for look in range(LOOKS_MAX):
            changed = await self._look(key, found)
            is_written |= bool(changed and look)
            if not changed:
                break
        return _series(key, list(found.values()), is_written)

    async def newest(self, key: SeriesKey, bars_min: int) -> Bars:
        """The newest complete bars, of as many parts as hold `bars_min` of them; fewer at best."""
        read: list[_Read] = []
        count = 0
        for path in reversed(await self.parts(key)):
            read.insert(0, await self._read(key, path, None))
            part = read[0].part
            count += 0 if part is None else len(part.open_time_ms)
            if count >= bars_min:
                break
        return _series(key, read, is_written=False).bars

    async def _look(self, key: SeriesKey, found: dict[str, _Read]) -> list[str]:
        """Bring `found` up to the files as they are now; the paths that were new or other."""
        before = dict(found)
        found.clear()
        for path in await self.parts(key):
            found[path] = await self._read(key, path, before.get(path))
        return [
            path
            for path in {**before, **found}
            if (path not in found or path not in before or found[path].mark != before[path].mark)
        ]

    async def _read(self, key: SeriesKey, path: str, before: _Read | None) -> _Read:
        """One file, decoded unless it is as it was before."""
        try:
            size = await self._disk.size(path) or 0
            if size > PART_BYTES_MAX:
                return _Read(path, (size, 0), None, f"it has {size} bytes")
            data = await self._disk.read(path) or b""
        except DiskFailed as error:
            return _Read(path, (-1, 0), None, error.detail.removesuffix("."))
        mark = len(data), zlib.crc32(data)
        if before is not None and before.mark == mark:
            return before
        return _Read(path, mark, decode_part(key, data), "")


def _series(key: SeriesKey, read: list[_Read], is_written: bool) -> LegacySeries:
    parts = [one.part for one in read if one.part is not None]
    opens = np.concatenate([np.empty(0, dtype=np.int64), *(part.open_time_ms for part in parts)])
    prices = np.concatenate([np.empty((4, 0)), *(part.prices for part in parts)], axis=1)
    counts = np.concatenate([np.empty(0, dtype=np.int64), *(part.v for part in parts)])
    extensions = np.concatenate([np.empty((3, 0)), *(part.extensions for part in parts)], axis=1)
    order = np.argsort(opens, kind="stable")  # of one open the last line is the last
    is_followed = np.zeros(len(order), dtype=np.bool_)
    if len(order):
        is_followed[:-1] = opens[order[1:]] == opens[order[:-1]]
    last = order[~is_followed]
    o, h, low, c = prices[:, last]
    closes = opens[last] + key.timeframe.ms
    bars = Bars.of(opens[last], closes, o, h, low, c, counts[last], *extensions[:, last])
    winner = np.searchsorted(bars.open_time_ms, opens)
    is_other = (prices != np.stack((bars.o, bars.h, bars.low, bars.c))[:, winner]).any(axis=0)
    is_other |= counts != bars.v[winner]
    unfinished = [part.unfinished_open_ms for part in parts]
    return LegacySeries(
        key,
        bars,
        len(parts),
        tuple(_faults(read)),
        _doubted(read, key.timeframe, bars),
        sum(map(len, unfinished)),
        int(is_followed.sum()),
        int(is_other.sum()),
        int((opens < np.maximum.accumulate(opens)).sum()),
        is_written,
    )


def _faults(read: Iterable[_Read]) -> Iterator[LegacyFault]:
    for one in read:
        if one.part is None:
            yield LegacyFault(one.path, 0, 1, one.why, is_torn=False)
        elif one.part.bad_count:
            first, part = one.part.bad[0], one.part
            yield LegacyFault(one.path, part.bad_count, first.line, first.why, part.is_torn)


def _doubted(
    read: Iterable[_Read], timeframe: Timeframe, bars: Bars
) -> tuple[tuple[int, int], ...]:
    """The days of damaged files, and the bars nobody finished."""
    found: list[tuple[int, int]] = []
    for one in read:
        if one.part is None or one.part.bad_count:
            day_ms = _day_ms(one.path)
            found.append((day_ms, day_ms + Timeframe.D1.ms))
        if one.part is not None:
            for open_ms in one.part.unfinished_open_ms.tolist():
                if not len(bars.between(open_ms, open_ms + 1)):
                    found.append((open_ms, open_ms + timeframe.ms))
    return Coverage.of(found).intervals


def _day_ms(path: str) -> int:
    """The UTC day in a part's name; 0 when there is no such day."""
    try:
        day = datetime.strptime(path[-14:-6], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return 0
    return round(day.timestamp() * 1_000)
