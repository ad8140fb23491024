"""A real engine on the real disk and server, its seams open for faults, and readers at its API."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.http_reader import HttpReader, Reply
from engine.broker.faulty import BrokerFault, FaultKind, FaultyBroker
from engine.cell import CellState
from engine.config import Config
from engine.degraded import DegradedCode
from engine.event_log import Posted
from engine.events import BecameOverdue, CellsChanged, ProcessChanged, ReasonRaised
from engine.runtime import Engine, open_engine
from engine.status import Status
from tests.engine.builders import GOLD, NOON, YEN, is_open, simulated_market, small_config
from uds.fault import FaultPlan
from uds.model import Bars, Symbol, Timeframe

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
"""Whether deadlines are the product's own; otherwise those of many seconds are cut to a few."""
PATIENCE_S = 40.0
LOUD_S = 1.0
"""A reason stands at most so long after it is detectable."""
ANSWER_S = 0.6
"""No reader waits longer."""
EVENTS_MAX = 4_096
READERS = 2
_PAUSE_S = 0.01


@dataclass(frozen=True)
class Fact:
    """One line of the table of all drills."""

    drill: str
    what: str
    code: str
    detectable_s: float
    loud_s: float
    healed_s: float
    gate: str
    answers: str
    radius: str


FACTS: list[Fact] = []


@dataclass
class Answers:
    """What readers got."""

    given: int = 0
    refused: int = 0
    empty: int = 0
    silent: int = 0
    """Refusals that did not say why, and connections that broke."""
    slowest_s: float = 0.0
    generations: dict[Symbol, list[str]] = field(default_factory=dict)
    """Of each symbol, those seen, each noted when it changed."""
    wrong: list[str] = field(default_factory=list)
    """Bars that are not the market's."""

    @property
    def total(self) -> int:
        """All answers."""
        return self.given + self.refused

    def __str__(self) -> str:
        slowest_ms = self.slowest_s * 1_000
        return f"{self.given}/{self.refused}/{self.empty} {slowest_ms:.0f} ms"


class Readers:
    """Two clients, one with fresh connections, who ask for random cells without a pause."""

    def __init__(self, config: Config) -> None:
        self.answers = Answers()
        self._config = config
        self._market = simulated_market(config, config.broker.sim.seed)
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, port: int) -> None:
        """Ask until the end."""
        self._tasks = [
            asyncio.create_task(self._read(port, kept), name="reader") for kept in (False, True)
        ]

    async def end(self) -> None:
        """Ask no more; a reader that failed by itself raises what it failed with."""
        for task in self._tasks:
            task.cancel()
        found = await asyncio.gather(*self._tasks, return_exceptions=True)
        for failure in (one for one in found if isinstance(one, Exception)):
            raise failure

    async def _read(self, port: int, is_kept_alive: bool) -> None:
        chance = random.Random(int(is_kept_alive))
        async with HttpReader(port, is_kept_alive=is_kept_alive) as client:
            while True:
                symbol = chance.choice(self._config.symbols)
                timeframe = chance.choice(self._config.timeframes)
                query = urlencode({"symbol": symbol, "tf": timeframe.name, "limit": 40})
                self._note(symbol, timeframe, await client.get(f"/api/bars?{query}"))
                await asyncio.sleep(_PAUSE_S)

    def _note(self, symbol: Symbol, timeframe: Timeframe, reply: Reply) -> None:
        answers, body = self.answers, json.loads(reply.body)
        answers.slowest_s = max(answers.slowest_s, reply.took_s)
        if reply.code != 200:
            answers.refused += 1
            says_why = reply.code == 503 and bool(body["waiting_for"] or body["reasons"])
            answers.silent += not says_why
            return
        answers.given += 1
        answers.empty += not body["bars"]
        seen = answers.generations.setdefault(symbol, [])
        if body["generation"] not in seen[-1:]:
            seen.append(body["generation"])
        if timeframe is Timeframe.M1:
            self._compare(symbol, body["bars"])

    def _compare(self, symbol: Symbol, bars: list[dict[str, Any]]) -> None:
        if not bars:
            return
        truth = self._market.m1(symbol, bars[0]["open_time_ms"], bars[-1]["open_time_ms"] + 1)
        told = [
            tuple(bar[name] for name in ("open_time_ms", "o", "h", "low", "c", "v")) for bar in bars
        ]
        if told != rows(truth):
            self.answers.wrong.append(f"{symbol} since {bars[0]['open_time_ms']}")


def rows(bars: Bars) -> list[tuple[float, ...]]:
    """Open time, prices and volume of each bar."""
    columns = (bars.open_time_ms, bars.o, bars.h, bars.low, bars.c, bars.v)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@dataclass(frozen=True)
class Mark:
    """A moment that facts are counted from."""

    at_s: float
    at_ms: int
    status: Status


