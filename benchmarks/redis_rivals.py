"""Other ways to bring bars into Redis with redis-py: a pipeline a symbol, and bar by bar."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, cast

import redis.asyncio as redis

from uds import layout
from uds.model import SeriesKey

from .redis_case import BARS, Case

SAMPLED_CELLS = 2
"""Bar by bar takes seconds for all 104, so it does these, and the time is scaled."""


class Rival:
    """One connection of redis-py to the case's server."""

    def __init__(self, case: Case, folder: Path) -> None:
        self._case = case
        self._folder = folder
        self._redis = redis.Redis.from_url(case.url)
        self._sampled = list(case.tails)[:SAMPLED_CELLS]
        self._rows = {key: _rows(folder, key) for key in self._sampled}

    async def set_by_symbol(self) -> None:
        """The same packed values as ours, plainly SET, one pipeline a symbol."""
        for symbol in self._case.symbols:
            pipeline = self._redis.pipeline(transaction=False)
            for key in self._case.keys_of(symbol):
                pipeline.set(f"rival:{key}", self._case.tails[key])
            await pipeline.execute()

    async def push_each(self) -> None:
        """RPUSH of one JSON a bar, each awaited."""
        for key in self._sampled:
            await self._push(key, self._rows[key])

    async def add_each(self) -> None:
        """ZADD of one JSON a bar, each awaited; a sorted set is the obvious key for times."""
        for key in self._sampled:
            name = f"sorted:{key}"
            await self._redis.delete(name)
            for row in self._rows[key]:
                await self._redis.zadd(name, {json.dumps(row): row["open_time_ms"]})

    async def push_each_from_disk(self) -> None:
        """The whole file through json, then RPUSH of one JSON a bar, each awaited."""
        for key in self._sampled:
            await self._push(key, _rows(self._folder, key))

    async def compare(self) -> None:
        """Stop unless Redis holds what each way was to bring."""
        for key in self._case.tails:
            if await self._redis.get(f"rival:{key}") != self._case.tails[key]:
                raise SystemExit(f"plain SET brought something else for {key}")
        for key in self._sampled:
            pushed = await cast(Awaitable[list[bytes]], self._redis.lrange(f"list:{key}", 0, -1))
            added = cast(list[bytes], await self._redis.zrange(f"sorted:{key}", 0, -1))
            for found in (pushed, added):
                if [json.loads(one) for one in found] != self._rows[key] or len(found) != BARS:
                    raise SystemExit(f"bar by bar brought something else for {key}")

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    async def _push(self, key: SeriesKey, rows: Sequence[dict[str, Any]]) -> None:
        name = f"list:{key}"
        await self._redis.delete(name)
        for row in rows:
            await self._redis.rpush(name, json.dumps(row))


def _rows(folder: Path, key: SeriesKey) -> list[dict[str, Any]]:
    (path,) = (folder / layout.series_folder(key)).glob("*.jsonl")
    with open(path, "rb") as file:
        return [json.loads(line) for line in file][1:]
