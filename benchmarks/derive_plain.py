"""Deriving in plain Python: no array, no frame, and the zone database asked for every hour.

It shares nothing with the kernel, neither its grid nor its chain of arrays, so that the two
agree is evidence for both.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from uds.model import Bars, Timeframe

from .derive_case import CHAIN, Case, Columns, Derived, Variant, one_by_one

_Row = tuple[int, float, float, float, float, int]
_Tables = dict[Timeframe, list[_Row]]


def variants(case: Case, series_count: int) -> list[Variant]:
    """The one idiom, over the first few series: it is slow, and its speed is the same for all."""
    zone = ZoneInfo(case.anchors.zone)
    series = case.series[:series_count]
    tables = [_rows(one.m1) for one in series]

    def derive(rows: list[_Row]) -> _Tables:
        return _derived(rows, zone)

    def answer(rows: list[_Row]) -> Derived:
        return {tf: _columns(made) for tf, made in derive(rows).items() if tf.is_derived}

    name = "plain Python" if len(series) == len(case.series) else "plain Python, 1 series"
    return [one_by_one(name, case, tables, derive, answer)]


def _rows(m1: Bars) -> list[_Row]:
    columns = (m1.open_time_ms, m1.o, m1.h, m1.low, m1.c, m1.v)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _derived(rows: list[_Row], zone: ZoneInfo) -> _Tables:
    tables = {Timeframe.M1: rows}
    for timeframe, parent in CHAIN:
        tables[timeframe] = _folded(tables[parent], partial(_floor, timeframe.ms))
    tables[Timeframe.H4] = _folded(tables[Timeframe.H1], partial(_h4_open, zone))
    return tables


def _floor(width_ms: int, at_ms: int) -> int:
    return at_ms - at_ms % width_ms


def _h4_open(zone: ZoneInfo, at_ms: int) -> int:
    """01, 05, 09, 13, 17 or 21 h by the clock of the zone; none of them is ever skipped."""
    wall = datetime.fromtimestamp(at_ms / 1_000, zone)
    opened = wall.replace(minute=0, fold=0) - timedelta(hours=(wall.hour - 1) % 4)
    return round(opened.astimezone(UTC).timestamp()) * 1_000


def _folded(rows: list[_Row], bucket: Callable[[int], int]) -> list[_Row]:
    made: list[_Row] = []
    at, o, h, low, c, v = rows[0]
    open_ms = bucket(at)
    for row in rows[1:]:
        key = bucket(row[0])
        if key != open_ms:
            made.append((open_ms, o, h, low, c, v))
            open_ms, (_, o, h, low, c, v) = key, row
            continue
        if row[2] > h:
            h = row[2]
        if row[3] < low:
            low = row[3]
        c = row[4]
        v += row[5]
    made.append((open_ms, o, h, low, c, v))
    return made


def _columns(rows: list[_Row]) -> Columns:
    open_ms, o, h, low, c, v = (np.array(column) for column in zip(*rows, strict=True))
    return Columns(open_ms, o, h, low, c, v)
