"""From the newest believable commit on disk to a draft in RAM, with an account of the damage.

A commit's manifest lists the files as they were; bars that came live afterwards stand behind
the recorded length of the same files, or in files begun later for the same generation. Good
lines of a damaged file are rescued into a new one, and the hole leaves the coverage, so that
it is fetched again. Nothing on disk is changed here.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from . import codec, layout, manifest
from .book import Book, Segment, Series
from .errors import BadManifest, BadSegment
from .manifest import Manifest, SegmentEntry
from .model import Bars, Coverage, Generation, SeriesKey, Symbol, Timeframe
from .ports import Disk

FAR_MS = 1 << 62
"""Later than any bar: a hole at the end of a file reaches on."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Lines of one file that were not believed."""

    key: SeriesKey
    path: str
    """Relative to the data folder."""
    lines: int
    """How many; 0 when the whole file was dropped."""
    first_line: int
    """The first of them; the header is 1."""
    why: str
    """What was wrong with it."""
    is_torn: bool
    """Whether it is only the end of an interrupted write."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a symbol was found to have on disk."""

    symbol: Symbol
    found: Generation | None
    """The committed generation the draft begins from; None when there is none."""
    drops: tuple[Dropped, ...] = ()
    """What was found damaged on the way."""
    skipped: tuple[str, ...] = ()
    """Commits that were passed over, as sentences."""
    anchors: Mapping[str, str] | None = None
    """The anchors the data were cut by; None when nothing was found."""
    open_mode: str | None = None
    """The open mode of the data; None when nothing was found."""
    rescued: tuple[tuple[Timeframe, Bars], ...] = ()
    """Good bars of damaged files, to be written to new ones."""


async def recover_into(book: Book, disk: Disk, kept_bars: Callable[[Timeframe], int]) -> Recovered:
    """Fill an empty draft; `kept_bars` says how many bars of a timeframe belong in RAM."""
    symbol = book.symbol
    names = await disk.names(layout.commit_folder(symbol))
    commits = [layout.committed_generation(name) for name in names]
    skipped: list[str] = []
    for generation in sorted((found for found in commits if found is not None), reverse=True):
        data = await disk.read(layout.commit_path(symbol, generation))
        try:
            found = manifest.decode(symbol, generation, data or b"")
        except BadManifest as error:
            skipped.append(str(error))
            continue
        loads = [_Load(disk, book.key(timeframe), found) for timeframe in book.series]
        for load in loads:
            book.series[load.key.timeframe] = await load.run(kept_bars(load.key.timeframe))
        return Recovered(
            symbol,
            generation,
            tuple(drop for load in loads for drop in load.drops),
            tuple(skipped),
            found.anchors,
            found.open_mode,
            tuple((load.key.timeframe, bars) for load in loads for bars in load.rescued()),
        )
    return Recovered(symbol, None, skipped=tuple(skipped))


