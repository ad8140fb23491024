"""Runs one process for the life of the engine: its lives, its failures, its waits.

A keeper's loop is one life after another. What ends a life is either an order (the operator's
restart, a process that made no progress) or a failure of its own; its class says what follows:

    transient    the delays of the schedule, at last one try a period (held)
    dependency   wait until it is back, then go on at once; no failure is counted
    bug          one restart, then held
    permanent    the operator's restart only
    fenced       the end

Each life has an incarnation. It is revoked when the life is over, or when it was asked to end
and did not within 5 s: a thread that was left behind then finds that it may write no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from uds import Fenced

from .board import StatusBoard
from .config import SupervisorConfig
from .containment import LoopTime, entered
from .degraded import DegradedCode
from .events import ProcessChanged, ReasonCleared, ReasonRaised
from .failure import ChildEnded, FailureClass, dependency_of, failure_class, first_cause
from .intensity import Backoff, RestartWindow, forgiven_after_s, is_forgiven
from .process import ProcessSpec, Tools
from .sayings import Saying, saying
from .status import ProcessState, ProcessStatus, Status
from .tenure import say_fenced

_log = logging.getLogger(__name__)
_STOP_TIMEOUT_S = 5.0
_CLEARED_BY_READY = (DegradedCode.CHILD_RESTARTING, DegradedCode.CHILD_HELD)


class Life(Protocol):
    """What one life of a process may still do; `uds` checks it before every write."""

    def revoke(self) -> None:
        """From now on it may write nothing."""
        ...

    def active(self) -> AbstractContextManager[object]:
        """What runs inside belongs to this life, threads it starts included."""
        ...


Lives = Callable[[str, int], Life]
"""Makes the n-th life of a process."""


@dataclass(frozen=True, slots=True)
class _Order:
    """Somebody wants the running life to end, or the wait for the next one."""

    failure: BaseException | None = None
    """What it counts as; None for the operator's restart, which is no failure."""
    is_forced: bool = False
    """Whether it is not waited for."""


