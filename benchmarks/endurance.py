"""Twenty minutes in which the market lives twenty hours: does anything grow that should not."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from unittest.mock import patch
from urllib.parse import urlencode

import redis.asyncio as redis

from engine.config import Config
from engine.degraded import DegradedCode, Severity
from engine.runtime import Engine, open_engine
from engine.status import Status
from uds.model import MINUTE_MS, Timeframe

from .derive_case import load_configuration
from .fast_clock import SPEED, FastClock
from .http_reader import HttpReader
from .session import Target, run

BEGINS_MS = int(datetime(2026, 1, 14, 12, tzinfo=UTC).timestamp()) * 1_000
"""A Wednesday noon: in the twenty hours after it the day turns and every market pauses."""
_READERS = 8
_READ_PAUSE_S = 0.2
_LOOKS = 20
_LOOK_PAUSE_S = 0.05
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 2**20


@dataclass
class Reading:
    """What readers got since the last line."""

    took_s: list[float] = field(default_factory=list)
    """Seconds of each answer."""
    refused_count: int = 0
    """Answers that were not bars."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the table; tasks and descriptors are the least of twenty looks in a second."""

    at_s: float
    """Seconds since the steady state began."""
    market_ms: int
    """The market's clock."""
    tasks: int
    """Tasks of the loop, the readers of this benchmark among them."""
    descriptors: int
    """Open files and sockets of the process."""
    rss_bytes: int
    """Resident memory of the process."""
    blocks: int
    """What Python has allocated, after a full collection."""
    server_rss_bytes: int
    """Resident memory of the embedded server."""
    server_bytes: int
    """What the server says its data take."""
    keys: int
    """Keys in the server."""
    bars_bytes: int
    """The data folder but for the server's journal and the record of the boot."""
    files: int
    """Files in that."""
    journal_bytes: int
    """The server's journal."""
    record_bytes: int
    """The record of the boot."""
    behind_min: float
    """By how many minutes of the market the furthest open one is behind."""
    answers: int
    """Answers since the line before."""
    p95_s: float
    """What nineteen of twenty of them took at most."""
    slowest_s: float
    """What the slowest of them took."""
    refused_count: int
    """Answers since the line before that were not bars."""
    degraded: str
    """The reasons that mark the platform degraded."""


def measure(is_quick: bool) -> Sequence[Target]:
    """Live, print a line now and then, hold the last against the first."""
    duration_s, every_s = (60.0, 10.0) if is_quick else (1_200.0, 120.0)
    with tempfile.TemporaryDirectory(prefix="cs-endurance-") as name:
        return asyncio.run(_lived(Path(name), duration_s, every_s))


async def _lived(folder: Path, duration_s: float, every_s: float) -> Sequence[Target]:
    with patch("engine.sources.SystemClock", FastClock):
        async with open_engine(configuration(folder), BEGINS_MS) as engine:
            port = await _steady(engine)
            reading = Reading()
            readers = [
                asyncio.create_task(_read(engine, port, seed, reading), name="reader")
                for seed in range(_READERS)
            ]
            try:
                return await _watched(engine, folder, reading, duration_s, every_s)
            finally:
                for one in readers:
                    one.cancel()
                await asyncio.gather(*readers, return_exceptions=True)


def configuration(folder: Path) -> Config:
    """That of this checkout, with its data there and any free port."""
    config = load_configuration()
    api = config.api.model_copy(update={"port": 0})
    return config.model_copy(update={"data_root": folder, "api": api})


async def _steady(engine: Engine) -> int:
    """Wait until the gate is open and history as deep as it shall be; the port of the API."""
    began_s = time.monotonic()
    status = await engine.board.until(lambda s: s.opened_gate_after_s is not None)
    print(f"\ngate open after {time.monotonic() - began_s:.1f} s", end=", ", flush=True)
    status = await engine.board.until(_is_deep)
    print(f"history deep after {time.monotonic() - began_s:.1f} s")
    assert status.api_port is not None
    return status.api_port


def _is_deep(status: Status) -> bool:
    is_short = any(reason.code is DegradedCode.DEPTH_SHORT for reason in status.reasons)
    return len(status.depth) == len(status.cells) and not is_short and status.api_port is not None


async def _read(engine: Engine, port: int, seed: int, reading: Reading) -> None:
    """Ask for random cells, a few times a second, on one connection."""
    chance, status = random.Random(seed), engine.board.status
    async with HttpReader(port) as client:
        while True:
            symbol, timeframe = chance.choice(status.symbols), chance.choice(status.timeframes)
            query = urlencode({"symbol": symbol, "tf": timeframe.name, "limit": 300})
            reply = await client.get(f"/api/bars?{query}")
            reading.took_s.append(reply.took_s)
            reading.refused_count += reply.code != 200
            await asyncio.sleep(_READ_PAUSE_S)


async def _watched(
    engine: Engine, folder: Path, reading: Reading, duration_s: float, every_s: float
) -> Sequence[Target]:
    restarts = sum(process.restarts for process in engine.board.status.processes)
    samples: list[Sample] = []
    steady_s = time.monotonic()
    _print_head()
    while len(samples) <= duration_s / every_s:
        await asyncio.sleep(max(0.0, steady_s + every_s * len(samples) - time.monotonic()))
        samples.append(await _sample(engine, folder, time.monotonic() - steady_s, reading))
        _print(samples[-1], samples[-2] if len(samples) > 1 else None)
    restarted = sum(process.restarts for process in engine.board.status.processes) - restarts
    return _judged(samples, restarted)


