"""The durable half of the store: bars to the end of files, and the note of their page.

What is equal to a stored bar is not written again. A write that failed or was cancelled may
have left anything: its segment is poisoned, so the next write begins a file, and the draft
goes on without its journal, because no line could be told from a torn one before it.

A batch is made into lines on its way to the disk, where that is in a thread: making lines is
most of what a start computes, and meanwhile the broker's answers must be taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .book import Book, Planned, SegmentNumbers, plan_append, plan_page, settle
from .model import Bars, Compared, Coverage, FencingToken, Generation, Timeframe, compare
from .ports import Append, Disk
from .shelf import Appended, Shelf, StoreTerms


class Writer:
    """Writes for one owner."""

    def __init__(self, terms: StoreTerms, token: FencingToken, disk: Disk) -> None:
        self._terms = terms
        self._disk = disk
        self._numbers = SegmentNumbers(token.value)

    async def append(
        self,
        shelf: Shelf,
        book: Book,
        bars: Mapping[Timeframe, Bars],
        covered: Iterable[tuple[int, int]],
        into: Generation | None,
    ) -> tuple[Appended, ...]:
        """Make bars of some series durable, and what each of them is proof for.

        Nothing is done when they are meant for another generation than this.
        """
        if into not in (None, book.generation):
            keys = map(book.key, bars)
            return tuple(Appended(key, None, 0, 0, is_superseded=True) for key in keys)
        proved = Coverage.of(covered)
        chunks = [_Chunk.of(book, timeframe, some, proved) for timeframe, some in bars.items()]
        changes = [chunk for chunk in chunks if chunk.is_change]
        await self._write(book, changes)
        if changes and book is shelf.live:
            shelf.change_count += 1
        return tuple(_appended(book, chunk) for chunk in chunks)

    async def backfill(
        self,
        shelf: Shelf,
        book: Book,
        chunks: Mapping[Timeframe, Bars],
        covered: Mapping[Timeframe, tuple[int, int]],
    ) -> None:
        """Older bars into segments of their own: the one that live bars go to stays open."""
        for timeframe, bars in chunks.items():
            series = book.series[timeframe]
            chunk = _Chunk.of(book, timeframe, bars, Coverage())
            live_segment, series.open_segment = series.open_segment, None
            if len(chunk.news):
                await self._write(book, (chunk,))
            series.open_segment = live_segment
        for timeframe, interval in covered.items():
            series = book.series[timeframe]
            series.coverage = Coverage.of((*series.coverage, interval))
        shelf.change_count += 1

    async def _write(self, book: Book, chunks: Iterable[_Chunk]) -> None:
        """Bars first, then the note of their page: what the journal says is durable.

        The syncs of several series overlap, for a disk settles many at once.
        """
        noted = book.journal
        written: list[tuple[_Chunk, list[Planned]]] = []
        plans: list[tuple[_Chunk, Iterable[Planned]]] = []
        for chunk in chunks:
            if len(chunk.news):
                plan = plan_append(book, chunk.timeframe, chunk.news, self._numbers)
                book.series[chunk.timeframe].open_segment = None  # poisoned until all comes back
                plans.append((chunk, plan))
            elif noted is not None and chunk.proved.intervals:
                plans.append((chunk, ()))
        if not plans:
            return
        book.journal = None  # poisoned as well

        def batch(chunk: _Chunk, plan: Iterable[Planned]) -> Iterator[Append]:
            steps: list[Planned] = []
            for step in plan:
                steps.append(step)
                yield step.append
            page = plan_page(book, noted, chunk.timeframe, chunk.proved, steps)
            if page is not None:
                yield page
            written.append((chunk, steps))

        await _side_by_side([self._disk.append(batch(*one)) for one in plans])
        book.journal = noted
        for chunk, steps in written:
            self._settle(book, chunk, steps)

    def _settle(self, book: Book, chunk: _Chunk, steps: Iterable[Planned]) -> None:
        """Account for what is durable now."""
        series, timeframe = book.series[chunk.timeframe], chunk.timeframe
        for step in steps:
            settle(series, step)
        if len(chunk.news):
            series.keep(series.bars.merged(chunk.news), self._terms.kept_bars(timeframe))
            book.unpublished.add(timeframe)


async def _side_by_side(writes: Sequence[Coroutine[object, object, None]]) -> None:
    """Series wait for nothing of each other; returns or raises when no write is under way."""
    if len(writes) == 1:
        await writes[0]
        return
    for failed in await asyncio.gather(*writes, return_exceptions=True):
        if failed is not None:
            raise failed


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Bars that arrived for one series, beside what is stored of it."""

    timeframe: Timeframe
    found: Compared
    """Which of them are new or repeated."""
    news: Bars
    """Those that are to be written."""
    proved: Coverage
    """What they are proof for."""
    widened: Coverage
    """What the series covers with it."""
    is_change: bool
    """Whether there is anything to write, or a wider coverage to note."""

    @classmethod
    def of(cls, book: Book, timeframe: Timeframe, bars: Bars, proved: Coverage) -> _Chunk:
        """Compare what arrived."""
        series = book.series[timeframe]
        found = compare(series.bars, bars)
        news = bars.take(~found.is_same)
        widened = Coverage.of((*series.coverage, *proved)) if proved.intervals else series.coverage
        is_change = bool(len(news)) or widened != series.coverage
        return cls(timeframe, found, news, proved, widened, is_change)


def _appended(book: Book, chunk: _Chunk) -> Appended:
    """Let the account cover it, and say what came of it."""
    series = book.series[chunk.timeframe]
    series.coverage = chunk.widened
    repeated_count = int(chunk.found.is_same.sum())
    revised_count = len(chunk.news) - int(chunk.found.is_new.sum())
    key = book.key(chunk.timeframe)
    return Appended(key, series.bars.last_open_ms, repeated_count, revised_count)


async def write_again(disk: Disk, paths: Iterable[str]) -> None:
    """Make durable what files hold beyond their records; raises DiskFailed.

    A killed owner's last bytes may be read and yet not be on the disk. A sync alone does not
    settle that: where his own failed, the host may have forgotten that they were ever to be
    written, and a later sync succeeds without them. So they are written once more.
    """
    for path in paths:
        data = await disk.read(path)
        if data is not None:
            await disk.replace(path, data)
