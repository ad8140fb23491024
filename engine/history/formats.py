"""The formats of history files: which one a text is in, and its lines as numbers.

A format is one or more layouts; a layout is what its header looks like, how a line begins
with its time, and how many numbers follow. A good file is parsed as a whole; only a file
that does not parse is read line by line. Times stay as they are written: turning wall times
into UTC is `file_zone`'s part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from uds.model import F64, I64

from .rows import Rows, tick_rows
from .stamps import matches, read_stamps

BAR_HEADER = "open_ms,o,h,l,c,v"
TICK_HEADER = "ts_ms,bid,ask"
FORMATS = ("csv", "histdata", "mt", "dukascopy")

_HEAD_LINES = 20
_BAR_WIDTH = 5
_NO_HEADER = ""
_NOTHING = b"?"
"""Stands after a time that nothing follows: a bad line, while a blank one does not count."""


class NotHistory(ValueError):
    """The file is not of the expected kind at all; says how it begins and what was expected."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to write a bar file."""

    format: str
    """Which format it belongs to."""
    header: str
    """Pattern of the first line, whatever its case; empty when there is no header."""
    stamp: str
    """Template of the time that begins a line; empty when it is a number, UTC ms."""
    delimiter: str
    """Between the numbers after the time."""
    widths: frozenset[int]
    """How many numbers may follow the time; the first five are o, h, l, c, v."""
    is_utc: bool = False
    """Whether its times are UTC; else they are wall times of a zone that it does not name."""
    is_padded: bool = False
    """Whether its program writes bars without a tick, all prices equal and the volume 0."""


@dataclass(frozen=True, slots=True)
class BarLines:
    """The lines of a bar file that are numbers."""

    layout: Layout
    """How they were written."""
    values: F64
    """Shape (n, 6) in the order of the file: time in ms, o, h, l, c, v."""
    lines: I64
    """Number of each in the file, from 1."""
    unreadable: tuple[int, ...]
    """Numbers of the lines that are something else."""


def _mt(separator: str, time: str, widths: frozenset[int], header: str) -> Layout:
    stamp = "".join(f"{part}{separator}" for part in ("YYYY.OO.DD", time) if part)
    return Layout("mt", header.replace(",", separator), stamp, separator, widths)


_FIVE = frozenset({_BAR_WIDTH})
_MT5 = frozenset({_BAR_WIDTH, 6, 7})
_LAYOUTS = (
    Layout("csv", re.escape(BAR_HEADER), "", ",", _FIVE, is_utc=True),
    Layout("histdata", _NO_HEADER, "YYYYOODD hhmmss;", ";", _FIVE),
    *(
        _mt(separator, time, _MT5, f"<DATE>,{'<TIME>,' if time else ''}<OPEN>,.*")
        for separator in ("\t", ",")
        for time in ("hh:mm:ss", "hh:mm", "")
    ),
    *(
        _mt(separator, time, _MT5, _NO_HEADER)
        for separator in (",", "\t")
        for time in ("hh:mm", "hh:mm:ss")
    ),
    *(
        Layout(
            "dukascopy",
            f"{name} time{separator}open{separator}.*",
            f"DD.OO.YYYY hh:mm:ss.fff{offset}{separator}",
            separator,
            _FIVE,
            is_utc=True,
            is_padded=True,
        )
        for separator in (",", ";")
        for name, offset in (("gmt", ""), ("local", " GMTSHHNN"))
    ),
)
_ALSO = {"histdata": "mt"}
"""HistData has files in MetaTrader's layout too."""


def read_lines(text: bytes, format_name: str | None = None) -> BarLines:
    """The lines of a bar file; raises NotHistory when it is not in that, or in any, format."""
    lines = split_lines(text)
    layout = _layout_of(lines[:_HEAD_LINES], format_name)
    if layout is None:
        begins = lines[0][:40].decode("utf-8", "replace") if lines else ""
        wanted = format_name or ", ".join(FORMATS)
        raise NotHistory(
            f"it begins with {begins!r}, which is not {wanted}"
            f"{f' ({BAR_HEADER})' if format_name == 'csv' else ''}"
        )
    first = 1 if layout.header else 0
    rows = lines[first:]
    if not layout.stamp:
        values, numbers, unreadable = _numbers(rows, layout.delimiter, {_BAR_WIDTH + 1}, first + 1)
        return BarLines(layout, values, numbers, tuple(unreadable))
    return _stamped(layout, rows, first + 1)