class Keeper:
    """One process and its lives."""

    def __init__(
        self, spec: ProcessSpec, tools: Tools, limits: SupervisorConfig, lives: Lives
    ) -> None:
        self.spec = spec
        self.loop_time = LoopTime()
        """What its lives took of the loop."""
        self._tools = tools
        self._limits = limits.of(spec.name, spec.backoff_max_s)
        self._lives = lives
        self._schedule = Backoff(self._limits.backoff_min_s, self._limits.backoff_max_s)
        self._window = RestartWindow()
        self._delay_s = 0.0
        self._misses = 0
        self._life_count = 0
        self._ready_at_s: float | None = None
        self._order: _Order | None = None
        self._ordered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # -- orders ------------------------------------------------------------------------------

    def spawn(self) -> None:
        """Begin the first life."""
        self._task = asyncio.create_task(self._keep(), name=f"keeper of {self.spec.name}")

    def restart(self, *, is_forced: bool = False) -> None:
        """End the life, or the wait for the next one, and begin anew with a clean slate."""
        self._give(_Order(is_forced=is_forced))

    def fail(self, failure: BaseException) -> None:
        """End the life as if it had failed with this."""
        self._give(_Order(failure))

    async def stop(self) -> None:
        """End the life and begin none."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=_STOP_TIMEOUT_S + 1)

    async def fence(self, sentence: str) -> None:
        """Stop, because another owner has the data."""
        await self.stop()
        self._post(ProcessState.STOPPED, last_exit=sentence)

    def _give(self, order: _Order) -> None:
        if self._order is None or order.failure is None:  # no failure replaces the operator's word
            self._order = order
        self._ordered.set()

    def _taken(self) -> _Order | None:
        order, self._order = self._order, None
        self._ordered.clear()
        return order

    # -- lives -------------------------------------------------------------------------------

    async def _keep(self) -> None:
        self._post(ProcessState.STARTING, failures_max=self._limits.intensity)
        while True:
            failure = await self._live_once()
            if failure is not None:
                if isinstance(failure, Fenced):
                    say_fenced(self._board, failure)
                    self._post(ProcessState.STOPPED, last_exit=str(failure))
                    return
                await self._wait_out(failure)
            order = self._taken()
            if failure is None or order is not None:
                self._window, self._delay_s, self._misses = RestartWindow(), 0.0, 0
            self._post(
                ProcessState.STARTING,
                restarts=self._status.restarts + 1,
                ready_after_s=None,
                failures=len(self._window.failed_at_s),
            )

    async def _live_once(self) -> BaseException | None:
        """One life: what it failed with, None when the operator ended it."""
        self._ready_at_s = None
        self._life_count += 1
        life = self._lives(self.spec.name, self._life_count)
        inside = entered(self.loop_time)
        child = asyncio.create_task(self._live(life), name=self.spec.name, context=inside)
        ready = asyncio.create_task(self._clear_when_ready(), name=f"{self.spec.name} readiness")
        told = asyncio.create_task(self._ordered.wait(), name=f"{self.spec.name} orders")
        order = None
        try:
            await asyncio.wait((child, told), return_when=asyncio.FIRST_COMPLETED)
            order = self._taken()
        finally:
            ready.cancel()
            told.cancel()
            try:
                await self._end(child, is_forced=order is not None and order.is_forced)
            finally:
                life.revoke()  # also when the keeper is stopped while it waits
        if order is not None:
            return order.failure
        if child.cancelled():
            return ChildEnded("it was cancelled")
        return first_cause(child.exception() or ChildEnded("it returned"))

    async def _end(self, child: asyncio.Task[None], *, is_forced: bool) -> None:
        """Cancel a life and wait for its end, unless a forced restart comes, or came.

        What a child says that did not end in time is nobody's business. A restart that the
        operator asked for meanwhile is left to be taken: after a failure nothing is waited out.
        """
        if child.done():
            return
        child.cancel()
        child.add_done_callback(_unheard)
        asked: _Order | None = None
        left_s = 0.0 if is_forced else _STOP_TIMEOUT_S
        loop = asyncio.get_running_loop()
        until_s = loop.time() + left_s
        while left_s > 0 and not child.done():
            told = asyncio.ensure_future(self._ordered.wait())
            either, first = (child, told), asyncio.FIRST_COMPLETED
            try:
                await asyncio.wait(either, timeout=left_s, return_when=first)
            finally:
                told.cancel()
            order = self._taken()
            if order is not None and order.failure is None:
                asked = order
            is_forced = asked is not None and asked.is_forced
            left_s = 0.0 if is_forced else until_s - loop.time()
        await asyncio.wait((child,), timeout=0.0)
        if asked is not None:
            self._give(asked)

    async def _live(self, life: Life) -> None:
        now_s = self._tools.clock.monotonic_s()
        with life.active():
            try:
                await self.spec.run(replace(self._tools, spawned_s=now_s))
            except SystemExit as exit_:
                raise ChildEnded(f"it asked to exit with {exit_.code}") from exit_

    async def _clear_when_ready(self) -> None:
        """The reasons against the process hold until it says ready."""
        await self._board.until(self._said_ready)
        self._ready_at_s = self._tools.clock.monotonic_s()
        self._misses = 0
        for code in _CLEARED_BY_READY:
            self._board.post(ReasonCleared(code, self.spec.name))
        if self._status.failures:
            await self._tools.clock.sleep(forgiven_after_s(self._delay_s))
            self._window = RestartWindow()
            self._board.post(ProcessChanged(replace(self._status, failures=0)))

    def _said_ready(self, status: Status) -> bool:
        return any(
            p.name == self.spec.name and p.state is ProcessState.READY for p in status.processes
        )

    # -- waits -------------------------------------------------------------------------------

    async def _wait_out(self, failure: BaseException) -> None:
        """Say what happened and what comes next; wait for it, or for an order."""
        what = f"{type(failure).__name__}: {failure}"
        _log.warning("%s", what)
        match failure_class(failure):
            case FailureClass.DEPENDENCY:
                await self._wait_for_dependency(failure, what)
            case FailureClass.PERMANENT:
                self._say(DegradedCode.CHILD_HELD, saying("child_stuck", what))
                self._post(ProcessState.NEEDS_OPERATOR, last_exit=what)
                await self._ordered.wait()
            case kind:
                await self._back_off(what, is_bug=kind is FailureClass.BUG)

    async def _back_off(self, what: str, *, is_bug: bool) -> None:
        self._count_failure(is_bug=is_bug)
        held, count = self._window.is_held, len(self._window.failed_at_s)
        delay_s = self._schedule.delay_s(count, self._tools.chance.random())
        following_s = self._schedule.delay_s(count + 1)
        if held:
            delay_s = following_s = self._limits.period_s
        self._delay_s = delay_s
        due_ms = self._tools.clock.now_ms() + round(delay_s * 1_000)
        figures = count + 1, f"{delay_s:.1f}", f"{following_s:.1f}"
        code = DegradedCode.CHILD_HELD if held else DegradedCode.CHILD_RESTARTING
        self._say(code, saying("child_again", what, *figures), due_ms)
        self._post(
            ProcessState.HELD if held else ProcessState.BACKOFF,
            f"then {following_s:.1f}s",
            backoff_s=delay_s,
            next_attempt_ms=due_ms,
            last_exit=what,
            failures=count,
        )
        await self._sleep(delay_s)

    async def _wait_for_dependency(self, failure: BaseException, what: str) -> None:
        """Until it is back; a moment at least, because its absence may not be known yet."""
        dependency = dependency_of(failure)
        self._misses += 1
        plan = f"waits for {dependency.label}"
        self._say(DegradedCode.CHILD_RESTARTING, saying("child_depends", what, dependency.label))
        self._post(ProcessState.WAITING, plan, last_exit=what)
        if dependency.is_here(self._board.status):
            await self._sleep(self._schedule.delay_s(self._misses, self._tools.chance.random()))
        back = asyncio.create_task(self._board_until(dependency.is_here))
        await self._first_of(back)

    async def _board_until(self, reached: Callable[[Status], bool]) -> None:
        await self._board.until(reached)

    def _count_failure(self, *, is_bug: bool) -> None:
        now_s = self._tools.clock.monotonic_s()
        ready_for_s = 0.0 if self._ready_at_s is None else now_s - self._ready_at_s
        if is_forgiven(ready_for_s, self._delay_s):
            self._window = RestartWindow()
        limits = self._limits
        self._window = self._window.failed(now_s, limits.period_s, limits.intensity, is_bug=is_bug)

    async def _sleep(self, delay_s: float) -> None:
        await self._first_of(asyncio.ensure_future(self._tools.clock.sleep(delay_s)))

    async def _first_of(self, wait: asyncio.Future[None]) -> None:
        """Until it is over, or an order comes."""
        told = asyncio.ensure_future(self._ordered.wait())
        try:
            await asyncio.wait((wait, told), return_when=asyncio.FIRST_COMPLETED)
        finally:
            wait.cancel()
            told.cancel()

    # -- the board ---------------------------------------------------------------------------

    def _say(self, code: DegradedCode, said: Saying, next_attempt_ms: int | None = None) -> None:
        raised = ReasonRaised.told(code, self.spec.name, said, next_attempt_ms=next_attempt_ms)
        self._board.post(raised)

    @property
    def _board(self) -> StatusBoard:
        return self._tools.board

    @property
    def _status(self) -> ProcessStatus:
        found = (p for p in self._board.status.processes if p.name == self.spec.name)
        return next(found, ProcessStatus(self.spec.name))

    def _post(
        self,
        state: ProcessState,
        detail: str = "",
        *,
        backoff_s: float = 0.0,
        next_attempt_ms: int | None = None,
        **moved: object,
    ) -> None:
        process = replace(
            self._status,
            state=state,
            detail=detail,
            backoff_s=backoff_s,
            next_attempt_ms=next_attempt_ms,
            **moved,  # type: ignore[arg-type]
        )
        self._board.post(ProcessChanged(process))


def _unheard(child: asyncio.Task[None]) -> None:
    if not child.cancelled():
        child.exception()
