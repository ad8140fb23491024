"""A calendar's rules turned into one table of instants.

How rules become instants:
- A wall time is the first instant at which the place's clock shows it or later
  (see `wall_clock`): an hour that happens twice counts from its first pass, a time that
  the clock skips is the instant of the change.
- The week is open from `week_open` to the next `week_close`; outside it is `weekend`.
- A daily break recurs on every local date, the one that wraps midnight belongs to the date
  on which it begins; inside the week it is `session_break`.
- A holiday shuts its local date from 00:00 to 24:00. An early close shuts from its time to
  its `reopen`, or else to 24:00; a late open shuts from 00:00 to its time. All three are
  `holiday`. A trading day that begins the evening before is therefore written as an early
  close of the eve, the holiday, and a late open of the day after, as far as each is known.
- Where reasons overlap the most regular one is told: weekend, session break, holiday,
  outage. Before 1970 and from 2200 on nothing is known, which counts as an outage.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from uds.model import I64, U8

from .calendar_rules import CalendarRules, parse_week_time
from .wall_clock import offsets
from .wall_time import DAY_MS, FIRST_MS, FIRST_YEAR, parse_date, parse_local, parse_time

ShutReason: TypeAlias = Literal["session_break", "weekend", "holiday", "outage"]

OPEN, _WEEKEND, _BREAK, _HOLIDAY, _OUTAGE = range(5)
REASONS: tuple[ShutReason | None, ...] = (None, "weekend", "session_break", "holiday", "outage")
"""What each state of a segment means; None is open."""

_WEEK_MS = 7 * DAY_MS
_MONDAY_MS = 4 * DAY_MS
"""1970-01-05, the first Monday."""


class CalendarTable(NamedTuple):
    """Segments of one state each, ascending; the first reaches back for ever."""

    first_year: int
    last_year: int
    start_ms: I64
    """Where each segment begins, UTC ms."""
    state: U8
    """Open, or the reason why not."""
    open_before_ms: I64
    """Open time of the table before each segment."""

    def segment(self, ts_ms: I64) -> npt.NDArray[np.intp]:
        """Which segment holds each instant."""
        return self.start_ms.searchsorted(ts_ms, side="right") - 1

    def elapsed(self, ts_ms: I64) -> I64:
        """Open milliseconds of the table before each instant."""
        found = self.segment(ts_ms)
        inside = np.where(self.state[found] == OPEN, ts_ms - self.start_ms[found], 0)
        return self.open_before_ms[found] + inside

    def elapsed_at(self, ts_ms: int) -> int:
        """`elapsed` of one instant."""
        found = int(self.start_ms.searchsorted(ts_ms, side="right")) - 1
        inside_ms = ts_ms - int(self.start_ms[found]) if self.state[found] == OPEN else 0
        return int(self.open_before_ms[found]) + inside_ms


def build(rules: CalendarRules, first_year: int, last_year: int) -> CalendarTable:
    """Sweep over the edges of week, breaks and overrides: in which of them is each stretch."""
    clock = offsets(rules.zone, first_year - 1, last_year + 1)
    from_ms = parse_date(f"{first_year}-01-01")
    until_ms = parse_date(f"{last_year}-12-31") + DAY_MS
    known = np.array([[from_ms if first_year > FIRST_YEAR else FIRST_MS, until_ms]])
    layers = (
        clock.to_utc(_weeks(rules, from_ms, until_ms)),
        clock.to_utc(_breaks(rules, from_ms, until_ms)),
        clock.to_utc(_dates_off(rules)),
        clock.to_utc(_outages(rules)),
        known,
    )
    edges = np.unique(np.concatenate([layer.ravel() for layer in layers]))
    edges = edges[(edges >= from_ms) & (edges <= until_ms)]
    in_week, in_break, off, out, is_known = (_inside(layer, edges) for layer in layers)
    state = np.select(
        (~is_known, ~in_week, in_break, off, out),
        (_OUTAGE, _WEEKEND, _BREAK, _HOLIDAY, _OUTAGE),
        default=OPEN,
    ).astype(np.uint8)
    edges = np.insert(edges, 0, -np.iinfo(np.int64).max // 2)
    state = np.insert(state, 0, _OUTAGE)
    turns = np.insert(state[1:] != state[:-1], 0, True)
    start_ms, state = edges[turns], state[turns]
    lasts_ms = np.where(state[:-1] == OPEN, np.diff(start_ms), 0)
    open_before_ms = np.insert(np.cumsum(lasts_ms), 0, 0)
    return CalendarTable(first_year, last_year, start_ms, state, open_before_ms)


def _inside(spans: I64, at_ms: I64) -> npt.NDArray[np.bool_]:
    """Whether each instant lies in at least one of the half-open spans."""
    spans = spans[spans[:, 0] < spans[:, 1]]
    begun = np.searchsorted(np.sort(spans[:, 0]), at_ms, side="right")
    return begun > np.searchsorted(np.sort(spans[:, 1]), at_ms, side="right")


def _weeks(rules: CalendarRules, from_ms: int, until_ms: int) -> I64:
    """Local spans of every trading week that touches the years."""
    opens_ms, closes_ms = parse_week_time(rules.week_open), parse_week_time(rules.week_close)
    lasts_ms = (closes_ms - opens_ms) % _WEEK_MS or _WEEK_MS
    monday_ms = from_ms - (from_ms - _MONDAY_MS) % _WEEK_MS
    opens = np.arange(monday_ms - 2 * _WEEK_MS, until_ms + _WEEK_MS, _WEEK_MS) + opens_ms
    return np.stack((opens, opens + lasts_ms), axis=1)


def _breaks(rules: CalendarRules, from_ms: int, until_ms: int) -> I64:
    """Local spans of every daily break that touches the years."""
    dates = np.arange(from_ms - 2 * DAY_MS, until_ms + 2 * DAY_MS, DAY_MS)
    spans = [np.zeros((0, 2), dtype=np.int64)]
    for pause in rules.daily_breaks:
        start_ms, end_ms = parse_time(pause.from_time), parse_time(pause.until_time)
        lasts_ms = (end_ms - start_ms) % DAY_MS
        spans.append(np.stack((dates + start_ms, dates + start_ms + lasts_ms), axis=1))
    return np.concatenate(spans)


def _dates_off(rules: CalendarRules) -> I64:
    """Local spans of holidays, early closes and late opens."""
    spans: list[tuple[int, int]] = []
    for holiday in rules.holidays:
        spans.append((parse_date(holiday.date), parse_date(holiday.date) + DAY_MS))
    for early in rules.early_closes:
        date_ms = parse_date(early.date)
        until_ms = DAY_MS if early.reopen is None else parse_time(early.reopen)
        spans.append((date_ms + parse_time(early.time), date_ms + until_ms))
    for late in rules.late_opens:
        spans.append((parse_date(late.date), parse_date(late.date) + parse_time(late.time)))
    return _spans(spans)


def _outages(rules: CalendarRules) -> I64:
    """Local spans of the known outages."""
    return _spans([(parse_local(o.from_local), parse_local(o.until_local)) for o in rules.outages])


def _spans(pairs: list[tuple[int, int]]) -> I64:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
