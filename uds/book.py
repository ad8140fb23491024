"""The account of one generation of one symbol: its bars in RAM, its segments, its coverage.

Pure decisions of the store: which bytes go to the end of which file. A series is written in
segments of at most 5 000 lines, opens strictly ascending within each; a chunk that does not
follow the open segment's last bar begins a new one (pages of a cold start come newest first).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from . import codec, journal, layout
from .digest import digest
from .journal import JournalHead, Page
from .manifest import Manifest, SegmentEntry, TailDigest
from .model import Bars, Coverage, Generation, SeriesKey, Symbol, Timeframe
from .ports import Append

SEGMENT_LINES_MAX = 5_000


@dataclass(slots=True)
class Segment:
    """One file as far as it is durable."""

    path: str
    """Relative to the data folder."""
    seed: int
    """CRC of its header line; every line's CRC starts from it."""
    first_ms: int
    """Open of its first bar."""
    last_ms: int
    """Open of its last bar."""
    bars: int
    """Lines after the header."""
    bytes: int
    """Its length."""
    crc: int
    """CRC-32 of all its bytes."""

    @property
    def number(self) -> tuple[int, int]:
        """(token, n): the order in which files were begun."""
        return layout.segment_of(self.path)

    def entry(self, timeframe: Timeframe) -> SegmentEntry:
        """As the manifest records it."""
        return SegmentEntry(
            int(timeframe),
            self.path,
            self.bytes,
            f"{self.crc:08x}",
            self.first_ms,
            self.last_ms,
            self.bars,
        )


@dataclass(slots=True)
class Series:
    """One timeframe of a generation."""

    bars: Bars = field(default_factory=Bars.empty)
    """All resident bars, ascending."""
    resident_from_ms: int = 0
    """Bars that open before it may be on disk only; 0 while all are resident."""
    coverage: Coverage = field(default_factory=Coverage)
    """What was fetched; empty for derived timeframes."""
    segments: list[Segment] = field(default_factory=list)
    """Its files, in the order they were begun."""
    open_segment: Segment | None = None
    """The file our token still appends to; None before the first and after a failed write."""
    digested: tuple[Bars, TailDigest] | None = None
    """The digest made last and the bars it was made of; None before the first."""

    def keep(self, bars: Bars, kept_bars: int) -> None:
        """Make these the bars, and let the oldest leave the RAM."""
        self.bars = bars.tail(kept_bars)
        if len(self.bars) < len(bars):
            self.resident_from_ms = self.bars.first_open_ms or 0

    def copied(self) -> Series:
        """The same files and bars, in an account of its own that begins a file of its own."""
        return replace(self, segments=list(self.segments), open_segment=None)


@dataclass(slots=True)
class DraftJournal:
    """The page journal of a draft that a later start may take up."""

    head: JournalHead
    """What the draft was begun from."""
    carried: tuple[Page, ...] = ()
    """Pages that were durable before the draft began."""
    seed: int | None = None
    """CRC of the first line; None until it was written."""


