"""Writes stored bars to files for other programs: `coldstart-console export`.

Theory of operation. An export owns nothing: it pins the newest commit of a symbol, follows the
bars that came live since, and reads segment by segment, so a running engine is not disturbed
and a history of any depth needs little memory. When the engine collects the pinned generation
meanwhile, the symbol is begun again with the newer one; what was written is written over.

Layout `v3` is the folder that readers of today's platform expect, `csv` is our own CSV, a file
a series, which `import` and `replay` read. Equal bars make equal bytes in both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import pairwise
from os.path import exists, isdir, realpath
from pathlib import Path

import numpy as np

from uds import (
    ExportFolder,
    FolderView,
    Pinned,
    SegmentRead,
    Vanished,
    export_folder,
    timeframe_named,
    view_folder,
)
from uds.model import Bars, SeriesKey, Symbol, Timeframe

from ..config import Config
from ..errors import ActionRefused, EngineError, HistoryUnreadable
from .export_report import LAYOUTS, ExportReport, Layout, SeriesExported, SymbolExported
from .formats import BAR_HEADER
from .names import packed

_DAY_MS = 86_400_000
_FAR_MS = 1 << 62
_ATTEMPTS = 3


class BadExport(EngineError):
    """What should be exported was not named as it can be; says the remedy."""


class ExportRefused(ActionRefused):
    """Something of the operator's would be written over."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export, as it was asked for."""

    out: Path
    """The folder that is written."""
    symbols: tuple[Symbol, ...] = ()
    """Whose bars; none for all that are configured."""
    timeframes: tuple[Timeframe, ...] = ()
    """Which series; none for all that are configured."""
    layout: Layout = "v3"
    """`v3` or `csv`."""
    is_replacing: bool = False
    """Whether files that exist are written over."""


def export_request(
    symbols: tuple[Symbol, ...],
    is_all: bool,
    layout: str,
    timeframes: str | None,
    out: Path,
    is_replacing: bool,
) -> ExportRequest:
    """The request as it was typed: `timeframes` is `M1,D1,…` or None for all. Raises BadExport."""
    if is_all == bool(symbols):
        raise BadExport("Name the symbols to export, such as XAU/USD, or --all instead.")
    chosen = next((known for known in LAYOUTS if known == layout), None)
    if chosen is None:
        raise BadExport(f"{layout!r} is not a layout: name one of {', '.join(LAYOUTS)}.")
    found: list[Timeframe] = []
    for name in timeframes.split(",") if timeframes is not None else ():
        timeframe = timeframe_named(name.strip())
        if timeframe is None:
            known_names = ", ".join(Timeframe.__members__)
            raise BadExport(f"{name!r} is not a timeframe: name some of {known_names}.")
        found.append(timeframe)
    return ExportRequest(out, symbols, tuple(found), chosen, is_replacing)


async def export_bars(
    config: Config, request: ExportRequest, say: Callable[[str], None]
) -> ExportReport:
    """Write what is asked for; `say` hears the progress.

    Raises BadExport for a name nobody knows, ExportRefused, HistoryUnreadable when nothing of
    the symbols is committed, DiskFailed.
    """
    symbols, timeframes = _wanted(config, request)
    view, folder = view_folder(config.data_root), export_folder(request.out)
    await _check_place(folder, config, request)
    pinned = {symbol: await view.pin(symbol) for symbol in symbols}
    skipped = [symbol for symbol, found in pinned.items() if found is None]
    if len(skipped) == len(symbols) or (skipped and request.symbols):
        raise HistoryUnreadable(
            f"The data folder {config.data_root} has no committed bars of {', '.join(skipped)}: "
            "start the engine once, or choose another folder with --data."
        )
    await _check_files(folder, pinned, timeframes, request)
    done: list[SymbolExported] = []
    for symbol, found in pinned.items():
        if found is not None:
            say(f"{symbol}: {', '.join(timeframe.name for timeframe in timeframes)}")
            done.append(await _export(view, found, folder, timeframes, request.layout))
    sentences = (f"{symbol} was left out: nothing of it is committed." for symbol in skipped)
    return ExportReport(str(request.out), request.layout, tuple(done), tuple(sentences))


def _wanted(
    config: Config, request: ExportRequest
) -> tuple[tuple[Symbol, ...], tuple[Timeframe, ...]]:
    """Symbols and timeframes, in the configuration's order; raises BadExport."""
    for symbol in request.symbols:
        if symbol not in config.symbols:
            raise BadExport(
                f"{symbol!r} is not a configured symbol: name some of {', '.join(config.symbols)}."
            )
    known = ", ".join(timeframe.name for timeframe in config.timeframes)
    for timeframe in request.timeframes:
        if timeframe not in config.timeframes:
            raise BadExport(f"{timeframe.name} is not stored: name some of {known}.")
    return (
        tuple(s for s in config.symbols if s in (request.symbols or config.symbols)),
        tuple(t for t in config.timeframes if t in (request.timeframes or config.timeframes)),
    )


