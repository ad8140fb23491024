"""Is the market open: the calendar of one group of symbols, in UTC, fast.

The rules are wall time of a named place, so a clock change needs no edit. They are turned
into one table of segments, each with the reason why the market is shut in it (or that it
is open) and the open time that lies before it; every question is then a binary search.
The table spans whole UTC years and grows when a question reaches beyond it.
How rules become instants is told in `calendar_table`.
"""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

from uds.model import I64, MINUTE_MS

from .calendar_rules import CalendarRules, DailyBreak, EarlyClose, Holiday, LateOpen, Outage
from .calendar_table import OPEN, REASONS, CalendarTable, ShutReason, build
from .wall_time import FIRST_MS, FIRST_YEAR, LAST_YEAR, year_of

__all__ = [
    "CalendarRules",
    "DailyBreak",
    "EarlyClose",
    "Holiday",
    "LateOpen",
    "Outage",
    "ShutReason",
    "TradingCalendar",
]


class TradingCalendar:
    """The open hours of one market; a value whose only inside change is a growing table."""

    def __init__(self, rules: CalendarRules) -> None:
        """Build from rules; raises ValueError when they never let the market open."""
        self.rules = rules
        self._table = build(rules, 2024, 2026)
        if not (self._table.state == OPEN).any():
            raise ValueError(f"a calendar of {rules.zone} never opens: its breaks fill the week")

    def is_open(self, ts_ms: int) -> bool:
        """Whether the market trades at this instant."""
        return self.why_shut(ts_ms) is None

    def are_open(self, ts_ms: I64) -> npt.NDArray[np.bool_]:
        """`is_open` of every instant."""
        if not len(ts_ms):
            return np.zeros(0, dtype=np.bool_)
        table = self._over(int(ts_ms.min()), int(ts_ms.max()))
        found: npt.NDArray[np.bool_] = table.state[table.segment(ts_ms)] == OPEN
        return found

    def why_shut(self, ts_ms: int) -> ShutReason | None:
        """Why the market does not trade at this instant; None when it does."""
        table = self._over(ts_ms, ts_ms)
        return REASONS[int(table.state[table.start_ms.searchsorted(ts_ms, side="right") - 1])]

    def next_open(self, ts_ms: int) -> int:
        """First open instant at or after this one; raises ValueError when none is known."""
        return self._next(ts_ms, is_open=True)

    def next_close(self, ts_ms: int) -> int:
        """First shut instant at or after this one; raises ValueError when none is known."""
        return self._next(ts_ms, is_open=False)

    def open_intervals(self, from_ms: int, until_ms: int) -> I64:
        """Open stretches inside [from_ms, until_ms), merged and clipped; shape (n, 2)."""
        if from_ms >= until_ms:
            return np.zeros((0, 2), dtype=np.int64)
        table = self._over(from_ms, until_ms)
        first = int(table.start_ms.searchsorted(from_ms, side="right")) - 1
        last = int(table.start_ms.searchsorted(until_ms))
        picked = first + np.flatnonzero(table.state[first:last] == OPEN)
        spans = np.stack((table.start_ms[picked], table.start_ms[picked + 1]), axis=1)
        spans = np.clip(spans, from_ms, until_ms)
        return spans[spans[:, 0] < spans[:, 1]]

    def shut_intervals(self, from_ms: int, until_ms: int) -> list[tuple[int, int, ShutReason]]:
        """Shut stretches inside [from_ms, until_ms) with their reasons, ascending."""
        table = self._over(from_ms, until_ms)
        bounds = np.append(table.start_ms, np.iinfo(np.int64).max)
        spans: list[tuple[int, int, ShutReason]] = []
        first = int(table.start_ms.searchsorted(from_ms, side="right")) - 1
        for index in range(first, int(table.start_ms.searchsorted(until_ms))):
            reason = REASONS[int(table.state[index])]
            start_ms, end_ms = (
                max(int(bounds[index]), from_ms),
                min(int(bounds[index + 1]), until_ms),
            )
            if reason is not None and start_ms < end_ms:
                spans.append((start_ms, end_ms, reason))
        return spans

    def open_duration_ms(self, from_ms: int, until_ms: int) -> int:
        """Open-market time between two instants; 0 when they stand the wrong way round."""
        if from_ms >= until_ms:
            return 0
        table = self._over(from_ms, until_ms)
        return table.elapsed_at(until_ms) - table.elapsed_at(from_ms)

    @overload
    def expected_minutes(self, from_ms: int, until_ms: int) -> int: ...
    @overload
    def expected_minutes(self, from_ms: I64, until_ms: I64 | int) -> I64: ...
    @overload
    def expected_minutes(self, from_ms: int, until_ms: I64) -> I64: ...
    def expected_minutes(self, from_ms: I64 | int, until_ms: I64 | int) -> I64 | int:
        """How many open minutes begin in each [from_ms, until_ms); ints give an int."""
        if isinstance(from_ms, int) and isinstance(until_ms, int):
            first_ms, last_ms = (-(-end // MINUTE_MS) * MINUTE_MS for end in (from_ms, until_ms))
            return max(0, self.open_duration_ms(first_ms, last_ms)) // MINUTE_MS
        first, last = (_ceil_minute(np.asarray(end, dtype=np.int64)) for end in (from_ms, until_ms))
        if not first.size or not last.size:
            return np.zeros(0, dtype=np.int64)
        table = self._over(int(first.min()), int(last.max()))
        elapsed_ms: I64 = np.asarray(table.elapsed(last) - table.elapsed(first))
        counts: I64 = np.maximum(elapsed_ms, 0) // MINUTE_MS
        return counts if counts.ndim else int(counts)

    def minutes(self, from_ms: int, until_ms: int) -> I64:
        """Opens of all open minutes that begin in [from_ms, until_ms), ascending."""
        spans = self.open_intervals(-(-from_ms // MINUTE_MS) * MINUTE_MS, until_ms)
        runs = [np.arange(start, end, MINUTE_MS, dtype=np.int64) for start, end in spans.tolist()]
        return np.concatenate(runs) if runs else np.zeros(0, dtype=np.int64)

    def back(self, until_ms: int, minutes_count: int) -> int:
        """Latest instant with exactly this many open minutes from it to `until_ms`.

        Where the known time does not hold so many, its beginning (1970).
        """
        if minutes_count <= 0:
            return until_ms
        end_ms = -(-until_ms // MINUTE_MS) * MINUTE_MS
        first_year = year_of(end_ms)
        while True:
            table = self._covering(first_year, year_of(end_ms))
            wanted_ms = table.elapsed_at(end_ms) - minutes_count * MINUTE_MS
            if wanted_ms >= 0 or table.first_year == FIRST_YEAR:
                break
            first_year = max(FIRST_YEAR, table.first_year - 8)
        if wanted_ms < 0:
            return FIRST_MS
        # The last segment before which no more was open: never a shut one, for more is open later.
        found = int(table.open_before_ms.searchsorted(wanted_ms, side="right")) - 1
        return int(table.start_ms[found]) + wanted_ms - int(table.open_before_ms[found])

    def _next(self, ts_ms: int, *, is_open: bool) -> int:
        table = self._over(ts_ms, ts_ms)
        while True:
            first = int(table.start_ms.searchsorted(ts_ms, side="right")) - 1
            fitting = np.flatnonzero((table.state[first:-1] == OPEN) == is_open)
            if len(fitting):
                return max(ts_ms, int(table.start_ms[first + int(fitting[0])]))
            if table.last_year == LAST_YEAR:
                word = "opens" if is_open else "shuts"
                raise ValueError(f"the calendar of {self.rules.zone} never {word} after {ts_ms}")
            longer = table.last_year + 1 + table.last_year - table.first_year
            table = self._covering(table.first_year, min(LAST_YEAR, longer))

    def _over(self, from_ms: int, until_ms: int) -> CalendarTable:
        return self._covering(year_of(from_ms), year_of(until_ms))

    def _covering(self, first_year: int, last_year: int) -> CalendarTable:
        """The table, grown to these years; one assignment, so a second thread sees it whole."""
        table = self._table
        if first_year < table.first_year or last_year > table.last_year:
            table = build(
                self.rules, min(first_year, table.first_year), max(last_year, table.last_year)
            )
            self._table = table
        return table


def _ceil_minute(ts_ms: I64) -> I64:
    return -(-ts_ms // MINUTE_MS) * MINUTE_MS
