"""One connection to the control socket: its requests answered in order, its events pushed.

Nothing here can grow. A request is read only after the answer before it was taken by the
kernel, and events are taken from the log only after those before them were: a client that does
not read stops its own conversation and nothing else. When it reads again it is far behind, and
gets one fresh snapshot instead of what it missed (`subscription.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import OrderedDict

from ..acts.action import Operable
from ..acts.seat import Seat
from ..errors import ActionRefused
from ..event_log import Posted
from ..replica import posted_json, status_json
from ..status import Status
from ..subscription import Subscription
from .operations import perform
from .protocol import (
    LINE_BYTES_MAX,
    Args,
    BadRequest,
    Request,
    error_line,
    push_line,
    request_of,
    result_line,
)

_FLUSH_S = 0.02
"""Events of so long travel together."""
_DISCARD_S = 1.0
"""How long the rest of an endless line is thrown away, so that the refusal can be read."""
_DISCARD_BYTES = 1 << 16
_LINES_KEPT = 1_024


class EventLines:
    """Events as lines, written once for all subscribers."""

    def __init__(self) -> None:
        self._lines: OrderedDict[int, bytes] = OrderedDict()

    def of(self, posted: Posted) -> bytes:
        """The line that is pushed for an event."""
        line = self._lines.get(posted.seq)
        if line is None:
            line = push_line("event", posted_json(posted))
            self._lines[posted.seq] = line
            if len(self._lines) > _LINES_KEPT:
                self._lines.popitem(last=False)
        return line


class Conversation:
    """What is said over one connection."""

    def __init__(
        self,
        engine: Operable,
        actor: str,
        lines: EventLines,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._engine = engine
        self._seat = Seat(engine, actor)
        self._lines = lines
        self._reader = reader
        self._writer = writer
        self._pushing: asyncio.Task[None] | None = None
        self.was_heard = False
        """Whether the other end ever said a whole line."""

    def turn_away(self, line: bytes) -> None:
        """A last word to somebody who is given up for others."""
        self._writer.write(line)

    async def hold(self) -> None:
        """Until the other end leaves, or says something too long to be heard."""
        try:
            while (line := await self._line()) is not None:
                self.was_heard = True
                await self._send(await self._answered(line))
                await asyncio.sleep(0)  # ten thousand requests at once are still one client
        except ConnectionError:
            return
        finally:
            await self._stop_pushing()

    async def _line(self) -> bytes | None:
        """The next one; None at the end. A line without its end is none."""
        try:
            line = await self._reader.readline()
        except ValueError:
            sentence = f"A line may hold {LINE_BYTES_MAX >> 20} MiB; this connection is closed."
            await self._send(error_line(None, sentence, "too_long"))
            await self._discard()
            return None
        return line if line.endswith(b"\n") else None

    async def _answered(self, line: bytes) -> bytes:
        try:
            request = request_of(line)
        except BadRequest as error:
            return error_line(error.request_id, str(error), error.code, error.hint)
        try:
            return result_line(request.id, await self._done(request))
        except BadRequest as error:
            return error_line(request.id, str(error), error.code, error.hint)
        except ActionRefused as error:
            return error_line(request.id, str(error), error.code, error.hint, error.said)

    async def _done(self, request: Request) -> object:
        args = Args(request.args)
        match request.op:
            case "subscribe":
                args.done()
                return self._subscribe()
            case "unsubscribe":
                args.done()
                if self._pushing is not None:
                    self._pushing.cancel()
                return {}
        return await perform(self._engine, self._seat, request.op, args)

    def _subscribe(self) -> dict[str, object]:
        """The snapshot is the answer; what happens after it is pushed behind the answer."""
        if self._pushing is not None:
            self._pushing.cancel()
        subscription = self._engine.tools.board.subscribe()
        self._pushing = asyncio.create_task(self._push(subscription), name="control push")
        self._pushing.add_done_callback(self._push_ended)
        return self._snapshot(subscription.status)

    def _snapshot(self, status: Status) -> dict[str, object]:
        return {
            "seq": status.seq,
            "now_ms": self._engine.tools.clock.now_ms(),
            "pid": os.getpid(),
            "snapshot": status_json(status),
        }

    async def _push(self, subscription: Subscription) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(_FLUSH_S)
                found = await subscription.batch()
                if isinstance(found, Status):
                    await self._send(push_line("reset", self._snapshot(found)))
                else:
                    await self._send(b"".join(self._lines.of(posted) for posted in found))

    def _push_ended(self, pushing: asyncio.Task[None]) -> None:
        """A subscriber that can be told nothing more must notice."""
        if not pushing.cancelled():
            self._writer.close()

    async def _send(self, lines: bytes) -> None:
        self._writer.write(lines)
        await self._writer.drain()

    async def _discard(self) -> None:
        """Read on for a moment: closing with unread bytes would take the refusal along."""
        with contextlib.suppress(TimeoutError, ValueError):
            async with asyncio.timeout(_DISCARD_S):
                while chunk := await self._reader.read(_DISCARD_BYTES):
                    if b"\n" in chunk:
                        return

    async def _stop_pushing(self) -> None:
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.wait((self._pushing,))
