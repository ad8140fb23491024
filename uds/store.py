"""The waist: the only way to bars on disk and in Redis.

Theory of operation. A symbol's data is a *generation*: eight series that readers get together
or not at all. The store keeps at most two accounts ("books") of a symbol: the *live* one, which
readers are served from, and a *draft*, which a start or a forced rebuild fills beside it.

    recover / begin ─▶ draft ─append*─▶ commit ─▶ prime ─▶ flip ─▶ live ─append, extend*─▶ …

`append` makes bars durable: it goes to the draft while there is one, else to the live book.
`commit` writes the manifest and links it: from then on a restart finds this generation.
`prime` puts all tails into Redis under the generation's own keys, `flip` moves the pointer,
reads it back and only then swaps the snapshot that readers get: one assignment of one frozen
value, so no answer can hold two generations. `extend` does the same for a minute that closed.

The order is always durable, then visible, then announced. Whatever fails in between leaves a
truth: bars on disk that nobody sees yet, or tails in Redis that no pointer names. Every step
may be repeated. A failed or cancelled write poisons its segment: the next one begins a file.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from . import codec, layout, manifest
from .book import Book, SegmentNumbers, Series, plan_append, settle
from .embedded import EmbeddedServer
from .errors import CacheRegressed
from .model import (
    Bars,
    Coverage,
    FencingToken,
    Generation,
    Preview,
    SeriesKey,
    Symbol,
    Timeframe,
    compare,
)
from .ports import Cache, Disk, Pointer
from .recovery import FAR_MS, Recovered, recover_into

_SPARE_BARS = 1_440
"""Kept in RAM beyond the tail, so that the day's D1 and H4 can be derived again."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What readers of one symbol get: complete, of one generation, never changed in place."""

    generation: Generation
    seq: int
    """Extensions of the generation so far."""
    tails: Mapping[Timeframe, Bars]
    """The resident tail of each timeframe, ascending."""
    coverage: Coverage
    """What M1 was fetched for."""


@dataclass(frozen=True, slots=True)
class Appended:
    """A chunk is durable."""

    key: SeriesKey
    watermark_ms: int | None
    """Open of the series' newest durable bar; None when it has none."""
    repeated_count: int
    """Bars of it that were stored just so before; nothing was written for them."""
    revised_count: int
    """Bars of it that replaced other content of the same open."""


