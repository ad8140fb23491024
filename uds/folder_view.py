"""A data folder as anybody may read it: without the lock, beside a running engine, on a copy.

Theory of operation. A reader pins a symbol: the highest commit that proves itself, as it is
now. A commit never changes, so neither does what was pinned, but for the bars that come live:
they are found as recovery finds them, behind the recorded length of files of the generation's
own token, and in files begun later whose header names the generation.

Bars are read file by file and given in time order; where an open stands in two files, that of
the file begun later counts. Each file is read once and only those that overlap are held, so a
history of any depth needs little memory.

An engine beside us may collect files of a generation it has replaced. That is not damage: the
reader hears `Vanished`, pins again and begins anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from . import codec, layout, manifest
from .believing import FAR_MS, Record
from .errors import BadManifest, BadSegment, UdsError
from .line_block import LINE_BYTES_MAX
from .manifest import Manifest, SegmentEntry
from .model import Bars, Coverage, Generation, SeriesKey, Symbol, Timeframe, joined
from .ports import Disk
from .segment_view import SegmentFile, SegmentRead, head_of, read_segment

_PIN_ATTEMPTS = 5
_LINE_BYTES_GUESS = 224


class Vanished(UdsError):
    """A file of a pinned generation is gone: it was replaced and collected, so pin again."""

    heals = True


class FolderView:
    """Reads a data folder; writes nothing and holds nothing."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    async def commits(self, symbol: Symbol) -> tuple[Generation, ...]:
        """What was ever committed and not collected yet, newest first, whether sound or not."""
        names = await self.disk.names(layout.commit_folder(symbol))
        found = (layout.committed_generation(name) for name in names)
        return tuple(sorted((g for g in found if g is not None), reverse=True))

    async def pin(self, symbol: Symbol) -> Pinned | None:
        """The newest generation that proves itself; None when there is none."""
        for _ in range(_PIN_ATTEMPTS):
            skipped: list[str] = []
            is_stale = False
            for generation in await self.commits(symbol):
                try:
                    found = await self.pin_at(symbol, generation)
                except BadManifest as error:
                    skipped.append(str(error))
                    continue
                if found is not None:
                    return replace(found, skipped=tuple(skipped))
                is_stale = True
            if not is_stale:
                return None
        return None

    async def pin_at(self, symbol: Symbol, generation: Generation) -> Pinned | None:
        """One generation, if its commit is there; raises BadManifest when it proves nothing."""
        data = await self.disk.read(layout.commit_path(symbol, generation))
        if data is None:
            return None
        return Pinned(self.disk, symbol, generation, manifest.decode(symbol, generation, data))

    async def legacy_parts(self, key: SeriesKey) -> tuple[str, ...]:
        """Paths of the files that the platform of before wrote for a series, oldest first."""
        folder = layout.series_folder(key)
        names = await self.disk.names(folder)
        return tuple(f"{folder}/{name}" for name in names if layout.is_legacy_part(name))

    async def newest_token(self) -> int:
        """The last owner this folder has had; 0 without one."""
        names = await self.disk.names(layout.OWNER_FOLDER)
        return max((layout.owner_token(name) or 0 for name in names), default=0)


