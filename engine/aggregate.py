"""M1 into higher bars, whether final or not: the numpy kernel under derive, witness and replay.

The chain is M1→M3, M1→M5→M15→M30→H1→H4 (and H1→D1): each level is folded from the one
below, so the work of M15 to D1 together is less than that of M5. A wall-clock grid whose
edges do not stand on whole hours is folded from the coarsest level that its edges do fit.

One fold: rows of the level below carry the number of their bucket; a bucket begins where
the number changes. High and low are gathered from the 1st, 2nd, … row of every bucket at
once; the index of a bucket with fewer rows is held at its last row, where taking the
maximum again changes nothing. Each bucket also knows the M1 it begins with: open, close,
volume and count of M1 come straight from M1 by that index, the volume as the difference of
two running sums, which is exact in integers.

Long histories are cut at common bucket edges into blocks that fit the processor's cache;
that alone makes them three times faster. Bars come out only where M1 went in: a bucket
without M1 has no bar.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from uds.model import F64, I64, MINUTE_MS, Bars, Timeframe, joined

from .buckets import Anchors, bucket_edges, bucket_open

_BLOCK_ROWS = 50_000
_FLOORS = (Timeframe.H1, Timeframe.M30, Timeframe.M15, Timeframe.M5, Timeframe.M1)
_PARENT = {
    Timeframe.M3: Timeframe.M1,
    Timeframe.M5: Timeframe.M1,
    Timeframe.M15: Timeframe.M5,
    Timeframe.M30: Timeframe.M15,
    Timeframe.H1: Timeframe.M30,
}


class Aggregated(NamedTuple):
    """The bars of one timeframe and what they were made of."""

    bars: Bars
    """One bar per bucket with at least one M1; no extensions."""
    source_count: I64
    """M1 in each bar."""


class _Level(NamedTuple):
    """One timeframe of the chain, a row per bucket that is not empty."""

    number: npt.NDArray[np.signedinteger]
    """Open divided by the width (half the bytes of ms), or which edge of a wall-clock grid."""
    first: npt.NDArray[np.intp]
    """Which M1 the bucket begins with."""
    high: F64
    """Highest price."""
    low: F64
    """Lowest price."""


def aggregate(m1: Bars, timeframe: Timeframe, anchors: Anchors) -> Bars:
    """Every bucket of one timeframe that has M1, whole or not, final or not."""
    return aggregate_all(m1, (timeframe,), anchors)[timeframe].bars


def aggregate_all(
    m1: Bars, timeframes: tuple[Timeframe, ...], anchors: Anchors
) -> dict[Timeframe, Aggregated]:
    """Several timeframes in one pass over ascending M1."""
    if not len(m1):
        none = Aggregated(Bars.empty(), np.zeros(0, dtype=np.int64))
        return dict.fromkeys(timeframes, none)
    cuts = _cuts(m1.open_time_ms, timeframes, anchors)
    if len(cuts) == 2:
        return _block(m1, timeframes, anchors)
    blocks = [
        _block(m1.take(slice(first, last)), timeframes, anchors) for first, last in pairwise(cuts)
    ]
    return {
        timeframe: Aggregated(
            joined([block[timeframe].bars for block in blocks]),
            np.concatenate([block[timeframe].source_count for block in blocks]),
        )
        for timeframe in timeframes
    }


def _cuts(open_ms: I64, timeframes: tuple[Timeframe, ...], anchors: Anchors) -> list[int]:
    """Rows at which blocks begin and end: always edges of every timeframe asked for."""
    coarsest = max(timeframes)
    cuts = [0]
    while len(open_ms) - cuts[-1] > 2 * _BLOCK_ROWS:
        edge_ms = bucket_open(int(open_ms[cuts[-1] + _BLOCK_ROWS]), coarsest, anchors)
        if any(bucket_open(edge_ms, timeframe, anchors) != edge_ms for timeframe in timeframes):
            break
        cuts.append(int(open_ms.searchsorted(edge_ms)))
    return [*cuts, len(open_ms)]


def _block(
    m1: Bars, timeframes: tuple[Timeframe, ...], anchors: Anchors
) -> dict[Timeframe, Aggregated]:
    minute = (m1.open_time_ms // MINUTE_MS).astype(np.int32)
    levels = {Timeframe.M1: _Level(minute, np.arange(len(m1)), m1.h, m1.low)}
    volume_before = np.zeros(len(m1) + 1, dtype=np.int64)
    np.cumsum(m1.v, out=volume_before[1:])
    out = {}
    for timeframe in timeframes:
        if timeframe <= Timeframe.H1:
            level = _floor_level(timeframe, levels)
            open_ms = level.number * np.int64(timeframe.ms)
            close_ms = open_ms + timeframe.ms
        else:
            level, edges = _wall_level(timeframe, levels, anchors)
            open_ms, close_ms = edges.take(level.number - 1), edges.take(level.number)
        out[timeframe] = _bars(m1, level, open_ms, close_ms, volume_before)
    return out


def _floor_level(timeframe: Timeframe, levels: dict[Timeframe, _Level]) -> _Level:
    """The level of M1 to H1, folded (with those below it) unless it already was."""
    if timeframe in levels:
        return levels[timeframe]
    parent = _PARENT[timeframe]
    below = _floor_level(parent, levels)
    ratio = timeframe // parent
    levels[timeframe] = level = _fold(below, below.number // ratio, ratio)
    return level


def _wall_level(
    timeframe: Timeframe, levels: dict[Timeframe, _Level], anchors: Anchors
) -> tuple[_Level, I64]:
    """The level of H4 or D1, and the edges of the grid that its numbers count from 1."""
    minute = levels[Timeframe.M1].number
    from_ms, last_ms = int(minute[0]) * MINUTE_MS, int(minute[-1]) * MINUTE_MS
    edges = bucket_edges(from_ms, last_ms + MINUTE_MS, timeframe, anchors)
    fitting = next(floor for floor in _FLOORS if not (edges % floor.ms).any())
    below = _floor_level(fitting, levels)
    number = edges.searchsorted(below.number * np.int64(fitting.ms), side="right")
    return _fold(below, number, int(np.diff(edges).max()) // fitting.ms), edges


def _fold(below: _Level, number: npt.NDArray[np.signedinteger], rows_max: int) -> _Level:
    """One row per run of equal bucket numbers; no run is longer than `rows_max`."""
    begins = np.empty(len(number), dtype=np.bool_)
    begins[0] = True
    np.not_equal(number[1:], number[:-1], out=begins[1:])
    start = begins.nonzero()[0]
    last = np.empty_like(start)
    last[:-1] = start[1:]
    last[-1] = len(number)
    last -= 1
    high, low = below.high.take(start), below.low.take(start)
    row = start
    for _ in range(rows_max - 1):
        row = np.minimum(row + 1, last)
        np.maximum(high, below.high.take(row, mode="clip"), out=high)
        np.minimum(low, below.low.take(row, mode="clip"), out=low)
    return _Level(number.take(start), below.first.take(start), high, low)


def _bars(m1: Bars, level: _Level, open_ms: I64, close_ms: I64, volume_before: I64) -> Aggregated:
    bounds = np.empty(len(level.first) + 1, dtype=np.intp)
    bounds[:-1] = level.first
    bounds[-1] = len(m1)
    first, after = bounds[:-1], bounds[1:]
    volume = volume_before.take(bounds)
    none = np.zeros(len(first), dtype=np.int32)
    bars = Bars(
        open_time_ms=open_ms,
        close_time_ms=close_ms,
        o=m1.o.take(first),
        h=level.high,
        low=level.low,
        c=m1.c.take(after - 1),
        v=volume[1:] - volume[:-1],
        source_count=none,
        expected_count=none,
        partial_reasons=np.zeros(len(first), dtype=np.uint8),
    )
    return Aggregated(bars, after - first)
