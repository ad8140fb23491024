"""How late answers come: the server alone, and with a console, a rebuild and a crowd beside it.

The load is open: questions are sent at their time, whether or not the last was answered, and
lateness counts from that time. So a stall of the server is seen by all who ask meanwhile. The
console is the real one on a terminal of its own, drawing in the engine's process.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import struct
import sys
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from engine.bench.load import open_load
from engine.bench.quick import ASKED
from uds.model import Timeframe

from .processes import ProcessWatch
from .session import Target

_PER_S = 200
_PATIENCE_S = 60.0
_ENV = {
    "COLDSTART_BROKER__SIM__LOGIN_S": "0",
    "COLDSTART_API__PORT": "0",
    "TERM": "xterm-256color",
}


@dataclass(frozen=True, slots=True)
class Lateness:
    """What one load came to."""

    name: str
    """Beside what."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float
    rebuilds: int
    """Of all symbols, that were done meanwhile."""


async def measure(root: Path, seconds: float) -> list[Target]:
    """The server alone, then with everything beside it."""
    watch = ProcessWatch()
    found = []
    for name, has_console, has_rebuild in (
        ("headless", False, False),
        ("console on a terminal", True, False),
        ("headless, rebuilds of all 13 without a pause", False, True),
        ("console, and rebuilds of all 13", True, True),
    ):
        folder = root / f"late-{has_console}-{has_rebuild}"
        async with _engine(folder, has_console=has_console) as port:
            found.append(await _late(name, folder, port, seconds, has_rebuild=has_rebuild))
    print(watch.heading(f"lateness at {_PER_S} questions a second for {seconds:g} s"))
    print(f"{'':58}{'p50 ms':>9}{'p95':>8}{'p99':>8}{'most':>8}{'rebuilds':>10}")
    for one in found:
        print(
            f"{one.name:58}{one.p50_ms:9.2f}{one.p95_ms:8.2f}{one.p99_ms:8.2f}"
            f"{one.most_ms:8.1f}{one.rebuilds:10}"
        )
    ratio = found[-1].p95_ms / found[0].p95_ms
    return [Target("/api/bars: p95 with console and rebuild / alone", ratio, 1.5)]


async def _late(
    name: str, folder: Path, port: int, seconds: float, *, has_rebuild: bool
) -> Lateness:
    await open_load(port, ASKED, _PER_S, 1.0)
    rebuilding = asyncio.ensure_future(_rebuild(folder)) if has_rebuild else None
    late_s = await open_load(port, ASKED, _PER_S, seconds)
    rebuilds = 0
    if rebuilding is not None:
        rebuilding.cancel()
        await asyncio.wait((rebuilding,))
        rebuilds = await _rebuilds(folder)
    cuts = [1e3 * cut for cut in quantiles(late_s, n=100, method="inclusive")]
    return Lateness(name, cuts[49], cuts[94], cuts[98], max(late_s) * 1e3, rebuilds)


async def _rebuild(folder: Path) -> None:
    while True:
        await _told(folder, "rebuild", "--all", "--yes-i-mean", "all")
        await _until_served(folder)


async def _until_served(folder: Path) -> None:
    """Until no cell shows a draft any more."""
    while True:
        document = json.loads(await _told(folder, "grid", "--json"))
        cells = [cell for row in document["cells"].values() for cell in row.values()]
        if all(cell["state"] == "sealed" for cell in cells):
            return
        await asyncio.sleep(0.2)


async def _rebuilds(folder: Path) -> int:
    """How many generations a symbol has had beside its first."""
    document = json.loads(await _told(folder, "status", "--json"))
    return min(int(text.rpartition("-")[2]) for text in document["generations"].values()) - 1


@asynccontextmanager
async def _engine(folder: Path, *, has_console: bool) -> AsyncIterator[int]:
    """An engine with an open gate; yields its port."""
    folder.mkdir(parents=True)
    depth = dict.fromkeys((timeframe.name for timeframe in Timeframe), 0)
    (folder / "config.json").write_text(await _config_with(folder, depth))
    process = await (_on_terminal(folder) if has_console else _headless(folder))
    try:
        await _told(folder, "wait", "--for", "gate", "--timeout", "60")
        yield int(json.loads(await _told(folder, "status", "--json"))["api_port"])
    finally:
        await _told(folder, "down", "--yes")
        await process.wait()


async def _config_with(folder: Path, depth: dict[str, int]) -> str:
    """The built-in configuration, with nothing older to fetch behind the gate."""
    document = json.loads(await _told(folder, "config", "show"))
    document = {key: document[key] for key in ("symbols", "calendars", "symbol_calendars")}
    return json.dumps({**document, "bootstrap": {"depth_bars": depth}})


async def _headless(folder: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        *_command("up", "--headless"), cwd=folder, env=_environment(), stdin=DEVNULL, stderr=DEVNULL
    )


async def _on_terminal(folder: Path) -> Process:
    """The console on a terminal of 120 x 40 whose output is read and dropped."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *_command("up"),
        cwd=folder,
        env=_environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    loop = asyncio.get_running_loop()

    def drop() -> None:
        try:
            drawn = os.read(ours, 65_536)
        except OSError:
            drawn = b""
        if not drawn:
            loop.remove_reader(ours)
            os.close(ours)

    loop.add_reader(ours, drop)
    return process


async def _told(folder: Path, *words: str) -> str:
    """What a command about the engine printed."""
    process = await asyncio.create_subprocess_exec(
        *_command(*words), cwd=folder, env=_environment(), stdout=PIPE, stderr=DEVNULL
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            out, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return out.decode()


def _command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "console", *words)


def _environment() -> dict[str, str]:
    return {**os.environ, **_ENV}
