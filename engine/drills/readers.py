"""Readers beside a drill: they ask the API without a pause and count what must not happen.

Three things are held against each other. An answer names its generation and number, so the same
pair must always have the same bars: two that differ are a mix of generations. The pair must
never go back. And where the market is simulated, its M1 are a pure function of the minute, so
every served minute is compared with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import cycle
from typing import Any, TypeAlias
from urllib.parse import quote

from uds.model import Bars, SeriesKey, Symbol, Timeframe

from ..clock import Clock
from .facts import ReaderFacts

Truth: TypeAlias = Callable[[Symbol, int, int], Bars]
"""The M1 of a symbol that open in [from_ms, until_ms), as the source has them."""
Newest: TypeAlias = dict[Symbol, tuple[str, int]]
"""Generation and number that one reader has seen of each symbol."""

PAUSE_S = 0.02
_PATIENCE_S = 8.0
_LIMIT = 40
_KNOWN_MAX = 4_096
_WHOLE_ANSWER = 2


class Readers:
    """What was answered so far."""

    def __init__(self, clock: Clock, keys: tuple[SeriesKey, ...], truth: Truth | None) -> None:
        """`truth` is None where nobody knows better than the store."""
        self.facts = ReaderFacts()
        self._clock = clock
        self._keys = keys
        self._truth = truth
        self._known: OrderedDict[tuple[SeriesKey, str, int], bytes] = OrderedDict()

    @property
    def compares(self) -> bool:
        """Whether answers are held against the source."""
        return self._truth is not None

    def renew(self) -> None:
        """Count anew; what was seen before still counts for what comes."""
        self.facts = ReaderFacts()

    async def read(self, host: str, port: int) -> None:
        """Ask for one cell after the other until cancelled, each over a connection of its own."""
        newest: Newest = {}
        for key in cycle(_mixed_up(self._keys)):
            began_s = self._clock.monotonic_s()
            try:
                code, body = await _get(host, port, _path(key))
                document = json.loads(body)
            except (OSError, TimeoutError, EOFError, ValueError):
                self._count(self._clock.monotonic_s() - began_s, silent=1)
            else:
                self.note(key, code, document, self._clock.monotonic_s() - began_s, newest)
            await self._clock.sleep(PAUSE_S)

    def note(
        self, key: SeriesKey, code: int, document: dict[str, Any], took_s: float, newest: Newest
    ) -> None:
        """Take one answer into account; `newest` is what its reader had seen before it."""
        if code != 200:
            says_why = bool(document.get("waiting_for") or document.get("reasons"))
            self._count(took_s, **{"refused" if says_why else "silent": 1})
            return
        bars, place = document["bars"], (document["generation"], document["seq"])
        before = newest.get(key.symbol, place)
        newest[key.symbol] = max(before, place)
        is_compared = self._truth is not None and key.timeframe is Timeframe.M1 and bool(bars)
        self._count(
            took_s,
            given=1,
            empty=not bars,
            backward=before > place,
            mixed=self._is_mixed(key, place, bars),
            compared=is_compared,
            wrong=is_compared and not self._is_true(key.symbol, bars),
        )

    def _count(self, took_s: float, **more: int) -> None:
        facts = self.facts
        counted = {name: getattr(facts, name) + int(count) for name, count in more.items()}
        slowest_s = max(facts.slowest_s, took_s)
        self.facts = replace(facts, slowest_s=slowest_s, **counted)

    def _is_mixed(self, key: SeriesKey, place: tuple[str, int], bars: list[Any]) -> bool:
        """Whether the same generation and number had other bars before."""
        final = [bar for bar in bars if bar["complete"]]
        digest = hashlib.blake2b(json.dumps(final).encode(), digest_size=16).digest()
        known = self._known.setdefault((key, *place), digest)
        if len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)
        return known != digest

    def _is_true(self, symbol: Symbol, bars: list[dict[str, Any]]) -> bool:
        assert self._truth is not None
        truth = self._truth(symbol, bars[0]["open_time_ms"], bars[-1]["open_time_ms"] + 1)
        columns = (truth.open_time_ms, truth.o, truth.h, truth.low, truth.c, truth.v)
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        names = ("open_time_ms", "o", "h", "low", "c", "v")
        return rows == [tuple(bar[name] for name in names) for bar in bars]


@asynccontextmanager
async def reading(readers: Readers, host: str, port: int, count: int = 2) -> AsyncIterator[None]:
    """So many readers for the length of the block."""
    work = [
        asyncio.create_task(readers.read(host, port), name="drill reader") for _ in range(count)
    ]
    try:
        yield
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def _mixed_up(keys: tuple[SeriesKey, ...]) -> tuple[SeriesKey, ...]:
    """Every other one first, so that neighbours are not asked one after the other."""
    return (*keys[::2], *keys[1::2])


def _path(key: SeriesKey) -> str:
    symbol = quote(key.symbol, safe="")
    return f"/api/bars?symbol={symbol}&tf={key.timeframe.name}&limit={_LIMIT}"


async def ask(host: str, port: int, path: str) -> tuple[int, Any]:
    """Status and document of one GET; raises OSError, TimeoutError, EOFError, ValueError."""
    code, body = await _get(host, port, path)
    return code, json.loads(body)


async def _get(host: str, port: int, path: str) -> tuple[int, bytes]:
    """Status and body; raises OSError, TimeoutError, EOFError, ValueError."""
    async with asyncio.timeout(_PATIENCE_S):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(
                f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode()
            )
            answer = await reader.read(-1)
        finally:
            writer.close()
    head, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        raise EOFError
    return int(head.split(b" ", _WHOLE_ANSWER)[1]), body
