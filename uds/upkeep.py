"""The slow duties: the state file, what may be thrown away, whether a file is still sound.

Why collecting is safe although another owner may come at any moment: what is thrown away was
superseded by a commit of ours that is durable. The owner folder is looked at after that, and
before the first file goes. An owner who came before the look stops us; one who comes later
reads the commits later too, finds ours, and so needs nothing of what it superseded.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterable, Mapping

from . import checkpoint, layout
from .book import Book, Segment
from .checkpoint import Checkpoint, FoundState, SymbolState
from .model import FencingToken, Generation, SeriesKey, Symbol, Timeframe
from .ports import Disk
from .shelf import Scrubbed, Shelf, StoreTerms


class StateFile:
    """`_derived_tail_state.json` of one data folder."""

    def __init__(self, disk: Disk, token: FencingToken) -> None:
        self._disk = disk
        self._token = token
        self._found: FoundState | None = None
        self._is_noted = False
        """Whether this owner noted that there is a state file."""

    async def read(self) -> FoundState:
        """What the files say; read again only after a write. Raises DiskFailed."""
        if self._found is None:
            found = await self._choose(was_saved=False)
            if found.source == "none" and await self._disk.read(layout.STATE_SAVED) is not None:
                found = await self._choose(was_saved=True)  # its note came after the file itself
            self._found = found
        return self._found

    async def write(self, books: Mapping[Symbol, Book], terms: StoreTerms, saved_ms: int) -> None:
        """Record these live generations; what is known of other symbols stays."""
        known = await self.read()
        symbols = dict(known.symbols) | {
            symbol: _state_of(book, terms) for symbol, book in books.items()
        }
        token = self._token
        document = checkpoint.encode(Checkpoint(1, saved_ms, token.boot_id, token.value, symbols))
        if known.source != "none":
            await self._note()  # no file before this one is kept without it
        await self._disk.replace(layout.STATE, document, layout.STATE_PREVIOUS)
        self._found = FoundState("current", symbols)
        await self._note()

    async def _choose(self, *, was_saved: bool) -> FoundState:
        current = await self._disk.read(layout.STATE)
        if current is None:
            current = await self._disk.read(layout.STATE_MEMO)
        previous = await self._disk.read(layout.STATE_PREVIOUS)
        return checkpoint.choose(current, previous, was_saved=was_saved)

    async def _note(self) -> None:
        """Once an owner: a state file is durable, so where there is none it was taken away."""
        if not self._is_noted:
            await self._disk.replace(layout.STATE_SAVED, b"%d\n" % self._token.value)
            self._is_noted = True


def segments_of(books: Iterable[Book]) -> list[tuple[SeriesKey, Segment]]:
    """Every file of these generations, with whose bars it holds."""
    return [
        (book.key(timeframe), segment)
        for book in books
        for timeframe, series in book.series.items()
        for segment in series.segments
    ]


async def scrub(disk: Disk, key: SeriesKey, segment: Segment) -> Scrubbed:
    """Read a file again and hold it against its account. Raises DiskFailed."""
    length, crc = segment.bytes, segment.crc  # it may grow while it is read
    data = await disk.read(segment.path, 0, length)
    is_sound = data is not None and len(data) == length and zlib.crc32(data) == crc
    return Scrubbed(segment.path, key, is_sound)


async def garbage(
    disk: Disk, symbol: Symbol, shelf: Shelf, token: int
) -> AsyncIterator[tuple[str, ...]]:
    """Files that no generation needs, in the order in which they may go.

    Commits go before what they list, so that no crash leaves a commit without its files.
    """
    assert shelf.live is not None
    live, draft = shelf.live, shelf.draft
    for folder, parse in (
        (layout.commit_folder(symbol), layout.committed_generation),
        (layout.manifest_folder(symbol), layout.manifest_generation),
    ):
        found = ((name, parse(name)) for name in await disk.names(folder))
        over = (name for name, g in found if g is not None and g < live.generation)
        yield tuple(f"{folder}/{name}" for name in over if parse(name) != shelf.previous)
    folder = layout.journal_folder(symbol)
    journals = ((name, layout.journaled_generation(name)) for name in await disk.names(folder))
    finished = (name for name, g in journals if g is not None and g <= live.generation)
    yield tuple(f"{folder}/{name}" for name in finished)
    needed = live.paths | shelf.previous_paths | (frozenset() if draft is None else draft.paths)
    for timeframe in Timeframe:
        folder = layout.series_folder(SeriesKey(symbol, timeframe))
        numbers = ((name, layout.segment_number(name)) for name in await disk.names(folder))
        ours = (f"{folder}/{name}" for name, n in numbers if n is not None and n[0] <= token)
        yield tuple(path for path in ours if path not in needed)


def committed_in(lists: Iterable[Iterable[str]]) -> tuple[Generation, ...]:
    """The generations whose commits are among these files: each had its tails in Redis."""
    names = (path.rpartition("/")[2] for paths in lists for path in paths)
    found = (layout.committed_generation(name) for name in names)
    return tuple(generation for generation in found if generation is not None)


def _state_of(book: Book, terms: StoreTerms) -> SymbolState:
    """How far a live generation has come."""
    m5 = book.series.get(Timeframe.M5)
    watermarks = {
        timeframe.name: series.bars.last_open_ms
        for timeframe, series in book.series.items()
        if series.bars.last_open_ms is not None
    }
    return SymbolState(
        str(book.generation),
        book.seq,
        None if m5 is None else m5.bars.last_open_ms,
        watermarks,
        book.coverage,
        tuple(e for e in book.entries() if book.committed_bytes.get(e.path) != e.bytes),
        book.digests(terms.tail_bars, terms.digits[book.symbol]),
    )
