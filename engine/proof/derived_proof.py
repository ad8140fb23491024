"""Holds stored M3 to H4 against what the stored M1 make of themselves, stretch by stretch.

Theory of operation. A bar that is stored and the bar that its M1 make must be the same bar:
times, prices in whole points, volume. Where they are not, it is an accusation only if the
bucket is final by what was fetched; otherwise minutes of it may have been there when it was
made and prove nothing now.

What is stored nowhere is judged by where it is missing. Between two stored bars it is a gap.
Behind the last one it is a gap up to where M1 stood at the commit, since a commit holds all
that its M1 make; after that it may just not have been derived yet. Before the first one the
M1 are older than what was ever derived.

A bucket that is not whole at the end of a stretch is kept for the next one, so that H4 need
not nest in the days by which stretches are cut, and no more than a stretch is in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from uds.model import F64, I64, Bars, Coverage, Timeframe, joined

from ..aggregate import aggregate_all
from ..calendars.buckets import Anchors, bucket_closes, bucket_open, bucket_opens
from ..calendars.trading_calendar import TradingCalendar
from ..calendars.wall_time import END_MS
from ..coverage import BucketState, bucket_states

FAR_MS = 1 << 62
_COLUMNS = ("close_time_ms", "o", "h", "low", "c", "v")
_PRICES = ("o", "h", "low", "c")

_Mask = npt.NDArray[np.bool_]


class Difference(NamedTuple):
    """The first column in which a stored bar is not the one its M1 make."""

    open_time_ms: int
    """Which bar, UTC ms."""
    column: str
    """Which of its columns."""
    stored: float
    """What is on disk; a price, a volume or UTC ms."""
    derived: float
    """What M1 make."""


@dataclass(frozen=True, slots=True)
class Some:
    """So many bars."""

    count: int
    """How many."""
    first_ms: int | None
    """Open of the oldest, UTC ms; None when there is none."""

    def and_(self, opens: I64) -> Some:
        """These and others that are later."""
        if not len(opens):
            return self
        first_ms = int(opens[0]) if self.first_ms is None else self.first_ms
        return Some(self.count + len(opens), first_ms)


_NONE = Some(0, None)


@dataclass(slots=True)
class SeriesProof:
    """What became of one derived timeframe."""

    same: int = 0
    """Stored bars that are what their M1 make."""
    first_difference: Difference | None = None
    """None when no bar differs."""
    differing: int = 0
    """Stored bars that are not what their M1 make, though all of these are there."""
    rootless: Some = _NONE
    """Stored bars of final buckets without a single M1."""
    gaps: Some = _NONE
    """Bars that should be stored and are not."""
    unproved: int = 0
    """Stored bars whose M1 are not all there."""
    underived: int = 0
    """Bars that M1 make before the first stored one: nobody derived them yet."""
    lagging: int = 0
    """Bars that M1 make after the last stored one, and after the commit."""
    is_begun: bool = False
    """Whether a stored bar was met."""
    waiting: tuple[I64, I64] = field(
        default_factory=lambda: (np.zeros(0, np.int64), np.zeros(0, np.int64))
    )
    """Opens and closes of bars that M1 make after the last stored one met so far."""


class DerivedProof:
    """Goes through a symbol's time once, oldest stretch first."""

    def __init__(
        self,
        timeframes: tuple[Timeframe, ...],
        anchors: Anchors,
        calendar: TradingCalendar,
        coverage: Coverage,
        settle_ms: int,
        digits: int,
        committed_until_ms: int,
    ) -> None:
        """`coverage` is that of M1, `committed_until_ms` the close of the last one committed."""
        self.series = {timeframe: SeriesProof() for timeframe in timeframes}
        self._anchors = anchors
        self._calendar = calendar
        self._coverage = coverage
        self._settle_ms = settle_ms
        self._points = 10.0**digits
        self._committed_until_ms = committed_until_ms
        self._m1 = Bars.empty()
        self._stored = dict.fromkeys(timeframes, Bars.empty())
        self._done_ms = dict.fromkeys(timeframes, 0)

    def take(
        self,
        m1: Bars,
        stored: Mapping[Timeframe, Bars],
        until_ms: int,
        doubts: Mapping[Timeframe, Coverage],
    ) -> None:
        """The next stretch: all M1 and derived bars that open before `until_ms`.

        What overlaps a doubt of its timeframe or of M1 is left out: its damage was told already.
        """
        if not self.series:
            return
        together = joined((self._m1, m1))
        made = aggregate_all(together, tuple(self.series), self._anchors)
        cuts = {tf: self._cut(until_ms, tf) for tf in self.series}
        for timeframe, cut_ms in cuts.items():
            held = joined((self._stored[timeframe], stored.get(timeframe, Bars.empty())))
            self._stored[timeframe] = held.between(cut_ms, FAR_MS)
            doubt = Coverage.of((*doubts[Timeframe.M1], *doubts[timeframe]))
            done_ms = self._done_ms[timeframe]
            ours = made[timeframe].bars.between(done_ms, cut_ms)
            self._compare(timeframe, held.between(done_ms, cut_ms), ours, doubt)
            self._done_ms[timeframe] = cut_ms
        self._m1 = together.between(min(cuts.values()), FAR_MS)

    def finish(self) -> None:
        """No stretch comes any more: what still waits to be stored is judged."""
        for proof in self.series.values():
            opens, closes = proof.waiting
            if not proof.is_begun:
                proof.underived += len(opens)
                continue
            is_gap = closes <= self._committed_until_ms
            proof.gaps = proof.gaps.and_(opens[is_gap])
            proof.lagging += int((~is_gap).sum())

    def _cut(self, until_ms: int, timeframe: Timeframe) -> int:
        """Where the buckets end that are whole before `until_ms`."""
        return bucket_open(until_ms, timeframe, self._anchors) if until_ms < END_MS else until_ms

    def _compare(self, timeframe: Timeframe, stored: Bars, made: Bars, doubt: Coverage) -> None:
        proof = self.series[timeframe]
        is_final = self._is_final(made) & ~_overlaps(made, doubt)
        mine, theirs = _common(made, stored)
        differs = self._differs(made.take(mine), stored.take(theirs))
        is_wrong = differs.any(0) & is_final[mine]
        is_unproved = differs.any(0) & ~is_final[mine] & ~_overlaps(made, doubt)[mine]
        if is_wrong.any() and proof.first_difference is None:
            at = int(np.argmax(is_wrong))
            column = _COLUMNS[int(np.argmax(differs[:, at]))]
            proof.first_difference = _difference(
                column, stored.take(theirs[at : at + 1]), made.take(mine[at : at + 1])
            )
        proof.differing += int(is_wrong.sum())
        proof.same += len(mine) - int(differs.any(0).sum())
        alone = stored.take(_others(len(stored), theirs))
        alone = alone.take(~_overlaps(alone, doubt))
        is_rootless = self._is_final(alone)
        proof.rootless = proof.rootless.and_(alone.open_time_ms[is_rootless])
        proof.unproved += int(is_unproved.sum()) + int((~is_rootless).sum())
        _note_missing(proof, stored, made.take(_others(len(made), mine) & is_final))

    def _is_final(self, bars: Bars) -> _Mask:
        """Which buckets can change no more by what was fetched, whatever the clock says."""
        states = bucket_states(
            bars.open_time_ms,
            bars.close_time_ms,
            self._coverage,
            self._calendar,
            FAR_MS,
            self._settle_ms,
        )
        found: _Mask = states == BucketState.FINAL
        return found

    def _differs(self, one: Bars, other: Bars) -> _Mask:
        """Column by column, and bar by bar."""
        rows = [self._whole(one, name) != self._whole(other, name) for name in _COLUMNS]
        return np.stack(rows)

    def _whole(self, bars: Bars, column: str) -> F64 | I64:
        values: F64 | I64 = getattr(bars, column)
        return np.rint(values * self._points) if column in _PRICES else values


