"""Wall time of a named place turned into UTC, one instant or a million.

One rule resolves every wall time: it is the first instant at which the place's clock shows
it or later. So 01:30 in the hour that happens twice is the first 01:30, and 02:30 on the
night when the clock jumps from 02:00 to 03:00 is the instant of the jump. The rule never
runs backwards: a later wall time is never an earlier instant.

Wall times are carried as "local ms": the milliseconds a UTC clock would have if it showed
what the place's clock shows. Offset changes of a zone are found once per year and cached,
so the vector forms cost one search among two changes a year.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from uds.model import I64


class Offsets(NamedTuple):
    """What a zone's clock does over some years: segments of constant offset from UTC."""

    from_ms: I64
    """First instant of each segment, UTC ms; the first reaches back for ever."""
    offset_ms: I64
    """Local ms minus UTC ms in the segment."""
    local_end_ms: I64
    """What the clock is about to show when the segment ends."""

    def to_local(self, ts_ms: I64) -> I64:
        """What the clock shows at each instant."""
        local_ms: I64 = ts_ms + self.offset_ms[np.searchsorted(self.from_ms, ts_ms, "right") - 1]
        return local_ms

    def to_utc(self, local_ms: I64) -> I64:
        """First instant at which the clock shows each local ms or later."""
        segment = np.searchsorted(self.local_end_ms, local_ms, side="right")
        ts_ms: I64 = np.maximum(self.from_ms[segment], local_ms - self.offset_ms[segment])
        return ts_ms


@lru_cache(maxsize=256)
def offsets(zone: str, first_year: int, last_year: int) -> Offsets:
    """The zone's offsets, right for instants from `first_year` to `last_year` inclusive."""
    changes = [change for year in range(first_year, last_year + 1) for change in _year(zone, year)]
    before_s = _offset_s(ZoneInfo(zone), _year_start_s(first_year) - 1)
    far_ms = np.iinfo(np.int64).max
    from_ms = np.array([-far_ms] + [at_s * 1_000 for at_s, _ in changes], dtype=np.int64)
    offset_ms = np.array([before_s] + [after_s for _, after_s in changes], dtype=np.int64) * 1_000
    end_ms = np.append(from_ms[1:] + offset_ms[:-1], far_ms)
    return Offsets(from_ms, offset_ms, end_ms)


@lru_cache(maxsize=4_096)
def _year(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """The changes in one UTC year: (instant in s, offset from then on in s)."""
    place = ZoneInfo(zone)
    changes: list[tuple[int, int]] = []
    end_s = _year_start_s(year + 1)
    known_s = _year_start_s(year) - 1
    while known_s < end_s - 1:
        probe_s = min(known_s + 86_400, end_s - 1)
        old_s, new_s = _offset_s(place, known_s), _offset_s(place, probe_s)
        if old_s != new_s:
            changes.append((_change_between(place, known_s, probe_s), new_s))
        known_s = probe_s
    return tuple(changes)


def _change_between(place: ZoneInfo, low_s: int, high_s: int) -> int:
    """First second after `low_s` that has the offset of `high_s`."""
    new_s = _offset_s(place, high_s)
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) // 2
        if _offset_s(place, middle_s) == new_s:
            high_s = middle_s
        else:
            low_s = middle_s
    return high_s


def _offset_s(place: ZoneInfo, ts_s: int) -> int:
    offset = datetime.fromtimestamp(ts_s, place).utcoffset()
    assert offset is not None, "a ZoneInfo always has an offset"
    return round(offset.total_seconds())


def _year_start_s(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
