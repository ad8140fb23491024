"""A broker over a folder of recorded history, lived through again under a running clock.

Loading and serving are apart: `load_history` reads and checks the folder once, `start_ms`
says where a replay begins, `ReplayBroker` serves what has closed by its clock.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from uds.model import MINUTE_MS, Bars, Symbol, Timeframe

from ..aggregate import aggregate
from ..calendars.buckets import Anchors, bucket_opens
from ..calendars.trading_calendar import TradingCalendar
from ..clock import Clock
from ..errors import HistoryUnreadable
from ..history.file_zone import FileZone
from ..history.files import content, names_in
from ..history.formats import NotHistory, read_lines, read_ticks
from ..history.names import ENDINGS
from ..history.reading import FileRows, ZoneUnknown, in_utc
from ..history.rows import Rows
from ..sayings import Saying, saying
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
    notes: tuple[tuple[str, Symbol, Saying], ...]
    """What the operator must know: (reason code, symbol, what is so)."""
    last_common_m1_ms: int
    """Close of the last M1 up to which every symbol has history, UTC ms."""


def load_history(
    folder: str,
    symbols: Iterable[Symbol],
    *,
    anchors: Anchors,
    calendars: Mapping[Symbol, TradingCalendar],
    instruments: Mapping[Symbol, str] | None = None,
    zone: FileZone | None = None,
) -> History:
    """Read the files of the symbols; `instruments` names those not found by their symbol.

    `zone` is the clock of files that do not state their own; None to detect it. Raises
    ReplayFolderIncomplete when the folder or a file is unreadable, a symbol has no M1, or a
    file does not tell its clock. Bad lines are dropped and told in `notes`.
    """
    reader = _FolderReader(folder, instruments or {}, zone)
    m1: dict[Symbol, Bars] = {}
    d1: dict[Symbol, Bars] = {}
    quotes: dict[Symbol, Quotes] = {}
    for symbol in symbols:
        m1[symbol] = reader.m1(symbol, anchors, calendars[symbol])
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


def file_names(symbol: Symbol, instruments: Mapping[Symbol, str], *kinds: str) -> list[str]:
    """What a file of a symbol may be called, the likeliest first."""
    plain = symbol.replace("/", "")
    stems = dict.fromkeys((plain, instruments.get(symbol, plain)))
    return [f"{stem}{kind}{ending}" for stem in stems for kind in kinds for ending in ENDINGS]


class _FolderReader:
    """Finds and reads the files of a folder, collecting notes on the way."""

    def __init__(
        self, folder: str, instruments: Mapping[Symbol, str], zone: FileZone | None
    ) -> None:
        self.notes: list[tuple[str, Symbol, Saying]] = []
        self._folder = folder
        self._instruments = instruments
        self._zone = zone
        self._m1: dict[Symbol, FileRows] = {}
        try:
            self._present = frozenset(names_in(folder))
        except HistoryUnreadable as error:
            raise ReplayFolderIncomplete(f"The replay folder {error}") from error

    def m1(self, symbol: Symbol, anchors: Anchors, calendar: TradingCalendar) -> Bars:
        """M1 of a symbol, which must be there."""
        names = self._names(symbol, "_M1", "")
        file_name = self._find(names)
        if file_name is None:
            raise ReplayFolderIncomplete(
                f"The replay folder {self._folder} has no M1 of {symbol}: "
                f"looked for {', '.join(names)}, a data folder, and a manifest.json."
            )
        self._m1[symbol] = self._bar_rows(symbol, file_name, calendar)
        bars = self._m1[symbol].rows.bars(Timeframe.M1, anchors)
        if not len(bars):
            raise ReplayFolderIncomplete(
                f"The replay folder {self._folder} has no M1 of {symbol}: "
                f"{file_name} holds no usable row."
            )
        return bars

    def d1(self, symbol: Symbol, m1: Bars, anchors: Anchors, calendar: TradingCalendar) -> Bars:
        """D1 of a symbol's file when it stands on the anchor's grid, else made of its M1."""
        file_name = self._find(self._names(symbol, "_D1"))
        why = saying("days_absent", self._folder, symbol)
        if file_name is not None:
            rows = self._bar_rows(symbol, file_name, calendar).rows
            opens = bucket_opens(rows.times, Timeframe.D1, anchors)
            if len(opens) and np.array_equal(rows.times, opens):
                return rows.bars(Timeframe.D1, anchors)
            begins = anchors.d1, anchors.zone
            why = saying("days_off_anchor", self._folder, file_name, *begins)
        self.notes.append(("D1_FROM_M1", symbol, why))
        return days_of(m1, anchors, calendar)

    def ticks(self, symbol: Symbol) -> Quotes | None:
        """Recorded ticks of a symbol; None when there is no file."""
        file_name = self._find(self._names(symbol, "_TICK"))
        if file_name is None:
            return None
        try:
            rows = read_ticks(self._content(file_name))
        except NotHistory as error:
            raise self._refused(file_name, str(error)) from error
        self._note(symbol, file_name, rows)
        return Quotes.counted(rows.times, rows.values[:, 1], rows.values[:, 2])

    def _names(self, symbol: Symbol, *kinds: str) -> list[str]:
        return file_names(symbol, self._instruments, *kinds)

    def _find(self, names: list[str]) -> str | None:
        return next((name for name in names if name in self._present), None)

    def _bar_rows(self, symbol: Symbol, file_name: str, calendar: TradingCalendar) -> FileRows:
        """The usable rows of one file; a note when some were not."""
        try:
            lines = read_lines(self._content(file_name))
            m1 = self._m1.get(symbol)
            like = m1.zone if m1 and m1.format == lines.layout.format else None
            found = in_utc(lines, calendar, self._zone, like)
        except NotHistory as error:
            raise self._refused(file_name, str(error)) from error
        except ZoneUnknown as error:
            raise ReplayFolderIncomplete(
                f"The replay folder {self._folder} has a {file_name} of an unknown time zone: "
                f"{error}; name the zone in broker.replay.zone."
            ) from error
        self._note(symbol, file_name, found.rows)
        return found

    def _content(self, file_name: str) -> bytes:
        try:
            return content(os.path.join(self._folder, file_name))
        except HistoryUnreadable as error:
            raise self._refused(file_name, str(error).removesuffix(".")) from error

    def _refused(self, file_name: str, why: str) -> ReplayFolderIncomplete:
        return ReplayFolderIncomplete(
            f"The replay folder {self._folder} has an unreadable {file_name}: {why}."
        )

    def _note(self, symbol: Symbol, file_name: str, rows: Rows) -> None:
        if rows.fault is not None:
            flawed = saying("file_flawed", file_name, rows.fault)
            self.notes.append(("CORRUPT_JSONL", symbol, flawed))


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

    def notes(self) -> tuple[tuple[str, Symbol, Saying], ...]:
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


def days_of(m1: Bars, anchors: Anchors, calendar: TradingCalendar) -> Bars:
    """D1 made of M1, without a first or last day that the history holds only in part."""
    days = aggregate(m1, Timeframe.D1, anchors)
    head_ms = calendar.open_duration_ms(int(days.open_time_ms[0]), int(m1.open_time_ms[0]))
    tail_ms = calendar.open_duration_ms(int(m1.close_time_ms[-1]), int(days.close_time_ms[-1]))
    first, last = int(head_ms > EDGE_SLACK_MS), len(days) - int(tail_ms > EDGE_SLACK_MS)
    return days.take(slice(first, last))
