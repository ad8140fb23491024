"""Where the market keeps other hours than its calendar says.

A calendar in a file is a belief. Each covered session's first and last minute with ticks is
held against it; what differs by more than the tolerance is told with its evidence, so that
an operator mends the calendar. Nothing is ever fetched again because of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uds.model import I64, MINUTE_MS, Coverage

from .trading_calendar import TradingCalendar

TOLERANCE_MS = 15 * MINUTE_MS
"""Real currency pairs begin their week anywhere in the first quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One session whose observed hours are not the expected ones."""

    session_open_ms: int
    """When the calendar opens it, UTC ms."""
    session_close_ms: int
    """When the calendar shuts it, UTC ms."""
    first_ms: int | None
    """Open of the first M1 observed nearer to it than to its neighbours; None without M1."""
    last_ms: int | None
    """Close of the last such M1; None without M1."""

    @property
    def opens_late_ms(self) -> int | None:
        """Observed minus expected open: negative when it began early; None without M1."""
        return None if self.first_ms is None else self.first_ms - self.session_open_ms

    @property
    def closes_late_ms(self) -> int | None:
        """Observed minus expected close: negative when it ended early; None without M1."""
        return None if self.last_ms is None else self.last_ms - self.session_close_ms


def calendar_drift(
    opens: I64,
    coverage: Coverage,
    calendar: TradingCalendar,
    from_ms: int,
    until_ms: int,
    tolerance_ms: int = TOLERANCE_MS,
) -> tuple[Drift, ...]:
    """The sessions wholly inside [from_ms, until_ms) and covered that drifted, ascending.

    `opens` are the M1 that exist, ascending. The hours between two sessions are shared at
    their middle, so trading before the bell counts for the session it is nearer to.
    """
    spans = calendar.open_intervals(from_ms, until_ms)
    middles = (spans[:-1, 1] + spans[1:, 0]) // 2
    bounds = np.concatenate(([from_ms], middles, [until_ms]))
    rows = opens.searchsorted(bounds)
    drifts: list[Drift] = []
    for (open_ms, close_ms), first, after in zip(spans.tolist(), rows[:-1], rows[1:], strict=True):
        is_cut = open_ms == from_ms or close_ms == until_ms
        if is_cut or coverage.gaps(open_ms, close_ms).intervals:
            continue
        begin_ms = int(opens[first]) if first < after else None
        end_ms = int(opens[after - 1]) + MINUTE_MS if first < after else None
        drift = Drift(open_ms, close_ms, begin_ms, end_ms)
        offs = (drift.opens_late_ms, drift.closes_late_ms)
        if any(off is None or abs(off) > tolerance_ms for off in offs):
            drifts.append(drift)
    return tuple(drifts)
