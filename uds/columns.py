"""Bars as columns: what is checked when they are made, how they are cut, joined and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .model import MINUTE_MS

I64: TypeAlias = npt.NDArray[np.int64]
F64: TypeAlias = npt.NDArray[np.float64]
I32: TypeAlias = npt.NDArray[np.int32]
U8: TypeAlias = npt.NDArray[np.uint8]


class BadBars(ValueError):
    """A chunk that may not enter the store: unsorted, misaligned or insane; says which row."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Final bars of one series as columns of equal length, opens strictly ascending."""

    open_time_ms: I64
    """Inclusive open of each bar, UTC ms."""
    close_time_ms: I64
    """Exclusive close of each bar, UTC ms: the open of the bucket that follows."""
    o: F64
    """First price."""
    h: F64
    """Highest price."""
    low: F64
    """Lowest price."""
    c: F64
    """Last price."""
    v: I64
    """Number of ticks."""
    source_count: I32
    """M1 bars a partial derived bar was made of; 0 when the bar is whole or from the broker."""
    expected_count: I32
    """M1 bars a partial derived bar would be made of were it whole; 0 when it is."""
    partial_reasons: U8
    """Bits of PartialReason; 0 when the bar is whole or from the broker."""

    @classmethod
    def of(
        cls,
        open_time_ms: npt.ArrayLike,
        close_time_ms: npt.ArrayLike,
        o: npt.ArrayLike,
        h: npt.ArrayLike,
        low: npt.ArrayLike,
        c: npt.ArrayLike,
        v: npt.ArrayLike,
        source_count: npt.ArrayLike | None = None,
        expected_count: npt.ArrayLike | None = None,
        partial_reasons: npt.ArrayLike | None = None,
    ) -> Bars:
        """Build and check; the columns are any sequences of equal length n.

        Raises BadBars when opens are not strictly ascending whole minutes, a close is not
        after its open, or a price or volume is not finite and ordered low <= o, c <= h.
        """
        opens = np.asarray(open_time_ms, dtype=np.int64)
        zeros = np.zeros(len(opens), dtype=np.int32)
        bars = cls(
            opens,
            np.asarray(close_time_ms, dtype=np.int64),
            np.asarray(o, dtype=np.float64),
            np.asarray(h, dtype=np.float64),
            np.asarray(low, dtype=np.float64),
            np.asarray(c, dtype=np.float64),
            np.asarray(v, dtype=np.int64),
            zeros if source_count is None else np.asarray(source_count, dtype=np.int32),
            zeros if expected_count is None else np.asarray(expected_count, dtype=np.int32),
            (zeros if partial_reasons is None else np.asarray(partial_reasons)).astype(np.uint8),
        )
        _check(bars)
        return bars

    @classmethod
    @cache
    def empty(cls) -> Bars:
        """No bars."""
        return cls.of([], [], [], [], [], [], [])

    def __len__(self) -> int:
        return len(self.open_time_ms)

    @property
    def columns(self) -> tuple[npt.NDArray[np.generic], ...]:
        """All columns in field order."""
        return _columns(self)

    @property
    def first_open_ms(self) -> int | None:
        """Open of the oldest bar; None when empty."""
        return int(self.open_time_ms[0]) if len(self) else None

    @property
    def last_open_ms(self) -> int | None:
        """Open of the newest bar; None when empty."""
        return int(self.open_time_ms[-1]) if len(self) else None

    @property
    def last_close_ms(self) -> int | None:
        """Close of the newest bar; None when empty."""
        return int(self.close_time_ms[-1]) if len(self) else None

    def take(self, picked: slice | npt.NDArray[np.bool_] | I64) -> Bars:
        """The bars a slice, mask or ascending index picks, in order."""
        if not isinstance(picked, slice) and picked.dtype == np.bool_:
            picked = picked.nonzero()[0]
            if len(picked) == len(self):
                return self
        return Bars(*[column[picked] for column in self.columns])  # type: ignore[arg-type]

    def tail(self, count: int) -> Bars:
        """The newest `count` bars, or all when there are fewer."""
        return self.take(slice(max(0, len(self) - count), None))

    def between(self, from_ms: int, until_ms: int) -> Bars:
        """Bars whose open lies in [from_ms, until_ms)."""
        first, last = np.searchsorted(self.open_time_ms, (from_ms, until_ms))
        return self.take(slice(int(first), int(last)))

    def merged(self, newer: Bars) -> Bars:
        """Both together; where an open stands in both, `newer` replaces (never merges)."""
        if not len(newer):
            return self
        at, after = self._span_of(newer)
        if at == after:  # a page beside the others, as nearly all are
            return joined((self.take(slice(0, at)), newer, self.take(slice(at, None))))
        kept = self.take(~np.isin(self.open_time_ms, newer.open_time_ms, assume_unique=True))
        both = joined((kept, newer))
        return both.take(np.argsort(both.open_time_ms, kind="stable"))

    def _span_of(self, other: Bars) -> tuple[int, int]:
        """[first, end) of the rows that open while the other series, which has bars, does."""
        opens, theirs = self.open_time_ms, other.open_time_ms
        return int(opens.searchsorted(theirs[0])), int(opens.searchsorted(theirs[-1], "right"))

    def same_as(self, other: Bars) -> bool:
        """Whether every column is equal, bit for bit."""
        return all(map(np.array_equal, self.columns, other.columns))


