"""One keeper per child: spawn all, restart within intensity, hold loudly, stop in reverse.

Theory of operation. A child is an asyncio task. Tasks put directly into a TaskGroup would be
one-for-all: a crash cancels the siblings. So each child has a keeper, a loop that runs it,
waits out its failure and runs it again; keepers share nothing but the board, and that is
one-for-one.

A keeper counts failures in a window. Within the intensity the delays grow (`intensity.py`);
beyond it the child is *held*: one try a period, loudly, never giving up and never touching a
sibling, until it was ready for long enough. The operator's restart ends the delay, clears the
window and counts as a restart.

Not even here is an except broad: the child's task holds what it failed with. An unexpected
failure so becomes a restart, a number and a sentence, instead of the end of the platform.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from uds import Fenced

from .board import StatusBoard
from .config import SupervisorConfig
from .degraded import DegradedCode
from .events import ProcessChanged, ReasonCleared, ReasonRaised
from .intensity import Backoff, RestartWindow, is_forgiven
from .process import ProcessSpec, Tools
from .status import ProcessState, ProcessStatus

_STOP_TIMEOUT_S = 5.0


class Supervisor:
    """The five children of one engine."""

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        tools_for: Callable[[str], Tools],
        limits: SupervisorConfig,
    ) -> None:
        self._keepers = {s.name: _Keeper(s, tools_for(s.name), limits) for s in specs}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The children, in the order they are spawned."""
        return tuple(self._keepers)

    def spawn_all(self) -> None:
        """Start every child at once; nobody waits for another's readiness."""
        for name, keeper in self._keepers.items():
            self._tasks[name] = asyncio.create_task(keeper.keep(), name=f"keeper of {name}")

    def restart(self, name: str) -> None:
        """End one child now and run it again, whatever it was doing; siblings do not notice."""
        self._keepers[name].restart()

    async def stop_all(self) -> None:
        """End the children one by one, the last spawned first."""
        for task in reversed(self._tasks.values()):
            task.cancel()
            await asyncio.wait((task,), timeout=_STOP_TIMEOUT_S)


