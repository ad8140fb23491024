"""Which clock a file's minutes were read from, told by when its market was silent.

Theory of operation. Every program writes wall times, few say of which place; what makers say
is no evidence either. But a market opens and closes by its calendar. So the file's pauses of
more than half an hour are held against the calendar under each candidate clock, and every
open-market minute inside a pause and every shut minute outside one counts against it.

The two ends of a session do not weigh the same. Closes are sharp: nobody stops an hour early
and nobody trades an hour late. Opens are not: measured, one broker begins an hour late in the
week between Europe's clock change and New York's, because its servers' week begins at their
own midnight, and FXCM shows indicative quotes from 15:00 on Sundays. So a minute at a close
counts three times, and a late open alone never decides.

Holidays that the calendar does not know cost every candidate alike; one pause is held at a
limit, so that they do not drown the rest. Candidates that differ by less than a margin are
tied: without a clock change in the file, New York in winter *is* UTC-5. Then a person must
say which clock it was. A clock that leaves more than a tenth of the file unexplained fits
worse than not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from uds.model import I64, MINUTE_MS

from ..calendars.trading_calendar import TradingCalendar
from .file_zone import FileZone, file_zone

CANDIDATES = (
    "UTC",
    "America/New_York",
    "UTC-5",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "America/New_York+7",
    "UTC+2",
    "UTC+3",
)

_PAUSE_MS = 30 * MINUTE_MS
_CLOSE_WEIGHT = 3
_PAUSE_LIMIT_MIN = 240
_MARGIN_MIN = 90
_UNEXPLAINED_MAX = 0.1


@dataclass(frozen=True, slots=True)
class Detected:
    """The clock that the file's pauses speak for."""

    zone: FileZone
    """Which clock."""
    evidence: str
    """Why, as a sentence without its full stop."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """The file does not tell its clock."""

    why: str
    """What is missing, as a sentence without its full stop."""


def detect_zone(open_wall_ms: I64, calendar: TradingCalendar) -> Detected | Undecided:
    """The clock of a file of M1 by the opens that stand in it, in any order."""
    opens = np.unique(open_wall_ms)
    steps = np.diff(opens)
    pauses = np.flatnonzero(steps > MINUTE_MS + _PAUSE_MS)
    if not len(steps) or np.median(steps) != MINUTE_MS:
        return Undecided("its rows are not a minute apart, so they do not tell its clock")
    if not len(pauses):
        return Undecided("it has no pause of the market, so it does not tell its clock")
    starts, ends = opens[np.append(0, pauses + 1)], opens[np.append(pauses, -1)] + MINUTE_MS
    costs = {name: _cost_min(file_zone(name), starts, ends, calendar) for name in CANDIDATES}
    best, *others = sorted(CANDIDATES, key=lambda name: costs[name])
    told = f"{len(pauses)} pauses of {_days(opens)}"
    if costs[best] > _UNEXPLAINED_MAX * float((ends - starts).sum()) / MINUTE_MS:
        return Undecided(f"the {told} fit no known clock; the nearest is {best}")
    tied = [best, *(name for name in others if costs[name] < costs[best] + _MARGIN_MIN)]
    if len(tied) > 1:
        listed = f"{', '.join(tied[:-1])} and {tied[-1]}"
        return Undecided(f"the {told} fit {listed} alike")
    return Detected(
        file_zone(best),
        f"the {told} miss the calendar by {costs[best]:.0f} weighted minutes, "
        f"{costs[others[0]]:.0f} under the next best, {others[0]}",
    )


def _cost_min(zone: FileZone, starts: I64, ends: I64, calendar: TradingCalendar) -> float:
    """Weighted minutes in which the file's stretches of trade and the calendar disagree."""
    starts, ends = zone.to_utc(starts).ts_ms, zone.to_utc(ends).ts_ms
    middles = (starts + ends) // 2
    early_opens = (middles - starts) // MINUTE_MS - calendar.expected_minutes(starts, middles)
    late_closes = (ends - middles) // MINUTE_MS - calendar.expected_minutes(middles, ends)
    shut = early_opens + _CLOSE_WEIGHT * late_closes
    begins, until = ends[:-1], starts[1:]
    middles = (begins + until) // 2
    early_closes = calendar.expected_minutes(begins, middles)
    late_opens = calendar.expected_minutes(middles, until)
    silent = np.minimum(late_opens + _CLOSE_WEIGHT * early_closes, _PAUSE_LIMIT_MIN)
    return float(np.maximum(shut, 0).sum() + silent.sum())


def _days(opens: I64) -> str:
    first, last = (
        datetime.fromtimestamp(int(ms) / 1_000, UTC).strftime("%Y-%m-%d")
        for ms in (opens[0], opens[-1])
    )
    return f"{first} to {last}"
