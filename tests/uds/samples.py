"""Small bars, terms and stores: just enough of each to say what a test is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import strategies as st

from uds.errors import DiskFailed
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import (
    MINUTE_MS,
    Bars,
    FencingToken,
    Generation,
    Preview,
    SeriesKey,
    Symbol,
    Timeframe,
)
from uds.ports import Append, Cache, Disk
from uds.shelf import StoreTerms
from uds.store import Store

GOLD = "XAU/USD"
GOLD_M1 = SeriesKey(GOLD, Timeframe.M1)
GOLD_M5 = SeriesKey(GOLD, Timeframe.M5)
GOLD_D1 = SeriesKey(GOLD, Timeframe.D1)
T0_MS = 1_767_621_600_000
"""A Monday, 14:00 UTC: a whole minute, five minutes and hour."""


def minute(index: int) -> int:
    """UTC ms of the index-th minute after T0."""
    return T0_MS + index * MINUTE_MS


def bars(
    count: int,
    first: int = 0,
    timeframe: Timeframe = Timeframe.M1,
    *,
    price: float = 2_000.0,
    skip: Sequence[int] = (),
) -> Bars:
    """`count` bars from the `first`-th bucket after T0 on, less those whose number is skipped."""
    numbers = np.array([n for n in range(first, first + count) if n not in skip], dtype=np.int64)
    opens = T0_MS + numbers * timeframe.ms
    o = price + (numbers % 97) / 100
    return Bars.of(opens, opens + timeframe.ms, o, o + 0.5, o - 0.5, o + 0.25, numbers % 1_000 + 1)


def preview(first: int, timeframe: Timeframe = Timeframe.M1) -> Preview:
    """The forming bar of gold's `first`-th bucket after T0."""
    open_ms = T0_MS + first * timeframe.ms
    key = SeriesKey(GOLD, timeframe)
    return Preview(key, open_ms, open_ms + timeframe.ms, 2_000.0, 2_001.0, 1_999.0, 2_000.5, 7)


def opens(found: Bars) -> list[int]:
    """The numbers of M1 bars as `bars` counts them."""
    return [(open_ms - T0_MS) // MINUTE_MS for open_ms in found.open_time_ms.tolist()]


def token(value: int) -> FencingToken:
    """The right to write of the value-th owner."""
    return FencingToken(value, f"{value:032x}")


TIMEFRAMES = (Timeframe.M1, Timeframe.M5, Timeframe.D1)


def terms(
    symbols: tuple[Symbol, ...] = (GOLD,),
    timeframes: tuple[Timeframe, ...] = TIMEFRAMES,
    tail_bars: int = 100,
) -> StoreTerms:
    """Terms of a small store."""
    return StoreTerms(
        symbols,
        timeframes,
        dict.fromkeys(timeframes, tail_bars),
        {"zone": "America/New_York", "d1": "17:00", "h4": "17:00"},
        "first_tick",
        dict.fromkeys(symbols, 2),
        "c" * 64,
    )


async def store_over(
    disk: Disk, cache: Cache | None = None, owner: int = 1, tail_bars: int = 100
) -> Store:
    """A connected store of the owner-th owner; without a cache it gets one of its own."""
    store = Store(terms(tail_bars=tail_bars), token(owner), disk, cache or MemoryCache(), None)
    await store.connect()
    return store


async def serve(store: Store) -> Generation:
    """Commit, prime and flip the draft of gold."""
    generation = await store.commit(GOLD)
    await store.prime(GOLD)
    await store.flip(GOLD)
    return generation


async def served_store(
    disk: Disk, cache: Cache | None = None, count: int = 10, owner: int = 1
) -> Store:
    """A store that serves `count` fetched M1 of gold, and so a commit on disk."""
    store = await store_over(disk, cache, owner)
    await store.recover(GOLD)
    await store.append(GOLD_M1, bars(count), [(minute(0), minute(count))])
    await serve(store)
    return store


def segments_in(disk: MemoryDisk, key: SeriesKey = GOLD_M1) -> list[str]:
    """Paths of the segments of a series, in the order they were begun."""
    return sorted(path for path in disk.files if f"/tf_{int(key.timeframe)}/" in path)


class DiskThatFails(MemoryDisk):
    """A disk whose next appends or links fail, as often as it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.appends_to_fail = 0
        self.links_to_fail = 0
        self.kept_bytes = 0
        """How much of a failing append reaches the file none the less."""

    async def append(self, appends: Iterable[Append]) -> None:
        """Write each, or fail having written the beginning of the first."""
        if self.appends_to_fail:
            self.appends_to_fail -= 1
            path, data = next(iter(appends))
            await super().append([Append(path, data[: self.kept_bytes])])
            raise DiskFailed(f"Could not append to {path}: no space left on device.")
        await super().append(appends)

    async def link(self, path: str, as_path: str) -> None:
        """Give a file a second name, or fail before."""
        if self.links_to_fail:
            self.links_to_fail -= 1
            raise DiskFailed(f"Could not link {as_path}: input/output error.")
        await super().link(path, as_path)


_PRICE = st.floats(1e-6, 1e9)


@st.composite
def any_bars(
    draw: st.DrawFn, timeframe: Timeframe = Timeframe.M1, size_max: int = 6, extended: bool = True
) -> Bars:
    """Any bars that may be stored, with the extensions a derived bar may carry."""
    numbers = sorted(draw(st.sets(st.integers(0, 10**9), max_size=size_max)))
    rows = [sorted(draw(st.tuples(_PRICE, _PRICE, _PRICE, _PRICE))) for _ in numbers]
    swapped = [draw(st.booleans()) for _ in numbers]
    extension = st.tuples(st.integers(0, 1_440), st.integers(1, 1_440), st.integers(0, 7))
    whole = st.just((0, 0, 0))
    partial = [draw(extension | whole if extended else whole) for _ in numbers]
    opens = [n * MINUTE_MS for n in numbers]
    return Bars.of(
        opens,
        [open_ms + timeframe.ms for open_ms in opens],
        [row[2] if swap else row[1] for row, swap in zip(rows, swapped, strict=True)],
        [row[3] for row in rows],
        [row[0] for row in rows],
        [row[1] if swap else row[2] for row, swap in zip(rows, swapped, strict=True)],
        [draw(st.integers(0, 2**62)) for _ in numbers],
        [count for count, _, _ in partial],
        [expected for _, expected, _ in partial],
        [reasons for _, _, reasons in partial],
    )
