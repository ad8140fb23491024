"""Small engines for tests: a few symbols, a memory disk and cache, a broker that obeys a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from engine.board import StatusBoard
from engine.boots.timeline import Timeline
from engine.bootstrap import recover_all
from engine.broker.market import SimulatedMarket
from engine.broker.port import BarsAnswer, BarsRequest, Broker, Tick
from engine.broker.session import BrokerSession
from engine.broker.sim import SimBroker
from engine.clock import Clock
from engine.config import Config
from engine.duties.cache_watch import watch_cache
from engine.duties.deadlines import watch_deadlines
from engine.duties.watchdog import watch_loop
from engine.events import BrokerChanged, StoreOpened
from engine.first_status import first_status
from engine.process import ProcessSpec, Tools
from engine.processes import connector, m1_poller
from engine.sayings import Saying
from engine.serving.listener import Listener
from engine.sources import markets, store_terms
from engine.status import BrokerStatus, Status
from engine.supervisor import Supervisor
from engine.tenure import Tenure
from engine.tick_feed import TickFeed
from tests.engine.virtual_time import VirtualClock
from uds import Store
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import MINUTE_MS, Bars, FencingToken, SeriesKey, Symbol, Timeframe
from uds.opening import mint_token
from uds.ports import Cache, Disk

REPOSITORY = Path(__file__).resolve().parents[2]
GOLD, YEN, CAD = "XAU/USD", "USD/JPY", "USD/CAD"
NOON = 1_768_392_000_000
"""2026-01-14T12:00Z, a Wednesday on which every market of these tests is open."""
PAIR = (ProcessSpec("connector", connector.run), ProcessSpec("m1_poller", m1_poller.run))
"""The two processes that bring data."""


@lru_cache(maxsize=1)
def _repository_config() -> str:
    return (REPOSITORY / "config.json").read_text("utf-8")


def config_document(*symbols: Symbol, **changes: Any) -> dict[str, Any]:
    """The repository's file for these symbols; `a__b=c` puts c at a.b."""
    document: dict[str, Any] = json.loads(_repository_config())
    document["symbols"] = list(symbols or (GOLD, YEN))
    document["bootstrap"]["warmup_bars"] = {"M1": 300, "D1": 5}
    document["bootstrap"]["depth_bars"] = dict.fromkeys(document["timeframes"], 0)
    document["broker"]["page_bars_max"] = 400
    for dotted, value in changes.items():
        *sections, last = dotted.split("__")
        place = document
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return document


def small_config(*symbols: Symbol, **changes: Any) -> Config:
    """The same, validated: XAU/USD and USD/JPY unless told otherwise."""
    return Config.model_validate(config_document(*symbols, **changes))


def key(symbol: Symbol, timeframe: Timeframe) -> SeriesKey:
    """The name of a series."""
    return SeriesKey(symbol, timeframe)


def flat_bars(opens: Sequence[int], width_ms: int = MINUTE_MS, price: float = 100.0) -> Bars:
    """A bar at each open, all at one price."""
    prices = [price] * len(opens)
    closes = [open_ms + width_ms for open_ms in opens]
    return Bars.of(opens, closes, prices, prices, prices, prices, [1] * len(opens))


def minutes(first_ms: int, count: int, price: float = 100.0) -> Bars:
    """So many M1 in a row."""
    return flat_bars([first_ms + index * MINUTE_MS for index in range(count)], price=price)


def a_status(config: Config, opened_ms: int = NOON) -> Status:
    """The status an engine of this configuration begins with."""
    broker = BrokerStatus("scripted", slots_total=config.broker.concurrency)
    return replace(first_status(config, "b007", opened_ms), market="scripted", broker=broker)


@dataclass
class Fault:
    """One way in which the scripted broker misbehaves."""

    matches: Callable[[BarsRequest], bool]
    error: BaseException | None = None
    """What the request fails with; None means that it is never answered."""
    times: int = 1
    """How many matching requests it hits."""


@dataclass
class ScriptedBroker:
    """A broker that does what the test says: rows from a function, faults in order."""

    rows: Callable[[BarsRequest], Bars]
    clock: Clock
    page_bars_max: int = 400
    concurrency: int = 4
    latency_s: float = 0.05
    login_s: float = 0.5
    kind: str = "scripted"
    faults: list[Fault] = field(default_factory=list)
    login_errors: list[BaseException | None] = field(default_factory=list)
    """What the next logins fail with; None hangs."""
    logins: int = 0
    asked: list[BarsRequest] = field(default_factory=list)
    """Every request in the order it was sent, failed ones included."""

    async def login(self) -> float:
        """Open the session unless the script says otherwise."""
        self.logins += 1
        await self.clock.sleep(self.login_s)
        if self.login_errors:
            error = self.login_errors.pop(0)
            if error is None:
                await asyncio.Event().wait()
            else:
                raise error
        return self.login_s

    async def fetch_bars(self, request: BarsRequest) -> BarsAnswer:
        """The script's rows, or its next fault."""
        self.asked.append(request)
        for fault in self.faults:
            if fault.times and fault.matches(request):
                fault.times -= 1
                if fault.error is None:
                    await asyncio.Event().wait()
                else:
                    raise fault.error
        await self.clock.sleep(self.latency_s)
        return BarsAnswer(self.rows(request), self.latency_s)

    async def ticks(self, symbols: tuple[Symbol, ...]) -> AsyncIterator[Tick]:
        """None, for ever."""
        await asyncio.Event().wait()
        yield Tick(symbols[0], 0, 0.0, 0.0, 0)

    def notes(self) -> tuple[tuple[str, Symbol, Saying], ...]:
        """Nothing to note."""
        return ()

    async def close(self) -> None:
        """Nothing is held."""

    def asked_for(self, symbol: Symbol, timeframe: Timeframe) -> list[BarsRequest]:
        """Its requests of one series."""
        return [r for r in self.asked if (r.symbol, r.timeframe) == (symbol, timeframe)]


