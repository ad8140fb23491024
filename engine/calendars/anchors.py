"""Where the wall-clock grids of H4 and D1 stand; what is cut along them is in `buckets`."""

from __future__ import annotations

from dataclasses import dataclass

from .wall_time import check_zone, parse_time


@dataclass(frozen=True, slots=True)
class Anchors:
    """Where the wall-clock grids of H4 and D1 stand; a different value is a different grid."""

    zone: str = "America/New_York"
    """IANA name of the place whose clock anchors the grids, or `UTC`."""
    d1: str = "17:00"
    """Wall time `HH:MM` at which a D1 opens."""
    h4: str = "17:00"
    """Wall time `HH:MM` at which one of the six H4 of a day opens."""

    def __post_init__(self) -> None:
        check_zone(self.zone)
        parse_time(self.d1)
        parse_time(self.h4)
