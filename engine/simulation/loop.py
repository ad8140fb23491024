"""An event loop whose time is a number that jumps, and whose nodes can die or sleep.

Theory of operation
-------------------
Time is an integer of microseconds. When nobody is ready it jumps to the next timer; when there
is no timer either, everybody waits for something that cannot come: that is a `Deadlock`. Nothing
else moves it but `stall`, which lets time pass while one callback runs.

Every callback carries the context it was scheduled in, and in it the `Node` it belongs to. The
callbacks of a node that crashed are dropped when their turn comes: its coroutines stand still
where they were and no `finally` of theirs runs, as after kill -9. So that nobody closes them
behind its back they are kept in a graveyard until the run has ended. The callbacks of a paused
node are put aside, timers that come due meanwhile as well, and come back when it is woken, as
after SIGSTOP and SIGCONT.

The order in which things happen must be the same in every process. asyncio keeps tasks and
futures in sets, whose order is the order of addresses in memory; here both are hashed by the
number they were made with. Collection of garbage closes what it finds, and when is anybody's
guess: whoever runs a simulation switches it off meanwhile.

Threads, sockets, child processes and signals are refused: what needs them is not simulated.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from inspect import CORO_CREATED, getcoroutinestate
from types import CoroutineType
from typing import NoReturn, TypeVar

_T = TypeVar("_T")
_LIMIT_TURNS = 200_000
"""Turns of the loop without time passing: more means that it spins."""


class Deadlock(Exception):
    """Nobody is ready and no timer is set: what is waited for cannot come."""


class Spinning(Exception):
    """The loop turned so often without time passing that it never will."""


class NotSimulated(Exception):
    """Something asked the loop for what a simulation does not have."""


class Node:
    """One host process as the loop sees it: it runs, sleeps or is dead."""

    __slots__ = ("is_dead", "is_paused", "name", "stashed")

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.is_paused = False
        self.stashed: list[events.Handle] = []

    def context(self) -> Context:
        """A context whose tasks and timers belong to this node."""
        context = copy_context()
        context.run(_NODE.set, self)
        return context


_NODE: ContextVar[Node | None] = ContextVar("coldstart_simulated_node", default=None)


def current_node() -> Node | None:
    """The node that runs now; None for what stands outside of all."""
    return _NODE.get()


class SimTask(asyncio.Task[_T]):
    """A task that is hashed by its number."""

    def __init__(
        self,
        work: Coroutine[object, object, _T],
        number: int,
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
        **others: object,
    ) -> None:
        self._number = number  # first: the task is put into a set while it is being made
        self.node = _NODE.get() if context is None else context.get(_NODE)
        super().__init__(work, loop=loop, context=context, **others)  # type: ignore[arg-type]

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class SimFuture(asyncio.Future[_T]):
    """A future that is hashed by its number."""

    _number = 0

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class SimLoop(asyncio.BaseEventLoop):
    """The loop of one simulated run."""

    def __init__(self) -> None:
        super().__init__()
        self.now_us = 0
        self.errors: list[str] = []
        """What callbacks failed with that nobody handled."""
        self._turn: deque[events.Handle] = deque()
        self._timers: list[tuple[int, int, events.TimerHandle]] = []
        self._made_count = 0
        self._idle_turns = 0
        self._graveyard: list[object] = []
        self.set_task_factory(self._made_task)  # type: ignore[arg-type]
        self.set_exception_handler(self._note_error)

    # -- nodes -------------------------------------------------------------------------------

    def crash(self, node: Node) -> None:
        """kill -9: nothing of the node runs any more, not even a `finally`."""
        node.is_dead = True
        self._graveyard.extend(self._tasks_of(node))
        self._graveyard.extend(node.stashed)
        node.stashed.clear()

    def pause(self, node: Node) -> None:
        """SIGSTOP: its callbacks and timers wait."""
        node.is_paused = True

    def resume(self, node: Node) -> None:
        """SIGCONT: what waited comes back, in its order."""
        node.is_paused = False
        if not node.is_dead:
            self._turn.extend(node.stashed)
        node.stashed.clear()

    def stall(self, by_us: int) -> None:
        """Let time pass while the running callback does not let others run."""
        self.now_us += by_us

    def living(self, node: Node) -> list[str]:
        """Names of the tasks of a node that have not ended."""
        return sorted(task.get_name() for task in self._tasks_of(node))

    def _tasks_of(self, node: Node) -> list[asyncio.Task[object]]:
        tasks = asyncio.all_tasks(self)
        return [task for task in tasks if isinstance(task, SimTask) and task.node is node]

    def bury(self) -> None:
        """End the run: let go of all that was kept, wherever it stands."""
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            work = task.get_coro()
            if isinstance(work, CoroutineType) and getcoroutinestate(work) == CORO_CREATED:
                work.close()  # it died before its first step, and would be missed
        self._graveyard.clear()
        self._turn.clear()
        self._timers.clear()

    # -- time --------------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds."""
        return self.now_us / 1e6

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> events.Handle:
        """In this turn, behind those that are ready."""
        handle = events.Handle(callback, args, self, context)
        self._turn.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> events.Handle:
        """There are no threads: the same."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> events.TimerHandle:
        """So many seconds from now, never early; a wait takes a microsecond at least."""
        us = max(_whole_us(delay), 1) if delay > 0 else 0
        return self._set_timer(self.now_us + us, callback, args, context)

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> events.TimerHandle:
        """When the loop's time says so."""
        earliest_us = self.now_us + (when > self.time())
        return self._set_timer(max(_whole_us(when), earliest_us), callback, args, context)

    def _set_timer(
        self,
        when_us: int,
        callback: Callable[..., object],
        args: tuple[object, ...],
        context: Context | None,
    ) -> events.TimerHandle:
        timer = events.TimerHandle(when_us / 1e6, callback, args, self, context)
        timer._scheduled = True  # type: ignore[attr-defined]
        self._made_count += 1
        heapq.heappush(self._timers, (when_us, self._made_count, timer))
        return timer

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        """It is passed over when its time comes."""

    # -- turning -----------------------------------------------------------------------------

    def _run_once(self) -> None:
        turn, timers = self._turn, self._timers
        if not turn:
            self._jump()
        while timers and timers[0][0] <= self.now_us:
            turn.append(heapq.heappop(timers)[2])
        for _ in range(len(turn)):
            handle = turn.popleft()
            if handle._cancelled:
                continue
            node = handle._context.get(_NODE)  # type: ignore[attr-defined]
            if node is not None:
                if node.is_dead:
                    self._graveyard.append(handle)
                    continue
                if node.is_paused:
                    node.stashed.append(handle)
                    continue
            handle._run()
            if self._stopping:  # type: ignore[attr-defined]
                return
        self._idle_turns += 1
        if self._idle_turns > _LIMIT_TURNS:
            raise Spinning(f"{_LIMIT_TURNS} turns without time passing")

    def _jump(self) -> None:
        """On to the next timer that stands."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise Deadlock("nobody is ready and no timer is set")
        if timers[0][0] > self.now_us:
            self.now_us = timers[0][0]
            self._idle_turns = 0

    # -- tasks and futures -------------------------------------------------------------------

    def create_future(self) -> asyncio.Future[object]:
        """One with a number."""
        future: SimFuture[object] = SimFuture(loop=self)
        self._made_count += 1
        future._number = self._made_count
        return future

    def _made_task(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[object, object, _T],
        context: Context | None = None,
        **others: object,
    ) -> SimTask[_T]:
        self._made_count += 1
        return SimTask(work, self._made_count, loop, context, **others)

    def _note_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        node = _NODE.get()
        error = context.get("exception")
        self.errors.append(f"{node.name if node else 'outside'}: {context['message']}: {error!r}")

    # -- what there is not -------------------------------------------------------------------

    def run_in_executor(self, *_: object) -> NoReturn:
        raise NotSimulated("threads are not simulated")

    def create_connection(self, *_: object, **__: object) -> NoReturn:
        raise NotSimulated("sockets are not simulated")

    create_server = create_unix_connection = create_unix_server = create_connection
    create_datagram_endpoint = connect_accepted_socket = sock_connect = sock_accept = (
        create_connection
    )
    add_reader = add_writer = getaddrinfo = create_connection

    def subprocess_exec(self, *_: object, **__: object) -> NoReturn:
        raise NotSimulated("child processes are not simulated")

    subprocess_shell = subprocess_exec

    def add_signal_handler(self, *_: object) -> NoReturn:
        raise NotSimulated("signals are not simulated")

    def _process_events(self, _: object) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who had to be woken."""


def _whole_us(seconds: float) -> int:
    """Rounded up, but for the dust of binary fractions: a timer never comes early."""
    us = seconds * 1e6
    whole = round(us)
    return whole if abs(us - whole) < 1e-3 else int(us) + (us > 0)
