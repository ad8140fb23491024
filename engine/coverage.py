"""What was fetched, what that proves, and which buckets can no longer change.

Brokers send no row for a minute without ticks, so "N of N minutes" would starve a bucket
for ever. Completeness is by coverage instead: a minute inside a fetched interval that has
no row had no tick; a minute outside may still come. A bucket is final when

- its close plus the settle time has passed, and
- no minute of it in which the calendar lets the market trade is uncovered. So Friday's last
  H4 is final on Friday evening although nobody can fetch the hour after the week's close.
  A bucket the calendar shuts from end to end, yet which has rows, must be covered whole.

At the live edge an answer without rows proves nothing by itself, because a closed minute
appears seconds late; `LiveEdge` keeps what is needed to turn silence into evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal, TypeAlias

import numpy as np

from uds.model import I64, MINUTE_MS, U8, Coverage

from .calendars.trading_calendar import ShutReason, TradingCalendar

CONFIRM_MS = 60_000
"""Least time between the two empty answers that together prove silence."""


@dataclass(frozen=True, slots=True)
class EmptyAnswer:
    """An answer that showed no row where rows were already due."""

    from_ms: int
    """Where its silence begins, UTC ms."""
    until_ms: int
    """Where it ends: no later than the last minute that had settled when it was given."""
    at_ms: int
    """When it was given, by the broker's clock."""


@dataclass(frozen=True, slots=True)
class LiveEdge:
    """What the answers for one series have proved, and what they have not proved yet."""

    newest_close_ms: int | None = None
    """Close of the newest row ever seen; None before the first."""
    silences: tuple[EmptyAnswer, ...] = ()
    """Empty answers past that row that still need a second one, oldest first."""

    def answered(
        self,
        from_ms: int,
        until_ms: int,
        last_close_ms: int | None,
        at_ms: int,
        settle_ms: int,
    ) -> tuple[LiveEdge, Coverage]:
        """Take one answer for [from_ms, until_ms); returns the next edge and what is now covered.

        `last_close_ms` is the close of the newest row in it, None when it had no row; of a
        page cut short by its size, `from_ms` is the open of its oldest row. A row covers
        everything asked before it. Silence after the newest row ever seen covers its
        settled minutes once it was told twice, at least a minute apart.
        """
        known = [close for close in (self.newest_close_ms, last_close_ms) if close is not None]
        newest_ms = max(known, default=None)
        proved = Coverage()
        if newest_ms is not None:
            proved = proved.add(from_ms, min(until_ms, newest_ms))
            for earlier in self.silences:
                proved = proved.add(earlier.from_ms, min(earlier.until_ms, newest_ms))
        settled_ms = (at_ms - settle_ms) // MINUTE_MS * MINUTE_MS
        silence = EmptyAnswer(
            from_ms if newest_ms is None else max(from_ms, newest_ms),
            min(until_ms, settled_ms),
            at_ms,
        )
        # One that was told later than now was told under a clock that has been set back since.
        told = tuple(silence for silence in self.silences if silence.at_ms <= at_ms)
        waiting = _after(told, newest_ms)
        for earlier in waiting:
            if at_ms - earlier.at_ms >= CONFIRM_MS:
                proved = proved.add(
                    max(earlier.from_ms, silence.from_ms), min(earlier.until_ms, silence.until_ms)
                )
        return LiveEdge(newest_ms, _remember(waiting, silence)), proved


def _after(silences: tuple[EmptyAnswer, ...], newest_ms: int | None) -> tuple[EmptyAnswer, ...]:
    """What of the silences lies after the newest row."""
    if newest_ms is None:
        return silences
    clipped = (replace(s, from_ms=max(s.from_ms, newest_ms)) for s in silences)
    return tuple(s for s in clipped if s.from_ms < s.until_ms)


def _remember(waiting: tuple[EmptyAnswer, ...], silence: EmptyAnswer) -> tuple[EmptyAnswer, ...]:
    """Add a silence unless an older one says as much; forget the older that say less."""
    if silence.from_ms >= silence.until_ms:
        return waiting
    if any(_says(silence, s) for s in waiting):
        return waiting
    ripe = [s for s in waiting if silence.at_ms - s.at_ms >= CONFIRM_MS]
    young = [s for s in waiting if silence.at_ms - s.at_ms < CONFIRM_MS]
    kept = (s for index, s in enumerate(ripe) if not any(_says(s, t) for t in ripe[index + 1 :]))
    return (*kept, *young, silence)


