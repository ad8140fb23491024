"""The composition root: an engine is opened here, from a configuration, and closed again."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random

from uds import Fenced, Incarnation, Store, legacy_folder

from .acts.action import Drilling
from .board import StatusBoard
from .boots.records import record_boot
from .boots.timeline import Timeline
from .bootstrap import recover_all
from .broker.session import BrokerSession
from .clock import Clock
from .config import Config
from .control.serving import serve_control
from .degraded import DegradedCode
from .drills.desk import DrillDesk
from .duties.cache_watch import watch_cache
from .duties.deadlines import watch_deadlines
from .duties.housekeeping import keep_house, last_checkpoint
from .duties.watchdog import watch_loop
from .errors import StoredLater
from .events import BrokerChanged, ClockMoved, ReasonRaised, StoreOpened
from .first_status import PROCESS_NAMES, first_status
from .ground import Ground, Seams, open_ground
from .history.adoption import Adoption
from .log_ring import hearing
from .process import ProcessSpec, Tools
from .processes import connector, m1_poller, tick_preview, tick_publisher, ui
from .serving.listener import Listener
from .sources import markets
from .supervisor import Supervisor
from .tenure import Tenure, say_fenced
from .tick_feed import TickFeed

_TICK_BACKOFF_MAX_S = 30.0
_WORK = {
    "connector": (connector.run, None),
    "m1_poller": (m1_poller.run, None),
    "tick_publisher": (tick_publisher.run, _TICK_BACKOFF_MAX_S),
    "tick_preview": (tick_preview.run, _TICK_BACKOFF_MAX_S),
    "ui": (ui.run, None),
}
PROCESSES = tuple(
    ProcessSpec(name, *_WORK[name], only_reads=name == "ui") for name in PROCESS_NAMES
)


class Engine:
    """A running engine: its status, its timeline, and what an operator may do to it."""

    def __init__(
        self,
        tools: Tools,
        supervisor: Supervisor,
        seams: Seams | None = None,
        *,
        is_read_only: bool = False,
    ) -> None:
        self.tools = tools
        self.supervisor = supervisor
        self.seams = seams
        """Where faults may be put in; None where nobody may."""
        self.is_read_only = is_read_only
        """Whether every act is refused, whoever asks."""
        self.drills: Drilling | None = None
        """Who runs drills on it; None where nobody may."""
        self._outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def board(self) -> StatusBoard:
        """Where the status is read and waited for."""
        return self.tools.board

    @property
    def store(self) -> Store:
        """The waist."""
        return self.tools.store

    @property
    def clock(self) -> Clock:
        """The market's clock."""
        return self.tools.clock

    @property
    def session(self) -> BrokerSession:
        """The session with the broker."""
        return self.tools.session

    @property
    def timeline(self) -> Timeline:
        """The spans of this boot."""
        return self.tools.timeline

    def stop(self) -> None:
        """Ask for an orderly stop; `stopped` returns."""
        if not self._outcome.done():
            self._outcome.set_result(None)

    def fail(self, error: BaseException) -> None:
        """The engine cannot go on; `stopped` raises why."""
        if not self._outcome.done():
            self._outcome.set_exception(error)

    async def stopped(self) -> None:
        """Wait for the stop that somebody asked for; raises what the engine failed with."""
        await asyncio.shield(self._outcome)


Beside = Callable[[Engine], Mapping[str, Coroutine[object, object, None]]]
"""Makes what runs beside an engine, by name: what this host adds to every engine's own."""


@asynccontextmanager
async def open_engine(
    config: Config,
    at_ms: int | None = None,
    socket_path: Path | None = None,
    *,
    is_read_only: bool = False,
) -> AsyncIterator[Engine]:
    """Own the data folder, spawn the processes, recover; stop all of it when the block ends.

    `at_ms` makes the market's clock say that instant now; `socket_path` is where the control
    socket goes, None for its place in the data folder. Raises BadConfig, BrokerError for a
    source that cannot be opened, FolderLocked, FolderUnreadable. `Engine.stopped` raises
    StoredLater when the folder holds bars of a later time.
    """
    async with open_ground(config, at_ms) as ground:
        adoption = Adoption(legacy_folder(ground.config.data_root))

        def beside(engine: Engine) -> Mapping[str, Coroutine[object, object, None]]:
            engine.drills = desk = DrillDesk(engine)
            return {
                "drill desk": desk.serve(),
                "boot record": record_boot(engine.tools),
                "control socket": serve_control(engine, socket_path),
                "settled memory": _settle_memory(engine.tools),
                "legacy watch": adoption.watch(engine.tools),
            }

        tools = tools_on(ground, Random(ground.store.token.value))
        can_wait = config.broker.kind == "replay" and at_ms is None
        with hearing(tools.logs):
            async with run_engine(
                ground,
                tools,
                PROCESSES,
                beside,
                adoption,
                can_wait=can_wait,
                is_read_only=is_read_only,
            ) as engine:
                yield engine