def simulated_market(config: Config, seed: int = 3) -> SimulatedMarket:
    """The market the simulated broker draws for this configuration."""
    return SimulatedMarket(
        seed,
        config.trading_calendars(),
        {symbol: config.digits(symbol) for symbol in config.symbols},
        config.anchors.anchors(),
    )


def market_broker(config: Config, clock: Clock, seed: int = 3) -> ScriptedBroker:
    """A scripted broker whose rows are the simulated market's, published 5 s after the close."""
    market = simulated_market(config, seed)
    page = config.broker.page_bars_max

    def rows(request: BarsRequest) -> Bars:
        draw = market.d1 if request.timeframe is Timeframe.D1 else market.m1
        bars = draw(request.symbol, request.from_ms, request.until_ms)
        return bars.take(bars.close_time_ms + 5_000 <= clock.now_ms()).tail(page)

    return ScriptedBroker(rows, clock, page, config.broker.concurrency)


def sim_broker(config: Config, clock: Clock, **manners: Any) -> SimBroker:
    """The product's own simulated broker over the same market."""
    market = simulated_market(config)
    return SimBroker(
        market=market, clock=clock, page_bars_max=config.broker.page_bars_max, **manners
    )


@dataclass
class House:
    """The tools of an engine without sockets, and what they stand on."""

    tools: Tools
    disk: MemoryDisk
    cache: MemoryCache

    @property
    def board(self) -> StatusBoard:
        """Its status."""
        return self.tools.board

    @property
    def store(self) -> Store:
        """Its waist."""
        return self.tools.store

    @property
    def codes(self) -> set[str]:
        """The reasons that stand."""
        return {reason.code.value for reason in self.board.status.reasons}

    @property
    def healed_codes(self) -> set[str]:
        """The reasons that stood once."""
        return {reason.code.value for reason in self.board.status.healed}


async def build_house(
    config: Config,
    broker: Broker,
    clock: Clock | None = None,
    disk: MemoryDisk | None = None,
    cache: MemoryCache | None = None,
) -> House:
    """Own the disk under the next token; nothing runs yet."""
    clock = clock or VirtualClock(NOON)
    disk, cache = disk or MemoryDisk(), cache or MemoryCache()
    token = await mint_token(disk, "b007")
    board = StatusBoard(a_status(config, clock.now_ms()), clock)
    board.post(StoreOpened(token.value))
    store = a_store(config, token, disk, cache)
    tools = Tools(
        name="connector",
        config=config,
        clock=clock,
        board=board,
        store=store,
        session=BrokerSession(broker, clock, None, lambda moved: board.post(BrokerChanged(moved))),
        markets=markets(config),
        timeline=Timeline(),
        chance=Random(5),
        opened_s=clock.monotonic_s(),
        spawned_s=clock.monotonic_s(),
        ticks=TickFeed(),
        listener=Listener("127.0.0.1", 0),
        tenure=Tenure(clock, store.check_ownership),
    )
    tools.claimed.set()  # a house stands on a Redis that is there
    return House(tools, disk, cache)


def a_store(config: Config, token: FencingToken, disk: Disk, cache: Cache) -> Store:
    """A store over any two seams."""
    return Store(store_terms(config), token, disk, cache, None)


@asynccontextmanager
async def running(house: House, specs: tuple[ProcessSpec, ...] = PAIR) -> AsyncIterator[Supervisor]:
    """Spawn the processes, watch, recover: as the runtime does, without sockets."""
    supervisor = Supervisor(
        specs, lambda name: replace(house.tools, name=name), house.tools.config.supervisor
    )
    supervisor.spawn_all()
    beside = [
        asyncio.create_task(watch_cache(house.tools)),
        asyncio.create_task(watch_loop(house.tools), name="watchdog"),
        asyncio.create_task(watch_deadlines(house.tools, supervisor), name="deadlines"),
        asyncio.create_task(recover_all(house.tools, lambda newest_ms: None)),
    ]
    try:
        yield supervisor
    finally:
        await supervisor.stop_all()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def is_open(status: Status) -> bool:
    """Whether readers are answered."""
    return len(status.generations) == len(status.symbols) and status.ready_cells == len(
        status.cells
    )
