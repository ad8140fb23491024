"""A process that starts cold in a slower way, over the same broker, disk and server.

`barrier` fetches what the engine fetches, but every phase waits for all symbols: D1, M1,
derive, commit, prime. `eight` is the platform of before: M3 to H4 are fetched too, page by
page, and again phase by phase; `eight_streamed` fetches the same symbol by symbol.

The broker port has no word for M3 to H4, and shall have none. Their pages are therefore asked
for as M1 of one minute: that draws a latency and takes a slot, and the page itself was made
beforehand, as a broker would have it ready.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import plan
from engine.bench.child import configured
from engine.broker.port import BarsRequest, Broker, BrokerTimeframe
from engine.clock import SystemClock
from engine.config import Config
from engine.derive import derive
from engine.plan import Market
from engine.sources import markets, open_source, store_terms
from uds import CacheDown, Store, new_boot_id, open_store
from uds.model import (
    DERIVED_TIMEFRAMES,
    MINUTE_MS,
    Bars,
    Coverage,
    SeriesKey,
    Symbol,
    Timeframe,
)

_CONNECTS_MAX = 5


@dataclass(frozen=True, slots=True)
class Page:
    """One request, and the bars it brings when they do not come from the broker."""

    key: SeriesKey
    request: BarsRequest
    """What the broker is asked."""
    bars: Bars | None = None
    """Made beforehand; None takes the answer."""


@dataclass(slots=True)
class Driver:
    """One start."""

    config: Config
    broker: Broker
    clock: SystemClock
    store: Store
    markets: Mapping[Symbol, Market]
    """What planning must know of each symbol."""
    now_ms: int
    """The market's clock when it began."""
    latencies_s: list[float] = field(default_factory=list)
    """Drawn so far, in the order they were."""
    first_s: float | None = None
    """When a first symbol was served, by the monotonic clock; None before."""
    made: dict[Symbol, tuple[Page, ...]] = field(default_factory=dict)
    """The pages of all eight timeframes by symbol, where they are fetched."""

    def pages(self, symbol: Symbol, timeframe: BrokerTimeframe) -> tuple[Page, ...]:
        """What the engine would ask for."""
        market, warmup = self.markets[symbol], self.config.bootstrap.warmup_bars
        if timeframe is Timeframe.D1:
            from_ms = plan.days_from_ms(market, self.now_ms, warmup.D1)
        else:
            from_ms = plan.warmup_from_ms(market, self.now_ms, warmup.M1)
        asked = plan.pages(market, timeframe, Coverage(), from_ms, self.now_ms)
        return tuple(Page(SeriesKey(symbol, timeframe), request) for request in asked)

    async def fetch(self, pages: Iterable[Page]) -> None:
        """All of them side by side, in the order given; each is durable when it is there."""
        await asyncio.gather(*map(self._fetch, tuple(pages)))

    async def _fetch(self, page: Page) -> None:
        answer = await self.broker.fetch_bars(page.request)
        self.latencies_s.append(answer.latency_s)
        covered = [(page.request.from_ms, page.request.until_ms)]
        if page.bars is None:
            await self.store.append(page.key, answer.bars, covered)
        else:
            await self.store.append(page.key, page.bars)

    async def derive(self, symbol: Symbol) -> None:
        """M3 to H4 from the stored M1."""
        key, market = SeriesKey(symbol, Timeframe.M1), self.markets[symbol]
        made = derive(
            self.store.load(key),
            market.anchors,
            market.calendar,
            self.store.coverage(key),
            self.now_ms,
            market.settle_ms,
        )
        await self.store.append_all(symbol, made)

    async def show(self, symbol: Symbol) -> None:
        """Serve one symbol."""
        await self.store.prime(symbol)
        await self.store.flip(symbol)
        self.first_s = self.first_s or self.clock.monotonic_s()


async def barrier(driver: Driver) -> None:
    """Two timeframes fetched, phase by phase."""
    symbols = driver.config.symbols
    await driver.fetch(p for s in symbols for p in driver.pages(s, Timeframe.D1))
    await driver.fetch(p for s in symbols for p in driver.pages(s, Timeframe.M1))
    for symbol in symbols:
        await driver.derive(symbol)
    await _serve_all(driver)