def is_off_the_grid(bars: Bars, timeframe: Timeframe, anchors: Anchors) -> _Mask:
    """Which bars do not open where a bucket opens, or do not close where it does."""
    is_off: _Mask = bars.open_time_ms >= END_MS
    inside = np.flatnonzero(~is_off)
    opens = bars.open_time_ms[inside]
    is_off[inside] = (bucket_opens(opens, timeframe, anchors) != opens) | (
        bucket_closes(opens, timeframe, anchors) != bars.close_time_ms[inside]
    )
    return is_off


def _note_missing(proof: SeriesProof, stored: Bars, missing: Bars) -> None:
    """Sort what is stored nowhere by the stored bars on both sides of it."""
    opens = np.concatenate((proof.waiting[0], missing.open_time_ms))
    closes = np.concatenate((proof.waiting[1], missing.close_time_ms))
    if not len(stored):
        proof.waiting = opens, closes
        return
    first_ms, last_ms = int(stored.open_time_ms[0]), int(stored.open_time_ms[-1])
    if not proof.is_begun:
        is_before = opens < first_ms
        proof.underived += int(is_before.sum())
        opens, closes = opens[~is_before], closes[~is_before]
        proof.is_begun = True
    proof.gaps = proof.gaps.and_(opens[opens < last_ms])
    proof.waiting = opens[opens > last_ms], closes[opens > last_ms]


def _common(made: Bars, stored: Bars) -> tuple[I64, I64]:
    """Rows of bars that both have, by their opens."""
    _, mine, theirs = np.intersect1d(
        made.open_time_ms, stored.open_time_ms, assume_unique=True, return_indices=True
    )
    return mine, theirs


def _others(count: int, rows: I64) -> _Mask:
    """Every row but these."""
    mask = np.ones(count, dtype=np.bool_)
    mask[rows] = False
    return mask


def _overlaps(bars: Bars, spans: Coverage) -> _Mask:
    mask = np.zeros(len(bars), dtype=np.bool_)
    for from_ms, until_ms in spans:
        mask |= (bars.open_time_ms < until_ms) & (bars.close_time_ms > from_ms)
    return mask


def _difference(column: str, stored: Bars, made: Bars) -> Difference:
    return Difference(
        int(stored.open_time_ms[0]),
        column,
        getattr(stored, column)[0].item(),
        getattr(made, column)[0].item(),
    )
