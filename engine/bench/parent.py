"""Children that measure: started, asked, ended; and the folder they work in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import EngineError
from .starting import NOON_MS, Start

CHILD = "engine.bench.child"
"""The module that such a process runs."""
_END_S = 10.0


class BenchFailed(EngineError):
    """A measurement came to no end; the message is a sentence."""


async def start(
    folder: Path, overrides: Mapping[str, object] | None = None, at_ms: int = NOON_MS
) -> Start:
    """One start of an engine over a data folder, in a process of its own; raises BenchFailed."""
    job = {"folder": str(folder), "overrides": dict(overrides or {}), "at_ms": at_ms}
    return Start.of(await told("start", job))


async def told(kind: str, job: Mapping[str, object], module: str = CHILD) -> Any:
    """What a child printed as JSON when it was done; raises BenchFailed."""
    child = await _spawned(kind, job, module, DEVNULL)
    try:
        out, _ = await child.communicate()
    finally:
        await _ended(child)
    if child.returncode:
        raise BenchFailed(f"The process that measures `{kind}` ended with {child.returncode}.")
    return json.loads(out)


class Server:
    """A child that answers HTTP."""

    def __init__(self, child: Process, port: int) -> None:
        self._child = child
        self.port = port

    @property
    def pid(self) -> int:
        """Its process."""
        return self._child.pid

    async def cpu_s(self) -> float:
        """What all its threads used so far; raises BenchFailed."""
        assert self._child.stdin is not None
        self._child.stdin.write(b"cpu\n")
        return float(await _line(self._child))


@contextlib.asynccontextmanager
async def serving(
    kind: str, job: Mapping[str, object], given: bytes = b"", module: str = CHILD
) -> AsyncIterator[Server]:
    """A child that serves until the block ends; `given` is what it reads first."""
    child = await _spawned(kind, job, module, PIPE)
    assert child.stdin is not None
    try:
        child.stdin.write(given)
        yield Server(child, int(await _line(child)))
    finally:
        child.stdin.close()
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), _END_S)
        finally:
            await _ended(child)


async def _spawned(kind: str, job: Mapping[str, object], module: str, stdin: int) -> Process:
    command = (sys.executable, "-m", module, kind, json.dumps(job))
    return await asyncio.create_subprocess_exec(
        *command, stdin=stdin, stdout=PIPE, start_new_session=True
    )


async def _ended(child: Process) -> None:
    """Whoever is interrupted leaves none behind: a child has a session of its own."""
    if child.returncode is None:
        child.kill()
        await child.wait()


async def _line(child: Process) -> bytes:
    assert child.stdout is not None
    line: bytes = await child.stdout.readline()
    if not line:
        raise BenchFailed("The server that was to be measured ended.")
    return line


def overrides(
    *, latency_ms: float, slots: int, page_bars: int, jitter: float, seed: int = 1
) -> dict[str, Any]:
    """A broker with these manners."""
    return {
        "broker.concurrency": slots,
        "broker.page_bars_max": page_bars,
        "broker.sim.latency_ms": latency_ms,
        "broker.sim.jitter": jitter,
        "broker.sim.seed": seed,
    }
