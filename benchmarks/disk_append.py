"""One page of M1 made durable: the store, the disk seam alone, and two system calls."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from engine.config import Config
from uds import codec
from uds.disk import FolderDisk
from uds.model import Bars, SeriesKey, Timeframe
from uds.ports import Append

from .disk_floor import append_synced
from .session import Row, Watch, print_table
from .turns import Step, take_turns
from .waist_case import long_m1
from .waist_store import bench_folder, opened, terms_of

_KEY = SeriesKey("USD/CAD", Timeframe.M1)
_CHUNK = 1_000
_FLOOR = "floor: write and fdatasync of an open file"
_REOPENED = "the same, opened and closed each time"
_SEAM = "FolderDisk.append of ready lines"
_STORE = "Store.append: compare, encode, write, note the page"


def measure(config: Config, rounds: int) -> None:
    """Time a chunk each way, compare what came to disk, print the table."""
    bars = long_m1(config, _KEY.symbol, (rounds + 1) * _CHUNK)
    with bench_folder() as (folder, asked):
        disk = FolderDisk(folder)
        store_context = opened(terms_of(config), folder / "store")
        store = asked(store_context.__aenter__())
        store.begin(_KEY.symbol)
        pages = _pages(bars)
        lines = codec.encode_lines(_KEY, bars.tail(_CHUNK), 0)
        descriptor = os.open(folder / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        asked(store.append(_KEY, next(pages)))
        steps = {
            _FLOOR: Step(lambda: append_synced(descriptor, lines)),
            _REOPENED: Step(lambda: _reopened(folder / "reopened", lines)),
            _SEAM: Step(lambda: asked(disk.append([Append("seam", lines)]))),
            _STORE: Step(lambda: asked(store.append(_KEY, next(pages))), prepare=lambda: None),
        }
        watch = Watch()
        turns = take_turns(steps, rounds)
        heading = watch.heading(f"durable chunks of {_CHUNK:,} M1, {rounds} rounds")
        os.close(descriptor)
        _compare(folder, lines, bars, asked(store.read(_KEY, 0, 1 << 62)))
        asked(store_context.__aexit__(None, None, None))
    rows = [Row(name, turns.pass_s(name), turns.ratio(name, _FLOOR)) for name in steps]
    print_table(heading, rows, "x floor", {"k bars/s": _CHUNK / 1e3})


def _pages(bars: Bars) -> Iterator[Bars]:
    for first in range(0, len(bars), _CHUNK):
        yield bars.take(slice(first, first + _CHUNK))


def _reopened(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    append_synced(descriptor, data)
    os.close(descriptor)


def _compare(folder: Path, lines: bytes, wanted: Bars, stored: Bars) -> None:
    same = all((folder / name).read_bytes()[: len(lines)] == lines for name in ("floor", "seam"))
    if not (same and stored.same_as(wanted)):
        raise SystemExit("what came to disk is not what was written")
