"""An engine in another process: a copy of its status that follows, and questions to it.

The copy begins with a snapshot and takes the same steps as the engine (`replica.py`), so a
screen in front of it shows what a screen in the engine's process would. One connection is one
life: when it ends, the copy stays as it was, `is_lost` is true and whoever waits is told;
connecting again is the caller's, who knows how long to be patient.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..apply import apply
from ..errors import EngineError, EngineUnreachable
from ..event_log import Posted
from ..replica import BadReplica, posted_of, status_of
from ..sayings import saying
from ..status import Status
from .client import result_of, silent, unreachable
from .protocol import LINE_BYTES_MAX, document_of, request_line

_ANSWER_TIMEOUT_S = 10.0
_EVENTS_KEPT = 4_096


@asynccontextmanager
async def attached(path: Path) -> AsyncIterator[RemoteEngine]:
    """Connect, take the snapshot, follow until the block ends.

    Raises EngineUnreachable, EngineSilent.
    """
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX)
    except TimeoutError as error:
        raise silent(path, _ANSWER_TIMEOUT_S) from error
    except OSError as error:
        raise unreachable(path) from error
    remote = RemoteEngine(path, reader, writer)
    hearing = asyncio.create_task(remote.hear(), name="control client")
    try:
        await remote.subscribe()
        yield remote
    finally:
        hearing.cancel()
        await asyncio.wait((hearing,))
        writer.close()


class RemoteEngine:
    """The other end of one connection."""

    def __init__(
        self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._path = path
        self._reader = reader
        self._writer = writer
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._changed = asyncio.Event()
        self._status: Status | None = None
        self._lost: EngineUnreachable | None = None
        self.pid = 0
        """The process the engine runs in."""
        self.shift_ms = 0
        """The market's clock less the time of our loop, both in ms."""
        self.events: deque[Posted] = deque(maxlen=_EVENTS_KEPT)
        """What was heard and not yet taken, oldest first."""

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended."""
        return self._lost is not None

    @property
    def status(self) -> Status:
        """The newest copy; the same object until something changes."""
        assert self._status is not None, "not subscribed yet"
        return self._status

    def now_ms(self) -> int:
        """The market's clock, UTC ms, as far as our own clock runs like the engine's."""
        return round(asyncio.get_running_loop().time() * 1_000) + self.shift_ms

    async def changed(self) -> Status:
        """Wait for the next change, then the copy; raises EngineUnreachable when it is lost."""
        if self._lost is None:
            self._changed.clear()
            await self._changed.wait()
        if self._lost is not None:
            raise self._lost
        return self.status

    async def ask(self, op: str, args: Mapping[str, object]) -> Any:
        """The result of one operation; raises ActionRefused, EngineUnreachable, EngineSilent."""
        if self._lost is not None:
            raise self._lost
        self._number += 1
        number = self._number
        answered = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(request_line(number, op, args))
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                await self._writer.drain()
                return await answered
        except TimeoutError as error:
            raise silent(self._path, _ANSWER_TIMEOUT_S) from error
        except ConnectionError as error:
            raise unreachable(self._path) from error
        finally:
            del self._asked[number]

    async def subscribe(self) -> None:
        """Ask for the snapshot; what follows is applied as it is heard."""
        await self.ask("subscribe", {})

    async def hear(self) -> None:
        """Take what is sent until the connection ends."""
        lost: EngineUnreachable = unreachable(self._path)
        try:
            while line := await self._reader.readline():
                self._take(line)
        except ConnectionError:
            pass
        except ValueError as error:
            lost = EngineUnreachable(saying("engine_unfollowed", self._path, error))
        finally:
            self._lost = lost
            self._changed.set()
            for answered in self._asked.values():
                if not answered.done():
                    answered.set_exception(lost)

    def _take(self, line: bytes) -> None:
        message = document_of(line)
        match message.get("push"):
            case "event":
                self._step(posted_of(message))
            case "reset":
                self._reset(message)
            case _:
                self._answer(message, line)

    def _step(self, posted: Posted) -> None:
        if posted.seq != self.status.seq + 1:
            raise BadReplica(f"Event {posted.seq} does not follow {self.status.seq}.")
        self._status = apply(self.status, posted.event, posted.at_ms)
        self.events.append(posted)
        self._changed.set()

    def _reset(self, message: Mapping[str, Any]) -> None:
        self._status = status_of(message.get("snapshot"))
        self.pid = int(message.get("pid", 0))
        self.shift_ms += int(message.get("now_ms", 0)) - self.now_ms()
        self.events.clear()
        self._changed.set()

    def _answer(self, message: Mapping[str, object], line: bytes) -> None:
        number = message.get("id")
        answered = self._asked.get(number) if isinstance(number, int) else None
        if answered is None or answered.done():
            return
        try:
            result = result_of(line, self._path)
        except EngineError as error:
            answered.set_exception(error)
            return
        if isinstance(result, dict) and "snapshot" in result:
            self._reset(result)  # here, because the first events may be in the same breath
        answered.set_result(result)
