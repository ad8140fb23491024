"""Rows of one file made sane and ascending, and a true account of what was not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from uds.model import F64, I64, MINUTE_MS, Bars, Timeframe

from ..calendars.buckets import Anchors, bucket_closes
from ..calendars.wall_time import END_MS, FIRST_MS

_VOLUME_END = 2.0**53
"""From here on a float is no exact count any more."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """The usable rows of one file and the count of what was not usable."""

    values: F64
    """Shape (n, columns): UTC ms, then o, h, l, c, v of a bar or bid, ask of a tick; ascending."""
    bad_count: int
    """Lines dropped: not numbers, not finite, or no possible bar or tick."""
    flat_count: int
    """Lines dropped: bars without a tick, which some programs write while the market is shut."""
    skipped_count: int
    """Lines dropped: the zone's clock never showed their time."""
    repeated_count: int
    """Lines dropped because a later line has the same open; always 0 for ticks."""
    ambiguous_count: int
    """Lines whose time the zone's clock showed twice: read in the order of the file."""
    unordered_count: int
    """Lines that stood after a later time and were moved."""
    first_fault_line: int | None
    """Number in the file of the first line counted above, from 1; None when there is none."""

    @property
    def times(self) -> I64:
        """The first column, UTC ms."""
        return self.values[:, 0].astype(np.int64)

    @property
    def dropped_count(self) -> int:
        """Lines that did not become a row."""
        return self.bad_count + self.flat_count + self.skipped_count + self.repeated_count

    @property
    def fault(self) -> str | None:
        """What was wrong, as the end of a sentence; None when nothing was."""
        if self.first_fault_line is None:
            return None
        counts = (
            (self.bad_count, "bad and dropped"),
            (self.flat_count, "without a tick and dropped"),
            (self.skipped_count, "at a time its clock never showed and dropped"),
            (self.repeated_count, "repeated by a later line and dropped"),
            (self.ambiguous_count, "at a time its clock showed twice"),
            (self.unordered_count, "out of order and moved"),
        )
        told = ", ".join(f"{count} {what}" for count, what in counts if count)
        return f"lines {told}; the first is line {self.first_fault_line}"

    def bars(self, timeframe: Timeframe, anchors: Anchors) -> Bars:
        """Rows of a bar file as bars; a fractional volume is rounded."""
        closes = bucket_closes(self.times, timeframe, anchors)
        o, h, low, c = self.values[:, 1:5].T
        return Bars.of(self.times, closes, o, h, low, c, np.rint(self.values[:, 5]))


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known of each line beside its numbers; all of one length."""

    lines: I64
    """Its number in the file, from 1."""
    flat: Flags
    """A bar without a tick."""
    skipped: Flags
    """Its zone's clock never showed its time."""
    ambiguous: Flags
    """Its zone's clock showed its time twice."""

    @classmethod
    def none(cls, lines: I64) -> Marks:
        """Nothing but the numbers."""
        no = np.zeros(len(lines), dtype=np.bool_)
        return cls(lines, no, no, no)


def bar_rows(values: F64, marks: Marks, unreadable: Iterable[int]) -> Rows:
    """Rows of a bar file, each open once; `unreadable` are the lines without numbers."""
    prices = values[:, 1:5]
    sane = (
        _sane(values)
        & (values[:, 0] % MINUTE_MS == 0)
        & (prices > 0).all(axis=1)
        & (values[:, 2] == prices.max(axis=1, initial=0))
        & (values[:, 3] == prices.min(axis=1, initial=np.inf))
        & (values[:, 5] >= 0)
        & (values[:, 5] < _VOLUME_END)
    )
    return _ordered(values, marks, sane, unreadable, is_unique=True)


def tick_rows(values: F64, lines: I64, unreadable: Iterable[int]) -> Rows:
    """Rows of a tick file, crossed quotes included."""
    sane = _sane(values) & (values[:, 1:] > 0).all(axis=1)
    return _ordered(values, Marks.none(lines), sane, unreadable, is_unique=False)


def _sane(values: F64) -> Flags:
    """Rows of finite numbers whose time is a whole millisecond of the known years."""
    times = values[:, 0]
    is_known = (times >= FIRST_MS) & (times < END_MS) & (times == np.floor(times))
    sane: Flags = is_known & np.isfinite(values).all(axis=1)
    return sane


def _ordered(
    values: F64, marks: Marks, sane: Flags, unreadable: Iterable[int], *, is_unique: bool
) -> Rows:
    """Sort by time; where times must be unique, the line that comes last in the file stays."""
    bad = [*unreadable, *marks.lines[~sane].tolist()]
    skipped = sane & marks.skipped
    flat = sane & ~skipped & marks.flat
    kept = sane & ~skipped & ~flat
    ambiguous = kept & marks.ambiguous
    faults = [*bad, *marks.lines[skipped | flat | ambiguous].tolist()]
    values, lines = values[kept], marks.lines[kept]
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
        bad_count=len(bad),
        flat_count=int(flat.sum()),
        skipped_count=int(skipped.sum()),
        repeated_count=int(repeated.sum()),
        ambiguous_count=int(ambiguous.sum()),
        unordered_count=int(late.sum()),
        first_fault_line=min(faults, default=None),
    )
