"""Which clock the times of a file were read from, and those times in UTC.

A calendar may not name a fixed offset, because it would be wrong after a clock change. A
file may: programs really write such times, HistData says so of its own. But only under a
name that says what it is, `UTC-5` or `EST5`, never `EST`. Brokers' servers often run so
many hours ahead of New York that their midnight is its 17:00: `America/New_York+7`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from uds.model import I64, MINUTE_MS

from ..calendars.wall_clock import Offsets, offsets
from ..calendars.wall_time import FIRST_YEAR, LAST_YEAR, check_zone, year_of

_SAME_AS = {"EST5": "UTC-5"}
_NAME = re.compile(r"(.+?)(?:([+-])(\d{1,2})(?::([0-5]\d))?)?")
_HOURS_MAX = 14


class Converted(NamedTuple):
    """Wall times as instants."""

    ts_ms: I64
    """UTC ms of each."""
    is_skipped: npt.NDArray[np.bool_]
    """The clock jumped over it; its instant is that of the jump."""
    is_ambiguous: npt.NDArray[np.bool_]
    """The clock showed it twice."""


@dataclass(frozen=True, slots=True)
class FileZone:
    """The clock of a file; made by `file_zone`."""

    name: str
    """As it was named."""
    place: str
    """IANA name of the place whose clock it follows, or `UTC`."""
    ahead_ms: int
    """How far its clock is ahead of the place's."""

    def to_utc(self, wall_ms: I64) -> Converted:
        """Instants of wall times that stand in the order of their file, either way round.

        Of a time that was shown twice the file's order tells which one is meant: once its
        times have run backwards, the clock had been put back.
        """
        if len(wall_ms) and wall_ms[0] > wall_ms[-1]:
            ts_ms, is_skipped, is_ambiguous = self.to_utc(wall_ms[::-1])
            return Converted(ts_ms[::-1], is_skipped[::-1], is_ambiguous[::-1])
        local_ms = wall_ms - self.ahead_ms
        first_year, last_year = (_year(local_ms, end) for end in (0, -1))
        clock = offsets(self.place, first_year, last_year)
        segment = np.searchsorted(clock.local_end_ms, local_ms, side="right")
        ts_ms = local_ms - clock.offset_ms[segment]
        is_skipped = ts_ms < clock.from_ms[segment]
        again_ms, is_ambiguous = _shown_again(clock, segment, local_ms)
        is_second = is_ambiguous & _ran_backwards(local_ms, segment, is_ambiguous)
        ts_ms = np.where(is_second, again_ms, np.maximum(ts_ms, clock.from_ms[segment]))
        return Converted(ts_ms, is_skipped, is_ambiguous)


UTC = FileZone("UTC", "UTC", 0)


def file_zone(text: str) -> FileZone:
    """The clock of a name; raises ValueError with a sentence on anything else."""
    match = _NAME.fullmatch(_SAME_AS.get(text, text))
    try:
        if match is None or int(match[3] or 0) > _HOURS_MAX:
            raise ValueError
        place = check_zone(match[1])
    except ValueError:
        raise ValueError(
            f"{text!r} is not a clock that a file can follow; name a place such as "
            "Europe/Athens, UTC, hours from UTC such as UTC-5 (or EST5, which is the same), or "
            "hours from a place such as America/New_York+7"
        ) from None
    minutes = int(match[3] or 0) * 60 + int(match[4] or 0)
    ahead_ms = minutes * MINUTE_MS * (-1 if match[2] == "-" else 1)
    return FileZone(text, place, ahead_ms)


def _year(local_ms: I64, end: int) -> int:
    """A year that surely begins before the first, or ends after the last, of the times."""
    if not len(local_ms):
        return FIRST_YEAR
    found = year_of(int(local_ms.min())) - 1 if end == 0 else year_of(int(local_ms.max())) + 1
    return min(max(found, FIRST_YEAR), LAST_YEAR)


def _shown_again(
    clock: Offsets, segment: npt.NDArray[np.intp], local_ms: I64
) -> tuple[I64, npt.NDArray[np.bool_]]:
    """(second instant of each local ms, whether there is one)."""
    last = len(clock.from_ms) - 1
    after = np.minimum(segment + 1, last)
    again_ms = local_ms - clock.offset_ms[after]
    return again_ms, (segment < last) & (again_ms >= clock.from_ms[after])


def _ran_backwards(
    local_ms: I64, segment: npt.NDArray[np.intp], is_ambiguous: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Whether, since the hour that comes twice began, the file's times have run backwards."""
    backwards = np.diff(local_ms, prepend=local_ms[:1]) < 0
    backwards &= is_ambiguous
    has_run = np.zeros(len(local_ms), dtype=np.bool_)
    for change in np.unique(segment[is_ambiguous]).tolist():
        rows = np.flatnonzero(is_ambiguous & (segment == change))
        has_run[rows] = np.logical_or.accumulate(backwards[rows])
    return has_run
