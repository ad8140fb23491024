"""From what the disk has of a symbol to a draft in RAM, with an account of the damage.

Theory of operation. Three documents say what was durable, each later than the one before:

- the newest commit that can be believed: the files as they were when the generation was made;
- the checkpoint, if it speaks of that generation: the files that grew since, the coverage;
- the journal of a draft that a start began and did not finish: the pages it had.

A file is believed line by line. Up to its recorded length every line must be there and good:
what is not is *damage*, it goes to quarantine, and its time leaves the coverage so that it is
fetched again. Beyond the recorded length stand bars that came after the last record, but only
in files of the generation's own owner: what another owner wrote there is a zombie's. They are
believed line by line too. They cover their own minutes only, where they are newer than all that
was recorded; older ones are covered where the derived bars say that a stretch of depth was
written to its end. Bad lines at the very end there are a *torn tail*: a write that was
interrupted and so never acknowledged.

Good lines of a damaged file are rescued into a new one, because its account would never fit
again. Nothing on disk is changed here: the caller keeps the evidence, then cuts torn tails.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from . import journal, layout, manifest
from .believing import FAR_MS, Believed, Record, judge
from .book import Book, Series
from .checkpoint import FoundState, SymbolState
from .errors import BadJournal, BadManifest
from .journal import Journal, Page
from .manifest import Manifest
from .model import Bars, Coverage, Generation, SeriesKey, Symbol, Timeframe, joined
from .ports import Disk
from .quarantine import BadLine, Evidence
from .told import Told


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
    skipped: tuple[Told, ...] = ()
    """Why commits were passed over."""
    anchors: Mapping[str, str] | None = None
    """The anchors the data were cut by; None when nothing was found."""
    open_mode: str | None = None
    """The open mode of the data; None when nothing was found."""
    resumed: Generation | None = None
    """The unfinished draft whose pages were taken up; None when there is none."""
    covered_until_ms: int | None = None
    """Where the M1 coverage ended before any resumed page; None without coverage."""
    holes: tuple[tuple[SeriesKey, int, int], ...] = ()
    """(series, from_ms, until_ms) whose bars were recorded and cannot be believed any more."""
    rotated_count: int = 0
    """Older finds that the quarantine gave up to make room for these."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A draft's content as the disk has it, and what is to be done about the damage."""

    recovered: Recovered
    """What the caller tells."""
    rescued: tuple[tuple[Timeframe, Bars], ...]
    """Good bars of damaged files, to be written to new ones."""
    evidence: tuple[Evidence, ...]
    """What belongs into quarantine before anything is cut off."""
    cuts: tuple[tuple[str, int], ...]
    """(path, length) of files with a torn tail."""
    unsettled: tuple[str, ...]
    """Files with bars that no record proves to be durable."""
    carried: tuple[Page, ...]
    """Pages of the resumed draft, for the journal of the next."""
    newest: Manifest | None
    """The newest commit that can be believed, whether the draft goes on from it or not."""
    paths: frozenset[str]
    """The files that commit consists of by now."""


async def recover_into(
    book: Book,
    disk: Disk,
    state: FoundState,
    kept_bars: Callable[[Timeframe], int],
    doubted: Collection[str] = (),
    served: Book | None = None,
) -> Reading:
    """Fill an empty draft; `kept_bars` says how many bars of a timeframe belong in RAM.

    Files that are `doubted` are read however old their bars are. What `served` has in RAM of bars
    that cannot be believed on disk any more is rescued; None when nothing is served.
    """
    newest, skipped, evidence = await _newest_commit(book.symbol, disk)
    draft = await _unfinished(book.symbol, disk, newest)
    found = None if draft is not None and draft.head.base is None else newest
    base = None if found is None else Generation.parse(found.generation)
    since = None if base is None else state.of(book.symbol, base)
    keys = map(book.key, book.series)
    loads = [_Load(disk, key, found, since, draft, doubted) for key in keys]
    found_series = await gather(*(load.run(kept_bars(load.key.timeframe)) for load in loads))
    book.series.update(zip(book.series, found_series, strict=True))
    _cover_finished_stretches(book, loads)
    terms = draft.head if draft is not None else found
    minutes = next(load for load in loads if load.key.timeframe is Timeframe.M1)
    recovered = Recovered(
        book.symbol,
        base,
        tuple(drop for load in loads for drop in load.drops),
        tuple(skipped),
        None if terms is None else terms.anchors,
        None if terms is None else terms.open_mode,
        None if draft is None else draft.head.generation,
        minutes.covered_until_ms,
        tuple((load.key, *hole) for load in loads for hole in load.holes),
    )
    return Reading(
        recovered,
        tuple((load.key.timeframe, bars) for load in loads for bars in load.rescued(served)),
        (*evidence, *(find for load in loads for find in load.evidence)),
        tuple(cut for load in loads for cut in load.cuts),
        tuple(path for load in loads for path in load.unsettled),
        () if draft is None else draft.pages,
        newest,
        frozenset(path for load in loads for path in load.paths)
        | frozenset(entry.path for entry in (newest.segments if newest is not None else ())),
    )


