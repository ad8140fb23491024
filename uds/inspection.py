"""One series held up to the light: its files, whether the newest is sound, its tail in Redis."""

from __future__ import annotations

from dataclasses import dataclass

from . import codec
from .book import Book, Segment
from .errors import CacheDown
from .model import Generation, SeriesKey
from .ports import Cache, Disk
from .shelf import Shelf, StoreTerms
from .upkeep import scrub


@dataclass(frozen=True, slots=True)
class Filed:
    """One file of a series."""

    path: str
    """Relative to the data folder."""
    name: str
    """Owner and number, short: `42-1` is the first file that owner 42 began."""
    bars: int
    """Lines after the header."""
    bytes: int
    """Its length as recorded."""
    crc: str
    """CRC-32 of all its bytes as recorded, eight hex digits."""
    first_ms: int
    """Open of its first bar, UTC ms."""
    last_ms: int
    """Open of its last bar, UTC ms."""


@dataclass(frozen=True, slots=True)
class Held:
    """A tail as Redis has it."""

    generation: Generation
    seq: int
    """Extensions of that generation so far."""
    bytes: int | None
    """Length of the packed tail; None when Redis has none."""
    is_same: bool
    """Whether it is byte for byte what the tail in RAM packs to."""
    expires_ms: int | None
    """In how many ms it goes; None for never."""
    preview_expires_ms: int | None
    """In how many ms the forming bar goes; None for never, and where there is none."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is known of one series."""

    generation: Generation | None
    """Of the draft, else of the live one; None before the first."""
    is_draft: bool
    """Whether it is still being filled."""
    files: tuple[Filed, ...]
    """In the order they were begun."""
    is_sound: bool | None
    """Whether the file with the newest bar still has its recorded bytes; None without files."""
    held: Held | None
    """What Redis serves; None for nothing."""
    cache_error: str | None
    """Why Redis did not say; None when it did."""


async def inspect(
    disk: Disk, cache: Cache, terms: StoreTerms, shelf: Shelf, key: SeriesKey
) -> Inspected:
    """Read one file and one tail again. Raises DiskFailed."""
    book = shelf.draft or shelf.live
    if book is None:
        return Inspected(None, False, (), None, None, None)
    segments = book.series[key.timeframe].segments
    is_sound: bool | None = None
    if segments:
        newest = max(segments, key=lambda segment: segment.last_ms)
        is_sound = (await scrub(disk, key, newest)).is_sound
    held, cache_error = None, None
    try:
        held = await _held(cache, terms, shelf.live, key)
    except CacheDown as error:
        cache_error = str(error)
    files = tuple(map(_filed, segments))
    return Inspected(book.generation, book is shelf.draft, files, is_sound, held, cache_error)


def _filed(segment: Segment) -> Filed:
    ends = segment.first_ms, segment.last_ms
    name = "{}-{}".format(*segment.number)
    return Filed(segment.path, name, segment.bars, segment.bytes, f"{segment.crc:08x}", *ends)


async def _held(cache: Cache, terms: StoreTerms, live: Book | None, key: SeriesKey) -> Held | None:
    found = await cache.read(key.symbol, (key.timeframe,))
    if found is None:
        return None
    pointer, tails = found
    packed = tails.get(key.timeframe)
    expires = await cache.expires(key, pointer.generation)
    is_same = False
    if live is not None and live.generation == pointer.generation:
        resident = live.series[key.timeframe].bars.tail(terms.tail_bars[key.timeframe])
        is_same = packed == codec.pack_tail(key.timeframe, resident)
    length = None if packed is None else len(packed)
    return Held(pointer.generation, pointer.seq, length, is_same, *expires)
