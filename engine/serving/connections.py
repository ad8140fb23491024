"""The connections of readers: uvicorn with places that run out, and with answers that stand ready.

Theory of operation. What an answer says is not known here: an application makes it. What stands
ready goes out while its question is still being read, without a task and without routing.

Every connection holds a descriptor, and the engine needs some for its own files, so there are
only so many places. Where one too many is connected somebody makes room: first who has waited
longest without a question, else who has long not read what he was answered, for he would hold
his place as long as he pleases. Who waits for an answer keeps his place; if all do, the newcomer
is refused with 503.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from . import api

CONNECTIONS_MAX = 512
"""More at a time would leave the engine no descriptors for its own files."""
_OWN_FILES = 192
"""Descriptors that are not for readers: files, Redis, 64 clients of the control socket."""
_PLACES_MIN = 8
_QUEUE_MAX = 512
"""Connections that the system keeps for us until they are taken."""
_GRACE_S = 1
_UNREAD_S = 30.0
"""Who has not read an answer for so long may have to make room."""
BARS = "/api/bars"
_BARS_PATH = BARS.encode()
_READY = b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\ncontent-type: application/json\r\n\r\n"
_UNREADABLE = (
    b"HTTP/1.1 400 Bad Request\r\n%bcontent-length: %d\r\n"
    b"content-type: application/problem+json\r\nconnection: close\r\n\r\n"
)
_CROWDED = (
    b"HTTP/1.1 503 Service Unavailable\r\n%bcontent-length: %d\r\nretry-after: 1\r\n"
    b"content-type: application/problem+json\r\nconnection: close\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Front:
    """The application, and what of it stands ready."""

    app: ASGIApp
    """Answers everything."""
    ready: Callable[[bytes], tuple[bytes, ...] | None]
    """The parts of the body for a query about bars; None when it has to be made."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What stands ready goes out at once; routing would cost more than the answer."""
        if scope["type"] == "http" and scope["path"] == BARS and scope["method"] == "GET":
            parts = self.ready(scope["query_string"])
            if parts is not None:
                body = b"".join(parts)
                length = str(len(body)).encode()
                headers = [(b"content-length", length), (b"content-type", b"application/json")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
        await self.app(scope, receive, send)


class _Protocol(HttpToolsProtocol):
    """Sends what stands ready in one write, without a task.

    Only where nothing is under way on the connection and all that was sent before has left:
    who does not read gets his next answer the slow way, which waits for him.

    A connection on which nobody asks any more is closed as always, but one alarm serves many
    answers: it looks whether there was another one meanwhile. Setting and cancelling one for
    each would cost a tenth of an answer.
    """

    connections_max = CONNECTIONS_MAX
    _ready: tuple[bytes, ...] | None = None
    """What answers the message that is being read."""
    _alarm: asyncio.TimerHandle | None = None
    _answered: object = None
    """The scope of the last that was; with another one something has begun since."""
    _idle_since_s = 0.0
    """When the last answer was complete, though perhaps not read; at first when it connected."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._idle_since_s = self.loop.time()
        if len(self.connections) <= self.connections_max:
            return
        leaving = self._who_leaves()
        self.connections.discard(leaving)
        if leaving is self:
            self._refuse(_CROWDED, api.problem(503, "crowded", "Too many are connected.").body)
        if leaving is self or leaving._is_idle():
            leaving.transport.close()
        else:
            leaving.transport.abort()  # closing would wait for him to read

    def _who_leaves(self) -> _Protocol:
        """Somebody who asks nothing, else somebody who does not read, else this newcomer."""
        others = [one for one in self.connections if isinstance(one, _Protocol) and one is not self]
        idle = [one for one in others if one._is_idle()]
        unread_since_s = self.loop.time() - _UNREAD_S
        unread = (
            one
            for one in others
            if one.transport.get_write_buffer_size() and one._idle_since_s <= unread_since_s
        )
        return min(idle or unread, key=lambda one: one._idle_since_s, default=self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._idle_since_s = self.loop.time()
        super().on_response_complete()

    def on_headers_complete(self) -> None:
        self._ready = self._standing_ready()
        if self._ready is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._ready is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        parts = self._ready
        if parts is None:
            super().on_message_complete()
            return
        self._ready = None
        head = _READY % (self._default_head(), sum(map(len, parts)))
        self.transport.write(b"".join((head, *parts)))
        self.server_state.total_requests += 1
        self._answered, self._idle_since_s = self.scope, self.loop.time()
        if self._alarm is None:
            self._alarm = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _look(self) -> None:
        """Close the connection if nothing has come since its last answer, or look again."""
        self._alarm = None
        if self.scope is not self._answered:
            return  # whatever has begun sets an alarm of its own at its end
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._alarm = self.loop.call_later(left_s, self._look)
        else:
            self.timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP at all is refused as everything else is."""
        self._refuse(_UNREADABLE, api.problem(400, "bad request", msg).body)
        self.transport.close()

    def _refuse(self, head: bytes, body: bytes) -> None:
        self.transport.write(head % (self._default_head(), len(body)) + body)

    def _is_idle(self) -> bool:
        """Whether nothing was asked that is not answered, and read, by now."""
        is_answered = self.cycle is None or self.cycle.response_complete
        return is_answered and not self.pipeline and not self.transport.get_write_buffer_size()

    def _unsupported_upgrade_warning(self) -> None:
        """Who asks for a web socket is answered over HTTP; a remedy would be none of his."""

    def _default_head(self) -> bytes:
        return b"".join(b"%b: %b\r\n" % pair for pair in self.server_state.default_headers)

    def _standing_ready(self) -> tuple[bytes, ...] | None:
        path, _, query = self.url.partition(b"?")
        if path != _BARS_PATH or self.parser.get_method() != b"GET" or self.expect_100_continue:
            return None
        if self.parser.get_http_version() != "1.1" or not self.parser.should_keep_alive():
            return None
        if not self._is_idle() or self.parser.should_upgrade() or self.transport.is_closing():
            return None
        app = self.config.app
        return app.ready(query) if isinstance(app, Front) else None


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process's signals belong to the engine.

    Its backlog is how many connections are taken at once, before any of them can be told to
    leave; the queue before that may be longer.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(_QUEUE_MAX)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGIApp, listening: socket.socket, connections_max: int = CONNECTIONS_MAX
) -> None:
    """Answer on a bound socket until cancelled; raises what the server fails with."""
    descriptors_max = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors_max != resource.RLIM_INFINITY:
        connections_max = min(connections_max, max(_PLACES_MIN, descriptors_max - _OWN_FILES))

    class Bounded(_Protocol):
        """With the number of this host."""

    Bounded.connections_max = connections_max
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            http=Bounded,
            backlog=max(2, connections_max // 16),
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="uvicorn")
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await asyncio.wait((serving,), timeout=2 * _GRACE_S)
        serving.cancel()
        for left in tuple(server.server_state.connections):
            left.transport.abort()  # the next server would not count them
