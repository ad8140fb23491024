"""The reader's API: Starlette on uvicorn over the pure answers of `api.py`."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from pydantic.json_schema import models_json_schema
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from uds import Store
from uds.model import Timeframe

from .. import gate
from ..board import StatusBoard
from ..clock import Clock
from . import api
from .documents import BarsDocument, ProblemDocument, StatusDocument
from .ready_answers import ReadyAnswers
from .wire import status_document

CONNECTIONS_MAX = 512
"""More at a time would leave the engine no descriptors for its own files."""
_OWN_FILES = 192
"""Descriptors that are not for readers: files, Redis, 64 clients of the control socket."""
_PLACES_MIN = 8
_QUEUE_MAX = 512
"""Connections that the system keeps for us until they are taken."""
_GRACE_S = 1
_BARS = "/api/bars"
_BARS_PATH = _BARS.encode()
_READY = b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\ncontent-type: application/json\r\n\r\n"
_UNREADABLE = (
    b"HTTP/1.1 400 Bad Request\r\n%bcontent-length: %d\r\n"
    b"content-type: application/problem+json\r\nconnection: close\r\n\r\n"
)
_CROWDED = (
    b"HTTP/1.1 503 Service Unavailable\r\n%bcontent-length: %d\r\nretry-after: 1\r\n"
    b"content-type: application/problem+json\r\nconnection: close\r\n\r\n"
)
_DOCUMENTS = {
    "/api/status": StatusDocument,
    _BARS: BarsDocument,
}


@dataclass(frozen=True, slots=True)
class Front:
    """The application, and what of it stands ready."""

    app: ASGIApp
    """Answers everything."""
    ready: Callable[[bytes], tuple[bytes, ...] | None]
    """The parts of the body for a query about bars; None when it has to be made."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What stands ready goes out at once; routing would cost more than the answer."""
        if scope["type"] == "http" and scope["path"] == _BARS and scope["method"] == "GET":
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

    Where too many are connected, who has waited longest without a question makes room.

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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._idle_since_s = self.loop.time()
        if len(self.connections) <= self.connections_max:
            return
        others = (one for one in self.connections if one is not self)
        idle = (one for one in others if isinstance(one, _Protocol) and one._is_idle())
        leaving = min(idle, key=lambda one: one._idle_since_s, default=self)
        if leaving is self:
            self._refuse(_CROWDED, api.problem(503, "crowded", "Too many are connected.").body)
        leaving.transport.close()
        self.connections.discard(leaving)

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


def build_app(
    board: StatusBoard,
    store: Store,
    clock: Clock,
    depth_bars: Mapping[Timeframe, int],
    origins: Sequence[str] = (),
) -> ASGIApp:
    """The routes of one engine; `depth_bars` is how deep each timeframe shall be.

    Pages of the `origins` may read the answers in a browser; without any, nothing says so.
    """

    async def livez(_: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(_: Request) -> Response:
        verdict = board.status.gate
        if isinstance(verdict, gate.Open):
            return JSONResponse({"ok": True, "gate": verdict.state.value})
        return _response(api.answer_closed(board.status, clock.now_ms()))

    async def status(_: Request) -> Response:
        document = status_document(board.status, clock.now_ms())
        return Response(document.model_dump_json(), media_type="application/json")

    ready = ReadyAnswers()

    async def bars(request: Request) -> Response:
        now, now_ms = board.status, clock.now_ms()
        given = request.query_params.multi_items()
        query = dict(given)
        if len(given) > len(query):
            return _response(api.problem(400, "bad query", "A parameter stands twice."))
        asked = [symbol for symbol in now.symbols if symbol == query.get("symbol")]
        tails = {symbol: store.tail(symbol) for symbol in asked}
        forming = {p.key: p for symbol in asked for p in store.previews(symbol).values()}
        answer = api.answer_bars(query, now, tails, depth_bars, now_ms, forming)
        if answer.code == 200 and query.get("preview") != "1":
            for symbol, snapshot in tails.items():
                assert snapshot is not None
                ready.keep(request.scope["query_string"], now, symbol, snapshot, answer)
        return _response(answer)

    app = Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/api/status", status),
            Route(_BARS, bars),
            Route("/openapi.json", _openapi),
        ],
        exception_handlers={HTTPException: _not_found, Exception: _failed},
    )

    app.router.redirect_slashes = False

    def standing_ready(query: bytes) -> tuple[bytes, ...] | None:
        return ready.get(query, board.status, store.tail, clock.now_ms())

    front = Front(app, standing_ready)
    return CORSMiddleware(front, origins, allow_methods=("GET",)) if origins else front


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = ProblemDocument(
        type="about:blank",
        title=error.detail,
        status=error.status_code,
        detail=f"{request.method} {request.url.path} is not answered here; see /openapi.json.",
    )
    body = problem.model_dump_json(exclude_unset=True)
    return Response(body, error.status_code, error.headers, "application/problem+json")


async def _failed(request: Request, error: Exception) -> Response:
    """A mistake of ours; whoever runs the server still hears of it."""
    detail = f"{request.method} {request.url.path} failed: {type(error).__name__}; see the log."
    return _response(api.problem(500, "internal error", detail))


async def _openapi(_: Request) -> Response:
    return Response(json.dumps(openapi_document()), media_type="application/json")


def openapi_document() -> dict[str, object]:
    """The API described, from the very models that answer."""
    models = [(model, "serialization") for model in (*_DOCUMENTS.values(), ProblemDocument)]
    _, schemas = models_json_schema(
        models,  # type: ignore[arg-type]
        ref_template="#/components/schemas/{model}",
    )
    text: dict[str, object] = {"application/json": {"schema": {"type": "object"}}}
    problem = _content("application/problem+json", ProblemDocument)
    paths: dict[str, object] = {
        "/livez": {"get": {"responses": {"200": _described("The process lives.", text)}}},
        "/readyz": {
            "get": {
                "responses": {
                    "200": _described("The gate is open.", text),
                    "503": _described("The gate is closed.", problem),
                }
            }
        },
    }
    for path, model in _DOCUMENTS.items():
        parameters = _bars_parameters() if model is BarsDocument else []
        refusals = ("400", "404", "503") if model is BarsDocument else ()
        answers = {"200": _described("The answer.", _content("application/json", model))}
        answers |= {code: _described("Why not.", problem) for code in refusals}
        paths[path] = {"get": {"parameters": parameters, "responses": answers}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "coldstart-console", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _bars_parameters() -> list[dict[str, object]]:
    required = {"symbol": "string", "tf": "string"}
    optional = {"limit": "integer", "from_ms": "integer", "to_ms": "integer", "preview": "integer"}
    return [
        {"name": name, "in": "query", "required": name in required, "schema": {"type": kind}}
        for name, kind in {**required, **optional}.items()
    ]


def _described(description: str, content: dict[str, object]) -> dict[str, object]:
    return {"description": description, "content": content}


def _content(media_type: str, model: type[object]) -> dict[str, object]:
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def _response(answer: api.Answer) -> Response:
    return Response(
        answer.body,
        answer.code,
        headers=dict(answer.headers),
        media_type=answer.media_type,
    )
