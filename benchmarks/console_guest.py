"""One console in front of a scripted engine, for `console_terminal` to look at from outside.

It runs in a terminal of its own and writes one line of JSON to the descriptor it is given.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from textual.app import App

from console.app import ConsoleApp
from console.logbook import LogBook
from engine import Cell, CellState, hearing
from tests.console import scenes
from uds.model import Generation, Timeframe

from .console_bare import Bare

SETTLE_S = 1.5
CHANGES_PER_S = 30
_BURSTS_PER_S = 50
_SEED = 7


def now_ms() -> int:
    """The scripted market's clock: real time since its engine was opened."""
    return scenes.OPENED_MS + 12_400 + int(time.monotonic() * 1_000) - _BEGUN_MS


_BEGUN_MS = int(time.monotonic() * 1_000)


async def changing(client: scenes.FakeClient, per_s: int) -> None:
    """One cell after the other counts a bar more."""
    chance = Random(_SEED)
    for count in range(sys.maxsize):
        symbol, tf = chance.choice(scenes.SYMBOLS), chance.choice(tuple(Timeframe))
        bars = scenes.BARS[tf] + count % 50
        cell = Cell(CellState.SEALED, 1.0, bars, scenes.OPENED_MS - 60_000, Generation(42, 1))
        client.push(scenes.cells(client.status, symbol, now_ms(), {tf: cell}))
        await asyncio.sleep(1 / per_s)


async def booting(client: scenes.FakeClient, per_s: int) -> None:
    """Cell after cell from nothing to served, the running clock on top; then again."""
    states = (CellState.FETCHING, CellState.STORED, CellState.DERIVED, CellState.PRIMED)
    while True:
        client.push(scenes.started(scenes.cold(), now_ms()))
        for symbol in scenes.SYMBOLS:
            for state in states:
                for tf in Timeframe:
                    cell = Cell(state, 0.5, scenes.BARS[tf])
                    client.push(scenes.cells(client.status, symbol, now_ms(), {tf: cell}))
                    await asyncio.sleep(1 / per_s)


async def logging_much(client: scenes.FakeClient, per_s: int) -> None:
    """Lines in a log that is looked at, in small bursts as programs write them."""
    log = logging.getLogger("market")
    for count in range(sys.maxsize):
        for line in range(per_s // _BURSTS_PER_S):
            log.warning("bar %d of XAU/USD was revised by burst %d", line, count)
        await asyncio.sleep(1 / _BURSTS_PER_S)


async def quiet(client: scenes.FakeClient, per_s: int) -> None:
    """Nothing happens."""


SCRIPTS: dict[str, tuple[Callable[[scenes.FakeClient, int], Any], int]] = {
    "idle": (quiet, 0),
    "changes": (changing, CHANGES_PER_S),
    "boot": (booting, 2 * CHANGES_PER_S),
    "logs": (logging_much, 1_000),
}


async def main(scene: str, driver: str, measure_s: float, report_fd: int) -> None:
    """Show it, let it settle, measure this process, report, end."""
    script, per_s = SCRIPTS.get(scene, SCRIPTS["idle"])
    start = scenes.start_of_boot if scene == "boot" else scenes.end_of_boot
    client = scenes.FakeClient(start())
    logs = LogBook()
    app: App[Any] = Bare() if driver == "bare" else ConsoleApp(client, now_ms, logs=logs)
    if driver == "stock":
        from textual.drivers.linux_driver import LinuxDriver

        app.driver_class = LinuxDriver
    with hearing(logs):
        await measured(app, driver, script(client, per_s), measure_s, report_fd)


async def measured(
    app: App[Any],
    driver: str,
    script: Coroutine[Any, Any, None],
    measure_s: float,
    report_fd: int,
) -> None:
    """What the process uses while the script plays."""
    playing = asyncio.create_task(script)
    showing = None if driver == "none" else asyncio.create_task(app.run_async(mouse=False))
    await asyncio.sleep(SETTLE_S)
    cpu_s, begun_s = time.process_time(), time.monotonic()
    os.write(report_fd, json.dumps({"settled": True}).encode() + b"\n")
    await asyncio.sleep(measure_s)
    share = (time.process_time() - cpu_s) / (time.monotonic() - begun_s)
    os.write(report_fd, json.dumps({"cpu_share": share}).encode() + b"\n")
    playing.cancel()
    if showing is not None:
        app.exit()
        await showing


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
