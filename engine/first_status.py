"""The status of an engine that has not begun: what the screen shows while it is opened."""

from __future__ import annotations

from uds.model import SeriesKey

from .cell import Cell
from .config import Config
from .status import BrokerStatus, PrimeStatus, ProcessStatus, Status

PROCESS_NAMES = ("connector", "m1_poller", "tick_publisher", "tick_preview", "ui")
"""The five processes, in the order they are spawned."""

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
        processes=tuple(ProcessStatus(name) for name in PROCESS_NAMES),
        prime=PrimeStatus(budget_s=config.bootstrap.redis_priming_budget_s),
        gate_since_ms=now_ms,
    )
