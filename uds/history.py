"""Bars that have left the RAM, read from their files again."""

from __future__ import annotations

from . import codec
from .book import Series
from .errors import BadSegment
from .model import Bars, SeriesKey
from .ports import Disk


async def read_history(
    disk: Disk, key: SeriesKey, series: Series, from_ms: int, until_ms: int
) -> Bars:
    """Bars that open in [from_ms, until_ms), of as many files as that takes.

    Of an open that stands in two files the one begun later counts. Lines that cannot be
    believed are left out: the scrub finds them. Raises DiskFailed.
    """
    found = Bars.empty()
    segments = [s for s in series.segments if s.first_ms < until_ms and s.last_ms >= from_ms]
    for segment in sorted(segments, key=lambda segment: segment.number):
        data = await disk.read(segment.path, 0, segment.bytes) or b""
        try:
            decoded = codec.decode_segment(key, data)
        except BadSegment:
            continue
        found = found.merged(decoded.bars.between(from_ms, until_ms))
    return found