async def _newest_commit(
    symbol: Symbol, disk: Disk
) -> tuple[Manifest | None, list[Told], list[Evidence]]:
    """The highest commit that can be believed, and those above it that cannot."""
    names = await disk.names(layout.commit_folder(symbol))
    commits = sorted(filter(None, map(layout.committed_generation, names)), reverse=True)
    skipped: list[Told] = []
    evidence: list[Evidence] = []
    for generation in commits:
        path = layout.commit_path(symbol, generation)
        data = await disk.read(path) or b""
        try:
            return manifest.decode(symbol, generation, data), skipped, evidence
        except BadManifest as error:
            skipped += error.told
            evidence.append(Evidence(path, data, (BadLine(1, 0, len(data), error.detail),)))
    return None, skipped, evidence


async def _unfinished(symbol: Symbol, disk: Disk, newest: Manifest | None) -> Journal | None:
    """The journal of the newest draft begun after the commit, if it goes on from it."""
    committed = None if newest is None else Generation.parse(newest.generation)
    names = await disk.names(layout.journal_folder(symbol))
    for generation in sorted(filter(None, map(layout.journaled_generation, names)), reverse=True):
        if committed is not None and generation <= committed:
            return None
        data = await disk.read(layout.journal_path(symbol, generation)) or b""
        try:
            draft = journal.decode(symbol, generation, data)
        except BadJournal:
            continue
        if draft.pages and draft.head.base in (None, committed):
            return draft
    return None


def _cover_finished_stretches(book: Book, loads: Iterable[_Load]) -> None:
    """M1 under derived bars that came after the last record are covered, silent minutes as well.

    Of a stretch of depth M1 are written first and the widest derived timeframe last, and such a
    bar was made only when all its M1 were covered. Without their M1 they prove nothing.
    """
    by_timeframe = {load.key.timeframe: load for load in loads}
    derived = [timeframe for timeframe in by_timeframe if timeframe.is_derived]
    minutes = by_timeframe[Timeframe.M1]
    if derived and all(drop.is_torn for drop in minutes.drops):
        series = book.series[Timeframe.M1]
        later = by_timeframe[max(derived)].later_runs
        series.coverage = Coverage.of((*series.coverage, *later))


