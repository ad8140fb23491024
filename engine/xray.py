"""One cell from end to end: its newest bars, where each came from, disk, Redis, derive, holes.

Everything is read when it is asked for: the newest file's bytes and the tail in Redis are held
against what the store believes, so an x-ray can find what no status has noticed yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from uds import Filed, Held, Inspected
from uds.model import MINUTE_MS, Bars, Coverage, PartialReason, SeriesKey, Timeframe

from .cell import CellState
from .coverage import classify_holes
from .plan import Market
from .process import Tools
from .replica import built

BARS_MAX = 120
"""Bars shown at most."""
_HOLES_MAX = 40
_FILES_MAX = 8


@dataclass(frozen=True, slots=True)
class Candle:
    """One bar."""

    open_ms: int
    """Inclusive open, UTC ms."""
    close_ms: int
    """Exclusive close, UTC ms."""
    o: float
    """First price."""
    h: float
    """Highest price."""
    low: float
    """Lowest price."""
    c: float
    """Last price."""
    v: int
    """Number of ticks."""
    made_of: int
    """M1 bars a partial derived bar was made of; 0 when it is whole or from the broker."""
    expected: int
    """M1 bars it would be made of were it whole; 0 when it is."""
    why: tuple[str, ...]
    """Why it is partial: calendar_pause, no_tick, boundary."""
    file: str | None
    """The file it is in, by its short name; None for a bar that is in none."""


@dataclass(frozen=True, slots=True)
class Holes:
    """Minutes without M1 of one kind."""

    kind: str
    """Why they are missing, as `coverage.py` names it; `gap` is still to be fetched."""
    count: int
    """Stretches."""
    minutes: int
    """Minutes in all of them."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One stretch that is still to be fetched."""

    from_ms: int
    """First missing minute, UTC ms."""
    until_ms: int
    """Open of the minute after the last missing one, UTC ms."""


@dataclass(frozen=True, slots=True)
class Covered:
    """What was fetched, and what of it is missing."""

    of: str
    """The timeframe that was fetched: the cell's own, or M1 which it is made of."""
    from_ms: int | None
    """Where the coverage begins, UTC ms; None while nothing was fetched."""
    until_ms: int | None
    """Where it ends, UTC ms; None while nothing was fetched."""
    kinds: tuple[Holes, ...]
    """Missing minutes since the oldest resident M1; empty for D1."""
    gaps: tuple[Gap, ...]
    """The newest stretches that are still to be fetched, oldest first."""


@dataclass(frozen=True, slots=True)
class Derive:
    """What a derived cell is made of, and how far."""

    state: CellState
    """How far the cell has come."""
    m1_bars: int
    """Resident M1 that it is made of."""
    m1_last_ms: int | None
    """Open of the newest of them, UTC ms; None without one."""
    is_altered: bool
    """Whether the bars in RAM fail their digest."""


@dataclass(frozen=True, slots=True)
class Xray:
    """A cell from end to end."""

    key: SeriesKey
    as_of_ms: int
    """The market's clock when it was looked at, UTC ms."""
    digits: int
    """Decimal places of its prices."""
    generation: str | None
    """Of what is shown; None while nothing is stored."""
    is_draft: bool
    """Whether that is still being filled."""
    resident_bars: int
    """Bars in RAM."""
    candles: tuple[Candle, ...]
    """The newest of them, oldest first."""
    forming: Candle | None
    """The bar made of ticks that is not final yet; None without one."""
    stored_bars: int
    """Lines of all its files."""
    file_count: int
    """How many files it has."""
    files: tuple[Filed, ...]
    """Those with the newest bars, the newest first."""
    is_sound: bool | None
    """Whether the file with the newest bar has its recorded bytes; None without files."""
    held: Held | None
    """Its tail in Redis; None where readers get nothing."""
    cache_error: str | None
    """Why Redis did not say; None when it did."""
    derive: Derive | None
    """How it is derived; None for a cell that is fetched."""
    covered: Covered
    """What was fetched."""


async def xray(tools: Tools, key: SeriesKey) -> Xray:
    """Look; raises DiskFailed."""
    found = await tools.store.inspect(key)
    if found.generation is None:
        return _assembled(tools, key, found, Bars.empty(), Bars.empty(), Coverage())
    source = _source(key)
    bars, made_of = tools.store.load(key), tools.store.load(source)
    return _assembled(tools, key, found, bars, made_of, tools.store.coverage(source))


