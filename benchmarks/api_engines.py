"""Engines as an operator starts them, without a screen and with the console on a terminal."""

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
from pathlib import Path

from uds.model import Timeframe

DATA_ROOT = "data"
"""Where such an engine keeps its data, beside its configuration."""
_PATIENCE_S = 60.0
_ENV = {
    "COLDSTART_BROKER__SIM__LOGIN_S": "0",
    "COLDSTART_API__PORT": "0",
    "TERM": "xterm-256color",
}


@asynccontextmanager
async def engine_at(folder: Path, *, has_console: bool) -> AsyncIterator[int]:
    """An engine with an open gate; yields the port of its API."""
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
    document |= {"data_root": DATA_ROOT, "bootstrap": {"depth_bars": depth}}
    return json.dumps(document)


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
