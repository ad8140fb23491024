"""Which bucket an instant belongs to, for all eight timeframes; a pure function of its arguments.

M1 to H1 are floors of UTC. H4 and D1 stand on the wall clock of an anchor: the grid of wall
times `h4` + k·4 h and `d1` + k·24 h in the anchor's zone, each turned into the first instant
at which the clock shows it (see `wall_clock`). A bucket lasts from one edge to the next, so
over a clock change an H4 is 3 or 5 h long and a D1 23 or 25 h, and six H4 fill every D1.

There is no cursor and no state: the edges of a year are computed once and kept, every
question is a binary search in them, and the scalar and vector forms search the same edges.
`docs/buckets.md` publishes vectors that a test holds this file to.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from uds.model import I64, Timeframe

from .anchors import Anchors as Anchors
from .wall_clock import offsets
from .wall_time import DAY_MS, END_MS, FIRST_MS, parse_date, parse_time, year_of


def bucket_open(ts_ms: int, timeframe: Timeframe, anchors: Anchors) -> int:
    """Open of the bucket that holds the instant, UTC ms."""
    if timeframe <= Timeframe.H1:
        return ts_ms - ts_ms % timeframe.ms
    edges = _edges_around(ts_ms, ts_ms, timeframe, anchors)
    return int(edges[edges.searchsorted(ts_ms, side="right") - 1])


def bucket_close(ts_ms: int, timeframe: Timeframe, anchors: Anchors) -> int:
    """Close of the bucket that holds the instant (so also of the one that opens there)."""
    if timeframe <= Timeframe.H1:
        return ts_ms - ts_ms % timeframe.ms + timeframe.ms
    edges = _edges_around(ts_ms, ts_ms, timeframe, anchors)
    return int(edges[edges.searchsorted(ts_ms, side="right")])


def bucket_opens(ts_ms: I64, timeframe: Timeframe, anchors: Anchors) -> I64:
    """`bucket_open` of every instant, in any order."""
    if timeframe <= Timeframe.H1:
        return ts_ms // timeframe.ms * timeframe.ms
    if not len(ts_ms):
        return ts_ms
    edges = _edges_around(int(ts_ms.min()), int(ts_ms.max()), timeframe, anchors)
    opens: I64 = edges[edges.searchsorted(ts_ms, side="right") - 1]
    return opens


def bucket_closes(ts_ms: I64, timeframe: Timeframe, anchors: Anchors) -> I64:
    """`bucket_close` of every instant, in any order."""
    if timeframe <= Timeframe.H1:
        return ts_ms // timeframe.ms * timeframe.ms + timeframe.ms
    if not len(ts_ms):
        return ts_ms
    edges = _edges_around(int(ts_ms.min()), int(ts_ms.max()), timeframe, anchors)
    closes: I64 = edges[edges.searchsorted(ts_ms, side="right")]
    return closes


def bucket_edges(from_ms: int, until_ms: int, timeframe: Timeframe, anchors: Anchors) -> I64:
    """The grid from the open that holds `from_ms` to the first edge at or after `until_ms`."""
    if timeframe <= Timeframe.H1:
        first_ms = from_ms // timeframe.ms * timeframe.ms
        return np.arange(first_ms, until_ms + timeframe.ms, timeframe.ms, dtype=np.int64)
    edges = _edges_around(from_ms, until_ms, timeframe, anchors)
    first = int(edges.searchsorted(from_ms, side="right")) - 1
    return edges[first : int(edges.searchsorted(until_ms)) + 1]


def _edges_around(first_ms: int, last_ms: int, timeframe: Timeframe, anchors: Anchors) -> I64:
    if first_ms < FIRST_MS or last_ms >= END_MS:
        raise ValueError(f"{first_ms} to {last_ms} ms is not inside the years 1970 to 2199")
    return _edges(timeframe, anchors, year_of(first_ms), year_of(last_ms))


@lru_cache(maxsize=256)
def _edges(timeframe: Timeframe, anchors: Anchors, first_year: int, last_year: int) -> I64:
    """Edges of a wall-clock grid from before the first UTC year until after the last."""
    width_ms = timeframe.ms
    phase_ms = parse_time(anchors.d1 if timeframe is Timeframe.D1 else anchors.h4) % width_ms
    from_ms = parse_date(f"{first_year}-01-01") - 3 * DAY_MS
    until_ms = parse_date(f"{last_year}-12-31") + 4 * DAY_MS
    wall_ms = np.arange(from_ms + phase_ms, until_ms, width_ms, dtype=np.int64)
    edges = np.unique(offsets(anchors.zone, first_year - 1, last_year + 1).to_utc(wall_ms))
    edges.setflags(write=False)
    return edges
