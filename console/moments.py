"""Times and durations in words."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
"""The zone the trading day is anchored to."""

_LATEST_MS = 253_402_300_799_000


def elapsed(duration_s: float) -> str:
    """A running time: `+00:12.4`, from an hour on `+1:02:03`."""
    tenths = max(0, int(duration_s * 10 + 1e-6))
    minutes, rest = divmod(tenths, 600)
    if minutes < 60:
        return f"+{minutes:02d}:{rest // 10:02d}.{rest % 10}"
    return f"+{minutes // 60}:{minutes % 60:02d}:{rest // 10:02d}"


def minutes(duration_s: float) -> str:
    """Minutes and seconds, from an hour on with hours: `4:12`, `1:02:03`."""
    whole_minutes, seconds = divmod(max(0, int(duration_s)), 60)
    hours, left = divmod(whole_minutes, 60)
    return f"{hours}:{left:02d}:{seconds:02d}" if hours else f"{left}:{seconds:02d}"


def age(duration_s: float) -> str:
    """An age in at most four columns: `45s`, `12m`, `3h`, `5d`."""
    seconds = max(0, int(duration_s))
    for unit, width_s in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= width_s:
            return f"{min(seconds // width_s, 999)}{unit}"
    return f"{seconds}s"


def clock(at_ms: int) -> str:
    """The time of day, UTC: `12:04:31`."""
    return f"{_moment(at_ms):%H:%M:%S}"


def stamp(at_ms: int, zone: ZoneInfo | None = None) -> str:
    """Date and minute in a zone, UTC when None: `2025-11-21 21:55`."""
    return f"{_moment(at_ms).astimezone(zone or UTC):%Y-%m-%d %H:%M}"


def stamped(at_ms: int) -> str:
    """Date and millisecond, UTC: `2025-11-21T21:55:00.123Z`."""
    return f"{_moment(at_ms):%Y-%m-%dT%H:%M:%S}.{at_ms % 1_000:03d}Z"


def file_stamp(at_ms: int) -> str:
    """For the name of a file, UTC: `20251121T215500Z`."""
    return f"{_moment(at_ms):%Y%m%dT%H%M%SZ}"


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(min(max(at_ms, 0), _LATEST_MS) / 1_000, UTC)
