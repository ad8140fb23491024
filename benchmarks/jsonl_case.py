"""What the JSONL benchmark works on: series in every shape, a check of every answer."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from uds import codec
from uds.codec import SegmentHeader
from uds.model import Bars, Generation, SeriesKey

NUMBERS = ("open_time_ms", "close_time_ms", "o", "h", "low", "c", "v")


class Series(NamedTuple):
    """One series in every shape that a variant starts from."""

    key: SeriesKey
    """Whose bars they are."""
    bars: Bars
    """As the engine has them."""
    rows: Sequence[Mapping[str, Any]]
    """As plain Python has them: a dictionary a line, in the published order, no checksum."""
    header: bytes
    """The header line of their segment."""
    lines: bytes
    """Its other lines, with checksums."""
    segment: bytes
    """Both, as they stand on disk."""

    @property
    def seed(self) -> int:
        """What every line's checksum starts from."""
        return codec.header_crc(self.header)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to make lines of bars, or bars of lines."""

    name: str
    """Library and idiom."""
    work: Callable[[Series], object]
    """One series; its result is dropped before the next."""
    columns: Callable[[Series], Mapping[str, Any]]
    """The same work, its answer as columns; never timed."""
    note: str = ""
    """What is not alike."""


def series_of(key: SeriesKey, bars: Bars) -> Series:
    """Every shape of the same bars."""
    header = codec.encode_header(SegmentHeader(key, 1, 1, Generation(1, 1), "first_tick"))
    lines = codec.encode_lines(key, bars, codec.header_crc(header))
    rows = [_without_checksum(line) for line in lines.splitlines()]
    return Series(key, bars, rows, header, lines, header + lines)


def columns_of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Columns of dictionaries."""
    return {name: [row[name] for row in rows] for name in NUMBERS}


def columns_of_bars(bars: Bars) -> dict[str, Any]:
    """Columns of ours."""
    return {name: getattr(bars, name) for name in NUMBERS}


def is_right(variant: Variant, one: Series) -> bool:
    """Whether a variant's answer is these bars, number for number."""
    found = variant.columns(one)
    wanted = columns_of_bars(one.bars)
    return all(np.array_equal(np.asarray(found[name]), wanted[name]) for name in NUMBERS)


def is_as_published(one: Series) -> bool:
    """Whether our lines are those that the format's document describes, checksums included."""
    seed = int(json.loads(one.header)["crc"], 16)
    for line in one.lines.splitlines():
        body, _, tail = line.rpartition(b',"crc":"')
        if tail != b'%08x"}' % zlib.crc32(body, seed):
            return False
    return len(one.rows) == len(one.bars) and np.array_equal(
        columns_of_rows(one.rows)["c"], one.bars.c
    )


def pass_over(variant: Variant, series: Sequence[Series]) -> Callable[[], None]:
    """Series after series, each result dropped before the next, as the engine works."""

    def once() -> None:
        for one in series:
            variant.work(one)

    return once


def _without_checksum(line: bytes) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    del row["crc"]
    return row
