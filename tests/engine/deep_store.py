"""The store with the verbs that deepening asks for, over the same books and seams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from uds import Store
from uds.model import Bars, Coverage, Generation, SeriesKey, Symbol, Timeframe, compare


class DeepStore(Store):
    """A `Store` that is also a `DepthStore`."""

    def stored(self, key: SeriesKey) -> tuple[int, int | None]:
        """Bars on disk, and the oldest open."""
        segments = self._series(key).segments
        return sum(s.bars for s in segments), min((s.first_ms for s in segments), default=None)

    async def backfill(
        self,
        symbol: Symbol,
        chunks: Mapping[Timeframe, Bars],
        covered: Mapping[Timeframe, tuple[int, int]],
    ) -> bool:
        """Older bars into segments of their own."""
        shelf = self._shelves[symbol]
        async with shelf.writing:
            book = shelf.live
            if shelf.draft is not None or book is None:
                return False
            for timeframe, bars in chunks.items():
                series = book.series[timeframe]
                news = bars.take(~compare(series.bars, bars).is_same)
                if len(news):
                    live_segment, series.open_segment = series.open_segment, None
                    await self._write(book, timeframe, news)
                    series.open_segment = live_segment
                    series.keep(series.bars.merged(news), self._kept_bars(timeframe))
                    book.unpublished.add(timeframe)
            for timeframe, interval in covered.items():
                series = book.series[timeframe]
                series.coverage = Coverage.of((*series.coverage, interval))
            return True

    def deepen(self, symbol: Symbol) -> Generation:
        """A draft that begins with all of the live generation."""
        live = self._shelves[symbol].live
        assert live is not None, f"{symbol} is not live"
        book = self._new_book(symbol)
        for timeframe, series in live.series.items():
            book.series[timeframe] = replace(series, segments=list(series.segments))
        return book.generation