class _Keeper:
    """Runs one child for the life of the engine."""

    def __init__(self, spec: ProcessSpec, tools: Tools, limits: SupervisorConfig) -> None:
        self._spec = spec
        self._tools = tools
        self._limits = limits
        self._schedule = Backoff(limits.backoff_min_s, spec.backoff_max_s or limits.backoff_max_s)
        self._window = RestartWindow()
        self._delay_s = 0.0
        self._ready_at_s: float | None = None
        self._child: asyncio.Task[None] | None = None
        self._retry_now = asyncio.Event()
        self._is_asked = False

    async def keep(self) -> None:
        """Run the child, again and again."""
        self._post(ProcessState.STARTING)
        while True:
            failure = await self._run_once()
            if not self._is_asked and isinstance(failure, Fenced):
                self._fenced(failure)
                return
            if not self._is_asked:
                await self._wait_out(failure)
            if self._is_asked:
                self._is_asked = False
                self._window = RestartWindow()
            self._began_again()

    def restart(self) -> None:
        """End the child, or the wait for its next attempt."""
        self._is_asked = True
        if self._child is not None and not self._child.done():
            self._child.cancel()
        self._retry_now.set()

    async def _run_once(self) -> BaseException:
        """One life of the child: how it ended."""
        self._ready_at_s = None
        self._child = asyncio.create_task(self._live(), name=self._spec.name)
        ready = asyncio.create_task(self._clear_when_ready(), name=f"{self._spec.name} readiness")
        try:
            await asyncio.wait((self._child,))
        finally:
            ready.cancel()
            if not self._child.done():
                self._child.cancel()
                await asyncio.wait((self._child,), timeout=_STOP_TIMEOUT_S)
        if self._child.cancelled():
            return asyncio.CancelledError("it was cancelled")
        return _first_cause(self._child.exception() or RuntimeError("it returned"))

    async def _live(self) -> None:
        """Run the child so that no failure, not even SystemExit, leaves its task."""
        try:
            now_s = self._tools.clock.monotonic_s()
            await self._spec.run(replace(self._tools, spawned_s=now_s))
        except SystemExit as exit_:
            raise RuntimeError(f"it asked to exit with {exit_.code}") from exit_

    async def _wait_out(self, failure: BaseException) -> None:
        """Say what happened and when the next attempt is; wait until then."""
        self._count_failure()
        held = self._window.is_held
        count = len(self._window.failed_at_s)
        delay_s = self._schedule.delay_s(count, self._tools.chance.random())
        following_s = self._schedule.delay_s(count + 1)
        if held:
            delay_s = following_s = self._limits.period_s
        self._delay_s = delay_s
        code = DegradedCode.CHILD_HELD if held else DegradedCode.CHILD_RESTARTING
        what = f"{type(failure).__name__}: {failure}"
        plan = f"attempt {count + 1}, next in {delay_s:.1f} s, then {following_s:.1f} s"
        self._board.post(ReasonRaised(code, self._spec.name, f"{what} ({plan})"))
        due_ms = self._tools.clock.now_ms() + round(delay_s * 1_000)
        state = ProcessState.HELD if held else ProcessState.BACKOFF
        self._post(state, backoff_s=delay_s, next_attempt_ms=due_ms, last_exit=what)
        await self._sleep(delay_s)

    def _count_failure(self) -> None:
        now_s = self._tools.clock.monotonic_s()
        ready_for_s = 0.0 if self._ready_at_s is None else now_s - self._ready_at_s
        if is_forgiven(ready_for_s, self._delay_s):
            self._window = RestartWindow()
        self._window = self._window.failed(now_s, self._limits.period_s, self._limits.intensity)

    async def _sleep(self, delay_s: float) -> None:
        self._retry_now.clear()
        nap = asyncio.ensure_future(self._tools.clock.sleep(delay_s))
        early = asyncio.ensure_future(self._retry_now.wait())
        try:
            await asyncio.wait((nap, early), return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            early.cancel()

    async def _clear_when_ready(self) -> None:
        """The reasons against the child hold until it says ready."""
        await self._board.until(lambda status: self._said_ready(status.processes))
        self._ready_at_s = self._tools.clock.monotonic_s()
        for code in (DegradedCode.CHILD_RESTARTING, DegradedCode.CHILD_HELD):
            self._board.post(ReasonCleared(code, self._spec.name))

    def _said_ready(self, processes: tuple[ProcessStatus, ...]) -> bool:
        return any(p.name == self._spec.name and p.state is ProcessState.READY for p in processes)

    def _began_again(self) -> None:
        restarts = self._status.restarts + 1
        self._post(ProcessState.STARTING, restarts=restarts, ready_after_s=None)

    def _fenced(self, failure: Fenced) -> None:
        self._board.post(ReasonRaised(DegradedCode.FENCED, None, str(failure)))
        self._post(ProcessState.STOPPED, last_exit=str(failure))

    @property
    def _board(self) -> StatusBoard:
        return self._tools.board

    @property
    def _status(self) -> ProcessStatus:
        found = (p for p in self._board.status.processes if p.name == self._spec.name)
        return next(found, ProcessStatus(self._spec.name))

    def _post(
        self,
        state: ProcessState,
        *,
        backoff_s: float = 0.0,
        next_attempt_ms: int | None = None,
        **moved: object,
    ) -> None:
        process = replace(
            self._status,
            state=state,
            detail="",
            backoff_s=backoff_s,
            next_attempt_ms=next_attempt_ms,
            **moved,  # type: ignore[arg-type]
        )
        self._board.post(ProcessChanged(process))


def _first_cause(failure: BaseException) -> BaseException:
    """A task group wraps what happened; the operator wants what happened."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
