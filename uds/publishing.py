"""What readers see in Redis: tails of a generation, its pointer, and both put back when lost.

Each call carries the fencing token and may be repeated. A call that was not answered may have
been applied: an extension is therefore repeated exactly as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from . import codec
from .book import Book
from .errors import CacheRegressed
from .model import Bars, FencingToken, Generation, Symbol, Timeframe
from .ports import Cache, Pointer
from .shelf import Shelf, Snapshot, StoreTerms


class _Place(NamedTuple):
    """How far a live generation has come."""

    generation: Generation
    seq: int
    """How often it was extended."""

    @classmethod
    def of(cls, live: Book) -> _Place:
        """Where it is now."""
        return cls(live.generation, live.seq)


class Publisher:
    """The visible half of the store."""

    def __init__(self, terms: StoreTerms, token: FencingToken, cache: Cache) -> None:
        self._terms = terms
        self._token = token
        self._cache = cache

    async def prime(self, book: Book) -> None:
        """Put all tails of a generation under its own keys.

        Where its flip was applied and not answered they may not be written any more: then all is
        there but for what became durable since, and the next flip finds that.
        """
        book.unpublished.clear()
        book.unanswered = {}
        book.prime_count += 1
        tails = self._packed(book, self._terms.timeframes)
        try:
            await self._cache.write(book.symbol, self._token, book.generation, tails)
        except CacheRegressed:
            found = await self._cache.read(book.symbol, ())
            if found is None or found[0].generation != book.generation:
                raise
        book.is_primed = True

    async def flip(self, book: Book) -> Generation | None:
        """Move the pointer and read all back; the generation that no reader needs any more.

        Of several primes one that was not answered may have reached the server last: what it
        left is found here, where nothing can be primed any more, and shown anew.
        """
        before = await self._cache.read(book.symbol, ())
        await self._cache.flip(
            book.symbol, self._token, book.generation, book.seq, self._terms.timeframes
        )
        found = await self._cache.read(book.symbol, ())
        if found is None or (found[0].generation, found[0].seq) != (book.generation, book.seq):
            raise CacheRegressed(f"The flip of {book.symbol} to {book.generation.short} was lost.")
        if book.prime_count > 1:
            await self.audit(book)
        if before is None or before[0].generation == book.generation:
            return None  # a repeated flip: what was stale is not known any more
        return before[0].previous

    async def extend(self, book: Book) -> None:
        """Show all bars that became durable since; with nothing to show, ask anyway."""
        if not (book.unanswered or book.unpublished):
            await self._cache.holds((book.symbol,), self._token)
        while book.unanswered or book.unpublished:
            if not book.unanswered:
                book.unanswered = self._packed(book, tuple(sorted(book.unpublished)))
                book.unpublished.clear()
            await self._extend(book, book.seq, book.unanswered)
            book.seq += 1
            book.unanswered = {}

    async def audit(self, book: Book) -> tuple[Timeframe, ...]:
        """Timeframes whose tail in Redis is not what was written; `extend` shows them anew.

        A pointer that is not ours is the heartbeat's business, and finds nothing here.
        """
        timeframes = tuple(tf for tf in self._terms.timeframes if tf not in book.unpublished)
        found = await self._cache.read(book.symbol, timeframes)
        if found is None or (found[0].generation, found[0].seq) != (book.generation, book.seq):
            return ()
        tails = self._packed(book, timeframes)
        differing = tuple(tf for tf, tail in tails.items() if found[1].get(tf) != tail)
        book.unpublished.update(differing)
        return differing

    async def check(self, shelves: Mapping[Symbol, Shelf]) -> None:
        """Raises CacheRegressed when Redis serves less than we last made it serve, and Fenced."""
        before = {s: _Place.of(shelf.live) for s, shelf in shelves.items() if shelf.live}
        pointers = await self._cache.holds(tuple(shelves), self._token)
        for (symbol, shelf), pointer in zip(shelves.items(), pointers, strict=True):
            # What is being written now is checked at the next beat.
            if shelf.writing.locked() or _is_served(shelf, before.get(symbol), pointer):
                continue
            served = "nothing" if pointer is None else f"{pointer.generation.short}"
            raise CacheRegressed(f"Redis serves {served} of {symbol}, which is not the newest.")

    async def restore(self, shelf: Shelf) -> None:
        """Put back what Redis lost: the live generation, and the tails of a primed draft."""
        book = shelf.live or shelf.draft
        if book is None:
            return
        found = await self._cache.read(book.symbol, ())
        served = found[0] if found else None
        if shelf.live is not None:
            await self._restore_live(shelf.live, served)
        draft = shelf.draft
        if draft is None or (served is not None and served.generation == draft.generation):
            return
        if draft.is_primed:
            await self.prime(draft)

    def snapshot(self, book: Book) -> Snapshot:
        """A generation as its readers get it."""
        tails = {timeframe: self._resident(book, timeframe) for timeframe in book.series}
        return Snapshot(book.generation, book.seq, tails, book.series[Timeframe.M1].coverage)

    async def _restore_live(self, book: Book, served: Pointer | None) -> None:
        if served is None or served.generation < book.generation:
            await self.prime(book)
            await self.flip(book)
        elif served.generation == book.generation:
            # An old backup came back, and a live generation cannot be primed again.
            tails = self._packed(book, self._terms.timeframes)
            for seq in range(served.seq, book.seq):
                await self._extend(book, seq, tails)
        # A later one is a draft of ours whose flip was applied but not answered.

    async def _extend(self, book: Book, seq: int, tails: Mapping[Timeframe, bytes]) -> None:
        await self._cache.extend(book.symbol, self._token, book.generation, seq, tails)

    def _packed(self, book: Book, timeframes: tuple[Timeframe, ...]) -> dict[Timeframe, bytes]:
        return {tf: codec.pack_tail(tf, self._resident(book, tf)) for tf in timeframes}

    def _resident(self, book: Book, timeframe: Timeframe) -> Bars:
        return book.series[timeframe].bars.tail(self._terms.tail_bars[timeframe])


def _is_served(shelf: Shelf, before: _Place | None, pointer: Pointer | None) -> bool:
    """Whether Redis serves what it was made to before it was asked, or what came since.

    What came since may be newer than the answer: the minute's own call was under way with it.
    """
    if before is None:
        return True
    if pointer is None:
        return False
    if pointer.generation > before.generation:
        ours = (book.generation for book in (shelf.live, shelf.draft) if book is not None)
        return pointer.generation in ours
    return (pointer.generation, pointer.seq) >= before