def read_ticks(text: bytes) -> Rows:
    """Rows of a tick file of ours; raises NotHistory on another header."""
    first, *lines = split_lines(text) or [b""]
    if first.strip() != TICK_HEADER.encode():
        begins = first[:40].decode("utf-8", "replace")
        raise NotHistory(f"its first line is {begins!r}, not {TICK_HEADER!r}")
    return tick_rows(*_numbers(lines, ",", {TICK_HEADER.count(",") + 1}, 2))


def split_lines(text: bytes) -> list[bytes]:
    """Lines without their ends; UTF-16, which MetaTrader writes, is told by its mark."""
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = text.decode("utf-16", "replace").encode()
    return text.removeprefix(b"\xef\xbb\xbf").splitlines()


def _layout_of(first_lines: Sequence[bytes], format_name: str | None) -> Layout | None:
    """The layout whose header fits and in which at least one of the lines begins with a time."""
    wanted = {format_name, _ALSO.get(format_name or "")}
    for layout in _LAYOUTS:
        if (format_name is None or layout.format in wanted) and _fits(layout, first_lines):
            return layout
    return None


def _fits(layout: Layout, first_lines: Sequence[bytes]) -> bool:
    rows = first_lines
    if layout.header:
        if not first_lines or not re.fullmatch(
            layout.header.encode(), first_lines[0].strip(), re.IGNORECASE
        ):
            return False
        rows = first_lines[1:]
        if not layout.stamp or not rows:
            return True
    return any(matches(line, layout.stamp) for line in rows)


def _stamped(layout: Layout, rows: list[bytes], first_line: int) -> BarLines:
    times, is_time = read_stamps(rows, layout.stamp)
    width, timed = len(layout.stamp), np.flatnonzero(is_time)
    rests = [rows[at][width:].strip() or _NOTHING for at in timed.tolist()]
    numbers, found, unreadable = _numbers(rests, layout.delimiter, layout.widths, 0)
    prices = numbers[:, :_BAR_WIDTH]
    values = np.column_stack((times[timed[found]].astype(np.float64), prices))
    untimed = (at for at in np.flatnonzero(~is_time).tolist() if rows[at].strip())
    bad = (*untimed, *timed[unreadable].tolist())
    return BarLines(layout, values, timed[found] + first_line, tuple(at + first_line for at in bad))


def _numbers(
    lines: Sequence[bytes], delimiter: str, widths: set[int] | frozenset[int], first_line: int
) -> tuple[F64, I64, list[int]]:
    """All lines of as many numbers as allowed, their line numbers, and the rest."""
    if not any(line.strip() for line in lines):
        return np.empty((0, max(widths))), np.empty(0, dtype=np.int64), []
    try:
        values = np.loadtxt(lines, delimiter=delimiter, comments=None, ndmin=2)
    except ValueError:
        return _numbers_by_line(lines, delimiter, widths, first_line)
    if len(values) != len(lines) or values.shape[1] not in widths:
        return _numbers_by_line(lines, delimiter, widths, first_line)
    return values, np.arange(len(lines)) + first_line, []


def _numbers_by_line(
    lines: Sequence[bytes], delimiter: str, widths: set[int] | frozenset[int], first_line: int
) -> tuple[F64, I64, list[int]]:
    """As `_numbers`, for a file with a line that is not numbers; blank lines do not count."""
    rows: list[list[float]] = []
    row_lines: list[int] = []
    unreadable: list[int] = []
    least = min(widths)
    for number, line in enumerate(lines, start=first_line):
        if not line.strip():
            continue
        try:
            row = [float(field) for field in line.split(delimiter.encode())]
        except ValueError:
            row = []
        if len(row) in widths:
            rows.append(row[:least])
            row_lines.append(number)
        else:
            unreadable.append(number)
    values = np.array(rows, dtype=np.float64).reshape(-1, least)
    return values, np.array(row_lines, dtype=np.int64), unreadable
