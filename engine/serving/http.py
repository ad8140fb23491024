"""The reader's API: Starlette over the pure answers of `api.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pydantic.json_schema import models_json_schema
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from uds import Store
from uds.model import Timeframe

from .. import gate
from ..board import StatusBoard
from ..clock import Clock
from . import api
from .connections import BARS, Front
from .documents import BarsDocument, ProblemDocument, StatusDocument
from .ready_answers import ReadyAnswers
from .wire import status_document

_DOCUMENTS = {
    "/api/status": StatusDocument,
    BARS: BarsDocument,
}


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
            Route(BARS, bars),
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
