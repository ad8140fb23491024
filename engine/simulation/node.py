"""One boot of the real engine on a ground of its own: a simulated host process.

What is real: everything from the composition root down to the waist, the five processes but for
`ui`, and the very scripts that the real disk performs. What is not: HTTP is the pure answer
without its transport, and there is no control socket, embedded server, boot record, legacy
folder or thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from random import Random
from typing import Protocol

from uds import FaultPlan, FaultyCache, MemoryDisk, Platter, mint_token
from uds.model import Symbol

from ..broker.faulty import BrokerFault, FaultyBroker
from ..broker.market import SimulatedMarket
from ..broker.sim import SimBroker
from ..ground import Ground, Seams
from ..process import ProcessSpec, Tools
from ..runtime import PROCESSES, Engine, run_engine, tools_on
from ..serving import api
from ..sources import store_terms
from .boot import NodeView
from .conduct import Conduct
from .ground import SimClock, WatchedStore
from .ledger import Ledger
from .loop import Node
from .loudness import Loudness
from .seams import NodeCache, NodeSteps
from .stage import Stage
from .state_files import STATE_PREVIOUS, StateFiles
from .truth import RevisingBroker

_LOOK_S = 0.6
"""How often its reader asks."""
_SYNC_S = (0.0002, 0.0015)
_STEP_S = (0.00001, 0.0001)


class Host(Stage, Protocol):
    """The world as a boot finds it."""

    @property
    def start_ms(self) -> int:
        """The market's time when the run began, UTC ms."""
        ...

    @property
    def skew_ms(self) -> int:
        """How far the wall clock of the host is ahead."""
        ...

    @property
    def platter(self) -> Platter:
        """The medium of the data folder."""
        ...

    @property
    def leaves_out(self) -> frozenset[str]:
        """Steps of every disk that are never done."""
        ...

    @property
    def state_files(self) -> StateFiles:
        """What was done to the state files on it."""
        ...

    @property
    def plan(self) -> FaultPlan:
        """The faults of disk and Redis."""
        ...

    @property
    def market(self) -> SimulatedMarket:
        """What the broker serves."""
        ...

    @property
    def broker_faults(self) -> Sequence[BrokerFault]:
        """What every broker suffers from now."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Who hears its store."""
        ...

    @property
    def loudness(self) -> Loudness:
        """Who listens whether it says what it must."""
        ...

    def trace(self, who: str, event: str, subject: str) -> None:
        """One line of what the digest is of."""
        ...

    def operation(self, node: SimNode, number: int) -> None:
        """Asked before every operation."""
        ...


