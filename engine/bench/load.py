"""Readers of the API: so many connections, each asking again when it was answered."""

from __future__ import annotations

import asyncio
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


async def open_load(port: int, asked: list[bytes], per_s: float, seconds: float) -> list[float]:
    """Ask at fixed times over enough connections; how late each answer was complete, in seconds."""
    loop = asyncio.get_running_loop()
    idle: list[_Timed] = []
    late_s: list[float] = []
    begun_s, count = loop.time(), round(per_s * seconds)
    for number in range(count):
        due_s = begun_s + number / per_s
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        if not idle:
            _, reader = await loop.create_connection(
                lambda: _Timed(idle, late_s), "127.0.0.1", port
            )
            idle.append(reader)
        idle.pop().ask(asked[number % len(asked)], due_s)
    async with asyncio.timeout(_PATIENCE_S):
        while len(late_s) < count:
            await asyncio.sleep(_POLL_S)
    for reader in idle:
        reader.close()
    return late_s


class _Timed(asyncio.Protocol):
    """One connection, asked again once it is idle."""

    def __init__(self, idle: list[_Timed], late_s: list[float]) -> None:
        self._idle = idle
        self._late_s = late_s
        self._loop = asyncio.get_running_loop()
        self._missing = 0
        self._due_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, asked: bytes, due_s: float) -> None:
        """Send a question that was due then."""
        self._due_s = due_s
        self._transport.write(asked)

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            if not data.startswith(b"HTTP/1.1 200 "):
                raise ValueError(f"answered {data[:40]!r}")
            self._missing = data.index(_END) + len(_END) + _length(data)
        self._missing -= len(data)
        if not self._missing:
            self._late_s.append(self._loop.time() - self._due_s)
            self._idle.append(self)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()
