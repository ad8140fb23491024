"""Folders as the platform of before leaves them, and starts over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from engine.bootstrap import recover_all
from engine.config import Config
from engine.derive import derive
from engine.duties.cache_watch import watch_cache
from engine.history.adoption import Adoption
from engine.status import Status
from engine.supervisor import Supervisor
from tests.engine.builders import (
    GOLD,
    NOON,
    PAIR,
    House,
    ScriptedBroker,
    build_house,
    is_open,
    key,
    market_broker,
    simulated_market,
)
from tests.engine.virtual_time import VirtualClock
from uds.legacy import LegacyFolder
from uds.legacy_codec import encode_records
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import MINUTE_MS, Bars, Coverage, Symbol, Timeframe

DAY_MS = 86_400_000
HOUR_MS = 60 * MINUTE_MS
BEGIN = NOON // DAY_MS * DAY_MS - 5 * DAY_MS + 5 * HOUR_MS + 7 * MINUTE_MS
"""Friday of the week before, in the middle of a bucket."""
SHORT_AGO = NOON - 30 * MINUTE_MS


def parts(symbol: Symbol, timeframe: Timeframe, bars: Bars) -> dict[str, bytes]:
    """The bars as the platform of before keeps them."""
    folder = f"{symbol.replace('/', '_')}/tf_{int(timeframe)}"
    days = bars.open_time_ms // DAY_MS
    return {
        f"{folder}/part-{np.datetime64(int(day), 'D').astype(str).replace('-', '')}.jsonl": (
            encode_records(key(symbol, timeframe), bars.take(days == day))
        )
        for day in np.unique(days)
    }


@dataclass
class Folder:
    """An old folder of one symbol over the market of these tests."""

    config: Config
    symbol: Symbol = GOLD
    until_ms: int = SHORT_AGO
    begin_ms: int = BEGIN
    files: dict[str, bytes] = field(init=False)
    m1: Bars = field(init=False)
    d1: Bars = field(init=False)

    def __post_init__(self) -> None:
        market = simulated_market(self.config)
        self.m1 = market.m1(self.symbol, self.begin_ms, self.until_ms)
        days = market.d1(self.symbol, self.begin_ms - 8 * DAY_MS, self.until_ms)
        self.d1 = days.take(days.close_time_ms <= self.until_ms)
        self.files = {
            **parts(self.symbol, Timeframe.M1, self.m1),
            **parts(self.symbol, Timeframe.D1, self.d1),
        }

    def put(self, timeframe: Timeframe, bars: Bars) -> None:
        """Have these bars of a timeframe in place of what there is."""
        folder = f"/tf_{int(timeframe)}/"
        self.files = {p: data for p, data in self.files.items() if folder not in p}
        self.files |= parts(self.symbol, timeframe, bars)

    def derived(self, timeframe: Timeframe) -> Bars:
        """What its M1 make of a timeframe."""
        return derived_of(self.config, self.symbol, self.m1, self.until_ms)[timeframe]


@dataclass
class Start:
    """One start over a disk."""

    house: House
    broker: ScriptedBroker
    status: Status

    def asked_minutes(self, symbol: Symbol = GOLD) -> int:
        """How many minutes of M1 the broker was asked for."""
        asked = self.broker.asked_for(symbol, Timeframe.M1)
        return sum(one.until_ms - one.from_ms for one in asked) // MINUTE_MS

    def tail(self, timeframe: Timeframe, symbol: Symbol = GOLD) -> Bars:
        """What readers get."""
        snapshot = self.house.store.tail(symbol)
        assert snapshot is not None
        return snapshot.tails[timeframe]


async def start(
    config: Config,
    *folders: Folder,
    disk: MemoryDisk | None = None,
    live_s: float = 0.0,
) -> Start:
    """Open the gate over the old files, live on, stop."""
    disk = disk or MemoryDisk()
    for folder in folders:
        disk.files.update(folder.files)
    clock = VirtualClock(NOON)
    broker = market_broker(config, clock)
    house = await build_house(config, broker, clock, disk, MemoryCache())
    async with adopting(house):
        status = await house.board.until(is_open)
        await asyncio.sleep(live_s)
    return Start(house, broker, status)


@asynccontextmanager
async def adopting(house: House) -> AsyncIterator[None]:
    """The two processes that bring data, recovery with adoption, and the watch."""
    supervisor = Supervisor(
        PAIR, lambda name: replace(house.tools, name=name), house.tools.config.supervisor
    )
    adoption = Adoption(LegacyFolder(house.disk))
    supervisor.spawn_all()
    beside = [
        asyncio.create_task(watch_cache(house.tools)),
        asyncio.create_task(recover_all(house.tools, lambda newest_ms: None, adoption)),
        asyncio.create_task(adoption.watch(house.tools)),
    ]
    try:
        yield
    finally:
        await supervisor.stop_all()
        for task in beside:
            task.cancel()
        ended = await asyncio.gather(*beside, return_exceptions=True)
        assert [] == [error for error in ended if isinstance(error, Exception)]


def derived_of(
    config: Config, symbol: Symbol, m1: Bars, now_ms: int, settle_ms: int = 0
) -> dict[Timeframe, Bars]:
    """What M1 without a hole make in one step."""
    covered = Coverage(((m1.first_open_ms or 0, m1.last_close_ms or 0),))
    calendar = config.trading_calendars()[symbol]
    return derive(m1, config.anchors.anchors(), calendar, covered, now_ms, settle_ms)


def expect_market(
    found: Start, config: Config, begin_ms: int, symbol: Symbol = GOLD, now_ms: int = NOON
) -> None:
    """Every cell is what the market's own M1 make since then."""
    m1 = simulated_market(config).m1(symbol, begin_ms, now_ms)
    m1 = m1.take(m1.close_time_ms <= now_ms - 15_000)
    assert m1.tail(4_320).same_as(found.tail(Timeframe.M1, symbol))
    for timeframe, bars in derived_of(config, symbol, m1, now_ms, 15_000).items():
        assert bars.same_as(found.tail(timeframe, symbol)), timeframe