@dataclass(frozen=True, slots=True)
class Pinned:
    """One generation of one symbol, held still for a reader."""

    disk: Disk
    """Where it lies."""
    symbol: Symbol
    generation: Generation
    manifest: Manifest
    """What its commit says."""
    skipped: tuple[str, ...] = ()
    """Newer commits that were passed over, as sentences."""

    async def files(self, key: SeriesKey) -> tuple[SegmentFile, ...]:
        """The files of a series by the open they begin with: committed ones, and live ones."""
        entries = manifest.segments_of(self.manifest, key)
        newest = max((entry.path for entry in entries), key=layout.segment_of, default=None)
        listed: list[SegmentFile] = []
        for entry in entries:
            record = Record(entry.path, entry, self._is_of_our_token(entry.path))
            is_open = record.may_grow and entry.path == newest
            listed.append(SegmentFile(key, record, entry.first_ms, is_open))
        begun = await self._begun_since(key, {file.path for file in listed})
        return tuple(sorted((*listed, *begun), key=lambda file: (file.first_ms, file.number)))

    def coverage(self, timeframe: Timeframe) -> Coverage:
        """What M1 or D1 was fetched for by the time of the commit."""
        return manifest.coverage_of(self.manifest, timeframe)

    async def fetch(self, file: SegmentFile) -> SegmentRead:
        """Read one file whole and judge it."""
        data = await self.disk.read(file.path)
        return read_segment(file, self.manifest.open_mode, data)

    async def cursor(
        self, key: SeriesKey, hear: Callable[[SegmentRead], None] | None = None
    ) -> Cursor:
        """A place in a series that moves forward; `hear` is told of each file as it is read.

        Without `hear`, a file that is not there raises Vanished; with it, that is its matter.
        """
        return Cursor(self, await self.files(key), hear or _insist)

    async def series(self, key: SeriesKey) -> AsyncIterator[Bars]:
        """All bars of a series in time order, about a file's worth at a time; raises Vanished."""
        cursor = await self.cursor(key)
        for until_ms in (*cursor.begins_ms[1:], FAR_MS):
            bars = await cursor.until(until_ms)
            if len(bars):
                yield bars

    async def read(self, key: SeriesKey, from_ms: int, until_ms: int) -> Bars:
        """The bars that open in [from_ms, until_ms); raises Vanished."""
        found = Bars.empty()
        for file in sorted(await self.files(key), key=lambda file: file.number):
            if file.first_ms < until_ms and file.last_ms >= from_ms:
                read = await self.fetch(file)
                _insist(read)
                found = found.merged(read.bars.between(from_ms, until_ms))
        return found

    async def tail(self, key: SeriesKey, count: int) -> Bars:
        """The newest `count` bars, live ones included, at the cost of the tail; raises Vanished."""
        return await self._tail(await self.files(key), count)

    async def recorded_tail(
        self, key: SeriesKey, count: int, since: Sequence[SegmentEntry] = ()
    ) -> Bars:
        """The newest `count` bars as far as files are on record; raises Vanished.

        On record is the commit, with entries of files that grew or were begun `since`.
        """
        entries = {entry.path: entry for entry in manifest.segments_of(self.manifest, key)}
        entries |= {entry.path: entry for entry in since if entry.tf_s == key.timeframe}
        files = [
            SegmentFile(key, Record(entry.path, entry, False), entry.first_ms, False)
            for entry in entries.values()
        ]
        return await self._tail(files, count)

    async def path_of(self, key: SeriesKey, open_ms: int) -> str:
        """The file whose line is the bar of that open; the series' folder when none is."""
        for file in sorted(await self.files(key), key=lambda file: file.number, reverse=True):
            if file.first_ms <= open_ms <= file.last_ms:
                read = await self.fetch(file)
                if len(read.bars.between(open_ms, open_ms + 1)):
                    return file.path
        return layout.series_folder(key)

    def _is_of_our_token(self, path: str) -> bool:
        return layout.segment_of(path)[0] == self.generation.token

    async def _begun_since(self, key: SeriesKey, listed: set[str]) -> list[SegmentFile]:
        """Files begun for live bars after the commit."""
        folder = layout.series_folder(key)
        entries = manifest.segments_of(self.manifest, key)
        bound_ms = max((entry.last_ms for entry in entries), default=0)
        found: list[SegmentFile] = []
        for name in await self.disk.names(folder):
            path = f"{folder}/{name}"
            is_segment = layout.segment_number(name) is not None
            if not is_segment or path in listed or not self._is_of_our_token(path):
                continue
            head = await self.disk.read(path, 0, 2 * LINE_BYTES_MAX)
            if head is None:
                continue
            peeked = head_of(key, head)
            if peeked is None or peeked[0].generation == self.generation:
                first_ms = peeked[1] if peeked is not None else None
                record = Record(path, None, may_grow=True)
                found.append(
                    SegmentFile(key, record, bound_ms if first_ms is None else first_ms, True)
                )
        return found

    async def _tail(self, files: Sequence[SegmentFile], count: int) -> Bars:
        """Ends of files, those that end last first, until no other can have a part in it."""
        waiting = sorted(files, key=lambda file: file.last_ms)
        ends: list[tuple[tuple[int, int], Bars]] = []
        found = Bars.empty()
        read_count = 0
        while waiting and count > 0:
            is_enough = len(found) == count
            if is_enough and waiting[-1].last_ms < int(found.open_time_ms[0]):
                break
            file = waiting.pop()
            bars = await self._end_of(file, count)
            ends.append((file.number, bars))
            read_count += len(bars)
            if read_count >= count or not waiting:
                found = _together(ends).tail(count)
        return found

    async def _end_of(self, file: SegmentFile, count: int) -> Bars:
        """The newest bars of one file, at least `count` if it has them: header and end are read."""
        head = await self.disk.read(file.path, 0, LINE_BYTES_MAX)
        header = (head or b"").partition(b"\n")[0] + b"\n"
        entry = file.record.entry
        per_line = entry.bytes // entry.bars + 1 if entry else _LINE_BYTES_GUESS
        span = (count + 2) * per_line
        while True:
            data = await self._last_bytes(file, span)
            if data is None:
                raise _vanished(file)
            is_whole = len(data) < span
            try:
                lines = data if is_whole else header + data.partition(b"\n")[2]
                bars = codec.decode_segment(file.key, lines).bars
            except BadSegment:
                return Bars.empty()
            if is_whole or len(bars) >= count:
                return bars
            span *= 2

    async def _last_bytes(self, file: SegmentFile, span: int) -> bytes | None:
        entry = file.record.entry
        if entry is None or file.is_open:
            return await self.disk.read(file.path, -span)
        end = entry.bytes
        return await self.disk.read(file.path, max(0, end - span), end)


