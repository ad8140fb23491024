"""Readers of the API: so many connections, each asking again when it was answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_HEAD_BYTES = 512
_PATIENCE_S = 30.0
_POLL_S = 0.01


def question(symbol: str, timeframe: str, limit: int) -> bytes:
    """One request for bars."""
    query = urlencode({"symbol": symbol, "tf": timeframe, "limit": limit})
    return f"GET /api/bars?{query} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


async def body_of(port: int, asked: bytes) -> bytes:
    """One answer; raises ValueError when it is no 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asked)
    head = await reader.readuntil(_END)
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(f"{asked!r} was answered {head.splitlines()[0]!r}")
    body = await reader.readexactly(_length(head))
    writer.close()
    return body


async def ask_in_turn(port: int, asked: list[bytes], connections: int, count: int) -> None:
    """Ask `count` times over so many connections, each question in turn; all must be 200."""
    each, loop = count // connections, asyncio.get_running_loop()
    done = [loop.create_future() for _ in range(connections)]
    for future in done:
        await loop.create_connection(lambda f=future: _Reader(asked, each, f), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*done)


class _Reader(asyncio.Protocol):
    """One connection."""

    def __init__(self, asked: list[bytes], count: int, done: asyncio.Future[None]) -> None:
        self._asked = asked
        self._left = count
        self._done = done
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            if not data.startswith(b"HTTP/1.1 200 "):
                self._done.set_exception(ValueError(f"answered {data[:40]!r}"))
                self._transport.close()
                return
            self._missing = data.index(_END) + len(_END) + _length(data)
        self._missing -= len(data)
        if not self._missing:
            self._left -= 1
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionResetError("the server hung up"))

    def _ask(self) -> None:
        if self._left:
            self._transport.write(self._asked[self._left % len(self._asked)])
        elif not self._done.done():
            self._done.set_result(None)
            self._transport.close()


def _length(answer: bytes) -> int:
    head = answer[:_HEAD_BYTES].lower()
    begin = head.index(_LENGTH) + len(_LENGTH)
    return int(head[begin : head.index(b"\r\n", begin)])


@dataclass(slots=True)
class Load:
    """What an open load came to."""

    late_s: list[float] = field(default_factory=list)
    """Of each answer with bars, from when its question was due to its last byte."""
    errors: int = 0
    """Other answers, and connections that broke."""


async def open_load(
    port: int,
    asked: Sequence[bytes],
    per_s: float,
    seconds: float,
    clients: int = 1,
    look: Callable[[bytes], None] | None = None,
) -> Load:
    """Ask at fixed times, each question in turn, over at least so many connections.

    A question that finds no connection idle gets one of its own. `look` sees each body.
    """
    loop, load = asyncio.get_running_loop(), Load()
    idle: deque[_Timed] = deque()

    async def connect() -> None:
        _, reader = await loop.create_connection(
            lambda: _Timed(idle, load, look), "127.0.0.1", port
        )
        idle.append(reader)

    for _ in range(clients):
        await connect()
    begun_s, count = loop.time(), round(per_s * seconds)
    for number in range(count):
        due_s = begun_s + number / per_s
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        if not idle:
            await connect()
        idle.popleft().ask(asked[number % len(asked)], due_s)
    async with asyncio.timeout(_PATIENCE_S):
        while len(load.late_s) + load.errors < count:
            await asyncio.sleep(_POLL_S)
    for reader in idle:
        reader.close()
    return load


class _Timed(asyncio.Protocol):
    """One connection, asked again once it is idle."""

    def __init__(
        self, idle: deque[_Timed], load: Load, look: Callable[[bytes], None] | None
    ) -> None:
        self._idle = idle
        self._load = load
        self._look = look
        self._loop = asyncio.get_running_loop()
        self._answer = bytearray()
        self._due_s: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, asked: bytes, due_s: float) -> None:
        """Send a question that was due then."""
        self._due_s = due_s
        self._transport.write(asked)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = bytes(self._answer).partition(_END)
        if not end or len(body) < _length(head + end):
            return
        assert self._due_s is not None
        if not head.startswith(b"HTTP/1.1 200 "):
            self._load.errors += 1
        else:
            self._load.late_s.append(self._loop.time() - self._due_s)
            if self._look is not None:
                self._look(body)
        self._answer.clear()
        self._due_s = None
        self._idle.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._idle:
            self._idle.remove(self)
        self._load.errors += self._due_s is not None

    def close(self) -> None:
        """Hang up."""
        self._transport.close()
