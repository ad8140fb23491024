"""104 cells of 300 bars in a store of their own, with its embedded server and a wire to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.config import Config
from uds import Store, codec, layout, socket_folder
from uds.model import Bars, Generation, SeriesKey, Symbol, Timeframe

from .resp import Wire, bulk, command
from .waist_case import cells
from .waist_store import NAMESPACE, commit_all, opened, terms_of

BARS = 300
OK = b"+OK\r\n"
_NO_REWRITE = command("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that the tables start from."""

    store: Store
    """Committed on disk, connected to its server, its drafts filled."""
    wire: Wire
    """A connection of our own to that server."""
    url: str
    """Where redis-py finds it."""
    pid: int
    """The server's process."""
    bars: Mapping[Symbol, Mapping[Timeframe, Bars]]
    """What every cell holds."""
    tails: Mapping[SeriesKey, bytes]
    """The same as packed tails."""

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """All thirteen."""
        return self.store.terms.symbols

    def keys_of(self, symbol: Symbol) -> list[SeriesKey]:
        """The cells of one symbol."""
        return [SeriesKey(symbol, timeframe) for timeframe in self.store.terms.timeframes]

    def redis_key(self, key: SeriesKey, generation: Generation) -> str:
        """Where a cell's tail is in Redis."""
        return layout.tail_key(NAMESPACE, key, generation)

    def expect(self, redis_key: str, value: bytes) -> None:
        """Stop when the server does not hold this value."""
        if self.wire.ask(command("GET", redis_key), len(bulk(value))) != bulk(value):
            raise SystemExit(f"{redis_key} holds something else")


@asynccontextmanager
async def case_in(config: Config, folder: Path) -> AsyncIterator[Case]:
    """A case in an empty folder; raises ServerMissing."""
    bars = cells(config, BARS)
    tails = {
        SeriesKey(symbol, timeframe): codec.pack_tail(timeframe, found)
        for symbol, series in bars.items()
        for timeframe, found in series.items()
    }
    async with opened(terms_of(config, BARS), folder) as store:
        await commit_all(store, bars)
        await store.connect()
        assert store.server is not None
        wire = Wire(socket_folder(folder) / "redis.sock")
        # Else the server would fork in the middle of a round to write its journal anew.
        wire.ask(_NO_REWRITE, len(OK))
        pid = int(json.loads((folder / layout.EMBEDDED_RECORD).read_bytes())["pid"])
        try:
            yield Case(store, wire, store.server.url, pid, bars, tails)
        finally:
            wire.close()


async def prime_one_by_one(case: Case) -> None:
    """As the engine does when the symbols get ready one after another."""
    for symbol in case.symbols:
        await case.store.prime(symbol)


async def prime_together(case: Case) -> None:
    """As when all are ready at once."""
    await asyncio.gather(*(case.store.prime(symbol) for symbol in case.symbols))
