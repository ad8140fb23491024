"""The client of an engine in another process: it follows, and finds the engine again when lost.

A connection is one life (`engine/control/remote.py`); this is the row of them. Between two of
them the last status stays, `hold` says since when nobody answers, and a pause that doubles up to
five seconds goes before the next attempt. What was armed belonged to the connection and is gone
with it, so whoever comes back to an engine only looks at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from engine import (
    ActionRefused,
    EngineUnreachable,
    RemoteEngine,
    Status,
    attached,
    refusal,
    said_of,
    saying,
)

from .client import Operating
from .hold import Hold

_PAUSE_S = 0.2
_PAUSE_MAX_S = 5.0
_SILENCE_S = 2.0
"""So long it may say nothing before it is asked whether it is there."""


@asynccontextmanager
async def followed(path: Path, *, is_read_only: bool = False) -> AsyncIterator[RemoteClient]:
    """A client of the engine that answers there now, for the length of the block.

    Raises EngineUnreachable when none does; later losses are waited out.
    """
    client = RemoteClient(path, is_read_only=is_read_only)
    living = asyncio.create_task(client.live(), name="attached client")
    try:
        await client.reached()
        yield client
    finally:
        living.cancel()
        await asyncio.wait((living,))


class RemoteClient(Operating):
    """The engine behind a control socket."""

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        """`is_read_only` is the operator's own wish: it is never armed from here."""
        super().__init__()
        self._path = path
        self._is_read_only = is_read_only
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._remote: RemoteEngine | None = None
        self._lost_at_s: float | None = None
        self._why: EngineUnreachable | None = None
        self._moved = asyncio.Event()
        self._again = asyncio.Event()

    async def reached(self) -> None:
        """Wait for the outcome of the first attempt; raises EngineUnreachable."""
        await asyncio.shield(self._first)

    async def live(self) -> None:
        """Connect, follow until it is lost, and again; ends only when the first attempt fails."""
        pause_s = _PAUSE_S
        while True:
            try:
                async with attached(self._path) as remote:
                    pause_s = _PAUSE_S
                    self._find(remote)
                    await self._follow(remote)
            except EngineUnreachable as error:
                if not self._first.done():
                    self._first.set_exception(error)
                    return
                self._lose(error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), pause_s)
            self._again.clear()
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)

    @property
    def status(self) -> Status:
        return self._engine.status

    def now_ms(self) -> int:
        """The market's clock, UTC ms; while the engine is lost as it would have gone on."""
        return self._engine.now_ms()

    @property
    def hold(self) -> Hold:
        if self._lost_at_s is None:
            return Hold(self._armed_left_s, actor=self._actor)
        lost_s = asyncio.get_running_loop().time() - self._lost_at_s
        said = said_of(self._why) if self._why else ()
        return Hold(lost_s=lost_s, why=str(self._why), why_said=said, actor=self._actor)

    async def changed(self) -> Status:
        self._moved.clear()
        await self._moved.wait()
        return self.status

    async def arm(self) -> None:
        if self._is_read_only:
            raise refusal(saying("console_looks"), code="read_only")
        await super().arm()

    async def look(self, op: str, args: Mapping[str, object]) -> Any:
        try:
            return await self._engine.ask(op, args)
        except EngineUnreachable as error:
            raise ActionRefused(str(error), "lost", said=said_of(error)) from error

    def look_again(self) -> None:
        if self._lost_at_s is not None:
            self._again.set()

    async def _follow(self, remote: RemoteEngine) -> None:
        """Until it is lost. One that says nothing is asked: a process may stop and keep its socket.

        Raises EngineUnreachable.
        """
        seen = remote.status
        while True:
            try:
                async with asyncio.timeout(_SILENCE_S):
                    await remote.changed()
            except TimeoutError:
                await remote.ask("hello", {})
            remote.events.clear()  # the status tells all of it
            if remote.status is not seen:
                seen = remote.status
                self._moved.set()

    @property
    def _engine(self) -> RemoteEngine:
        assert self._remote is not None, "not reached yet"
        return self._remote

    def _find(self, remote: RemoteEngine) -> None:
        self._remote, self._lost_at_s = remote, None
        self._armed_until_s, self._offers = 0.0, ()
        self._moved.set()
        if not self._first.done():
            self._first.set_result(None)

    def _lose(self, error: EngineUnreachable) -> None:
        if self._lost_at_s is None:
            self._lost_at_s = asyncio.get_running_loop().time()
        self._why = error
        self._moved.set()
