"""The control socket: newline JSON over a private unix socket, for this user only.

A request is `{"id": …, "op": …, "args": {…}}`; its answer carries the same id and either
`result` or `error`, a sentence. Operations: `status`, `question`, `act`.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from uds import make_socket_folder

from .actions import Operable
from .control_client import LINE_BYTES_MAX, SOCKET_NAME
from .errors import ActionRefused
from .wire import status_document

_RECREATE_S = 2.0
_PEER = struct.Struct("3i")


class BadRequest(ValueError):
    """A line that is not a request; the message is a sentence."""


async def serve_control(engine: Operable, path: Path | None = None) -> None:
    """Answer until cancelled; a socket file that vanished is made again."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _talk(engine, reader, writer)

    while True:
        where = path or make_socket_folder(engine.tools.config.data_root) / SOCKET_NAME
        server = await _listen(where, talk)
        try:
            while where.is_socket():
                await asyncio.sleep(_RECREATE_S)
        finally:
            server.close()
            where.unlink(missing_ok=True)


async def _listen(
    path: Path,
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> asyncio.Server:
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bound.bind(str(path))
    finally:
        os.umask(before)
    return await asyncio.start_unix_server(talk, sock=bound, limit=LINE_BYTES_MAX)


async def _talk(
    engine: Operable, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        if not _is_this_user(writer):
            return
        while line := await reader.readline():
            writer.write(json.dumps(await _answer(engine, line)).encode() + b"\n")
            await writer.drain()
    except (ConnectionError, ValueError):
        return  # the client is gone, or sent a line over the limit
    finally:
        writer.close()


def _is_this_user(writer: asyncio.StreamWriter) -> bool:
    """The kernel's word for who is at the other end; where it has none, the mode decides."""
    peer = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(raw)
    return uid in (os.getuid(), 0)


async def _answer(engine: Operable, line: bytes) -> dict[str, Any]:
    request_id = None
    try:
        request_id, op, args = _parsed(line)
        return {"id": request_id, "result": await _done(engine, op, args)}
    except (BadRequest, ActionRefused) as error:
        return {"id": request_id, "error": str(error)}


def _parsed(line: bytes) -> tuple[int | str | None, str, Mapping[str, str]]:
    try:
        request = json.loads(line)
        request_id, op, args = request.get("id"), request["op"], request.get("args", {})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadRequest('A request is one line: {"id": 1, "op": "status", "args": {}}.') from error
    texts = isinstance(args, dict) and all(isinstance(value, str) for value in args.values())
    if not isinstance(op, str) or not texts or not isinstance(request_id, int | str | None):
        raise BadRequest("`op` is a text and `args` an object of texts.")
    return request_id, op, args


async def _done(engine: Operable, op: str, args: Mapping[str, str]) -> object:
    action_id, target = args.get("action", ""), args.get("target", "")
    match op:
        case "status":
            document = status_document(engine.tools.board.status, engine.tools.clock.now_ms())
            return document.model_dump()
        case "question":
            return engine.question(action_id, target)
        case "act":
            return await engine.act(action_id, target)
    raise BadRequest(f"There is no operation {op[:40]!r}; there are status, question and act.")
