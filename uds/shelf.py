"""What the store keeps in RAM of each symbol, and what it tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .book import Book
from .model import (
    Bars,
    Coverage,
    Generation,
    Preview,
    SeriesKey,
    Symbol,
    Timeframe,
)

_SPARE_BARS = 1_440
Intervals: TypeAlias = Iterable[tuple[int, int]]
"""Half-open stretches of time, UTC ms."""


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
    digits: Mapping[Symbol, int]
    """Decimals of each symbol's prices; digests are over whole points."""
    config_hash: str
    """SHA-256 of the configuration; part of every commit."""
    preview_ttl_ms: int = 120_000
    """How long a forming bar outlives the last tick that drew it."""

    def kept_bars(self, timeframe: Timeframe) -> int:
        """Bars that stay in RAM: the tail, and enough to derive the day's H4 again."""
        return self.tail_bars[timeframe] + _SPARE_BARS


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
    is_superseded: bool = False
    """Whether nothing was written, because the generation it was for is not filled any more."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """One file was read again and held against its account."""

    path: str
    """Relative to the data folder."""
    key: SeriesKey
    """Whose bars it holds."""
    is_sound: bool
    """Whether it still is what was written."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What no generation needs any more was let go of."""

    file_count: int
    """Files removed from disk."""
    dropped: tuple[Generation, ...]
    """Generations whose tails were removed from Redis."""


@dataclass(slots=True)
class Shelf:
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
    previous: Generation | None = None
    """The committed generation before the live one, kept for readers and for a fall back."""
    previous_paths: frozenset[str] = frozenset()
    """Its segments."""
    dead: list[Generation] = field(default_factory=list)
    """Generations nobody is served from whose tails may still be in Redis."""
    change_count: int = 0
    """How often the live generation got bars or coverage that a checkpoint must record."""

    def drafted(self, symbol: Symbol) -> Book:
        """The draft, where there must be one."""
        assert self.draft is not None, f"{symbol} has no draft"
        return self.draft

    def newest(self, symbol: Symbol) -> Book:
        """The draft, else the live generation."""
        book = self.draft or self.live
        assert book is not None, f"{symbol} was neither recovered nor begun"
        return book
