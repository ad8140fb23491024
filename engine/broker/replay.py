"""A broker over a folder of recorded history, lived through again under a running clock.

Loading and serving are apart: `load_history` reads and checks the folder once, `start_ms`
says where a replay begins, `ReplayBroker` serves what has closed by its clock.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from uds.model import MINUTE_MS, Bars, Symbol, Timeframe

from ..aggregate import aggregate
from ..buckets import Anchors, bucket_closes, bucket_opens
from ..clock import Clock
from ..trading_calendar import TradingCalendar
from .csv_history import NotHistory, Rows, parse_bars, parse_ticks
from .port import BarsAnswer, BarsRequest, BrokerError, FetchFailed, Tick
from .quotes import Quotes
from .tick_stream import tick_stream

START_BACK_MINUTES = 24 * 60
"""Open-market minutes a replay lives through before its history ends."""
EDGE_SLACK_MS = 15 * MINUTE_MS
"""Open-market time without bars at a day's edge that still counts as a quiet market."""


class ReplayFolderIncomplete(BrokerError):
    """The folder cannot be read or lacks a symbol; says where and what was looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What a replay folder holds for the configured symbols."""

    m1: Mapping[Symbol, Bars]
    """M1 of every symbol, never empty."""
    d1: Mapping[Symbol, Bars]
    """D1 of every symbol, on the anchor's grid; may be empty."""
    quotes: Mapping[Symbol, Quotes]
    """Recorded ticks, of those symbols that have a tick file."""
    notes: tuple[tuple[str, Symbol, str], ...]
    """What the operator must know: (reason code, symbol, sentence)."""
    last_common_m1_ms: int
    """Close of the last M1 up to which every symbol has history, UTC ms."""


def load_history(
    folder: str,
    symbols: Iterable[Symbol],
    *,
    anchors: Anchors,
    calendars: Mapping[Symbol, TradingCalendar],
    instruments: Mapping[Symbol, str] | None = None,
) -> History:
    """Read the files of the symbols; `instruments` names those not found by their symbol.

    Raises ReplayFolderIncomplete when the folder or a file is unreadable, or a symbol has no
    M1. Bad lines are dropped and told in `notes`.
    """
    reader = _FolderReader(folder, instruments or {})
    m1: dict[Symbol, Bars] = {}
    d1: dict[Symbol, Bars] = {}
    quotes: dict[Symbol, Quotes] = {}
    for symbol in symbols:
        m1[symbol] = reader.m1(symbol, anchors)
        d1[symbol] = reader.d1(symbol, m1[symbol], anchors, calendars[symbol])
        ticks = reader.ticks(symbol)
        if ticks is not None:
            quotes[symbol] = ticks
    ends = [bars.last_close_ms for bars in m1.values() if bars.last_close_ms is not None]
    return History(m1, d1, quotes, tuple(reader.notes), min(ends))


def start_ms(history: History, calendars: Mapping[Symbol, TradingCalendar]) -> int:
    """Where the clock begins: 24 open-market hours of every symbol before the common end."""
    return min(
        calendars[symbol].back(history.last_common_m1_ms, START_BACK_MINUTES)
        for symbol in history.m1
    )


class _FolderReader:
    """Finds and reads the files of a folder, collecting notes on the way."""

    def __init__(self, folder: str, instruments: Mapping[Symbol, str]) -> None:
        self.notes: list[tuple[str, Symbol, str]] = []
        self._folder = folder
        self._instruments = instruments
        try:
            self._present = frozenset(os.listdir(folder))
        except OSError as error:
            raise ReplayFolderIncomplete(
                f"The replay folder {folder} cannot be read: {error.strerror}."
            ) from error

    def m1(self, symbol: Symbol, anchors: Anchors) -> Bars:
        """M1 of a symbol, which must be there."""
        file_name = self._find(symbol, "M1")
        if file_name is None:
            raise ReplayFolderIncomplete(
                f"The replay folder {self._folder} has no M1 of {symbol}: "
                f"looked for {', '.join(self._names(symbol, 'M1'))}."
            )
        rows = self._rows(symbol, file_name, parse_bars)
        bars = _bars(rows, Timeframe.M1, anchors)
        if not len(bars):
            raise ReplayFolderIncomplete(
                f"The replay folder {self._folder} has no M1 of {symbol}: "
                f"{file_name} holds no usable row."
            )
        return bars

    def d1(self, symbol: Symbol, m1: Bars, anchors: Anchors, calendar: TradingCalendar) -> Bars:
        """D1 of a symbol's file when it stands on the anchor's grid, else made of its M1."""
        file_name = self._find(symbol, "D1")
        why = f"has no D1 of {symbol}"
        if file_name is not None:
            rows = self._rows(symbol, file_name, parse_bars)
            opens = bucket_opens(rows.times, Timeframe.D1, anchors)
            if len(opens) and np.array_equal(rows.times, opens):
                return _bars(rows, Timeframe.D1, anchors)
            why = f"has a {file_name} whose days do not open at {anchors.d1} {anchors.zone}"
        sentence = f"The replay folder {self._folder} {why}; D1 is made of its M1."
        self.notes.append(("D1_FROM_M1", symbol, sentence))
        return _days_of(m1, anchors, calendar)

    def ticks(self, symbol: Symbol) -> Quotes | None:
        """Recorded ticks of a symbol; None when there is no file."""
        file_name = self._find(symbol, "TICK")
        if file_name is None:
            return None
        rows = self._rows(symbol, file_name, parse_ticks)
        return Quotes.counted(rows.times, rows.values[:, 1], rows.values[:, 2])

    def _names(self, symbol: Symbol, kind: str) -> list[str]:
        """File names to look for, the likeliest first."""
        plain = symbol.replace("/", "")
        stems = dict.fromkeys((plain, self._instruments.get(symbol, plain)))
        return [f"{stem}_{kind}{ending}" for stem in stems for ending in (".csv.gz", ".csv")]

    def _find(self, symbol: Symbol, kind: str) -> str | None:
        return next((name for name in self._names(symbol, kind) if name in self._present), None)

    def _rows(self, symbol: Symbol, file_name: str, parse: Callable[[bytes], Rows]) -> Rows:
        """The usable rows of one file; a note when some were not."""
        try:
            rows = parse(_content(os.path.join(self._folder, file_name)))
        except (OSError, EOFError, zlib.error, NotHistory) as error:
            raise ReplayFolderIncomplete(
                f"The replay folder {self._folder} has an unreadable {file_name}: {error}."
            ) from error
        if rows.fault is not None:
            self.notes.append(("CORRUPT_JSONL", symbol, f"{file_name} has {rows.fault}."))
        return rows


