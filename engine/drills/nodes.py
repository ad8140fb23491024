"""Engines in processes of their own, seen from the drill that starts, stops and kills them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from ..sayings import Saying, saying
from .readers import ask

_END_S = 8.0
_POLL_S = 0.02
_UNREADY = (OSError, TimeoutError, EOFError, ValueError)


class NodeFailed(Exception):
    """A node did not do what the drill needs of it."""

    def __init__(self, said: Saying) -> None:
        super().__init__(str(said))
        self.said = said
        """What."""


class Node:
    """One engine."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.token = 0
        self.boot_id = ""
        self.port = 0

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def line(self, within_s: float = 20.0) -> dict[str, Any]:
        """The next thing it says; raises NodeFailed."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within_s):
                line = await self._process.stdout.readline()
            return dict(json.loads(line))
        except (TimeoutError, ValueError) as error:
            raise NodeFailed(saying("node_silent")) from error

    async def listen(self) -> None:
        """Wait until its API listens; raises NodeFailed."""
        who = await self.line()
        if "refused" in who:
            raise NodeFailed(saying("node_refused", who["refused"]))
        self.token, self.boot_id, self.port = who["token"], who["boot_id"], who["port"]

    async def status(self) -> Any:
        """What it says of itself."""
        return (await ask("127.0.0.1", self.port, "/api/status"))[1]

    async def until(self, reached: Callable[[Any], bool], within_s: float = 20.0) -> Any:
        """Its status as soon as it is so; raises NodeFailed."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    with suppress(*_UNREADY):
                        status = await self.status()
                        if reached(status):
                            return status
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            raise NodeFailed(saying("node_late", self.token, f"{within_s:.0f}")) from error

    def stop(self) -> None:
        """SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """kill -9, and wait for the corpse."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def exit_code(self) -> int:
        """Wait for its end."""
        return await self._process.wait()

    async def end(self) -> None:
        """In order; a node that does not hear is killed."""
        if self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.go_on()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _END_S)
        except TimeoutError:
            await self.kill()


@asynccontextmanager
async def node(
    data_root: Path,
    at_ms: int,
    *,
    hangs_at: str = "",
    subject: str = "*",
    **changes: object,
) -> AsyncIterator[Node]:
    """An engine over a folder; `hangs_at` names the operation in which it is to hang."""
    job = {
        "data_root": str(data_root),
        "at_ms": at_ms,
        "hangs_at": hangs_at,
        "subject": subject,
        "changes": {name.replace("__", "."): value for name, value in changes.items()},
    }
    command = (sys.executable, "-m", "engine.drills.node", json.dumps(job))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
    )
    found = Node(process)
    try:
        yield found
    finally:
        await found.end()