def _says(silence: EmptyAnswer, other: EmptyAnswer) -> bool:
    """Whether the other silence holds all of this one."""
    return other.from_ms <= silence.from_ms and other.until_ms >= silence.until_ms


HoleKind: TypeAlias = ShutReason | Literal["no_tick", "gap"]

_KINDS: tuple[HoleKind, ...] = ("no_tick", "gap", "weekend", "session_break", "holiday", "outage")
_PRESENT = len(_KINDS)


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of minutes without M1, and why."""

    from_ms: int
    """First missing minute, UTC ms."""
    until_ms: int
    """Open of the minute after the last missing one, UTC ms."""
    kind: HoleKind
    """`gap` is still to be fetched; `no_tick` was fetched and had none; else the calendar."""


def classify_holes(
    opens: I64, coverage: Coverage, calendar: TradingCalendar, from_ms: int, until_ms: int
) -> tuple[Hole, ...]:
    """Every missing minute of [from_ms, until_ms), as ascending stretches of one kind.

    `opens` are the M1 that exist, ascending; the range is in whole minutes.
    """
    kinds = np.full(max(0, until_ms - from_ms) // MINUTE_MS, _KINDS.index("no_tick"), np.uint8)
    for start_ms, end_ms in coverage.gaps(from_ms, until_ms):
        kinds[_minute(start_ms, from_ms) : _minute(end_ms, from_ms)] = _KINDS.index("gap")
    for start_ms, end_ms, reason in calendar.shut_intervals(from_ms, until_ms):
        kinds[_minute(start_ms, from_ms) : _minute(end_ms, from_ms)] = _KINDS.index(reason)
    present = opens[(opens >= from_ms) & (opens < until_ms)]
    kinds[(present - from_ms) // MINUTE_MS] = _PRESENT
    starts = np.flatnonzero(np.diff(kinds, prepend=np.uint8(255)))
    ends = np.append(starts[1:], len(kinds))
    return tuple(
        Hole(from_ms + start * MINUTE_MS, from_ms + end * MINUTE_MS, _KINDS[kinds[start]])
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        if kinds[start] != _PRESENT
    )


def _minute(ts_ms: int, from_ms: int) -> int:
    """How many minutes from the start to the first minute at or after an instant."""
    return -(-(ts_ms - from_ms) // MINUTE_MS)


class BucketState(IntEnum):
    """How far a bucket has come; only a final one is stored or served."""

    FORMING = 0
    """Its close, plus the settle time, has not passed."""
    CLOSED_UNCOVERED = 1
    """Closed, but an open minute of it was not fetched yet."""
    PARTIAL_HEAD = 2
    """Closed and covered to its end, but coverage begins inside it."""
    FINAL = 3
    """No more data will come."""


def bucket_states(
    open_ms: I64,
    close_ms: I64,
    coverage: Coverage,
    calendar: TradingCalendar,
    now_ms: int,
    settle_ms: int,
) -> U8:
    """The BucketState of each bucket; `now_ms` is the broker's clock."""
    states = np.full(len(open_ms), BucketState.FINAL, dtype=np.uint8)
    if not len(open_ms):
        return states
    is_forming = close_ms + settle_ms > now_ms
    states[is_forming] = BucketState.FORMING
    uncovered = coverage.gaps(int(open_ms.min()), int(close_ms.max()))
    if not uncovered.intervals:
        return states
    spans = np.array(uncovered.intervals, dtype=np.int64)
    begun = spans[:, 0].searchsorted(close_ms, side="left")
    is_holed = begun > spans[:, 1].searchsorted(open_ms, side="right")
    for row in np.flatnonzero(is_holed & ~is_forming).tolist():
        states[row] = _holed_state(int(open_ms[row]), int(close_ms[row]), coverage, calendar)
    return states


def _holed_state(
    open_ms: int, close_ms: int, coverage: Coverage, calendar: TradingCalendar
) -> BucketState:
    """The state of a closed bucket that is not covered from end to end."""
    holes = coverage.gaps(open_ms, close_ms).intervals
    if calendar.expected_minutes(open_ms, close_ms):
        holes = tuple(hole for hole in holes if calendar.expected_minutes(*hole))
    if not holes:
        return BucketState.FINAL
    from_ms, until_ms = holes[0]
    if len(holes) == 1 and from_ms == open_ms and until_ms < close_ms:
        return BucketState.PARTIAL_HEAD
    return BucketState.CLOSED_UNCOVERED