async def _check_place(folder: ExportFolder, config: Config, request: ExportRequest) -> None:
    """Raises ExportRefused where no folder can be, or the files would lie among an engine's."""
    if exists(request.out) and not isdir(request.out):
        raise ExportRefused(f"{request.out} is a file: choose a folder with --out.")
    is_ours = realpath(request.out) == realpath(config.data_root)
    if is_ours or await folder.is_data_folder():
        raise ExportRefused(
            f"{request.out} is a data folder: choose another with --out, "
            "for an export is never mixed with an engine's own files."
        )


async def _check_files(
    folder: ExportFolder,
    pinned: dict[Symbol, Pinned | None],
    timeframes: tuple[Timeframe, ...],
    request: ExportRequest,
) -> None:
    """Raises ExportRefused when a file would be written over without being asked to."""
    if request.is_replacing:
        return
    for symbol, found in pinned.items():
        for timeframe in timeframes if found is not None else ():
            key = SeriesKey(symbol, timeframe)
            there = (
                await folder.parts(key)
                if request.layout == "v3"
                else await folder.existing(_csv_name(key))
            )
            if there:
                raise ExportRefused(
                    f"{request.out / there[0]} exists: choose another folder with --out, "
                    "or write over such files with --replace."
                )


async def _export(
    view: FolderView,
    pinned: Pinned,
    folder: ExportFolder,
    timeframes: tuple[Timeframe, ...],
    layout: Layout,
) -> SymbolExported:
    """All series of one generation; begun again when it is collected under our hands."""
    for _ in range(_ATTEMPTS):
        try:
            series = [
                await _export_series(pinned, SeriesKey(pinned.symbol, timeframe), folder, layout)
                for timeframe in timeframes
            ]
        except Vanished:
            pinned = await view.pin(pinned.symbol) or pinned
            continue
        return SymbolExported(pinned.symbol, pinned.generation, tuple(series))
    raise HistoryUnreadable(f"{pinned.symbol} was replaced again and again while it was read.")


async def _export_series(
    pinned: Pinned, key: SeriesKey, folder: ExportFolder, layout: Layout
) -> SeriesExported:
    flaws: list[str] = []
    count = files = 0
    from_ms: int | None = None
    until_ms: int | None = None
    chunks = _chunks(pinned, key, flaws)
    async for bars in chunks if layout == "csv" else _days(chunks):
        if layout == "csv":
            await folder.write(_csv_name(key), _csv(bars, is_first=not files), is_new=not files)
        else:
            await folder.put_part(key, bars)
        files = 1 if layout == "csv" else files + 1
        from_ms = bars.first_open_ms if from_ms is None else from_ms
        until_ms = bars.last_close_ms
        count += len(bars)
    return SeriesExported(key.timeframe.name, count, files, from_ms, until_ms, tuple(flaws))


async def _chunks(pinned: Pinned, key: SeriesKey, flaws: list[str]) -> AsyncIterator[Bars]:
    """The bars of a series in time order, a segment's worth at a time; raises Vanished."""

    def hear(read: SegmentRead) -> None:
        if read.is_missing:
            raise Vanished(f"{read.file.path} is not there any more.", scope=key)
        if read.flaw:
            flaws.append(f"{read.file.path}: {read.flaw}.")

    cursor = await pinned.cursor(key, hear)
    for until_ms in (*cursor.begins_ms[1:], _FAR_MS):
        bars = await cursor.until(until_ms)
        if len(bars):
            yield bars


async def _days(chunks: AsyncIterator[Bars]) -> AsyncIterator[Bars]:
    """The same bars, one UTC day of opens after the other."""
    waiting = Bars.empty()
    async for bars in chunks:
        *whole, waiting = _by_day(waiting.merged(bars))
        for day in whole:
            yield day
    if len(waiting):
        yield waiting


def _by_day(bars: Bars) -> list[Bars]:
    """The bars of each UTC day, oldest first."""
    cuts = np.flatnonzero(np.diff(bars.open_time_ms // _DAY_MS)) + 1
    edges = [0, *cuts.tolist(), len(bars)]
    return [bars.take(slice(a, b)) for a, b in pairwise(edges)]


def _csv_name(key: SeriesKey) -> str:
    """As `import` and `replay` look for it."""
    return f"{packed(key.symbol)}_{key.timeframe.name}.csv"


def _csv(bars: Bars, *, is_first: bool) -> bytes:
    columns = (bars.open_time_ms, bars.o, bars.h, bars.low, bars.c, bars.v)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    lines = [",".join(map(repr, row)) for row in rows]
    return ("\n".join([BAR_HEADER, *lines] if is_first else lines) + "\n").encode()