class ReplayBroker:
    """Serves a `History` as of the clock: only what has closed, only what has been quoted."""

    kind = "replay"

    def __init__(
        self,
        *,
        history: History,
        clock: Clock,
        concurrency: int = 4,
        page_bars_max: int = 1_000,
        latency_ms: float = 0,
    ) -> None:
        """`latency_ms` is how long every request takes; those beyond `concurrency` wait."""
        self.page_bars_max = page_bars_max
        self.concurrency = concurrency
        self._history = history
        self._clock = clock
        self._latency_s = latency_ms / 1_000
        self._slots = asyncio.Semaphore(concurrency)

    async def login(self) -> float:
        """Nobody to log in to: no time passes."""
        return 0.0

    async def fetch_bars(self, request: BarsRequest) -> BarsAnswer:
        """The newest page of the range that has closed; FetchFailed for an unknown symbol."""
        history = self._history
        series = history.d1 if request.timeframe is Timeframe.D1 else history.m1
        if request.symbol not in series:
            raise FetchFailed(f"The replay was not loaded with {request.symbol}.")
        async with self._slots:
            ranged = series[request.symbol].between(request.from_ms, request.until_ms)
            closed = int(np.searchsorted(ranged.close_time_ms, self._clock.now_ms(), side="right"))
            await self._clock.sleep(self._latency_s)
        return BarsAnswer(ranged.take(slice(closed)).tail(self.page_bars_max), self._latency_s)

    def ticks(self, symbols: tuple[Symbol, ...]) -> AsyncIterator[Tick]:
        """Recorded quotes as the clock passes them, or four a minute made of the M1."""
        return tick_stream(self._clock, symbols, self._ticks_between)

    def notes(self) -> tuple[tuple[str, Symbol, str], ...]:
        """Bad lines of the files, and D1 that had to be made of M1."""
        return self._history.notes

    async def close(self) -> None:
        """Nothing is held open."""

    def _ticks_between(self, symbol: Symbol, from_ms: int, until_ms: int) -> Iterator[Tick]:
        quotes = self._history.quotes.get(symbol)
        if quotes is None:
            bars = self._history.m1[symbol].between(from_ms - MINUTE_MS, until_ms)
            quotes = Quotes.interpolated(bars)
        return quotes.between(symbol, from_ms, until_ms)


def _content(path: str) -> bytes:
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
        return file.read()


def _bars(rows: Rows, timeframe: Timeframe, anchors: Anchors) -> Bars:
    """Rows of a bar file as bars; a fractional volume is rounded."""
    closes = bucket_closes(rows.times, timeframe, anchors)
    o, h, low, c = rows.values[:, 1:5].T
    return Bars.of(rows.times, closes, o, h, low, c, np.rint(rows.values[:, 5]))


def _days_of(m1: Bars, anchors: Anchors, calendar: TradingCalendar) -> Bars:
    """D1 made of M1, without a first or last day that the history holds only in part."""
    days = aggregate(m1, Timeframe.D1, anchors)
    head_ms = calendar.open_duration_ms(int(days.open_time_ms[0]), int(m1.open_time_ms[0]))
    tail_ms = calendar.open_duration_ms(int(m1.close_time_ms[-1]), int(days.close_time_ms[-1]))
    first, last = int(head_ms > EDGE_SLACK_MS), len(days) - int(tail_ms > EDGE_SLACK_MS)
    return days.take(slice(first, last))
