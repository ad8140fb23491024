"""More readers than the engine has descriptors for: the idle make room, the busy are answered."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeAlias

import pytest
from starlette.types import Receive, Scope, Send

from engine.serving.connections import serve

Pair: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LIVE = b"GET /live HTTP/1.1\r\nHost: engine\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: engine\r\n\r\n"
LARGE_BYTES = 16_000_000
"""More than the system keeps for somebody who does not read."""
SLOW = b"GET /slow HTTP/1.1\r\nHost: engine\r\n\r\n"
PLACES = 4


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    address: tuple[str, int]
    """Where it listens."""
    task: asyncio.Task[None]
    """Cancelled, it ends."""


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A server with four places; `/slow` is answered when the test is over."""
    over = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await over.wait()
        body = b" " * LARGE_BYTES if scope["path"] == "/large" else b"ok"
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    listening = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(serve(app, listening, connections_max=PLACES))
    yield Served(listening.getsockname(), task)
    over.set()
    task.cancel()
    await asyncio.wait((task,))


@pytest.fixture
async def connect(served: Served) -> AsyncIterator[Callable[[], Awaitable[Pair]]]:
    """Connections to it."""
    async with AsyncExitStack() as closing:

        async def connection() -> Pair:
            reader, writer = await asyncio.open_connection(*served.address)
            closing.callback(writer.close)
            return reader, writer

        yield connection


async def answer(pair: Pair, asked: bytes = LIVE) -> bytes:
    """What comes back, body and all."""
    pair[1].write(asked)
    return await pair[0].readuntil(b"\r\n\r\nok")


async def test_who_is_silent_longest_makes_room(connect: Callable[[], Awaitable[Pair]]) -> None:
    """Connections that nobody uses must not keep a reader out."""
    silent = [await connect() for _ in range(PLACES)]
    assert (await answer(silent[0])).endswith(b"ok")
    newcomer = await connect()

    assert (await answer(newcomer)).endswith(b"ok")
    assert b"" == await silent[1][0].read()
    for still_there in (silent[0], silent[2], silent[3]):
        assert (await answer(still_there)).endswith(b"ok")


async def test_who_waits_for_an_answer_keeps_the_place(
    connect: Callable[[], Awaitable[Pair]],
) -> None:
    """Then it is the newcomer who is refused, with the reason."""
    busy = [await connect() for _ in range(PLACES)]
    for pair in busy:
        pair[1].write(SLOW)
        await pair[1].drain()
    for _ in range(50):
        await asyncio.sleep(0)
    refused = await (await connect())[0].read()

    head, _, body = refused.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in head
    assert ("crowded", "Too many are connected.") == (
        json.loads(body)["title"],
        json.loads(body)["detail"],
    )


@pytest.mark.parametrize("asked", [LARGE, LARGE + LIVE], ids=["one", "two"])
async def test_who_does_not_read_holds_no_place_for_ever(
    connect: Callable[[], Awaitable[Pair]], monkeypatch: pytest.MonkeyPatch, asked: bytes
) -> None:
    """Nor does a question more help him: as many as there are places would shut the API."""
    deaf = [await connect() for _ in range(PLACES)]
    for _, writer in deaf:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(asked)
    await asyncio.sleep(0.2)

    assert (await (await connect())[0].read()).startswith(b"HTTP/1.1 503 ")
    monkeypatch.setattr("engine.serving.connections._UNREAD_S", 0.0)
    assert (await answer(await connect())).endswith(b"ok")


async def test_the_end_waits_for_nobody_who_does_not_read(
    served: Served, connect: Callable[[], Awaitable[Pair]]
) -> None:
    """The server that follows after a restart would not count him, and descriptors would go."""
    reader, writer = await connect()
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(LARGE)
    await asyncio.sleep(0.2)
    served.task.cancel()
    await asyncio.wait((served.task,))
    writer.transport.resume_reading()  # type: ignore[attr-defined]

    assert LARGE_BYTES > len(await reader.read())


async def test_hundreds_at_once_are_no_matter(connect: Callable[[], Awaitable[Pair]]) -> None:
    """A scanner or a leaking pool: the last one in is served."""
    crowd = await asyncio.gather(*(connect() for _ in range(200)))

    assert (await answer(await connect())).endswith(b"ok")
    assert PLACES > sum(not reader.at_eof() for reader, _ in crowd[: -PLACES * 2])


async def test_a_web_socket_is_refused_without_advice_to_the_operator(
    connect: Callable[[], Awaitable[Pair]], caplog: pytest.LogCaptureFixture
) -> None:
    """Any page of a browser may ask for one; installing something is no remedy of ours."""
    asked = LIVE.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: websocket\r\nHost")
    with caplog.at_level(logging.DEBUG):
        assert (await answer(await connect(), asked)).endswith(b"ok")

    assert "WebSocket" not in caplog.text
