"""From the configuration to a broker and the clock that belongs to it, markets, store terms."""

from __future__ import annotations

import hashlib

from uds import StoreTerms

from .broker.faulty import BrokerFault, FaultKind, FaultyBroker
from .broker.market import SimulatedMarket
from .broker.port import Broker
from .broker.replay import ReplayBroker, load_history, start_ms
from .broker.replay_folder import load_data_folder
from .broker.replay_sets import folder_of
from .broker.retiming import retimed, weeks_to
from .broker.sim import SimBroker
from .clock import Clock, SystemClock
from .config import Config, SimFaultConfig
from .plan import Market


async def open_source(config: Config, at_ms: int | None) -> tuple[Broker, SystemClock]:
    """The configured broker; a replay brings its own time unless `at_ms` overrides it.

    Raises ReplayFolderIncomplete for a folder that lacks a symbol.
    """
    if config.broker.kind == "replay":
        return await _replay(config, at_ms)
    clock = SystemClock() if at_ms is None else SystemClock.started_at(at_ms)
    sim, broker = config.broker.sim, config.broker
    simulated = SimBroker(
        market=simulated_market(config),
        clock=clock,
        login_s=sim.login_s,
        latency_ms=sim.latency_ms,
        jitter=sim.jitter,
        concurrency=broker.concurrency,
        page_bars_max=broker.page_bars_max,
        requests_per_s=broker.requests_per_s,
        publish_delay_s=sim.publish_delay_s,
        seed=sim.seed,
    )
    return _as_scripted(simulated, clock, sim.faults), clock


def simulated_market(config: Config) -> SimulatedMarket:
    """The market that the simulated broker of this configuration draws."""
    return SimulatedMarket(
        config.broker.sim.seed,
        config.trading_calendars(),
        {symbol: config.digits(symbol) for symbol in config.symbols},
        config.anchors.anchors(),
    )


def _as_scripted(broker: Broker, clock: Clock, faults: tuple[SimFaultConfig, ...]) -> Broker:
    """The broker itself when nothing is scripted, else behind its faults."""
    script = [
        BrokerFault(
            FaultKind(f.kind),
            f.symbol,
            f.timeframe,
            f.times,
            f.from_s,
            float("inf") if f.until_s is None else f.until_s,
        )
        for f in faults
    ]
    return FaultyBroker(broker, clock, script) if script else broker


def markets(config: Config) -> dict[str, Market]:
    """What planning must know of each symbol, in the configuration's order."""
    anchors = config.anchors.anchors()
    return {
        symbol: Market(
            symbol,
            calendar,
            anchors,
            config.broker.page_bars_max,
            round(config.poll.m1_settle_s * 1_000),
        )
        for symbol, calendar in config.trading_calendars().items()
    }


def store_terms(config: Config) -> StoreTerms:
    """What the store must be told."""
    return StoreTerms(
        config.symbols,
        config.timeframes,
        config.redis.tail_bars,
        config.anchors.model_dump(),
        config.bars_open_at(),
        {symbol: config.digits(symbol) for symbol in config.symbols},
        hashlib.sha256(config.model_dump_json().encode()).hexdigest(),
        round(config.redis.preview_ttl_s * 1_000),
    )


async def _replay(config: Config, at_ms: int | None) -> tuple[Broker, SystemClock]:
    path = config.broker.replay.path
    assert path is not None, "the configuration was checked"
    calendars, anchors = config.trading_calendars(), config.anchors.anchors()
    instruments = config.names("replay")
    history = await load_data_folder(path, markets(config).values()) or load_history(
        folder_of(str(path), config.symbols, instruments),
        config.symbols,
        anchors=anchors,
        calendars=calendars,
        instruments=instruments,
        zone=config.broker.replay.clock(),
    )
    begin_ms = start_ms(history, calendars)
    if config.broker.replay.retime:
        weeks = weeks_to(begin_ms, SystemClock().now_ms(), at_ms)
        history = retimed(history, weeks, calendars, anchors)
        begin_ms = start_ms(history, calendars)
    clock = SystemClock.started_at(begin_ms if at_ms is None else at_ms)
    return ReplayBroker(
        history=history,
        clock=clock,
        latency_ms=config.broker.replay.latency_ms,
        concurrency=config.broker.concurrency,
        page_bars_max=config.broker.page_bars_max,
    ), clock
