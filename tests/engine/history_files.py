"""History files as other programs write them, and wall times from an independent source."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from uds.model import I64, MINUTE_MS, Bars

HOUR_MS = 60 * MINUTE_MS
_NEW_YORK = "America/New_York"

STAMPS = {
    "histdata": "%Y%m%d %H%M%S;",
    "mt4": "%Y.%m.%d,%H:%M,",
    "mt5": "%Y.%m.%d\t%H:%M:%S\t",
    "mt5 comma": "%Y.%m.%d,%H:%M:%S,",
    "dukascopy": "%d.%m.%Y %H:%M:%S.000,",
    "dukascopy local": "%d.%m.%Y %H:%M:%S.000 GMT{offset},",
}
"""How each kind of file writes a time."""
HEADERS = {
    "mt5": "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n",
    "mt5 comma": "<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>,<VOL>,<SPREAD>\n",
    "dukascopy": "Gmt time,Open,High,Low,Close,Volume\n",
    "dukascopy local": "Local time,Open,High,Low,Close,Volume\n",
}
FORMAT_OF = {kind: kind.split()[0].rstrip("45") for kind in STAMPS}


def offset_ms(ts_ms: int, zone: str) -> int:
    """What the zone's clock is ahead of UTC; `UTC-5` and `America/New_York+7` too."""
    if zone.startswith("UTC"):
        return int(zone.removeprefix("UTC") or 0) * HOUR_MS
    place, _, hours = zone.partition("+")
    ahead = datetime.fromtimestamp(ts_ms / 1_000, ZoneInfo(place)).utcoffset()
    assert ahead is not None
    return round(ahead.total_seconds()) * 1_000 + int(hours or 0) * HOUR_MS


def wall_ms(ts_ms: I64, zone: str) -> I64:
    """What the zone's clock shows at each instant; zones change on whole hours only."""
    hours, place = np.unique(ts_ms // HOUR_MS, return_inverse=True)
    offsets = np.array([offset_ms(hour * HOUR_MS, zone) for hour in hours.tolist()])
    return ts_ms + offsets[place]


def text_of(kind: str, bars: Bars, zone: str = "UTC") -> bytes:
    """The bars as such a file holds them, its clock being the zone's."""
    separator = "\t" if kind == "mt5" else ";" if kind == "histdata" else ","
    extra = f"{separator}0{separator}3" if kind.startswith("mt5") else ""
    clock = "UTC" if kind == "dukascopy" else zone
    lines = [HEADERS.get(kind, "")]
    walls = wall_ms(bars.open_time_ms, clock)
    for wall, ts, o, h, low, c, v in zip(
        walls.tolist(),
        bars.open_time_ms.tolist(),
        *(column.tolist() for column in (bars.o, bars.h, bars.low, bars.c, bars.v)),
        strict=True,
    ):
        stamp = datetime.fromtimestamp(wall / 1_000, ZoneInfo("UTC")).strftime(STAMPS[kind])
        stamp = stamp.format(offset=_offset_text(wall - ts))
        lines.append(stamp + separator.join(map(str, (o, h, low, c, v))) + extra + "\n")
    return "".join(lines).encode()


def csv_text(bars: Bars) -> bytes:
    """The bars in our own CSV."""
    columns = (bars.open_time_ms, bars.o, bars.h, bars.low, bars.c, bars.v)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return ("open_ms,o,h,l,c,v\n" + "".join(",".join(map(str, r)) + "\n" for r in rows)).encode()


def _offset_text(ahead_ms: int) -> str:
    sign, minutes = "-" if ahead_ms < 0 else "+", abs(ahead_ms) // MINUTE_MS
    return f"{sign}{minutes // 60:02d}{minutes % 60:02d}"


def minute_bars(opens_ms: I64, price: float = 100.0) -> Bars:
    """A bar at each open, no two alike."""
    step = np.arange(len(opens_ms)) % 7
    o = price + step
    return Bars.of(opens_ms, opens_ms + MINUTE_MS, o, o + 2, o - 1, o + 1, step + 1)
