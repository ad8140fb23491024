"""How long a reader waits for the first candle of each cell: one fresh connection a question."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from urllib.parse import urlencode

from uds.model import SeriesKey

from ..clock import Clock
from ..errors import ProbeFailed
from .api import LIMIT_DEFAULT

_ANSWER_TIMEOUT_S = 5.0


async def first_candles_ms(
    host: str, port: int, keys: Iterable[SeriesKey], clock: Clock
) -> list[float]:
    """Milliseconds from sending to the last byte, one cell after another; raises ProbeFailed."""
    return [await _ask(host, port, key, clock) for key in keys]


async def _ask(host: str, port: int, key: SeriesKey, clock: Clock) -> float:
    query = urlencode({"symbol": key.symbol, "tf": key.timeframe.name, "limit": str(LIMIT_DEFAULT)})
    request = f"GET /api/bars?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            sent_s = clock.monotonic_s()
            writer.write(request.encode())
            answer = await reader.read(-1)
            elapsed_ms = (clock.monotonic_s() - sent_s) * 1_000
            writer.close()
    except (OSError, TimeoutError) as error:
        raise ProbeFailed(f"{key} was not answered: {error or 'no answer in time'}.") from error
    if not answer.startswith(b"HTTP/1.1 200 "):
        line = answer.partition(b"\r\n")[0].decode("ascii", "replace")
        raise ProbeFailed(f"{key} was answered {line!r}.")
    return elapsed_ms