def tools_on(ground: Ground, chance: Random) -> Tools:
    """What the processes of this boot are given; `chance` draws the jitter of all of them."""
    config, clock, store = ground.config, ground.clock, ground.store
    opened_ms = clock.now_ms() - round((clock.monotonic_s() - ground.opened_s) * 1_000)
    board = StatusBoard(first_status(config, ground.boot_id, opened_ms), clock, ground.opened_s)
    board.post(StoreOpened(store.token.value))
    broker = ground.seams.broker
    for code, symbol, said in broker.notes():
        board.post(ReasonRaised.told(DegradedCode(code), symbol, said))
    session = BrokerSession(
        broker,
        clock,
        config.broker.requests_per_s,
        lambda status: board.post(BrokerChanged(status)),
    )
    return Tools(
        name="engine",
        config=config,
        clock=clock,
        board=board,
        store=store,
        session=session,
        markets=markets(config),
        timeline=Timeline(),
        chance=chance,
        opened_s=ground.opened_s,
        spawned_s=ground.opened_s,
        ticks=TickFeed(),
        listener=Listener(config.api.host, config.api.port),
        tenure=Tenure(clock, partial(_check_owner, store)),
    )


@asynccontextmanager
async def run_engine(
    ground: Ground,
    tools: Tools,
    processes: tuple[ProcessSpec, ...],
    beside: Beside,
    adoption: Adoption | None = None,
    *,
    can_wait: bool = False,
    is_read_only: bool = False,
) -> AsyncIterator[Engine]:
    """Spawn the processes and recover; stop all of it when the block ends.

    `adoption` takes what the platform of before left, None leaves it alone. `can_wait` lets
    the clock be moved to the newest stored bar where it would be behind.
    """
    supervisor = Supervisor(
        processes,
        lambda name: replace(tools, name=name),
        ground.config.supervisor,
        lives=Incarnation,
    )
    engine = Engine(tools, supervisor, ground.seams, is_read_only=is_read_only)
    clock = ground.clock

    def agree_on_time(newest_close_ms: int) -> None:
        """A replay goes on where it stopped; any other clock must not be behind its data."""
        if newest_close_ms <= clock.now_ms():
            return
        if not can_wait:
            raise _stored_later(ground.config.data_root, newest_close_ms, clock.now_ms())
        before_ms = clock.now_ms()
        clock.move_to(newest_close_ms)
        tools.board.post(ClockMoved(clock.now_ms() - before_ms))

    tasks = _Beside(engine)
    try:
        supervisor.spawn_all()
        tasks.run(watch_cache(tools), "cache watch")
        tasks.run(watch_loop(tools), "watchdog")
        tasks.run(watch_deadlines(tools, supervisor), "deadlines")
        tasks.run(keep_house(tools), "housekeeping")
        tasks.run(recover_all(tools, agree_on_time, adoption), "recovery")
        for name, work in beside(engine).items():
            tasks.run(work, name)
        yield engine
    finally:
        await supervisor.stop_all()
        await tasks.stop()
        await last_checkpoint(tools)
        await tools.session.broker.close()
        tools.listener.close()


class _Beside:
    """Tasks that serve the engine itself; when one fails, the engine stops and says why."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, work: Coroutine[object, object, None], name: str) -> None:
        """Start one."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def stop(self) -> None:
        """End all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Fenced):
            say_fenced(self._engine.board, error)
        elif error is not None:
            self._engine.fail(error)


async def _settle_memory(tools: Tools) -> None:
    """What a start made lives as long as the engine: no full collection need look at it again.

    One that did would keep every reader waiting meanwhile.
    """
    await tools.board.until(lambda status: status.opened_gate_after_s is not None)
    gc.freeze()
    tools.say(f"the gate opened {tools.board.status.opened_gate_after_s:.2f} s after the start")


async def _check_owner(store: Store) -> None:
    """The folder first: an emptied Redis would accept anybody."""
    await store.check_folder()
    await store.check_ownership()


def _stored_later(data_root: Path, newest_close_ms: int, now_ms: int) -> StoredLater:
    newest, now = (
        datetime.fromtimestamp(ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        for ms in (newest_close_ms, now_ms)
    )
    return StoredLater(
        f"The data folder {data_root} holds bars until {newest}, later than the clock's {now}; "
        "choose a later --at, or another folder with --data."
    )
