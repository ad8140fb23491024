"""Readers in a process of their own beside a rebuild of everything, and beside a growing history.

Mixing is made visible: the market revises its history before every rebuild, so that the volume
of each bar names the generation it is of. Times are shown with `-s` and judged by a person.
`HYPOTHESIS_PROFILE=nightly` rebuilds for longer, and deepens by a year.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.http_reader import HttpReader
from engine.acts.actions import find_action
from engine.calendars.wall_time import END_MS
from engine.config import Config
from engine.config_file import load_config
from engine.deepening import pause_depth
from engine.degraded import DegradedCode
from engine.derive import derive
from engine.runtime import Engine, open_engine
from engine.status import Status
from tests.engine.builders import (
    GOLD,
    NOON,
    REPOSITORY,
    config_document,
    is_open,
    simulated_market,
    small_config,
)
from uds.model import SeriesKey, Timeframe

from .reading import Read, reading
from .revising import RevisingBroker
from .running import FAST, get, held

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
CLIENTS = 64
PAUSE_S = 0.25
IDLE_S = 10.0 if NIGHTLY else 1.5
REBUILDS = 10 if NIGHTLY else 3
THREE_DAYS: dict[str, Any] = (
    {"bootstrap__warmup_bars": {"M1": 4_320, "D1": 180}, "broker__page_bars_max": 1_000}
    if NIGHTLY
    else {}
)
"""The start the product makes; without it a few hours are enough."""
PATIENCE_S = 120.0
H4_PATH = "/api/bars?symbol=XAU/USD&tf=H4&limit=40"
AT = "2026-01-14T12:00:00Z"
"""The same moment as NOON."""
SLOW = {**FAST, "COLDSTART_BROKER__SIM__LATENCY_MS": "600"}
STRETCH_PAGES = 6
"""One stretch, 5 000 M1 in whole days by pages of 1 000, and the days' own page."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


@asynccontextmanager
async def revised(config: Config) -> AsyncIterator[tuple[Engine, RevisingBroker, int]]:
    """An open engine over a market that revises its history, and the port of its API."""
    async with open_engine(config, NOON) as engine:
        broker = RevisingBroker(engine.session.broker)
        engine.session.broker = broker
        async with asyncio.timeout(PATIENCE_S):
            status = await engine.board.until(lambda s: is_open(s) and s.api_port is not None)
        assert status.api_port is not None
        yield engine, broker, status.api_port


def serves(revision: int, status: Status) -> bool:
    """Whether every symbol is served from that generation."""
    return {revision} == {generation.n for generation in status.generations.values()}


def show(what: str, read: Read) -> None:
    """A line for whoever looks."""
    print(
        f"\n{what:34} answers {read.answers:6,} refused {read.refused} errors {read.errors} "
        f"empty {read.empty} mixed {read.mixed} backwards {read.backwards} "
        f"unpinned {read.unpinned}  p50 {read.p50_ms:5.1f} p95 {read.p95_ms:5.1f} "
        f"max {read.max_ms:5.0f} ms  generations {len(read.generations)}",
        end="",
    )


async def test_sixty_four_readers_beside_rebuilds_of_everything_never_see_two_generations(
    folder: Path,
) -> None:
    """All thirteen symbols, one rebuild after the other; every answer is one generation's."""
    all_symbols = load_config(REPOSITORY / "config.json", {}, {}, REPOSITORY).symbols
    config = small_config(
        *all_symbols,
        data_root=str(folder),
        api__port=0,
        broker__sim={"login_s": 0.05, "latency_ms": 50, "publish_delay_s": 0},
        **THREE_DAYS,
    )
    async with revised(config) as (engine, broker, port):
        async with reading(port, CLIENTS, PAUSE_S, "revisions") as crowd:
            await asyncio.sleep(IDLE_S)
            idle = await crowd.end()
        restarts = [process.restarts for process in engine.board.status.processes]
        rebuild = find_action("rebuild-all")
        async with reading(port, CLIENTS, PAUSE_S, "revisions") as crowd:
            for revision in range(2, 2 + REBUILDS):
                broker.revision = revision
                rebuild.run(engine, {}, "test")
                async with asyncio.timeout(PATIENCE_S):
                    await engine.board.until(partial(serves, revision))
            busy = await crowd.end()
        show("idle", idle)
        show(f"{REBUILDS} rebuilds of everything", busy)

        assert idle.answers > CLIENTS
        assert busy.answers > CLIENTS
        assert (0,) * 6 == idle.faults == busy.faults
        assert ["00000001-0001"] == idle.generations
        assert REBUILDS <= len(busy.generations)
        assert set() == {reason.code.value for reason in engine.board.status.reasons}
        assert restarts == [process.restarts for process in engine.board.status.processes]


DEEP = {"H4": 1_560, "D1": 260} if NIGHTLY else {"H4": 60, "D1": 20}
"""A year of trading days, or two weeks."""


def deep_document() -> dict[str, Any]:
    """One symbol whose history shall be that deep; the start itself fetches less than a day."""
    document = config_document(GOLD, broker__page_bars_max=1_000)
    document["bootstrap"]["depth_bars"] |= DEEP
    return document