class Stage:
    """One engine on stage."""

    def __init__(self, engine: Engine, broker: FaultyBroker, plan: FaultPlan) -> None:
        self.engine = engine
        self.broker = broker
        self.plan = plan
        self.readers = Readers(engine.tools.config)
        self.gates: list[str] = []
        """The gate's words, in the order they came."""
        self.began = self.mark()
        """Before anything ran."""

    @property
    def status(self) -> Status:
        """The newest."""
        return self.engine.board.status

    @property
    def answers(self) -> Answers:
        """What readers got so far."""
        return self.readers.answers

    @property
    def codes(self) -> set[str]:
        """The reasons that stand."""
        return {reason.code.value for reason in self.status.reasons}

    def hit(self, kind: FaultKind, **narrowed: object) -> BrokerFault:
        """Make the broker misbehave."""
        return self.broker.inject(BrokerFault(kind, **narrowed))  # type: ignore[arg-type]

    def mark(self) -> Mark:
        """Now."""
        return Mark(time.perf_counter(), self.engine.clock.now_ms(), self.status)

    async def until(self, reached: Callable[[Status], bool], since: Mark | None = None) -> float:
        """Wait for the status; seconds since the mark."""
        since = since or self.mark()
        await asyncio.wait_for(self.engine.board.until(reached), PATIENCE_S)
        return time.perf_counter() - since.at_s

    async def opened(self) -> None:
        """Wait until the gate is open and every reader has noticed."""
        await self.until(lambda status: is_open(status) and status.gate_state.is_open)
        while self.answers.given < READERS * 2:
            await asyncio.sleep(_PAUSE_S)

    async def said(self, since: Mark, *codes: str) -> float:
        """Wait until one of these reasons was raised after the mark; seconds from there."""

        def is_said(_: Status) -> bool:
            return self._raised_ms(since, codes) is not None

        await self.until(is_said, since)
        raised_ms = self._raised_ms(since, codes)
        assert raised_ms is not None
        return (raised_ms - since.at_ms) / 1_000

    async def healed(self, since: Mark, *codes: str) -> float:
        """Wait until none of these stands and the gate is open; seconds since the mark."""

        def is_well(status: Status) -> bool:
            stands = any(reason.code.value in codes for reason in status.reasons)
            return not stands and is_open(status) and status.gate_state.is_open

        return await self.until(is_well, since)

    def events(self, since: Mark) -> tuple[Posted, ...]:
        """What was posted after the mark."""
        found = self.engine.board.log.after(since.status.seq, EVENTS_MAX)
        assert found is not None
        return found

    def untouched(self, since: Mark, symbols: Iterable[Symbol], *processes: str) -> str:
        """Cells of these symbols stayed sealed in their generation; only these processes moved."""
        for posted in self.events(since):
            event = posted.event
            if isinstance(event, CellsChanged) and event.symbol in symbols:
                before = since.status.generations[event.symbol]
                assert {(CellState.SEALED, before)} == {
                    (cell.state, cell.serving) for cell in event.cells.values()
                }
            if isinstance(event, ProcessChanged) and event.process.name not in processes:
                before_it = next(p for p in since.status.processes if p.name == event.process.name)
                assert before_it.restarts == event.process.restarts
                if before_it.ready_after_s is not None:
                    assert before_it.ready_after_s == event.process.ready_after_s
        moved = [p.name for p in self._restarted(since)]
        assert set(moved) <= set(processes)
        names = " ".join(symbols) or "-"
        return f"{names} sealed; restarted {' '.join(moved) or 'none'}"

    def note(
        self,
        drill: str,
        what: str,
        code: str,
        detectable_s: float,
        loud_s: float,
        healed_s: float,
        radius: str,
    ) -> None:
        """A line of the table, and what must hold in every drill."""
        gate = " ".join(self.gates)
        FACTS.append(
            Fact(drill, what, code, detectable_s, loud_s, healed_s, gate, str(self.answers), radius)
        )
        assert self.answers.total >= 5
        assert (0, 0, []) == (self.answers.empty, self.answers.silent, self.answers.wrong)
        assert self.answers.slowest_s <= ANSWER_S
        assert loud_s <= detectable_s + LOUD_S

    def _raised_ms(self, since: Mark, codes: tuple[str, ...]) -> int | None:
        found = (posted.at_ms for posted in self.events(since) if _code(posted) in codes)
        return next(found, None)

    def _restarted(self, since: Mark) -> Iterator[Any]:
        for before, now in zip(since.status.processes, self.status.processes, strict=True):
            if before.restarts != now.restarts:
                yield now


def _code(posted: Posted) -> str | None:
    """The reason an event raised; None when it raised none."""
    if isinstance(posted.event, BecameOverdue):
        return DegradedCode.GATE_OVERDUE.value
    return posted.event.code.value if isinstance(posted.event, ReasonRaised) else None


async def _watch_gate(stage: Stage) -> None:
    status = stage.status
    while True:
        if status.gate_state.value not in stage.gates[-1:]:
            stage.gates.append(status.gate_state.value)
        status = await stage.engine.board.changed()


def stage_config(folder: Path, *symbols: Symbol, **changes: Any) -> Config:
    """Two symbols, a broker that answers at once, a minute that is final as it closes."""
    sim = {"seed": 3, "login_s": 0.02, "latency_ms": 2, "publish_delay_s": 0}
    given: dict[str, Any] = {"broker__sim": sim, "poll__m1_settle_s": 0.5, "api__port": 0}
    return small_config(*(symbols or (GOLD, YEN)), data_root=str(folder), **{**given, **changes})


@asynccontextmanager
async def staged(
    config: Config, at_ms: int = NOON, before: Callable[[Stage], object] = lambda stage: None
) -> AsyncIterator[Stage]:
    """An engine on stage with readers at its API; `before` is called before anything runs."""
    async with open_engine(config, at_ms) as engine:
        assert engine.seams is not None
        stage = Stage(engine, engine.seams.broker, engine.seams.plan)
        before(stage)
        watching = asyncio.create_task(_watch_gate(stage), name="gate watch")
        try:
            await stage.until(lambda status: status.api_port is not None)
            stage.readers.begin(stage.status.api_port or 0)
            try:
                yield stage
            finally:
                await stage.readers.end()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
