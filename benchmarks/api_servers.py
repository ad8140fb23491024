"""A process that serves 300 bars as other stacks would; run by `api_bars`.

`asgi` is uvicorn and nothing else, `starlette` a route that returns bytes, `fastapi_bytes` the
same there; they are given the finished answer. `fastapi` has the bars as models and makes each
answer of them, as one writes it first.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.bench.child import obey

_TYPE = "application/json"
_BARS = "/api/bars"


def asgi(body: bytes) -> Any:
    """No framework."""
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", _TYPE.encode())]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def starlette(body: bytes) -> Any:
    """A route that returns bytes."""

    async def bars(_: Request) -> Response:
        return Response(body, media_type=_TYPE)

    return Starlette(routes=[Route(_BARS, bars)])


def fastapi_bytes(body: bytes) -> Any:
    """The same route there, its parameters declared."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get(_BARS)
    async def bars(symbol: str, tf: str, limit: int = 300) -> Any:
        return Response(body, media_type=_TYPE)

    return app


def fastapi(body: bytes) -> Any:
    """Bars as models, serialised for each answer."""
    from fastapi import FastAPI
    from pydantic import create_model

    raw = json.loads(body)
    bar_fields: dict[str, Any] = {
        name: (type(value), ...) for name, value in raw["bars"][0].items()
    }
    bar = create_model("BarModel", **bar_fields)
    fields: dict[str, Any] = {name: (type(value), ...) for name, value in raw.items()}
    document = create_model("BarsModel", **{**fields, "bars": (list[bar], ...)})  # type: ignore[valid-type]
    app, answer = FastAPI(), document(**raw)

    @app.get(_BARS, response_model=document)
    async def bars(symbol: str, tf: str, limit: int = 300) -> Any:
        return answer

    return app


_APPS = {
    "asgi": asgi,
    "starlette": starlette,
    "fastapi_bytes": fastapi_bytes,
    "fastapi": fastapi,
}


async def serve(kind: str) -> None:
    """Until stdin ends; the first line is the length of the answer that follows it."""
    body = sys.stdin.read(int(sys.stdin.readline())).encode()
    listening = socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(
        _APPS[kind](body),
        log_config=None,
        access_log=False,
        lifespan="off",
        http=HttpToolsProtocol,
        ws="none",
        proxy_headers=False,
        server_header=False,
    )
    server = uvicorn.Server(settings)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await obey(listening.getsockname()[1])
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