def is_deep(status: Status) -> bool:
    """Whether every target is reached."""
    is_short = any(reason.code is DegradedCode.DEPTH_SHORT for reason in status.reasons)
    reached = (depth.bars >= depth.target for depth in status.depth.values())
    return is_open(status) and bool(status.depth) and all(reached) and not is_short


async def deepened(engine: Engine) -> float:
    """Let history grow to its depth, and a generation be sealed that has all; seconds it took."""
    began_s = time.monotonic()
    pause_depth(engine.tools, is_paused=False)
    async with asyncio.timeout(PATIENCE_S * 10):
        await engine.board.until(lambda s: is_deep(s) and not engine.store.is_drafting(GOLD))
    return time.monotonic() - began_s


async def is_the_market(engine: Engine) -> int:
    """All M1 on disk are the market's, M3 to H4 one batch of them; how many M1."""
    store, market = engine.store, engine.tools.markets[GOLD]
    key = SeriesKey(GOLD, Timeframe.M1)
    m1 = await store.read(key, 0, END_MS)
    first_ms, last_ms = m1.first_open_ms, m1.last_open_ms
    assert first_ms is not None
    assert last_ms is not None
    truth = simulated_market(engine.tools.config, engine.tools.config.broker.sim.seed)
    assert truth.m1(GOLD, first_ms, last_ms + 1).same_as(m1)
    now_ms, settle_ms = engine.clock.now_ms(), market.settle_ms
    covered = store.coverage(key)
    batch = derive(m1, market.anchors, market.calendar, covered, now_ms, settle_ms)
    for timeframe, bars in batch.items():
        assert bars.same_as(await store.read(SeriesKey(GOLD, timeframe), 0, END_MS)), timeframe
    return len(m1)


async def test_history_grows_behind_the_open_gate_and_readers_do_not_notice(folder: Path) -> None:
    """One cell, generation and seq is always answered alike; depth and truncated say how far."""
    document = {**deep_document(), "data_root": str(folder), "api": {"port": 0}}
    document["broker"]["sim"] = {"login_s": 0.05, "latency_ms": 50, "publish_delay_s": 0}
    async with open_engine(Config.model_validate(document), NOON) as engine:
        pause_depth(engine.tools, is_paused=True)
        async with asyncio.timeout(PATIENCE_S):
            status = await engine.board.until(lambda s: is_open(s) and s.api_port is not None)
        port = status.api_port or 0
        async with reading(port, CLIENTS // 4, PAUSE_S, "pinned") as crowd:
            await asyncio.sleep(IDLE_S)
            before = await crowd.end()
        async with HttpReader(port) as client:
            shallow = json.loads((await client.get(H4_PATH)).body)
        async with reading(port, CLIENTS // 4, PAUSE_S, "pinned") as crowd:
            took_s = await deepened(engine)
            await asyncio.sleep(2 * PAUSE_S)
            beside = await crowd.end()
        async with HttpReader(port) as client:
            deep = json.loads((await client.get(H4_PATH)).body)
        count = await is_the_market(engine)
        show("before", before)
        show(f"{count:,} M1 deep in {took_s:.1f} s", beside)
        print(f"  p95 x{beside.p95_ms / before.p95_ms:.2f}", end="")

        assert (0,) * 6 == before.faults == beside.faults
        assert ["00000001-0001"] == before.generations
        assert len(beside.generations) >= 2
        assert (True, False) == (shallow["truncated"], deep["truncated"])
        assert shallow["depth"]["bars"] < DEEP["H4"] == deep["depth"]["target"]
        assert DEEP["H4"] <= deep["depth"]["bars"]
        assert [0] * 5 == [process.restarts for process in engine.board.status.processes]


async def test_history_that_was_killed_in_the_middle_goes_on_where_it_was(folder: Path) -> None:
    """kill -9 costs one stretch at most; what was on disk before is not asked for again."""
    (folder / "config.json").write_text(json.dumps({**deep_document(), "data_root": "data"}))
    whole = deep_document() | {"data_root": str(folder / "whole"), "api": {"port": 0}}
    async with open_engine(Config.model_validate(whole), NOON) as engine:
        await deepened(engine)
        pages = engine.board.status.broker.lanes["BACKFILL"].answered_count
    with held("--at", AT, cwd=folder, env=SLOW) as first:
        port = first.port()
        killed_after = await asyncio.to_thread(_until_half, port)
        first.kill()
    with held("--at", AT, cwd=folder, env=FAST) as second:
        port = second.port()
        again = await asyncio.to_thread(_until_deep, port)
    print(f"\npages {pages}, before the kill {killed_after}, after it {again}", end="")

    assert 0 < killed_after < pages
    assert killed_after + again <= pages + STRETCH_PAGES


def _until_half(port: int) -> int:
    """Pages of history that were answered when half of it was stored."""
    while True:
        code, body = get(port, H4_PATH)
        if code == 200 and body["depth"]["bars"] >= DEEP["H4"] // 2:
            return _backfilled(port)
        time.sleep(0.02)


def _until_deep(port: int) -> int:
    while True:
        code, body = get(port, H4_PATH)
        if code == 200 and body["depth"]["bars"] >= DEEP["H4"] and not body["reasons"]:
            return _backfilled(port)
        time.sleep(0.02)


def _backfilled(port: int) -> int:
    lanes = get(port, "/api/status")[1]["broker"]["lanes"]
    return int(lanes.get("BACKFILL", {"answered": 0})["answered"])