async def eight(driver: Driver) -> None:
    """Eight timeframes fetched, phase by phase."""
    symbols, made = driver.config.symbols, driver.made
    for timeframe in (Timeframe.D1, Timeframe.M1, *DERIVED_TIMEFRAMES):
        await driver.fetch(p for s in symbols for p in made[s] if p.key.timeframe is timeframe)
    await _serve_all(driver)


async def eight_streamed(driver: Driver) -> None:
    """Eight timeframes fetched, D1 of all first and then symbol by symbol."""
    made = driver.made
    days = [p for pages in made.values() for p in pages if p.key.timeframe is Timeframe.D1]
    fetching = [asyncio.ensure_future(driver.fetch(days))]

    async def one(symbol: Symbol) -> None:
        await driver.fetch(p for p in made[symbol] if p.key.timeframe is not Timeframe.D1)
        await fetching[0]
        await driver.store.commit(symbol)
        await driver.show(symbol)

    await asyncio.sleep(0)  # the days are queued before everything else
    await asyncio.gather(*map(one, made))


async def _serve_all(driver: Driver) -> None:
    for symbol in driver.config.symbols:
        await driver.store.commit(symbol)
    for symbol in driver.config.symbols:
        await driver.show(symbol)


async def _prepare(driver: Driver) -> None:
    """The pages of all eight timeframes, before the clock starts."""
    for symbol in driver.config.symbols:
        minutes = driver.pages(symbol, Timeframe.M1)
        market = driver.markets[symbol]
        m1 = Bars.empty()
        for page in minutes:
            m1 = m1.merged((await driver.broker.fetch_bars(page.request)).bars)
        covered = Coverage.of((p.request.from_ms, p.request.until_ms) for p in minutes)
        made = derive(m1, market.anchors, market.calendar, covered, driver.now_ms, market.settle_ms)
        fetched = (*driver.pages(symbol, Timeframe.D1), *minutes)
        driver.made[symbol] = (*fetched, *_cut(symbol, made, market.page_bars_max, driver.now_ms))


def _cut(symbol: Symbol, made: dict[Timeframe, Bars], size: int, now_ms: int) -> Iterator[Page]:
    minute = BarsRequest(symbol, Timeframe.M1, now_ms - MINUTE_MS, now_ms)
    for timeframe, bars in made.items():
        for begin in reversed(range(0, len(bars), size)):
            yield Page(SeriesKey(symbol, timeframe), minute, bars.take(slice(begin, begin + size)))


_WAYS = {"barrier": barrier, "eight": eight, "eight_streamed": eight_streamed}


async def _went(kind: str, job: dict[str, Any]) -> dict[str, object]:
    config = configured(job["overrides"], Path(job["folder"]))
    sim = config.broker.sim.model_copy(update={"latency_ms": 0.0})
    at_once = config.model_copy(update={"broker": config.broker.model_copy(update={"sim": sim})})
    broker, clock = await open_source(config, job["at_ms"])
    quick, _ = await open_source(at_once, job["at_ms"])
    terms, boot_id = store_terms(config), new_boot_id()
    opening = open_store(
        terms, config.data_root, boot_id, clock.real_ms(), None, config.redis.namespace
    )
    async with opening as store:
        driver = Driver(config, quick, clock, store, markets(config), clock.now_ms())
        if kind != "barrier":
            await _prepare(driver)
        driver.broker, driver.now_ms = broker, clock.now_ms()
        for symbol in config.symbols:
            store.begin(symbol)
        await _connect(store)
        began_s = clock.monotonic_s()
        login_s = await broker.login()
        await _WAYS[kind](driver)
        ended_s = clock.monotonic_s()
    assert driver.first_s is not None
    return {
        "elapsed_s": ended_s - began_s,
        "first_s": driver.first_s - began_s,
        "login_s": login_s,
        "latencies_s": driver.latencies_s,
    }


async def _connect(store: Store) -> None:
    """The server is there before the clock starts: what it takes is not the way's fault."""
    for _ in range(_CONNECTS_MAX):
        try:
            await store.connect()
            return
        except CacheDown:
            await asyncio.sleep(0.5)
    await store.connect()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_went(sys.argv[1], json.loads(sys.argv[2])))))
