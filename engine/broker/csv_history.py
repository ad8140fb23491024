"""Text of a CSV history file turned into sane, ascending rows, and what was wrong with it.

A bar file has the header `open_ms,o,h,l,c,v`, a tick file `ts_ms,bid,ask`; times are UTC ms.
A good file is parsed as a whole; only a file that does not parse is read line by line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from uds.model import F64, I64, MINUTE_MS

from ..wall_clock import END_MS, FIRST_MS

BAR_HEADER = "open_ms,o,h,l,c,v"
TICK_HEADER = "ts_ms,bid,ask"

_BYTE_ORDER_MARK = "\ufeff"
_FIRST_ROW_LINE = 2


class NotHistory(ValueError):
    """The file is not of the expected kind at all: its header says something else."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The usable rows of one file and the count of what was not usable."""

    values: F64
    """Shape (n, columns of the header); times ascending."""
    bad_count: int
    """Lines dropped: not numbers, not finite, or no possible bar or tick."""
    repeated_count: int
    """Lines dropped because a later line has the same open; always 0 for ticks."""
    unordered_count: int
    """Lines that stood after a later time and were moved."""
    first_fault_line: int | None
    """Number in the file of the first such line, the header being 1; None when there is none."""

    @property
    def times(self) -> I64:
        """The first column, UTC ms."""
        return self.values[:, 0].astype(np.int64)

    @property
    def fault(self) -> str | None:
        """What was wrong, as the end of a sentence; None when nothing was."""
        if self.first_fault_line is None:
            return None
        counts = (
            (self.bad_count, "bad and dropped"),
            (self.repeated_count, "repeated by a later line and dropped"),
            (self.unordered_count, "out of order and moved"),
        )
        told = ", ".join(f"{count} {what}" for count, what in counts if count)
        return f"lines {told}; the first is line {self.first_fault_line}"


def parse_bars(text: bytes) -> Rows:
    """Rows of a bar file, each open once; raises NotHistory on another header."""
    values, lines, unreadable = _numbers(text, BAR_HEADER)
    prices = values[:, 1:5]
    sane = (
        _sane(values)
        & (values[:, 0] % MINUTE_MS == 0)
        & (prices > 0).all(axis=1)
        & (values[:, 2] == prices.max(axis=1, initial=0))
        & (values[:, 3] == prices.min(axis=1, initial=np.inf))
        & (values[:, 5] >= 0)
    )
    return _ordered(values, lines, sane, unreadable, is_unique=True)


def parse_ticks(text: bytes) -> Rows:
    """Rows of a tick file, crossed quotes included; raises NotHistory on another header."""
    values, lines, unreadable = _numbers(text, TICK_HEADER)
    sane = _sane(values) & (values[:, 1:] > 0).all(axis=1)
    return _ordered(values, lines, sane, unreadable, is_unique=False)


def _numbers(text: bytes, header: str) -> tuple[F64, I64, list[int]]:
    """All lines of as many numbers as the header has names, their line numbers, and the rest."""
    first, *lines = text.decode("utf-8", "replace").splitlines() or [""]
    if first.removeprefix(_BYTE_ORDER_MARK).strip() != header:
        raise NotHistory(f"its first line is {first[:40]!r}, not {header!r}")
    width = header.count(",") + 1
    if not lines:
        return np.empty((0, width)), np.empty(0, dtype=np.int64), []
    try:
        values = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
    except ValueError:
        return _numbers_by_line(lines, width)
    if values.shape != (len(lines), width):
        return _numbers_by_line(lines, width)
    return values, np.arange(len(lines)) + _FIRST_ROW_LINE, []


def _numbers_by_line(lines: list[str], width: int) -> tuple[F64, I64, list[int]]:
    """As `_numbers`, for a file with a line that is not numbers; blank lines do not count."""
    rows: list[list[float]] = []
    row_lines: list[int] = []
    unreadable: list[int] = []
    for number, line in enumerate(lines, start=_FIRST_ROW_LINE):
        if not line.strip():
            continue
        try:
            row = [float(field) for field in line.split(",")]
        except ValueError:
            row = []
        if len(row) == width:
            rows.append(row)
            row_lines.append(number)
        else:
            unreadable.append(number)
    values = np.array(rows, dtype=np.float64).reshape(-1, width)
    return values, np.array(row_lines, dtype=np.int64), unreadable


def _sane(values: F64) -> npt.NDArray[np.bool_]:
    """Rows of finite numbers whose time is a whole millisecond of the known years."""
    times = values[:, 0]
    is_known = (times >= FIRST_MS) & (times < END_MS) & (times == np.floor(times))
    sane: npt.NDArray[np.bool_] = is_known & np.isfinite(values).all(axis=1)
    return sane


def _ordered(
    values: F64,
    lines: I64,
    sane: npt.NDArray[np.bool_],
    unreadable: list[int],
    *,
    is_unique: bool,
) -> Rows:
    """Sort by time; where times must be unique, the line that comes last in the file stays."""
    faults = [*unreadable, *lines[~sane].tolist()]
    bad_count = len(faults)
    values, lines = values[sane], lines[sane]
    late = values[:, 0] < np.maximum.accumulate(values[:, 0])
    faults += lines[late].tolist()
    if late.any():
        order = np.argsort(values[:, 0], kind="stable")
        values, lines = values[order], lines[order]
    repeated = np.zeros(len(values), dtype=np.bool_)
    if is_unique and len(values):
        repeated[:-1] = values[1:, 0] == values[:-1, 0]
        faults += lines[repeated].tolist()
        values = values[~repeated]
    return Rows(
        values=values,
        bad_count=bad_count,
        repeated_count=int(repeated.sum()),
        unordered_count=int(late.sum()),
        first_fault_line=min(faults, default=None),
    )
