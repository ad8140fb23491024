"""What a simulated boot stands on: its configuration, its clock, a store that is watched."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from uds import Appended, Recovered, Snapshot, Store
from uds.model import Bars, Generation, Symbol, Timeframe

from ..config import Config
from ..config_file import load_config
from .case import Case
from .loop import SimLoop

BEGINNING_MS = 1_768_355_828_000
"""2026-01-14T01:57:08Z: every market trades, in 7 s a minute is final, in 3 minutes an H4."""
_OFFSETS_S = (0, 120, 215, 2_500, 7_000, 72_070)
"""How much later a run may begin: minutes, hours, the first H4 and at last the day close in it."""
SETTLE_MS = 15_000
"""How long after its close a minute is fetched."""
_Intervals = Iterable[tuple[int, int]]
PAUSE_SHORT_S = 240.0
"""A longer time without an engine is no short pause any more."""
OVERDUE_S = 8.0
"""A start that takes longer is overdue: a tenth of them are."""
_TAILS = {"M1": 400, "M3": 200, "M5": 120, "M15": 60, "M30": 40, "H1": 24, "H4": 12, "D1": 10}


def start_ms(seed: int) -> int:
    """When the run of a seed begins, UTC ms."""
    return BEGINNING_MS + 1_000 * _OFFSETS_S[seed % len(_OFFSETS_S)]


class SimClock:
    """A node's clocks: monotonic time is the loop's, wall time may be set wrong."""

    def __init__(self, loop: SimLoop, start_ms: int, skew_ms: int = 0) -> None:
        self._loop = loop
        self._start_ms = start_ms
        self.skew_ms = skew_ms
        """How far the wall clock of this host is ahead of the world's."""

    def now_ms(self) -> int:
        """The market's time as this host believes it to be, UTC ms."""
        return self._start_ms + self._loop.now_us // 1_000 + self.skew_ms

    def real_ms(self) -> int:
        """The same: nobody shifted it."""
        return self.now_ms()

    def monotonic_s(self) -> float:
        """Seconds since the run began."""
        return self._loop.now_us / 1e6

    def delay_s(self, until_ms: int) -> float:
        """How long until the wall clock says so."""
        return (until_ms - self.now_ms()) / 1_000

    def move_to(self, at_ms: int) -> None:
        """Set the wall clock."""
        self.skew_ms += at_ms - self.now_ms()

    async def sleep(self, delay_s: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(delay_s)


class Witness(Protocol):
    """Who hears what the store acknowledged."""

    def began(self, symbol: Symbol) -> None:
        """A draft was begun, or found on disk, or dropped for another."""
        ...

    def recovered(self, recovered: Recovered) -> None:
        """What the disk has of a symbol was read."""
        ...

    def stored(self, symbol: Symbol, bars: Mapping[Timeframe, Bars]) -> None:
        """Bars are durable."""
        ...

    def committed(self, symbol: Symbol, generation: Generation) -> None:
        """The draft is what the next start finds."""
        ...

    def served(self, symbol: Symbol, snapshot: Snapshot) -> None:
        """Readers get this from now on."""
        ...


class WatchedStore(Store):
    """The store itself, heard by a witness whenever it acknowledges."""

    witness: Witness

    async def recover(self, symbol: Symbol, doubted: Collection[str] = ()) -> Recovered:
        """As the store does."""
        recovered = await super().recover(symbol, doubted)
        self.witness.recovered(recovered)
        self.witness.began(symbol)
        return recovered

    def begin(
        self, symbol: Symbol, keeping: Iterable[Timeframe] = (), *, is_resumable: bool = False
    ) -> Generation:
        """As the store does."""
        generation = super().begin(symbol, keeping, is_resumable=is_resumable)
        self.witness.began(symbol)
        return generation

    async def append_all(
        self,
        symbol: Symbol,
        bars: Mapping[Timeframe, Bars],
        covered: _Intervals = (),
        into: Generation | None = None,
    ) -> tuple[Appended, ...]:
        """As the store does."""
        appended = await super().append_all(symbol, bars, covered, into)
        if not any(one.is_superseded for one in appended):
            self.witness.stored(symbol, bars)
        return appended

    async def backfill(
        self,
        symbol: Symbol,
        chunks: Mapping[Timeframe, Bars],
        covered: Mapping[Timeframe, tuple[int, int]],
        into: Generation | None = None,
    ) -> bool:
        """As the store does."""
        is_stored = await super().backfill(symbol, chunks, covered, into)
        if is_stored:
            self.witness.stored(symbol, chunks)
        return is_stored

    async def commit(self, symbol: Symbol) -> Generation:
        """As the store does."""
        generation = await super().commit(symbol)
        self.witness.committed(symbol, generation)
        return generation

    async def flip(self, symbol: Symbol) -> Snapshot:
        """As the store does."""
        snapshot = await super().flip(symbol)
        self.witness.served(symbol, snapshot)
        return snapshot

    async def extend(self, symbol: Symbol) -> Snapshot:
        """As the store does."""
        snapshot = await super().extend(symbol)
        self.witness.served(symbol, snapshot)
        return snapshot


@lru_cache(maxsize=8)
def config_of(symbol_count: int, m1_bars: int, depth_bars: int) -> Config:
    """A small configuration: all timeframes, short tails, some depth to fetch behind the gate."""
    wanted = {
        "symbols": list(Case("", 0, symbol_count).symbols),
        "broker.kind": "sim",
        "broker.page_bars_max": 100,
        "broker.open_mode": "first_tick",
        "redis.tail_bars": _TAILS,
        "bootstrap.warmup_bars": {"M1": m1_bars, "D1": 5},
        "bootstrap.depth_bars": {**dict.fromkeys(_TAILS, 0), "M1": depth_bars},
        "bootstrap.short_pause_h": PAUSE_SHORT_S / 3_600,
        "bootstrap.prime_ready_timeout_s": OVERDUE_S,
    }
    return load_config(None, {}, wanted, Path("/nowhere"))
