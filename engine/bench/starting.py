"""One start of a whole engine, measured: real disk, embedded server, API, simulated broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..boots.report import bootstrap_report
from ..clock import SystemClock, cpu_s
from ..config import Config
from ..runtime import Engine, open_engine
from ..status import Status
from .floors import Request, all_floor_s, first_floor_s

NOON_MS = 1_768_392_000_000
"""2026-01-14T12:00Z, a Wednesday on which every market of the built-in configuration is open."""
_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Start:
    """What came of one start; times since the engine was open, by a clock of our own."""

    mode: str
    """`cold` or `catch_up`."""
    opening_s: float
    """What came before: calendars, the lock, the store."""
    elapsed_s: float
    """Until the gate was seen open."""
    first_s: float
    """Until a first symbol was seen served in all timeframes."""
    login_s: float
    """What the broker took for the login."""
    slots: int
    """Requests that may be under way at once."""
    requests: tuple[Request, ...]
    """In the order they were sent."""
    cpu_s: float
    """Of all threads, from the opening to the open gate; the embedded server is another process."""
    told_elapsed_s: float
    """The engine's own `elapsed_s`."""
    told_floor_s: float
    """The engine's own `broker_floor_s`."""
    told_first_s: float
    """The engine's own `first_symbol_ready_s`."""

    @property
    def floor_s(self) -> float:
        """No start that makes these requests takes less."""
        return all_floor_s(self.login_s, self.requests, self.slots)

    @property
    def first_floor_s(self) -> float:
        """No first symbol is there sooner."""
        return first_floor_s(self.login_s, self.requests, self.slots)

    @property
    def ratio(self) -> float:
        """Elapsed as a multiple of its floor."""
        return self.elapsed_s / self.floor_s

    @property
    def first_ratio(self) -> float:
        """The first symbol as a multiple of its floor."""
        return self.first_s / self.first_floor_s

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Start:
        """The inverse."""
        requests = tuple(Request(**one) for one in document["requests"])
        return cls(**{**document, "requests": requests})


async def measured_start(config: Config, at_ms: int) -> Start:
    """Open an engine in this process, wait for its gate, close it."""
    clock = SystemClock()
    began_s, began_cpu_s = clock.monotonic_s(), cpu_s()
    async with open_engine(config, at_ms) as engine:
        opened_s = clock.monotonic_s()
        elapsed_s, first_s = await asyncio.gather(
            _seen_s(engine, clock, lambda status: status.gate_state.is_open),
            _seen_s(engine, clock, lambda status: status.ready_cells >= len(status.timeframes)),
        )
        spent_cpu_s = cpu_s() - began_cpu_s
        answered = sorted(engine.session.answered, key=lambda one: one.sent_s)
        told = await bootstrap_report(engine, 0.0)
    return Start(
        mode=told["mode"],
        opening_s=opened_s - began_s,
        elapsed_s=elapsed_s - opened_s,
        first_s=first_s - opened_s,
        login_s=config.broker.sim.login_s,
        slots=config.broker.concurrency,
        requests=tuple(
            Request(one.request.symbol, one.request.timeframe.name, one.latency_s)
            for one in answered
        ),
        cpu_s=spent_cpu_s,
        told_elapsed_s=told["elapsed_s"],
        told_floor_s=told["broker_floor_s"],
        told_first_s=told["first_symbol_ready_s"],
    )


async def _seen_s(engine: Engine, clock: SystemClock, is_so: Callable[[Status], bool]) -> float:
    """When it was so; raises what the engine failed with."""
    seen = asyncio.ensure_future(engine.board.until(is_so))
    stopped = asyncio.ensure_future(engine.stopped())
    async with asyncio.timeout(_PATIENCE_S):
        await asyncio.wait((seen, stopped), return_when=asyncio.FIRST_COMPLETED)
    now_s = clock.monotonic_s()
    if stopped.done():
        stopped.result()
    stopped.cancel()
    seen.cancel()
    return now_s