@dataclass(slots=True)
class _Shelf:
    """All the store knows of one symbol."""

    live: Book | None = None
    """What readers are served from; None before the first flip."""
    draft: Book | None = None
    """What is being filled; None while nothing is."""
    snapshot: Snapshot | None = None
    """The live book as readers get it; replaced, never changed."""
    previews: Mapping[Timeframe, Preview] = field(default_factory=dict)
    """Forming bars that Redis took last; replaced, never changed."""
    last_n: int = 0
    """Number of our newest generation."""
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One write at a time: plans depend on the account that the last one left."""


@dataclass(frozen=True, slots=True)
class StoreTerms:
    """What the store must be told."""

    symbols: tuple[Symbol, ...]
    """Whose data it keeps."""
    timeframes: tuple[Timeframe, ...]
    """Which series it keeps of each."""
    tail_bars: Mapping[Timeframe, int]
    """How many bars of each timeframe stay in RAM and Redis."""
    anchors: dict[str, str]
    """Zone and wall times of D1 and H4; part of every commit."""
    open_mode: str
    """`first_tick` or `previous_close`."""
    preview_ttl_ms: int = 120_000
    """How long a forming bar outlives the last tick that drew it."""


class Store:
    """The Unified Data Store of one owner; made by `open_store()` only."""

    def __init__(
        self,
        terms: StoreTerms,
        token: FencingToken,
        disk: Disk,
        cache: Cache,
        server: EmbeddedServer | None,
    ) -> None:
        self.terms = terms
        self.token = token
        self.server = server
        self._disk = disk
        self._cache = cache
        self._numbers = SegmentNumbers(token.value)
        self._shelves: defaultdict[Symbol, _Shelf] = defaultdict(_Shelf)

    # -- the draft ---------------------------------------------------------------------------

    async def recover(self, symbol: Symbol) -> Recovered:
        """Begin a draft from the newest commit that can be believed, or from nothing."""
        book = self._new_book(symbol)
        recovered = await recover_into(book, self._disk, self._kept_bars)
        for timeframe, bars in recovered.rescued:
            await self.append(book.key(timeframe), bars)
        return recovered

    def begin(self, symbol: Symbol, keeping: Iterable[Timeframe] = ()) -> Generation:
        """Begin a draft anew, dropping an unfinished one; readers keep what they have.

        It starts empty but for the series in `keeping`, which come from the draft before.
        """
        before = self._shelves[symbol].draft
        book = self._new_book(symbol)
        for timeframe in keeping:
            assert before is not None, f"{symbol} has no draft to keep {timeframe.name} of"
            book.series[timeframe] = before.series[timeframe]
        return book.generation

    def is_drafting(self, symbol: Symbol) -> bool:
        """Whether a generation is being filled."""
        return self._shelves[symbol].draft is not None

    # -- durable -----------------------------------------------------------------------------

    async def append(
        self, key: SeriesKey, bars: Bars, covered: Iterable[tuple[int, int]] = ()
    ) -> Appended:
        """Make bars durable in the draft, else in the live generation; n may be 0.

        `covered` are the half-open intervals the answer is proof for. Bars equal to stored ones
        are skipped, so that a repeated answer writes nothing. Raises DiskFailed.
        """
        shelf = self._shelves[key.symbol]
        async with shelf.writing:
            book = shelf.draft or shelf.live
            assert book is not None, f"{key.symbol} was neither recovered nor begun"
            series = book.series[key.timeframe]
            found = compare(series.bars, bars)
            news = bars.take(~found.is_same)
            if len(news):
                await self._write(book, key.timeframe, news)
                series.keep(series.bars.merged(news), self._kept_bars(key.timeframe))
                book.unpublished.add(key.timeframe)
            series.coverage = Coverage.of((*series.coverage, *covered))
            repeated_count = int(found.is_same.sum())
            revised_count = len(news) - int(found.is_new.sum())
            return Appended(key, series.bars.last_open_ms, repeated_count, revised_count)

    def load(self, key: SeriesKey) -> Bars:
        """The resident bars of the draft, else of the live generation."""
        return self._series(key).bars

    def resident_from_ms(self, key: SeriesKey) -> int:
        """From where on `load` has every stored bar; 0 when none is on disk only."""
        return self._series(key).resident_from_ms

    def coverage(self, key: SeriesKey) -> Coverage:
        """What the draft, else the live generation, was fetched for."""
        return self._series(key).coverage

    def doubt(self, key: SeriesKey, from_ms: int) -> None:
        """Hold what was fetched since then for unfetched; the bars stay until they are replaced."""
        series = self._series(key)
        series.coverage = series.coverage.without(from_ms, FAR_MS)

    async def commit(self, symbol: Symbol) -> Generation:
        """Make the draft what the next start finds; raises DiskFailed."""
        book = self._drafted(symbol)
        path = layout.manifest_path(symbol, book.generation)
        commit_path = layout.commit_path(symbol, book.generation)
        if await self._disk.read(commit_path) is None:
            document = manifest.encode(book.manifest(self.terms.anchors))
            await self._disk.replace(path, document)
        await self._disk.link(path, commit_path)
        return book.generation

    # -- visible -----------------------------------------------------------------------------

    async def prime(self, symbol: Symbol) -> None:
        """Put all tails of the draft into Redis under its own keys; raises CacheDown and kin."""
        await self._prime(symbol, self._drafted(symbol))

    async def flip(self, symbol: Symbol) -> Snapshot:
        """Serve the draft from now on; returns once the pointer was read back.

        Bars that came after `prime` are durable and in the snapshot; `extend` shows them in Redis.
        """
        shelf, book = self._shelves[symbol], self._drafted(symbol)
        async with shelf.writing:  # or `restore` may bring the old one back in between
            await self._flip(symbol, book)
            shelf.live, shelf.draft = book, None
            shelf.snapshot = self._snapshot(book)
            return shelf.snapshot

    async def extend(self, symbol: Symbol) -> Snapshot:
        """Show readers all that `append` made durable since; with nothing to show, ask anyway.

        Success so means in any case that Redis answers and is ours.
        A call that was not answered may have been applied, and Redis ignores a repeated one. So
        it is repeated as it was, and what came since goes in a call of its own.
        """
        shelf = self._shelves[symbol]
        async with shelf.writing:
            book = shelf.live
            assert book is not None, f"{symbol} is not live"
            if not (book.unanswered or book.unpublished):
                await self._cache.holds((symbol,), self.token)
            while book.unanswered or book.unpublished:
                if not book.unanswered:
                    book.unanswered = self._packed(book, tuple(sorted(book.unpublished)))
                    book.unpublished.clear()
                await self._extend(symbol, book, book.seq, book.unanswered)
                book.seq += 1
                book.unanswered = {}
            shelf.snapshot = self._snapshot(book)
            return shelf.snapshot

    def tail(self, symbol: Symbol) -> Snapshot | None:
        """What readers get now; None until the first flip."""
        return self._shelves[symbol].snapshot

    async def preview(self, symbol: Symbol, previews: Mapping[Timeframe, Preview]) -> None:
        """Show forming bars beside the live generation; raises CacheDown and kin."""
        if not previews:
            return
        ttl_ms = self.terms.preview_ttl_ms
        await self._cache.preview(symbol, self.token, ttl_ms, tuple(previews.values()))
        self._shelves[symbol].previews = previews

    def previews(self, symbol: Symbol) -> Mapping[Timeframe, Preview]:
        """The forming bars shown last; a reader checks that they follow its final ones."""
        return self._shelves[symbol].previews

    async def publish_tick(self, symbol: Symbol, payload: bytes) -> None:
        """Tell subscribers of one tick."""
        await self._cache.publish_tick(symbol, payload)

    # -- ownership of Redis ------------------------------------------------------------------

    async def connect(self) -> None:
        """Start the embedded server if it is ours, load the functions, claim every symbol."""
        if self.server is not None:
            await self.server.ensure()
        await self._cache.connect()
        await self._cache.claim(self.terms.symbols, self.token)

    async def check_ownership(self) -> None:
        """Raises Fenced, CacheRegressed, CacheDown; silence means that all is ours."""
        await self._cache.holds(self.terms.symbols, self.token)

    async def restore(self, symbol: Symbol) -> None:
        """Put back what Redis lost: the live generation, and the tails of a primed draft."""
        shelf = self._shelves[symbol]
        async with shelf.writing:
            found = await self._cache.read(symbol, ())
            served = found[0] if found else None
            if shelf.live is not None:
                await self._restore_live(symbol, shelf.live, served)
            draft = shelf.draft
            if draft is None or (served is not None and served.generation == draft.generation):
                return
            if draft.is_primed:
                await self._prime(symbol, draft)

    async def close(self) -> None:
        """Let go of Redis and stop the embedded server; the folder stays owned."""
        await self._cache.close()
        if self.server is not None:
            await self.server.stop()

    # -- inside ------------------------------------------------------------------------------

    def _kept_bars(self, timeframe: Timeframe) -> int:
        return self.terms.tail_bars[timeframe] + _SPARE_BARS

    def _new_book(self, symbol: Symbol) -> Book:
        shelf = self._shelves[symbol]
        shelf.last_n += 1
        generation = Generation(self.token.value, shelf.last_n)
        series = {timeframe: Series() for timeframe in self.terms.timeframes}
        shelf.draft = Book(symbol, generation, self.terms.open_mode, series)
        return shelf.draft

    def _drafted(self, symbol: Symbol) -> Book:
        draft = self._shelves[symbol].draft
        assert draft is not None, f"{symbol} has no draft"
        return draft

    def _series(self, key: SeriesKey) -> Series:
        shelf = self._shelves[key.symbol]
        book = shelf.draft or shelf.live
        assert book is not None, f"{key.symbol} was neither recovered nor begun"
        return book.series[key.timeframe]

    async def _write(self, book: Book, timeframe: Timeframe, news: Bars) -> None:
        series = book.series[timeframe]
        planned = plan_append(book, timeframe, news, self._numbers)
        series.open_segment = None  # poisoned unless the whole batch comes back
        await self._disk.append([step.append for step in planned])
        for step in planned:
            settle(series, step)

    async def _restore_live(self, symbol: Symbol, book: Book, served: Pointer | None) -> None:
        if served is None or served.generation < book.generation:
            await self._prime(symbol, book)
            await self._flip(symbol, book)
        elif served.generation == book.generation:
            # An old backup came back, and a live generation cannot be primed again.
            tails = self._packed(book, self.terms.timeframes)
            for seq in range(served.seq, book.seq):
                await self._extend(symbol, book, seq, tails)
        # A later one is a draft of ours whose flip was applied but not answered.

    async def _extend(
        self, symbol: Symbol, book: Book, seq: int, tails: Mapping[Timeframe, bytes]
    ) -> None:
        await self._cache.extend(symbol, self.token, book.generation, seq, tails)

    async def _prime(self, symbol: Symbol, book: Book) -> None:
        book.unpublished.clear()
        book.unanswered = {}
        tails = self._packed(book, self.terms.timeframes)
        await self._cache.write(symbol, self.token, book.generation, tails)
        book.is_primed = True

    async def _flip(self, symbol: Symbol, book: Book) -> None:
        before = await self._cache.read(symbol, ())
        timeframes = self.terms.timeframes
        await self._cache.flip(symbol, self.token, book.generation, book.seq, timeframes)
        if not await self._is_live(symbol, book):
            raise CacheRegressed(f"The flip of {symbol} to {book.generation.short} was lost.")
        if before is None or before[0].generation == book.generation:
            return  # a repeated flip: what was stale is not known any more
        stale = before[0].previous
        if stale is not None:
            await self._cache.forget(symbol, stale, timeframes)

    async def _is_live(self, symbol: Symbol, book: Book) -> bool:
        found = await self._cache.read(symbol, ())
        if found is None:
            return False
        return (found[0].generation, found[0].seq) == (book.generation, book.seq)

    def _packed(self, book: Book, timeframes: tuple[Timeframe, ...]) -> dict[Timeframe, bytes]:
        return {tf: codec.pack_tail(tf, self._resident(book, tf)) for tf in timeframes}

    def _resident(self, book: Book, timeframe: Timeframe) -> Bars:
        return book.series[timeframe].bars.tail(self.terms.tail_bars[timeframe])

    def _snapshot(self, book: Book) -> Snapshot:
        tails = {timeframe: self._resident(book, timeframe) for timeframe in book.series}
        return Snapshot(book.generation, book.seq, tails, book.series[Timeframe.M1].coverage)
