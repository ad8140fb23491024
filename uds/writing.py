"""The durable half of the store: bars to the end of files, and the note of their page.

What is equal to a stored bar is not written again. A write that failed or was cancelled may
have left anything: its segment is poisoned, so the next write begins a file, and the draft
goes on without its journal, because no line could be told from a torn one before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .book import Book, SegmentNumbers, plan_append, plan_page, settle
from .model import Bars, Coverage, FencingToken, SeriesKey, Timeframe, compare
from .ports import Disk
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
        key: SeriesKey,
        bars: Bars,
        covered: Iterable[tuple[int, int]],
    ) -> Appended:
        """Make bars of one series durable, and what they are proof for."""
        series, proved = book.series[key.timeframe], Coverage.of(covered)
        found = compare(series.bars, bars)
        news = bars.take(~found.is_same)
        widened = Coverage.of((*series.coverage, *proved))
        is_change = bool(len(news)) or widened != series.coverage
        if is_change:
            await self._write(book, key.timeframe, news, proved)
        if is_change and book is shelf.live:
            shelf.change_count += 1
        series.coverage = widened
        repeated_count = int(found.is_same.sum())
        revised_count = len(news) - int(found.is_new.sum())
        return Appended(key, series.bars.last_open_ms, repeated_count, revised_count)

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
            news = bars.take(~compare(series.bars, bars).is_same)
            live_segment, series.open_segment = series.open_segment, None
            await self._write(book, timeframe, news, Coverage())
            series.open_segment = live_segment
        for timeframe, interval in covered.items():
            series = book.series[timeframe]
            series.coverage = Coverage.of((*series.coverage, interval))
        shelf.change_count += 1

    async def _write(self, book: Book, timeframe: Timeframe, news: Bars, proved: Coverage) -> None:
        """Bars first, then the note of their page: what the journal says is durable."""
        series, noted = book.series[timeframe], book.journal
        planned = plan_append(book, timeframe, news, self._numbers) if len(news) else ()
        page = plan_page(book, timeframe, proved, planned)
        appends = [step.append for step in planned] + ([page] if page else [])
        if not appends:
            return
        series.open_segment = None  # poisoned unless the whole batch comes back
        book.journal = None
        await self._disk.append(appends)
        book.journal = noted
        for step in planned:
            settle(series, step)
        if len(news):
            series.keep(series.bars.merged(news), self._terms.kept_bars(timeframe))
            book.unpublished.add(timeframe)
