"""Folders that an engine left behind, to be copied, damaged and verified."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from engine.bootstrap import begin_rebuild
from engine.clock import ManualClock
from engine.config import Config
from engine.proof.verify import verify
from engine.proof.verify_report import VerifyReport
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    build_house,
    is_open,
    key,
    market_broker,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, VirtualTimeLoop
from uds import View, codec, layout, manifest
from uds.digest import digest
from uds.folder_view import FolderView
from uds.manifest import TailDigest
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import Bars, Generation, Timeframe
from uds.reader import Reader

FIRST = Generation(1, 1)
DIGITS = 2
_LIVE_S = 610
_WARMUP = {"M1": 1_500, "D1": 60}
ONE = small_config(GOLD, bootstrap__warmup_bars=_WARMUP)
TWO = small_config(GOLD, YEN, bootstrap__warmup_bars=_WARMUP)


@dataclass(frozen=True)
class Stored:
    """What an engine left behind, to be copied and damaged."""

    config: Config
    files: Mapping[str, bytes]
    cache: MemoryCache

    def disk(self) -> MemoryDisk:
        """A copy of the folder, in which no two names are one file."""
        copy = MemoryDisk()
        copy.files.update(self.files)
        return copy


def _left_behind(config: Config, *, is_rebuilt: bool) -> Stored:
    """After a cold start, ten minutes of life and a checkpoint in the midst of them."""

    async def live() -> Stored:
        clock = VirtualClock(NOON)
        house = await build_house(config, market_broker(config, clock), clock)
        async with running(house):
            await house.board.until(is_open)
            if is_rebuilt:
                begin_rebuild(house.tools, GOLD)
                await house.board.until(lambda status: status.generations[GOLD].n == 2)
            await asyncio.sleep(_LIVE_S / 2)
            await house.store.checkpoint(clock.real_ms())
            await asyncio.sleep(_LIVE_S / 2)
        return Stored(config, dict(house.disk.files), house.cache)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(live())


@lru_cache(maxsize=1)
def lived() -> Stored:
    """One symbol, one generation."""
    return _left_behind(ONE, is_rebuilt=False)


@lru_cache(maxsize=1)
def relived() -> Stored:
    """Two symbols; gold was rebuilt by force: two generations of it, both with their files."""
    return _left_behind(TWO, is_rebuilt=True)


def served_by(stored: Stored) -> MemoryCache:
    """A copy of what Redis served at the end."""
    copy = MemoryCache()
    copy.live.update(stored.cache.live)
    copy.tails.update(stored.cache.tails)
    return copy


async def verified(
    disk: MemoryDisk, cache: MemoryCache | None = None, config: Config | None = None
) -> VerifyReport:
    """The report on a folder, and on a Redis that serves nothing unless one is given."""
    view = View(FolderView(disk), Reader(cache or MemoryCache()), "memory", "coldstart")
    return await verify(view, config or ONE, ManualClock(), lambda symbol, share: None)


def named(report: VerifyReport) -> list[tuple[str, str]]:
    """(check, path) of each fault."""
    return [(fault.check, fault.path) for fault in report.faults]


def notes(report: VerifyReport) -> list[str]:
    """All notes."""
    return [note["detail"] for note in report.document()["notes"]]


def commit_path(symbol: str = GOLD) -> str:
    """Where the only commit of a symbol lies."""
    return layout.commit_path(symbol, FIRST)


def committed(disk: MemoryDisk, symbol: str = GOLD) -> manifest.Manifest:
    """What that commit says."""
    return manifest.decode(symbol, FIRST, disk.files[commit_path(symbol)])


def segment(disk: MemoryDisk, timeframe: Timeframe, at: int = 0) -> str:
    """The path of one of the gold's files, as the commit lists them."""
    return manifest.segments_of(committed(disk), key(GOLD, timeframe))[at].path


def flip(disk: MemoryDisk, path: str, at: int) -> None:
    """Turn one bit of a file."""
    data = disk.files[path]
    at %= len(data)
    disk.files[path] = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def recommit(disk: MemoryDisk, changed: manifest.Manifest) -> None:
    """Commit something else, as sound as it can be made."""
    data = manifest.encode(changed)
    disk.files[commit_path()] = data
    disk.files[layout.manifest_path(GOLD, FIRST)] = data
    disk.files.pop(layout.STATE)
    disk.files.pop(layout.STATE_SAVED)


def rewrite(disk: MemoryDisk, timeframe: Timeframe, change: Callable[[Bars], Bars]) -> str:
    """Change committed bars of gold's one file, and everything that vouches for them."""
    series, path = key(GOLD, timeframe), segment(disk, timeframe)
    data = disk.files[path]
    head, _, _ = data.partition(b"\n")
    bars = change(codec.decode_segment(series, data).bars)
    lines = codec.encode_lines(series, bars, codec.header_crc(head))
    disk.files[path] = head + b"\n" + lines
    recommit(disk, _vouching(committed(disk), path, disk.files[path], bars))
    return path


def _vouching(before: manifest.Manifest, path: str, data: bytes, bars: Bars) -> manifest.Manifest:
    opens = bars.open_time_ms.tolist()
    entries = [
        msgspec.structs.replace(
            entry,
            bytes=len(data),
            crc=f"{zlib.crc32(data):08x}",
            first_ms=opens[0],
            last_ms=opens[-1],
            bars=len(opens),
        )
        if entry.path == path
        else entry
        for entry in before.segments
    ]
    timeframe = next(Timeframe(e.tf_s) for e in before.segments if e.path == path)
    said = {timeframe.name: TailDigest(len(bars), digest(bars, DIGITS))}
    return msgspec.structs.replace(before, segments=tuple(entries), digests=before.digests | said)


def priced(bars: Bars, row: int) -> Bars:
    """The same, the close of one bar a cent off."""
    closes = bars.c.copy()
    closes[row] += 0.01 if closes[row] + 0.01 <= bars.h[row] else -0.01
    return replace(bars, c=closes)