class _Load:
    """One series being read."""

    def __init__(
        self,
        disk: Disk,
        key: SeriesKey,
        found: Manifest | None,
        since: SymbolState | None,
        draft: Journal | None,
        doubted: Collection[str],
    ) -> None:
        self._disk = disk
        self._doubted = doubted
        self._found = found
        self._since = since
        self._draft = draft
        self.key = key
        self._records = _recorded(key, found, since)
        self._pages = {} if draft is None else draft.entries(key.timeframe)
        self._sound: list[Believed] = []
        self._damaged: list[Believed] = []
        self.holes: list[tuple[int, int]] = []
        self.drops: list[Dropped] = []
        self.evidence: list[Evidence] = []
        self.cuts: list[tuple[str, int]] = []
        self.unsettled: list[str] = []
        self.covered_until_ms: int | None = None

    @property
    def paths(self) -> Iterable[str]:
        """The files of the found generation."""
        return self._records

    @property
    def later_runs(self) -> Iterable[tuple[int, int]]:
        """Time of bars in good files that came after the last record."""
        return (run for file in self._sound for run in file.later_runs)

    async def run(self, kept_bars: int) -> Series:
        """Files that end last first, until all that belongs in RAM was read; others are listed."""
        await self._find_begun_later()
        series = Series()
        for record, is_closed in self._in_order_of_need():
            is_trusted = is_closed and record.path not in self._doubted
            if is_trusted and self._bars_after(record.last_ms) >= kept_bars:
                series.segments.append(record.segment())
            else:
                self._take(series, judge(self.key, record, await self._disk.read(record.path)))
        is_all_read = len(series.segments) == len(self._sound)
        self._sound.sort(key=lambda file: file.record.number)
        for file in self._sound:
            series.bars = series.bars.merged(file.bars)
        series.keep(series.bars, kept_bars)
        if not is_all_read:
            series.resident_from_ms = series.bars.first_open_ms or 0
        if not self.key.timeframe.is_derived:
            series.coverage = self._covered()
        return series

    def rescued(self, served: Book | None) -> Iterable[Bars]:
        """Good bars of damaged files, oldest file first; what a later file revised stays so.

        Then what readers are served of the holes: it was durable once, and is not lost.
        """
        for damaged in sorted(self._damaged, key=lambda file: file.record.number):
            latest = damaged.bars
            for file in self._sound:
                if file.record.number > damaged.record.number and len(latest):
                    first_ms, last_ms = int(latest.open_time_ms[0]), int(latest.open_time_ms[-1])
                    latest = latest.merged(file.bars.between(first_ms, last_ms + 1))
            yield latest
        known = Bars.empty() if served is None else served.series[self.key.timeframe].bars
        yield from (known.between(*hole) for hole in self.holes)

    async def _find_begun_later(self) -> None:
        """Files that the generation's owner began after the last record of it."""
        if self._found is None:
            return
        folder = layout.series_folder(self.key)
        token = Generation.parse(self._found.generation).token
        for name in await self._disk.names(folder):
            number, path = layout.segment_number(name), f"{folder}/{name}"
            if number is not None and number[0] == token and path not in self._records:
                self._records[path] = Record(path, None, may_grow=True)

    def _in_order_of_need(self) -> list[tuple[Record, bool]]:
        """(file, whether it is as it was recorded): what may have grown since must be read."""
        paged = {path: Record(path, entry, False) for path, entry in self._pages.items()}
        records = {**self._records, **paged}
        recorded = [r for r in self._records.values() if r.entry is not None]
        newest = max(recorded, key=lambda record: record.number, default=None)
        judged = ((r, r.entry is not None and r is not newest) for r in records.values())
        return sorted(judged, key=lambda pair: (pair[1], -pair[0].last_ms, pair[0].number))

    def _bars_after(self, ts_ms: int) -> int:
        """How many bars after an instant were read."""
        later = [file.bars.between(ts_ms + 1, FAR_MS) for file in self._sound]
        opens = joined([bars for bars in later if len(bars)]).open_time_ms
        return len(set(opens.tolist()))

    def _take(self, series: Series, file: Believed) -> None:
        """Take what is good of one file, note what is not."""
        if self._is_of_another_generation(file):
            del self._records[file.record.path]
            return
        if file.evidence is not None:
            self.evidence.append(file.evidence)
        if file.why:
            self.drops.append(
                Dropped(
                    self.key,
                    file.record.path,
                    file.bad_lines,
                    file.first_line,
                    file.why,
                    file.is_torn,
                )
            )
        if file.cut_at is not None:
            self.cuts.append((file.record.path, file.cut_at))
        self.holes.extend(file.holes)
        if file.later_runs and file.segment is not None:
            self.unsettled.append(file.record.path)
        if file.segment is not None:
            self._sound.append(file)
            series.segments.append(file.segment)
        elif len(file.bars):
            self._damaged.append(file)

    def _is_of_another_generation(self, file: Believed) -> bool:
        """Whether it was begun by our generation's owner, but for another one."""
        assert self._found is not None or file.record.entry is not None
        return (
            file.record.entry is None
            and file.generation is not None
            and self._found is not None
            and file.generation != self._found.generation
        )

    def _covered(self) -> Coverage:
        """What was recorded, the time of later bars and of resumed pages, less the holes.

        Bars that came after the last record but are older than what it covers prove nothing by
        themselves: a stretch of depth was being written, and what they make may be missing.
        """
        timeframe = self.key.timeframe
        recorded = Coverage()
        if self._since is not None:
            recorded = self._since.coverage_of(timeframe)
        elif self._found is not None:
            recorded = manifest.coverage_of(self._found, timeframe)
        files = (*self._sound, *self._damaged)
        live_ms = recorded.until_ms or 0
        runs = (run for file in files for run in file.later_runs)
        later = ((max(from_ms, live_ms), until_ms) for from_ms, until_ms in runs)
        before = self._less_holes(Coverage.of((*recorded, *later)))
        pages = () if self._draft is None else self._draft.coverage(timeframe)
        coverage = self._less_holes(Coverage.of((*before, *pages)))
        self.covered_until_ms = before.until_ms or coverage.until_ms
        return coverage

    def _less_holes(self, coverage: Coverage) -> Coverage:
        for from_ms, until_ms in self.holes:
            coverage = coverage.without(from_ms, until_ms)
        return coverage


def _recorded(
    key: SeriesKey, found: Manifest | None, since: SymbolState | None
) -> dict[str, Record]:
    """The files of a generation by path, as the last document that speaks of them left them."""
    if found is None:
        return {}
    token = Generation.parse(found.generation).token
    entries = {entry.path: entry for entry in manifest.segments_of(found, key)}
    if since is not None:
        entries |= {entry.path: entry for entry in since.tails if entry.tf_s == key.timeframe}
    return {
        path: Record(path, entry, layout.segment_of(path)[0] == token)
        for path, entry in entries.items()
    }
