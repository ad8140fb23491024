"""Names of places, wall times and dates as they are written, and the years that are known."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from uds.model import MINUTE_MS

DAY_MS = 86_400_000
FIRST_YEAR = 1970
LAST_YEAR = 2199
FIRST_MS = 0
"""Before this instant nothing is known of any zone or calendar: 1970-01-01 UTC."""
END_MS = int(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()) * 1_000
"""From this instant on nothing is known: 2200-01-01 UTC."""

_PLACE = re.compile(r"(?!Etc/|posix/|right/|SystemV/)[A-Za-z_]+(/[A-Za-z0-9_+-]+)+")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def check_zone(zone: str) -> str:
    """The zone itself; raises ValueError when it is not a place whose clock changes are known."""
    if zone != "UTC" and not _PLACE.fullmatch(zone):
        raise ValueError(
            f"time zone {zone!r} is a fixed offset or an abbreviation, so it would be wrong "
            "after a clock change; name a place such as America/New_York, or UTC"
        )
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"time zone {zone!r} is not in the time zone database; "
            "name a place such as America/New_York, or UTC"
        ) from None
    return zone


def parse_time(text: str) -> int:
    """Milliseconds after midnight of `HH:MM`; raises ValueError on anything else."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a wall time from 00:00 to 23:59")
    return (int(match[1]) * 60 + int(match[2])) * MINUTE_MS


def parse_date(text: str) -> int:
    """Local ms of the midnight that begins `YYYY-MM-DD`; raises ValueError on anything else."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days * DAY_MS


def parse_local(text: str) -> int:
    """Local ms of a wall time such as `2025-12-24T13:52`; no offset, whole minutes."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None or moment.second or moment.microsecond:
        raise ValueError(f"{text!r} must be a wall time in whole minutes and without an offset")
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000


def year_of(ts_ms: int) -> int:
    """UTC year of an instant, held inside the known years."""
    if ts_ms < FIRST_MS:
        return FIRST_YEAR
    return datetime.fromtimestamp(min(ts_ms, END_MS - 1) / 1_000, UTC).year