_columns = attrgetter(*Bars.__slots__)


def joined(parts: Sequence[Bars]) -> Bars:
    """Parts one after another; the caller knows that they do not overlap."""
    filled = [part for part in parts if len(part)]
    if len(filled) < 2:
        return filled[0] if filled else Bars.empty()
    columns = zip(*[part.columns for part in filled], strict=True)
    return Bars(*map(np.concatenate, columns))


@dataclass(frozen=True, slots=True)
class Compared:
    """Bars that arrived, beside those that are stored; no order of preference in it."""

    is_new: npt.NDArray[np.bool_]
    """Of each that arrived: its open was not stored."""
    is_same: npt.NDArray[np.bool_]
    """Of each that arrived: it is stored just so; neither new nor same means other content."""


def compare(stored: Bars, arrived: Bars) -> Compared:
    """What of the arrived bars is new and what is stored just so."""
    is_known = np.zeros(len(arrived), dtype=np.bool_)
    if not len(arrived) or len({*stored._span_of(arrived)}) == 1:
        return Compared(~is_known, is_known)
    at = stored.open_time_ms.searchsorted(arrived.open_time_ms)
    inside = at < len(stored)
    is_known[inside] = stored.open_time_ms[at[inside]] == arrived.open_time_ms[inside]
    is_same = is_known.copy()
    rows = np.flatnonzero(is_known)
    mine, theirs = stored.take(at[rows]).columns, arrived.take(rows).columns
    for one, other in zip(mine, theirs, strict=True):
        is_same[rows] &= one == other
    return Compared(~is_known, is_same)


def _check(bars: Bars) -> None:
    if len(lengths := {len(column) for column in bars.columns}) != 1:
        raise BadBars(f"columns differ in length: {sorted(lengths)}")
    if not len(bars) or _is_sane(bars):
        return
    prices = np.stack((bars.o, bars.h, bars.low, bars.c))
    rules = (
        ("its open is not a whole minute", bars.open_time_ms % MINUTE_MS != 0),
        ("its close is not after its open", bars.close_time_ms <= bars.open_time_ms),
        ("a price is not a finite number above zero", ~(np.isfinite(prices) & (prices > 0)).all(0)),
        ("its high is below another price", bars.h < prices.max(0)),
        ("its low is above another price", bars.low > prices.min(0)),
        ("its volume is negative", bars.v < 0),
        ("it does not follow the bar before", np.diff(bars.open_time_ms, prepend=-1) <= 0),
    )
    for sentence, broken in rules:
        if broken.any():
            row = int(np.argmax(broken))
            raise BadBars(f"bar {row} (open_time_ms {int(bars.open_time_ms[row])}): {sentence}")


def _is_sane(bars: Bars) -> bool:
    """All the rules at once; no comparison holds of what is not a number."""
    opens, o, h, low, c = bars.open_time_ms, bars.o, bars.h, bars.low, bars.c
    is_sane = (low > 0) & (low <= o) & (low <= c) & (o <= h) & (c <= h) & (h < np.inf)
    is_sane &= (bars.v >= 0) & (bars.close_time_ms > opens) & (opens % MINUTE_MS == 0)
    return bool(is_sane.all() and opens[0] >= 0 and (opens[1:] > opens[:-1]).all())