class _Load:
    """One series being read."""

    def __init__(self, disk: Disk, key: SeriesKey, found: Manifest) -> None:
        self._disk = disk
        self._found = found
        self.key = key
        self.drops: list[Dropped] = []
        self._holes: list[tuple[int, int]] = []
        self._is_live_proved = True
        self._good: list[tuple[tuple[int, int], Bars]] = []
        self._damaged: list[tuple[tuple[int, int], Bars]] = []
        self._seen = Bars.empty()

    async def run(self, kept_bars: int) -> Series:
        """Files that end last first, until all that belongs in RAM was read; others are listed."""
        series = Series()
        listed = manifest.segments_of(self._found, self.key)
        for path, data in await self._begun_after_commit({entry.path for entry in listed}):
            self._believe(series, path, data, None)
        for entry in _in_order_of_need(listed):
            if len(self._seen.between(entry.last_ms + 1, FAR_MS)) < kept_bars:
                self._believe(series, entry.path, await self._disk.read(entry.path), entry)
            else:
                series.segments.append(_listed(entry))
        is_all_read = len(series.segments) == len(self._good)
        self._good.sort(key=lambda numbered: numbered[0])
        for _, bars in self._good:
            series.bars = series.bars.merged(bars)
        series.keep(series.bars, kept_bars)
        if not is_all_read:
            series.resident_from_ms = series.bars.first_open_ms or 0
        if not self.key.timeframe.is_derived:
            series.coverage = self._covered(series.bars)
        return series

    def rescued(self) -> Iterator[Bars]:
        """Good bars of damaged files, oldest file first; what a later file revised stays so."""
        for number, bars in sorted(self._damaged, key=lambda numbered: numbered[0]):
            latest = bars
            for later, newer in self._good:
                if later > number and len(bars):
                    first_ms, last_ms = int(bars.open_time_ms[0]), int(bars.open_time_ms[-1])
                    latest = latest.merged(newer.between(first_ms, last_ms + 1))
            yield latest

    async def _begun_after_commit(self, listed: set[str]) -> list[tuple[str, bytes]]:
        """Files our generation's owner began for live bars once the manifest was written."""
        folder = layout.series_folder(self.key)
        token = Generation.parse(self._found.generation).token
        found: list[tuple[str, bytes]] = []
        for name in await self._disk.names(folder):
            number, path = layout.segment_number(name), f"{folder}/{name}"
            if number is None or number[0] != token or path in listed:
                continue
            data = await self._disk.read(path) or b""
            if codec.generation_of(self.key, data) in (self._found.generation, None):
                found.append((path, data))
        return found

    def _believe(
        self, series: Series, path: str, data: bytes | None, entry: SegmentEntry | None
    ) -> None:
        """Take what is good of one file, note what is not."""
        number = layout.segment_of(path)
        try:
            if data is None:
                raise BadSegment("the file is missing")
            decoded = codec.decode_segment(self.key, data)
        except BadSegment as error:
            torn = entry is None and data is not None and b"\n" not in data
            self.drops.append(Dropped(self.key, path, 0, 1, error.detail, torn))
            if not torn:
                self._doubt(entry)
            return
        bars, drops = decoded.bars, decoded.drops
        cut = 0 if entry is None else _cut_lines(entry, data, decoded)
        if drops or cut:
            self._note(path, decoded, cut)
            self._holes.extend(_hole(bars, drop, entry) for drop in drops if not drop.is_torn)
            if cut or any(drop.is_misplaced for drop in drops):
                self._doubt(entry)
            self._damaged.append((number, bars))
        elif len(bars):
            self._good.append((number, bars))
            self._seen = self._seen.merged(bars)
            series.segments.append(_whole(path, data, bars))

    def _note(self, path: str, decoded: codec.Decoded, cut: int) -> None:
        drops = decoded.drops
        lines = cut + sum(1 for drop in drops if not (cut and drop.is_torn))
        first_line = drops[0].line if drops else len(decoded.bars) + 2
        why = f"{cut} of its lines are missing" if cut else drops[0].reason
        torn = not cut and all(drop.is_torn for drop in drops)
        self.drops.append(Dropped(self.key, path, lines, first_line, why, torn))

    def _doubt(self, entry: SegmentEntry | None) -> None:
        """Lines are gone, nobody knows which: not the file's range nor what came live is proved."""
        self._is_live_proved = False
        if entry is not None:
            self._holes.append((entry.first_ms, entry.last_ms + self.key.timeframe.ms))

    def _covered(self, bars: Bars) -> Coverage:
        """The manifest's coverage, on to the last bar that came live, less the holes."""
        coverage = manifest.coverage_of(self._found, self.key.timeframe)
        found = (bars, *(bars for _, bars in self._damaged))
        newest = max((b.last_close_ms for b in found if b.last_close_ms is not None), default=0)
        if self._is_live_proved and coverage.until_ms is not None and newest > coverage.until_ms:
            coverage = coverage.add(coverage.until_ms, newest)
        for from_ms, until_ms in self._holes:
            coverage = coverage.without(from_ms, until_ms)
        return coverage


def _in_order_of_need(listed: tuple[SegmentEntry, ...]) -> list[SegmentEntry]:
    """The file begun last may have grown since the commit; of the others those that end last."""
    begun = sorted(listed, key=lambda entry: layout.segment_of(entry.path))
    return begun[-1:] + sorted(begun[:-1], key=lambda entry: -entry.last_ms)


def _hole(bars: Bars, drop: codec.Drop, entry: SegmentEntry | None) -> tuple[int, int]:
    """Between the good bars on both sides of a dropped line, else the file's own bounds."""
    at = drop.good_before
    first_ms = entry.first_ms if entry is not None else 0
    from_ms = int(bars.close_time_ms[at - 1]) if at else first_ms
    until_ms = int(bars.open_time_ms[at]) if at < len(bars) else FAR_MS
    return from_ms, until_ms


def _cut_lines(entry: SegmentEntry, data: bytes, decoded: codec.Decoded) -> int:
    """How many of the recorded lines are neither good nor dropped: they are not there."""
    if zlib.crc32(data[: entry.bytes]) == int(entry.crc, 16):
        return 0
    good = len(decoded.bars.between(entry.first_ms, entry.last_ms + 1))
    return max(0, entry.bars - good - sum(1 for drop in decoded.drops if not drop.is_torn))


def _whole(path: str, data: bytes, bars: Bars) -> Segment:
    first_ms, last_ms = int(bars.open_time_ms[0]), int(bars.open_time_ms[-1])
    return Segment(path, 0, first_ms, last_ms, len(bars), len(data), zlib.crc32(data))


def _listed(entry: SegmentEntry) -> Segment:
    return Segment(
        entry.path,
        0,
        entry.first_ms,
        entry.last_ms,
        entry.bars,
        entry.bytes,
        int(entry.crc, 16),
    )
