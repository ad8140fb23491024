"""From the text of a bar file to rows in UTC: its format, its clock, and how both are known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from uds.model import I64, MINUTE_MS, Timeframe

from ..calendars.trading_calendar import TradingCalendar
from .file_zone import UTC, FileZone
from .formats import BarLines
from .rows import Marks, Rows, bar_rows
from .zone_detection import Detected, detect_zone

_HOUR_MS = 60 * MINUTE_MS


class ZoneUnknown(ValueError):
    """The file does not tell which clock its times were read from; says why not."""


@dataclass(frozen=True, slots=True)
class FileRows:
    """A bar file as far as it is usable."""

    format: str
    """One of `formats.FORMATS`."""
    zone: FileZone
    """The clock its times were read from."""
    evidence: str
    """How the clock is known, as a sentence without its full stop."""
    rows: Rows
    """What it holds, in UTC."""


def timeframe_of(lines: BarLines) -> Timeframe | None:
    """M1 or D1 by how far its rows lie apart; None for anything else or fewer than two rows."""
    steps, counts = np.unique(np.abs(np.diff(lines.values[:, 0])), return_counts=True)
    if not len(steps):
        return None
    step_ms = float(steps[np.argmax(counts)])
    if step_ms == MINUTE_MS:
        return Timeframe.M1
    return Timeframe.D1 if abs(step_ms - Timeframe.D1.ms) <= _HOUR_MS else None


def in_utc(
    lines: BarLines,
    calendar: TradingCalendar,
    zone: FileZone | None = None,
    like: FileZone | None = None,
) -> FileRows:
    """The lines in UTC; raises ZoneUnknown.

    `zone` is the clock of files that do not state their own; None to detect it. `like` is that
    of another file of the market in the same format, for a file that does not tell its own.
    """
    chosen, evidence = _clock(lines, calendar, zone, like)
    values, marks = lines.values, Marks.none(lines.lines)
    if lines.layout.is_padded:
        is_still = (values[:, 1:5] == values[:, 1:2]).all(axis=1) & (values[:, 5] == 0)
        marks = replace(marks, flat=is_still)
    if not lines.layout.is_utc:
        times = chosen.to_utc(_times(lines))
        marks = replace(marks, skipped=times.is_skipped, ambiguous=times.is_ambiguous)
        values = np.column_stack((times.ts_ms.astype(np.float64), values[:, 1:]))
    rows = bar_rows(values, marks, lines.unreadable)
    return FileRows(lines.layout.format, chosen, evidence, rows)


def _clock(
    lines: BarLines, calendar: TradingCalendar, zone: FileZone | None, like: FileZone | None
) -> tuple[FileZone, str]:
    if lines.layout.is_utc:
        return UTC, "its times say themselves what they are in UTC"
    if zone is not None:
        return zone, "it was named"
    found = detect_zone(_times(lines), calendar)
    if isinstance(found, Detected):
        return found.zone, found.evidence
    if like is None:
        raise ZoneUnknown(found.why)
    return like, f"{found.why}; another file of the market in this format is of this clock"


def _times(lines: BarLines) -> I64:
    return lines.values[:, 0].astype(np.int64)
