"""The status of an engine that has not begun: what the screen shows while it is opened."""

from __future__ import annotations

from uds.model import SeriesKey

from .budget import expected_bars
from .cell import Cell
from .config import Config
from .status import BrokerStatus, PrimeStatus, ProcessStatus, Status

PROCESS_NAMES = ("connector", "m1_poller", "tick_publisher", "tick_preview", "ui")
"""The five processes, in the order they are spawned."""

CRITICAL_NAMES = frozenset({"connector", "m1_poller"})
"""Those without which no data come."""

_MARKETS = {"sim": "simulated"}
"""How the screen names a source, so that nobody takes one for another; else by its kind."""


def first_status(config: Config, boot_id: str, now_ms: int) -> Status:
    """Every cell empty, every process starting; now_ms is the market's clock."""
    kind = config.broker.kind
    return Status(
        name=config.name,
        boot_id=boot_id,
        market=_MARKETS.get(kind, kind),
        opened_ms=now_ms,
        cells={SeriesKey(s, tf): Cell() for s in config.symbols for tf in config.timeframes},
        broker=BrokerStatus(kind, slots_total=config.broker.concurrency),
        processes=tuple(ProcessStatus(n, critical=n in CRITICAL_NAMES) for n in PROCESS_NAMES),
        prime=prime_budget(config),
        gate_since_ms=now_ms,
        opens_late_gate=config.bootstrap.gate_on_timeout == "open_degraded",
    )


def prime_budget(config: Config) -> PrimeStatus:
    """What was promised for priming, before any of it is used."""
    bootstrap = config.bootstrap
    warmup, tails = bootstrap.warmup_bars, config.redis.tail_bars
    return PrimeStatus(
        budget_s=bootstrap.redis_priming_budget_s,
        per_symbol_budget_s=bootstrap.prime_budget_per_symbol_s,
        symbol_bars=expected_bars(warmup.M1, warmup.D1, tails, config.timeframes),
    )
