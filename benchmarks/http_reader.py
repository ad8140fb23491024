"""A reader of the API over plain sockets: cheap enough that sixty-four do not time themselves."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import NamedTuple

_PATIENCE_S = 10.0


class Reply(NamedTuple):
    """One answer of the API."""

    code: int
    """HTTP status."""
    body: bytes
    """What came."""
    took_s: float
    """From before the connection, where a fresh one was made, to the last byte."""


class HttpReader:
    """One client; kept alive, its connection is made again only when the server closed it."""

    def __init__(self, port: int, *, is_kept_alive: bool = True) -> None:
        self._port = port
        self._is_kept_alive = is_kept_alive
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> HttpReader:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hang_up()

    async def get(self, path: str) -> Reply:
        """One question; raises OSError, TimeoutError, or EOFError for half an answer."""
        began_s = time.perf_counter()
        is_whole = False
        try:
            async with asyncio.timeout(_PATIENCE_S):
                code, body = await self._asked(path)
            is_whole = True
        finally:
            if not (is_whole and self._is_kept_alive):
                self._hang_up()
        return Reply(code, body, time.perf_counter() - began_s)

    async def _asked(self, path: str) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        reader, writer = self._streams
        manner = "keep-alive" if self._is_kept_alive else "close"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: {manner}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(length)
        if "connection: close" in head:
            self._hang_up()
        return int(head.split(" ", 2)[1]), body

    def _hang_up(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
