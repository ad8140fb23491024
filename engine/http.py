"""The reader's API: Starlette on uvicorn over the pure answers of `api.py`."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import uvicorn
from pydantic.json_schema import models_json_schema
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from uds import Store
from uds.model import Timeframe

from . import api, gate
from .board import StatusBoard
from .clock import Clock
from .documents import BarsDocument, ProblemDocument, StatusDocument
from .wire import status_document

_GRACE_S = 1
_DOCUMENTS = {
    "/api/status": StatusDocument,
    "/api/bars": BarsDocument,
}


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process's signals belong to the engine."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Starlette, listening: socket.socket) -> None:
    """Answer on a bound socket until cancelled; raises what the server fails with."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
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
    board: StatusBoard, store: Store, clock: Clock, depth_bars: Mapping[Timeframe, int]
) -> Starlette:
    """The routes of one engine; `depth_bars` is how deep each timeframe shall be."""

    async def livez(_: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(_: Request) -> Response:
        verdict = board.status.gate
        is_open = isinstance(verdict, gate.Open)
        return JSONResponse({"ok": is_open, "gate": verdict.state.value}, 200 if is_open else 503)

    async def status(_: Request) -> Response:
        document = status_document(board.status, clock.now_ms())
        return Response(document.model_dump_json(), media_type="application/json")

    async def bars(request: Request) -> Response:
        now = board.status
        query = dict(request.query_params)
        asked = [symbol for symbol in now.symbols if symbol == query.get("symbol")]
        tails = {symbol: store.tail(symbol) for symbol in asked}
        forming = {p.key: p for symbol in asked for p in store.previews(symbol).values()}
        return _response(api.answer_bars(query, now, tails, depth_bars, clock.now_ms(), forming))

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/api/status", status),
            Route("/api/bars", bars),
            Route("/openapi.json", _openapi),
        ],
        exception_handlers={HTTPException: _not_found},
    )


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = ProblemDocument(
        type="about:blank",
        title=error.detail,
        status=error.status_code,
        detail=f"{request.method} {request.url.path} is not answered here; see /openapi.json.",
    )
    body = problem.model_dump_json(exclude_unset=True)
    return Response(body, error.status_code, media_type="application/problem+json")


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
    paths: dict[str, object] = {
        "/livez": {"get": {"responses": {"200": _described("The process lives.", text)}}},
        "/readyz": {
            "get": {
                "responses": {
                    "200": _described("The gate is open.", text),
                    "503": _described("The gate is closed.", text),
                }
            }
        },
    }
    for path, model in _DOCUMENTS.items():
        parameters = _bars_parameters() if model is BarsDocument else []
        refusals = ("400", "404", "503") if model is BarsDocument else ()
        answers = {"200": _described("The answer.", _content("application/json", model))}
        problem = _content("application/problem+json", ProblemDocument)
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