@dataclass(slots=True)
class Book:
    """One generation of one symbol."""

    symbol: Symbol
    generation: Generation
    open_mode: str
    """`first_tick` or `previous_close`."""
    series: dict[Timeframe, Series]
    """One account for each configured timeframe."""
    journal: DraftJournal | None = None
    """Where its pages are noted; None when nobody would take it up."""
    committed_bytes: dict[str, int] = field(default_factory=dict)
    """Length of each file at the commit, by path; empty before."""
    seq: int = 0
    """Extensions since the flip."""
    is_primed: bool = False
    """Whether Redis got its tails, all of them, at least once."""
    prime_count: int = 0
    """How often Redis was asked to take all its tails; of several calls any may be the last."""
    unpublished: set[Timeframe] = field(default_factory=set)
    """Timeframes with bars that Redis was not yet asked to take."""
    unanswered: dict[Timeframe, bytes] = field(default_factory=dict)
    """Tails of an extension that may have been applied; exactly it is repeated."""

    def key(self, timeframe: Timeframe) -> SeriesKey:
        """The name of one of its series."""
        return SeriesKey(self.symbol, timeframe)

    @property
    def paths(self) -> frozenset[str]:
        """All its files."""
        return frozenset(s.path for series in self.series.values() for s in series.segments)

    @property
    def coverage(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Fetched intervals by timeframe name: M1 and D1."""
        return {
            timeframe.name: series.coverage.intervals
            for timeframe, series in self.series.items()
            if not timeframe.is_derived
        }

    def entries(self) -> tuple[SegmentEntry, ...]:
        """All its files as they are now, oldest bars first within a timeframe."""
        return tuple(
            segment.entry(timeframe)
            for timeframe, series in self.series.items()
            for segment in sorted(series.segments, key=lambda segment: segment.first_ms)
        )

    def pages(self) -> Iterator[Page]:
        """What it has of fetched series, as pages of a journal."""
        for timeframe, series in self.series.items():
            if series.coverage.intervals:
                entries = tuple(segment.entry(timeframe) for segment in series.segments)
                yield Page(timeframe, series.coverage, entries)

    def begin_journal(
        self, base: Generation | None, carried: tuple[Page, ...], anchors: dict[str, str]
    ) -> None:
        """Note its pages from now on; `base` is what it goes on from, None when from nothing."""
        head = JournalHead(self.symbol, self.generation, base, self.open_mode, anchors)
        self.journal = DraftJournal(head, carried)

    def digests(self, tail_bars: Mapping[Timeframe, int], digits: int) -> dict[str, TailDigest]:
        """Of each series' tail, by timeframe name; only what changed is computed again."""
        found: dict[str, TailDigest] = {}
        for timeframe, series in self.series.items():
            if series.digested is None or series.digested[0] is not series.bars:
                tail = series.bars.tail(tail_bars[timeframe])
                series.digested = (series.bars, TailDigest(len(tail), digest(tail, digits)))
            found[timeframe.name] = series.digested[1]
        return found

    def altered(self, tail_bars: Mapping[Timeframe, int], digits: int) -> tuple[Timeframe, ...]:
        """Timeframes whose bars in RAM are not what they were when their digest was made."""
        found: list[Timeframe] = []
        for timeframe, series in self.series.items():
            if series.digested is None or series.digested[0] is not series.bars:
                continue  # they grew since, and have a new digest with the next checkpoint
            tail = series.bars.tail(tail_bars[timeframe])
            if digest(tail, digits) != series.digested[1].sha256:
                found.append(timeframe)
        return tuple(found)

    def manifest(
        self, anchors: dict[str, str], digests: dict[str, TailDigest], config_hash: str
    ) -> Manifest:
        """What a commit of this generation says."""
        return Manifest(
            1,
            self.symbol,
            str(self.generation),
            self.open_mode,
            anchors,
            self.entries(),
            self.coverage,
            digests,
            config_hash,
        )


class SegmentNumbers:
    """Counts the segments a token has begun in each series, so that no name comes twice."""

    def __init__(self, token: int) -> None:
        self.token = token
        self._last: dict[SeriesKey, int] = {}

    def next(self, key: SeriesKey) -> int:
        """1, 2, 3, … for each series."""
        self._last[key] = self._last.get(key, 0) + 1
        return self._last[key]


@dataclass(frozen=True, slots=True)
class Planned:
    """One write and the account of it once it is durable."""

    append: Append
    """The bytes, and the file they go to."""
    segment: Segment
    """The segment as it will be."""
    is_new: bool
    """Whether the write begins the file."""


def plan_append(
    book: Book, timeframe: Timeframe, bars: Bars, numbers: SegmentNumbers
) -> Iterator[Planned]:
    """The writes that put ascending bars at the end of a series.

    Where they go is settled by the call; their bytes are made as they are asked for, which may
    be in a thread.
    """
    key, target = book.key(timeframe), book.series[timeframe].open_segment
    pieces = [
        (chunk, numbers.next(key) if begins else None) for chunk, begins in _chunks(bars, target)
    ]
    return _planned(book, key, pieces, target, numbers.token)


def plan_page(
    book: Book,
    noted: DraftJournal | None,
    timeframe: Timeframe,
    covered: Coverage,
    planned: Iterable[Planned],
) -> Append | None:
    """The write that notes a page of a draft once its bars are durable; None without a journal."""
    if noted is None or not covered.intervals:
        return None
    last = {step.segment.path: step.segment.entry(timeframe) for step in planned}
    pages: tuple[Page, ...] = (Page(timeframe, covered, tuple(last.values())),)
    begun = b""
    if noted.seed is None:
        begun, pages = journal.encode_head(noted.head), (*noted.carried, *pages)
        noted.seed = journal.seed_of(begun)
    lines = b"".join(journal.encode_page(page, noted.seed) for page in pages)
    return Append(layout.journal_path(book.symbol, book.generation), begun + lines)


def settle(series: Series, planned: Planned) -> None:
    """Note that a planned write is durable."""
    if planned.is_new:
        series.segments.append(planned.segment)
    else:
        series.segments = [
            planned.segment if s.path == planned.segment.path else s for s in series.segments
        ]
    series.open_segment = planned.segment


def _chunks(bars: Bars, target: Segment | None) -> Iterator[tuple[Bars, bool]]:
    """(bars, whether they begin a segment), cut at the line limit."""
    follows = target is not None and bars.open_time_ms[0] > target.last_ms
    room = SEGMENT_LINES_MAX - target.bars if target is not None and follows else 0
    if room > 0:
        yield bars.take(slice(0, room)), False
    for start in range(max(room, 0), len(bars), SEGMENT_LINES_MAX):
        yield bars.take(slice(start, start + SEGMENT_LINES_MAX)), True


def _planned(
    book: Book,
    key: SeriesKey,
    pieces: Iterable[tuple[Bars, int | None]],
    target: Segment | None,
    token: int,
) -> Iterator[Planned]:
    """`pieces` are the bars of each write with the number of the file they begin, if they do."""
    for bars, n in pieces:
        if n is not None:
            step = _begun(book, key, bars, token, n)
        else:
            assert target is not None
            step = _continued(key, bars, target)
        yield step
        target = step.segment


def _begun(book: Book, key: SeriesKey, bars: Bars, token: int, n: int) -> Planned:
    header = codec.encode_header(
        codec.SegmentHeader(key, token, n, book.generation, book.open_mode)
    )
    seed = codec.header_crc(header)
    path = layout.segment_path(key, token, n)
    begun = Segment(path, seed, int(bars.open_time_ms[0]), 0, 0, 0, 0)
    return _grown(begun, header + codec.encode_lines(key, bars, seed), bars, is_new=True)


def _continued(key: SeriesKey, bars: Bars, target: Segment) -> Planned:
    return _grown(target, codec.encode_lines(key, bars, target.seed), bars, is_new=False)


def _grown(segment: Segment, data: bytes, bars: Bars, *, is_new: bool) -> Planned:
    grown = Segment(
        segment.path,
        segment.seed,
        segment.first_ms,
        int(bars.open_time_ms[-1]),
        segment.bars + len(bars),
        segment.bytes + len(data),
        zlib.crc32(data, segment.crc),
    )
    return Planned(Append(segment.path, data), grown, is_new)