class SimNode:
    """One boot: from the fencing token to its end, however that comes."""

    def __init__(self, world: Host, number: int) -> None:
        self.world = world
        self.number = number
        self.node = Node(f"boot {number}")
        self.engine: Engine | None = None
        """None until the processes are spawned."""
        self.store: WatchedStore | None = None
        """None until the token was minted."""
        self.token: int | None = None
        """None until it was minted."""
        self.reboot_s: float | None = 1.0
        """How long after its end another is booted; None for never."""
        self.operations = 0
        """Operations on disk and Redis so far."""
        self.clock = SimClock(world.loop, world.start_ms, world.skew_ms)
        self.view = NodeView(self.node.name)
        self.conduct = Conduct(world, self, world.loudness)
        self.bombs: dict[str, asyncio.Event] = {}
        self.revisions: dict[Symbol, int] = {}
        self._delays = Random(f"{world.case.seed}/{number}/delays")
        self._questions = Random(f"{world.case.seed}/{number}/questions")
        self.disk = MemoryDisk(
            world.platter, NodeSteps(self, world.plan, asyncio.sleep), world.leaves_out
        )
        self.broker = FaultyBroker(self._market(), self.clock)
        for fault in world.broker_faults:
            self.broker.inject(fault)
        self.task: asyncio.Task[None] = world.loop.create_task(
            self._live(), name=self.node.name, context=self.node.context()
        )

    @property
    def is_alive(self) -> bool:
        """Whether it neither died nor ended."""
        return not self.node.is_dead and not self.task.done()

    async def before(self, name: str, subject: str) -> None:
        """An operation is about to be done."""
        number, self.operations = self.operations, self.operations + 1
        self.world.trace(self.node.name, name, subject)
        self.world.operation(self, number)
        if (name, subject) == ("read", STATE_PREVIOUS):
            self.conduct.read_state(self.world.state_files.must_say())
        await asyncio.sleep(self._delays.uniform(*_SYNC_S if "Sync" in name else _STEP_S))

    def _market(self) -> RevisingBroker:
        world, broker = self.world, self.world.config.broker
        simulated = SimBroker(
            market=world.market,
            clock=SimClock(world.loop, world.start_ms),
            login_s=0.2,
            jitter=0.5,
            concurrency=broker.concurrency,
            page_bars_max=broker.page_bars_max,
            seed=world.case.seed,
        )
        return RevisingBroker(simulated, self.revisions.__getitem__)

    async def _live(self) -> None:
        world = self.world
        boot_id = blake2b(f"{world.case.seed}/{self.number}".encode(), digest_size=16).hexdigest()
        token = await mint_token(self.disk, boot_id)
        self.token = token.value
        self.conduct.minted(token.value)
        cache = FaultyCache(NodeCache(world.cache, self), world.plan, asyncio.sleep)
        store = WatchedStore(store_terms(world.config), token, self.disk, cache, None)
        self.store = store
        store.witness = world.ledger.witness_of(self)
        seams = Seams(self.broker, world.plan)
        opened_s = self.clock.monotonic_s()
        ground = Ground(world.config, boot_id, self.clock, opened_s, store, seams)
        tools = tools_on(ground, Random(f"{world.case.seed}/{self.number}/chance"))
        specs = tuple(self._armed(spec) for spec in PROCESSES)
        async with run_engine(ground, tools, specs, self._beside) as engine:
            self.engine = engine
            world.loudness.expect_open(self)
            await engine.stopped()

    def _armed(self, spec: ProcessSpec) -> ProcessSpec:
        """The process, or its simulated like, with a bomb beside it."""
        run = self._serve if spec.name == "ui" else spec.run

        async def armed(tools: Tools) -> None:
            bomb = self.bombs[spec.name] = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(_awaited(run(tools)), name=f"inner {spec.name}")
                await bomb.wait()
                raise ZeroDivisionError("a bug that nobody expected")

        return replace(spec, run=armed)

    def _beside(self, engine: Engine) -> Mapping[str, Coroutine[object, object, None]]:
        return {"observer": self._observe(engine)}

    async def _observe(self, engine: Engine) -> None:
        """Hold every turn's status against what must be true."""
        board = engine.board
        while True:
            self.world.oracles.looked(self)
            await board.changed()

    async def _serve(self, tools: Tools) -> None:
        """The `ui` of a simulation: asks for a series now and then, as a reader over HTTP would."""
        depth = tools.config.bootstrap.depth_bars
        keys = tuple(tools.board.status.cells)
        while True:
            is_open = tools.board.status.gate_state.is_open
            tools.ready("serving" if is_open else "serving 503")
            key = self._questions.choice(keys)
            preview = "01"[self._questions.random() < 0.3]
            limit = self._questions.choice(("3", "20", "400"))
            query = {
                "symbol": key.symbol,
                "tf": key.timeframe.name,
                "limit": limit,
                "preview": preview,
            }
            forming = {p.key: p for p in tools.store.previews(key.symbol).values()}
            tails = {key.symbol: tools.store.tail(key.symbol)}
            now_ms = tools.clock.now_ms()
            answer = api.answer_bars(query, tools.board.status, tails, depth, now_ms, forming)
            self.world.oracles.answered(self, key, query, answer)
            await tools.clock.sleep(_LOOK_S * self._questions.uniform(0.5, 1.5))


async def _awaited(work: object) -> None:
    await work  # type: ignore[misc]
