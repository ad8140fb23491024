"""A process that rebuilds and primes so many symbols and prints what each took; run by `growth`."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from engine.bench.starting import NOON_MS
from engine.board import StatusBoard
from engine.boots.timeline import Timeline
from engine.bootstrap import begin_rebuild, derive_all, seal, show
from engine.broker.session import BrokerSession
from engine.cell import CellState
from engine.clock import ManualClock
from engine.config import Config, InstrumentConfig
from engine.events import BrokerChanged, StoreOpened
from engine.first_status import first_status
from engine.process import Tools
from engine.serving.listener import Listener
from engine.sources import markets, open_source, store_terms
from engine.tenure import Tenure
from engine.tick_feed import TickFeed
from uds import Store
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import DERIVED_TIMEFRAMES, Bars, SeriesKey, Symbol, Timeframe
from uds.opening import mint_token

from .waist_case import configuration, history

M1_BARS, D1_BARS = 300, 90
_SYMBOLS_LEAST = 1_300
"""So many are worked off at least, in several worlds of their own where one has fewer."""


@dataclass(frozen=True, slots=True)
class World:
    """An engine's tools over memory."""

    tools: Tools
    bars: tuple[Bars, Bars]
    """M1 and D1, the same for every symbol: what they are must not matter."""

    async def fill(self) -> None:
        """Each symbol through the whole walk, one after another."""
        for symbol in self.tools.config.symbols:
            await self._one(symbol)

    async def _one(self, symbol: Symbol) -> None:
        tools = self.tools
        begin_rebuild(tools, symbol)
        for timeframe, bars in zip((Timeframe.M1, Timeframe.D1), self.bars, strict=True):
            covered = (bars.first_open_ms or 0, bars.last_close_ms or 0)
            await tools.store.append(SeriesKey(symbol, timeframe), bars, [covered])
            show(tools, symbol, CellState.STORED, timeframe)
        await derive_all(tools, symbol)
        show(tools, symbol, CellState.DERIVED, *DERIVED_TIMEFRAMES)
        await seal(tools, symbol)


def config_of(count: int) -> Config:
    """So many symbols, all in the calendar of currency pairs."""
    symbols = tuple(f"S{number:05d}" for number in range(count))
    return configuration().model_copy(
        update={
            "symbols": symbols,
            "symbol_calendars": dict.fromkeys(symbols, "fx"),
            "instruments": dict.fromkeys(symbols, InstrumentConfig(digits=5)),
        }
    )


async def world_of(config: Config, bars: tuple[Bars, Bars]) -> World:
    """Owned, connected, nothing stored."""
    clock, disk = ManualClock(NOON_MS), MemoryDisk()
    token = await mint_token(disk, "b007")
    board = StatusBoard(first_status(config, "b007", clock.now_ms()), clock)
    board.post(StoreOpened(token.value))
    store = Store(store_terms(config), token, disk, MemoryCache(), None)
    await store.connect()
    broker, _ = await open_source(config, NOON_MS)
    session = BrokerSession(broker, clock, None, lambda moved: board.post(BrokerChanged(moved)))
    session.start_ended()
    tools = Tools(
        name="engine",
        config=config,
        clock=clock,
        board=board,
        store=store,
        session=session,
        markets=markets(config),
        timeline=Timeline(),
        chance=Random(5),
        opened_s=0.0,
        spawned_s=0.0,
        ticks=TickFeed(),
        listener=Listener("127.0.0.1", 0),
        tenure=Tenure(clock, store.check_folder),
    )
    tools.claimed.set()
    return World(tools, bars)


async def grow(count: int) -> dict[str, float]:
    """CPU microseconds of a symbol and kilobytes of a cell."""
    yen = history(configuration(), ("USD/JPY",), M1_BARS + 20, D1_BARS)["USD/JPY"]
    bars = (yen[Timeframe.M1].tail(M1_BARS), yen[Timeframe.D1].tail(D1_BARS))
    config, worlds = config_of(count), max(1, _SYMBOLS_LEAST // count)
    await (await world_of(config_of(13), bars)).fill()  # everything imported and warm
    used_s, kept = 0.0, []
    gc.collect()
    before_bytes = _resident_bytes()
    for _ in range(worlds):
        world = await world_of(config, bars)
        kept.append(world)
        begun_s = time.process_time()
        await world.fill()
        used_s += time.process_time() - begun_s
        assert world.tools.board.status.ready_cells == len(world.tools.board.status.cells)
    symbols = worlds * count
    cells = symbols * len(config.timeframes)
    grown_bytes = _resident_bytes() - before_bytes
    return {"us": used_s / symbols * 1e6, "kb": grown_bytes / cells / 1_024}


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(grow(json.loads(sys.argv[2])["symbols"]))))