async def _sample(engine: Engine, folder: Path, at_s: float, reading: Reading) -> Sample:
    took_s, refused_count = reading.took_s, reading.refused_count
    reading.took_s, reading.refused_count = [], 0
    tasks, descriptors = [], []
    for _ in range(_LOOKS):
        tasks.append(len(asyncio.all_tasks()))
        descriptors.append(len(os.listdir("/proc/self/fd")))
        await asyncio.sleep(_LOOK_PAUSE_S)
    server = engine.store.server
    assert server is not None
    async with redis.Redis.from_url(server.url) as client:
        used, keys = (await client.info("memory"))["used_memory"], await client.dbsize()
    sizes = await asyncio.to_thread(_sizes, folder)
    gc.collect()
    reasons = engine.board.status.reasons
    return Sample(
        at_s,
        engine.clock.now_ms(),
        min(tasks),
        min(descriptors),
        _resident("self"),
        sys.getallocatedblocks(),
        _resident(str(server.pid)),
        used,
        keys,
        sum(size for part, size in sizes if part not in ("embedded", "boots")),
        sum(part not in ("embedded", "boots") for part, _ in sizes),
        sum(size for part, size in sizes if part == "embedded"),
        sum(size for part, size in sizes if part == "boots"),
        _behind_min(engine),
        len(took_s),
        quantiles(took_s, n=20)[-1] if len(took_s) > 1 else 0.0,
        max(took_s, default=0.0),
        refused_count,
        " ".join(sorted({r.code.value for r in reasons if r.severity is Severity.DEGRADED})),
    )


def _resident(pid: str) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def _sizes(folder: Path) -> list[tuple[str, int]]:
    """(first folder, bytes) of every file; one that goes meanwhile is left out."""
    found: list[tuple[str, int]] = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                found.append((path.relative_to(folder).parts[0], path.lstat().st_size))
            except FileNotFoundError:
                continue
    return found


def _behind_min(engine: Engine) -> float:
    """Open market since the last served M1's close and before the settled past, at its longest."""
    behind_ms = [0]
    for symbol, market in engine.tools.markets.items():
        snapshot = engine.store.tail(symbol)
        assert snapshot is not None
        close_ms = snapshot.tails[Timeframe.M1].last_close_ms or 0
        settled_ms = engine.clock.now_ms() - market.settle_ms
        if settled_ms > close_ms:
            behind_ms.append(market.calendar.open_duration_ms(close_ms, settled_ms))
    return max(behind_ms) / MINUTE_MS


def _print_head() -> None:
    print(
        f"\n{'min':>5} {'market':>12} {'tasks':>6} {'fds':>4} {'RSS':>7} {'blocks':>9} "
        f"{'server':>7} {'data':>6} {'keys':>5} {'bars':>7} {'grew':>7} {'files':>6} "
        f"{'journal':>8} {'record':>7} {'behind':>7} {'answers':>8} {'p95':>6} {'max':>6} refused"
    )


def _print(now: Sample, before: Sample | None) -> None:
    grew = "" if before is None else f"{(now.bars_bytes - before.bars_bytes) / 2**10:,.0f}K"
    market = datetime.fromtimestamp(now.market_ms / 1_000, UTC).strftime("%a %H:%M")
    print(
        f"{now.at_s / 60:5.1f} {market:>12} {now.tasks:6} {now.descriptors:4} "
        f"{now.rss_bytes / _MIB:6.1f}M {now.blocks:9,} {now.server_rss_bytes / _MIB:6.1f}M "
        f"{now.server_bytes / _MIB:5.1f}M {now.keys:5} {now.bars_bytes / _MIB:6.1f}M {grew:>7} "
        f"{now.files:6} {now.journal_bytes / _MIB:7.1f}M {now.record_bytes / 2**10:6.0f}K "
        f"{now.behind_min:7.1f} {now.answers:8,} {now.p95_s * 1e3:4.1f}ms "
        f"{now.slowest_s * 1e3:4.0f}ms {now.refused_count:7} {now.degraded}",
        flush=True,
    )


def _judged(samples: Sequence[Sample], restarted: int) -> Sequence[Target]:
    """The end against the first third, when caches are warm."""
    warm, end = samples[len(samples) // 3], samples[-1]
    minutes = (end.market_ms - warm.market_ms) / MINUTE_MS
    grown = [
        (after.bars_bytes - before.bars_bytes) / (after.market_ms - before.market_ms)
        for before, after in itertools.pairwise(samples)
    ]
    half = len(grown) // 2
    refused = sum(sample.refused_count for sample in samples)
    print(f"\nheld against each other: the end and {minutes:,.0f} minutes of the market before it")
    return (
        Target("tasks, more than then", end.tasks - warm.tasks, 2, ""),
        Target("descriptors, more than then", end.descriptors - warm.descriptors, 2, ""),
        Target("resident memory of the process", end.rss_bytes / warm.rss_bytes, 1.05),
        Target("blocks Python has allocated", end.blocks / warm.blocks, 1.05),
        Target("the server's data", end.server_bytes / warm.server_bytes, 1.05),
        Target("keys in the server", end.keys / warm.keys, 1.05),
        Target(
            "bytes of bars a minute, 2nd half / 1st",
            sum(grown[half:]) / len(grown[half:]) / (sum(grown[:half]) / half),
            1.25,
        ),
        Target("restarts of processes", restarted, 0, ""),
        Target("answers that were not bars", refused, 0, ""),
        Target("furthest symbol behind at the end, minutes", end.behind_min, 3, ""),
    )


if __name__ == "__main__":
    sentence = f"Does anything grow while the market lives {SPEED} times as fast?"
    raise SystemExit(run("endurance", sentence, None, measure))