class Cursor:
    """A place in a series: everything before it was given out, nothing after it."""

    def __init__(
        self, pinned: Pinned, files: Sequence[SegmentFile], hear: Callable[[SegmentRead], None]
    ) -> None:
        self.begins_ms = tuple(sorted({file.first_ms for file in files}))
        """Opens at which a file begins, ascending."""
        self._pinned = pinned
        self._waiting = list(files)
        self._hear = hear
        self._held: list[tuple[tuple[int, int], Bars]] = []

    async def until(self, until_ms: int) -> Bars:
        """The bars from the place on that open before `until_ms`, which is the place then."""
        while self._waiting and self._waiting[0].first_ms < until_ms:
            file = self._waiting.pop(0)
            read = await self._pinned.fetch(file)
            self._hear(read)
            self._held.append((file.number, read.bars))
        found = _together([(number, bars.between(0, until_ms)) for number, bars in self._held])
        rest = ((number, bars.between(until_ms, FAR_MS)) for number, bars in self._held)
        self._held = [(number, bars) for number, bars in rest if len(bars)]
        return found


def _together(parts: Sequence[tuple[tuple[int, int], Bars]]) -> Bars:
    """Bars of several files as one; of an open that two have, the greater number's stays."""
    some = sorted(
        (part for part in parts if len(part[1])), key=lambda part: int(part[1].open_time_ms[0])
    )
    if all(a.open_time_ms[-1] < b.open_time_ms[0] for (_, a), (_, b) in pairwise(some)):
        return joined([bars for _, bars in some])
    found = Bars.empty()
    for _, bars in sorted(some, key=lambda part: part[0]):
        found = found.merged(bars)
    return found


def _insist(read: SegmentRead) -> None:
    if read.is_missing:
        raise _vanished(read.file)


def _vanished(file: SegmentFile) -> Vanished:
    return Vanished(f"{file.path} is not there any more.", scope=file.key)