def candles(bars: Bars, files: tuple[Filed, ...]) -> tuple[Candle, ...]:
    """Bars as values, each with the file begun last among those whose bars surround it."""
    rows = zip(*(column.tolist() for column in bars.columns), strict=True)
    return tuple(_candle(row, files) for row in rows)


def covered(source: SeriesKey, market: Market, made_of: Bars, coverage: Coverage) -> Covered:
    """Where M1 is missing since its oldest resident bar; of D1 only what was fetched."""
    whole = coverage.intervals
    from_ms, until_ms = (whole[0][0], whole[-1][1]) if whole else (None, None)
    first_ms, last_ms = made_of.first_open_ms, made_of.last_close_ms
    if source.timeframe is not Timeframe.M1 or first_ms is None or last_ms is None:
        return Covered(source.timeframe.name, from_ms, until_ms, (), ())
    holes = classify_holes(made_of.open_time_ms, coverage, market.calendar, first_ms, last_ms)
    kinds = tuple(
        Holes(kind, len(same), sum(hole.until_ms - hole.from_ms for hole in same) // MINUTE_MS)
        for kind in dict.fromkeys(hole.kind for hole in holes)
        if (same := [hole for hole in holes if hole.kind == kind])
    )
    gaps = [Gap(hole.from_ms, hole.until_ms) for hole in holes if hole.kind == "gap"]
    return Covered("M1", from_ms, until_ms, kinds, tuple(gaps[-_HOLES_MAX:]))


def _assembled(
    tools: Tools, key: SeriesKey, found: Inspected, bars: Bars, made_of: Bars, coverage: Coverage
) -> Xray:
    symbol, timeframe = key
    market = tools.markets[symbol]
    return Xray(
        key=key,
        as_of_ms=tools.clock.now_ms(),
        digits=tools.store.terms.digits[symbol],
        generation=None if found.generation is None else found.generation.short,
        is_draft=found.is_draft,
        resident_bars=len(bars),
        candles=candles(bars.tail(BARS_MAX), found.files),
        forming=_forming(tools, key),
        stored_bars=sum(file.bars for file in found.files),
        file_count=len(found.files),
        files=tuple(sorted(found.files, key=lambda file: -file.last_ms)[:_FILES_MAX]),
        is_sound=found.is_sound,
        held=found.held,
        cache_error=found.cache_error,
        derive=_derive(tools, key, made_of) if timeframe.is_derived else None,
        covered=covered(_source(key), market, made_of, coverage),
    )


def _source(key: SeriesKey) -> SeriesKey:
    """What was fetched for it."""
    return SeriesKey(key.symbol, Timeframe.M1) if key.timeframe.is_derived else key


def _derive(tools: Tools, key: SeriesKey, made_of: Bars) -> Derive:
    altered = key.timeframe in tools.store.altered(key.symbol)
    state = tools.board.status.cells[key].state
    return Derive(state, len(made_of), made_of.last_open_ms, altered)


def _forming(tools: Tools, key: SeriesKey) -> Candle | None:
    found = tools.store.previews(key.symbol).get(key.timeframe)
    if found is None:
        return None
    times = found.open_time_ms, found.close_time_ms
    return Candle(*times, found.o, found.h, found.low, found.c, found.v, 0, 0, (), None)


def _candle(row: tuple[float, ...], files: tuple[Filed, ...]) -> Candle:
    open_ms, close_ms, o, h, low, c, v, made_of, expected, reasons = row
    why = tuple(
        reason.name.lower()
        for reason in PartialReason
        if reason.name is not None and reason & int(reasons)
    )
    holding = [file.name for file in files if file.first_ms <= open_ms <= file.last_ms]
    name = holding[-1] if holding else None
    whole = (int(open_ms), int(close_ms)), (int(v), int(made_of), int(expected))
    return Candle(*whole[0], o, h, low, c, *whole[1], why, name)


def xray_of(raw: object) -> Xray:
    """What the operation `xray` answers, as a value; raises BadReplica."""
    found = built(Xray, raw, "xray")
    assert isinstance(found, Xray)
    return found
