"""What lies at the path of an import: which files, of which symbols, and their usable bars."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from uds.model import Bars, Coverage, Symbol, Timeframe

from ..calendars.buckets import bucket_opens
from ..errors import BadImport, HistoryUnreadable
from ..plan import Market
from .file_zone import FileZone, file_zone
from .files import content, names_in
from .formats import FORMATS, BarLines, NotHistory, read_lines
from .import_report import FileRead, Skipped
from .names import is_history, other_kind, symbol_of
from .reading import FileRows, ZoneUnknown, in_utc, timeframe_of

FOLDER_FORMAT = "v3"
"""The format of a whole data folder; those of single files are `FORMATS`."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import, as it was asked for."""

    path: Path
    """A file, or a folder of files."""
    format: str | None = None
    """The format of the files; None to tell it by their first lines."""
    zone: str | None = None
    """The clock of files that do not state their own; None to detect it."""
    symbol: Symbol | None = None
    """Whose files they are; None to tell it by their names."""
    is_replacing: bool = False
    """Whether a file's bar takes the place of a stored one with other content."""


@dataclass(frozen=True, slots=True)
class SymbolFiles:
    """The files of one symbol, in the order of their names."""

    symbol: Symbol
    names: tuple[str, ...]
    """Names in the folder."""


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at the path; read file by file later."""

    folder: str
    """Where the files are."""
    wanted: tuple[SymbolFiles, ...]
    """In the order of the symbols."""
    skipped: tuple[Skipped, ...]
    """Files of something else."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The usable bars of one file."""

    timeframe: Timeframe
    bars: Bars
    """Finished bars, on the anchor's grid."""
    read: FileRead
    """Where they came from."""
    covered: Coverage | None = None
    """What they are proof for; None for what any file is proof for."""


@dataclass(slots=True)
class SymbolRead:
    """All files of one symbol as far as they are usable."""

    arrived: list[Arrived] = field(default_factory=list)
    """M1 first, each timeframe by time."""
    skipped: list[Skipped] = field(default_factory=list)
    """Files that are not."""


def find_files(
    request: ImportRequest, symbols: Sequence[Symbol], aliases: Mapping[Symbol, str]
) -> Found:
    """The files of each symbol; raises BadImport, HistoryUnreadable."""
    if not request.path.exists():
        raise HistoryUnreadable(f"{request.path} cannot be read: nothing is there.")
    if not request.path.is_dir():
        folder, name = os.path.split(request.path)
        symbol = request.symbol or symbol_of(name, symbols, aliases)
        if symbol is None:
            raise BadImport(
                f"{name} names no configured symbol: say which with --symbol, "
                f"one of {', '.join(symbols)}."
            )
        return Found(folder, (SymbolFiles(symbol, (name,)),), ())
    by_symbol: dict[Symbol, list[str]] = {symbol: [] for symbol in symbols}
    skipped: list[Skipped] = []
    for name in filter(is_history, names_in(str(request.path))):
        symbol = symbol_of(name, symbols, aliases)
        why = "it names no configured symbol" if symbol is None else other_kind(name)
        if request.symbol not in (None, symbol):
            why = f"it does not name {request.symbol}"
        if symbol is None or why is not None:
            skipped.append(Skipped(name, f"{name} was left alone: {why}.", is_refused=False))
        else:
            by_symbol[symbol].append(name)
    wanted = tuple(SymbolFiles(s, tuple(names)) for s, names in by_symbol.items() if names)
    if not wanted:
        raise BadImport(
            f"{request.path} has no file of a configured symbol, such as "
            f"{(request.symbol or symbols[0]).replace('/', '')}_M1.csv."
        )
    return Found(str(request.path), wanted, tuple(skipped))


def read_symbol(
    found: Found, files: SymbolFiles, request: ImportRequest, market: Market, now_ms: int
) -> SymbolRead:
    """The usable bars of a symbol's files; raises HistoryUnreadable."""
    out = SymbolRead()
    texts = [text for name in files.names if (text := _text(out, found, name, request))]
    zone = None if request.zone is None else file_zone(request.zone)
    clocks: dict[str, FileZone] = {}
    silent: list[_Text] = []
    for text in texts:
        try:
            rows = in_utc(text.lines, market.calendar, zone)
        except ZoneUnknown:
            silent.append(text)
            continue
        clocks.setdefault(rows.format, rows.zone)
        _add(out, text, rows, market, now_ms)
    for text in silent:
        try:
            rows = in_utc(text.lines, market.calendar, like=clocks.get(text.lines.layout.format))
        except ZoneUnknown as error:
            out.skipped.append(refused(text.name, f"{error}; name its clock with --zone"))
            continue
        _add(out, text, rows, market, now_ms)
    out.arrived.sort(key=lambda one: (one.timeframe, one.bars.first_open_ms or 0))
    return out


class _Text(NamedTuple):
    name: str
    timeframe: Timeframe
    lines: BarLines


def _text(out: SymbolRead, found: Found, name: str, request: ImportRequest) -> _Text | None:
    """One file's lines; None, with the reason in `out`, when they are of no use here."""
    try:
        lines = read_lines(content(os.path.join(found.folder, name)), request.format)
    except NotHistory as error:
        out.skipped.append(refused(name, f"{error}"))
        return None
    timeframe = timeframe_of(lines)
    if timeframe is None:
        out.skipped.append(left(name, "its rows are neither a minute nor a day apart"))
        return None
    return _Text(name, timeframe, lines)


def _add(out: SymbolRead, text: _Text, found: FileRows, market: Market, now_ms: int) -> None:
    """One file's bars, unless they are D1 of another grid than the anchor's."""
    name, timeframe, _ = text
    rows, anchors = found.rows, market.anchors
    if not np.array_equal(rows.times, bucket_opens(rows.times, timeframe, anchors)):
        why = f"its days do not open at {anchors.d1} {anchors.zone}"
        out.skipped.append(left(name, why))
        return
    bars = rows.bars(timeframe, anchors)
    settled = bars.take(bars.close_time_ms + market.settle_ms <= now_ms)
    read = FileRead(
        name,
        timeframe.name,
        found.format,
        found.zone.name,
        found.evidence,
        len(bars) + rows.dropped_count,
        rows.dropped_count,
        len(bars) - len(settled),
        rows.fault,
    )
    if len(settled):
        out.arrived.append(Arrived(timeframe, settled, read))
    else:
        out.skipped.append(refused(name, "it holds no usable row"))


def check(request: ImportRequest, symbols: Sequence[Symbol]) -> None:
    """Raises BadImport for a format, zone or symbol that nobody knows."""
    formats = (*FORMATS, FOLDER_FORMAT)
    if request.format not in (None, *formats):
        raise BadImport(f"{request.format!r} is not a format: name one of {', '.join(formats)}.")
    if request.symbol not in (None, *symbols):
        raise BadImport(
            f"{request.symbol!r} is not a configured symbol: name one of {', '.join(symbols)}."
        )
    if request.zone is not None:
        try:
            file_zone(request.zone)
        except ValueError as error:
            raise BadImport(f"{error}.") from error


def left(name: str, why: str) -> Skipped:
    """What is of no use here, and was not expected to be."""
    return Skipped(name, f"{name} was left alone: {why}.", is_refused=False)


def refused(name: str, why: str) -> Skipped:
    """What was meant to be imported and cannot be used."""
    return Skipped(name, f"{name} cannot be imported: {why}.", is_refused=True)
