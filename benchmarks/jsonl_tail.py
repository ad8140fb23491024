"""The newest 300 bars of a series of 366 409 lines: our segments beside one long file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.config import Config
from uds import codec, layout
from uds.codec import SegmentHeader
from uds.disk import FolderDisk
from uds.model import Bars, Generation, SeriesKey, Timeframe, joined

from .session import Row, Target, Watch, print_table
from .turns import Step, take_turns
from .waist_case import long_m1
from .waist_store import bench_folder

_SYMBOL = "USD/CAD"
_LINES = 366_409
_SEGMENT_LINES = 5_000
_COUNT = 300
_LINE_BYTES_MEAN = 256
"""A little more than our lines have, so that one read nearly always is enough."""
_READLINES = "one file: readlines, json of the newest"
_PARSE_ALL = "one file: json of every line"
_OURS = "ours: end of the newest segment, checksums proved"
_LEAST_S = 0.02


def measure(config: Config, rounds: int, with_parsing: bool) -> list[Target]:
    """Write both, hold the answers against the bars, time them, print the table."""
    key = SeriesKey(_SYMBOL, Timeframe.M1)
    bars = long_m1(config, _SYMBOL, _LINES)
    with bench_folder() as (folder, asked):
        paths = _write_segments(folder, key, bars)
        one_file = folder / "one.jsonl"
        one_file.write_bytes(codec.encode_lines(key, bars, 0))
        disk = FolderDisk(folder)
        steps = {
            _OURS: Step(lambda: asked(tail_of(disk, key, paths, _COUNT))),
            _READLINES: Step(lambda: _newest_by_readlines(one_file)),
        }
        _compare(bars.tail(_COUNT), asked(tail_of(disk, key, paths, _COUNT)), one_file)
        watch = Watch()
        turns = take_turns(steps, rounds, _LEAST_S)
        heading = watch.heading(f"newest {_COUNT} of {len(bars):,} lines, {rounds} rounds")
        rows = [Row(name, turns.pass_s(name), turns.ratio(name, _OURS)) for name in steps]
        if with_parsing:
            rows.append(_parsing_row(steps[_OURS], one_file))
    print_table(heading, rows, "x ours")
    ratio = turns.ratio(_READLINES, _OURS)
    return [Target("tail: readlines / ours", ratio, 100, is_least=True)]


def _parsing_row(ours: Step, one_file: Path) -> Row:
    """It takes seconds, so it is done twice and no more."""
    parse = Step(lambda: _newest_by_parsing_all(one_file), prepare=lambda: None)
    twice = take_turns({_OURS: ours, _PARSE_ALL: parse}, 2)
    return Row(_PARSE_ALL, twice.pass_s(_PARSE_ALL), twice.ratio(_PARSE_ALL, _OURS), "two rounds")


async def tail_of(disk: FolderDisk, key: SeriesKey, paths: Sequence[str], count: int) -> Bars:
    """The newest bars of a series whose segments follow one another, read from its end."""
    found = Bars.empty()
    for path in reversed(paths):
        if len(found) >= count:
            break
        older = await _end_of_segment(disk, key, path, count - len(found))
        found = joined((older, found)) if len(found) else older
    return found


async def _end_of_segment(disk: FolderDisk, key: SeriesKey, path: str, count: int) -> Bars:
    length = count * _LINE_BYTES_MEAN
    reads = disk.read(path, 0, codec.LINE_BYTES_MAX), disk.read(path, -length)
    head, end = await asyncio.gather(*reads)
    assert head is not None
    header = head[: head.index(b"\n") + 1]
    while True:
        assert end is not None
        is_whole = len(end) < length
        before, *newest = (end[len(header) :] if is_whole else end).rsplit(b"\n", count + 1)
        if is_whole or len(newest) > count:
            lines = newest if len(newest) > count else [before, *newest]
            return codec.decode_segment(key, header + b"\n".join(lines)).bars
        length *= 2
        end = await disk.read(path, -length)


def _write_segments(folder: Path, key: SeriesKey, bars: Bars) -> list[str]:
    """Their paths, oldest first: what a manifest tells whoever reads them."""
    generation, paths = Generation(1, 1), []
    for n, first in enumerate(range(0, len(bars), _SEGMENT_LINES), start=1):
        header = codec.encode_header(SegmentHeader(key, 1, n, generation, "first_tick"))
        part = bars.take(slice(first, first + _SEGMENT_LINES))
        paths.append(layout.segment_path(key, 1, n))
        path = folder / paths[-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(header + codec.encode_lines(key, part, codec.header_crc(header)))
    return paths


def _newest_by_readlines(path: Path) -> list[dict[str, Any]]:
    with open(path, "rb") as file:
        return [json.loads(line) for line in file.readlines()[-_COUNT:]]


def _newest_by_parsing_all(path: Path) -> list[dict[str, Any]]:
    with open(path, "rb") as file:
        return [json.loads(line) for line in file][-_COUNT:]


def _compare(wanted: Bars, ours: Bars, one_file: Path) -> None:
    theirs = [row["open_time_ms"] for row in _newest_by_readlines(one_file)]
    if not wanted.same_as(ours) or theirs != wanted.open_time_ms.tolist():
        raise SystemExit("the ways to read the tail do not agree")
