"""Keeps what a process does inside it: a `sys.exit` in any of its tasks, and the loop time of all.

An asyncio task that ends with SystemExit re-raises it out of the event loop: a library that
exits in a sub-task would end the platform. Within a process every task is therefore made of a
coroutine that turns the exit into a failure like any other.

The same coroutine holds a stopwatch around each step, which is how five processes that are
tasks of one loop can be told apart. What is counted is the time from the loop's call of a task
to its next wait, of every task that the process or one of its tasks started, by the wall: a
step that the host interrupted is as long as it kept the others waiting. Not counted are the
loop's own callbacks (bytes that arrive for a stream, the parsing of a request's head), work
given to threads, and the tasks beside the processes: recovery, the watchdog, the control
socket and the screen. So the shares add up to less than the loop is busy, never to more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

from .clock import stopwatch_s
from .failure import ChildEnded

_T = TypeVar("_T")
_TaskFactory = Callable[..., "asyncio.Future[object]"]


@dataclass(eq=False, slots=True)
class LoopTime:
    """How long the tasks of one process have held the loop."""

    busy_s: float = 0.0
    """Over all its lives, in seconds."""


_INSIDE: ContextVar[LoopTime | None] = ContextVar("coldstart_inside_a_process", default=None)


class _Contained(Coroutine[object, object, _T]):
    """A coroutine that never lets SystemExit pass; everything else is the inner one's."""

    __slots__ = ("_inner", "_time")

    def __init__(self, inner: Coroutine[object, object, _T], time: LoopTime) -> None:
        self._inner = inner
        self._time = time

    def send(self, value: object) -> object:
        begun_s = stopwatch_s()
        try:
            return self._inner.send(value)
        except SystemExit as exit_:
            raise _failure(exit_) from exit_
        finally:
            self._time.busy_s += stopwatch_s() - begun_s

    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: object = None,
        traceback: TracebackType | None = None,
        /,
    ) -> object:
        begun_s = stopwatch_s()
        try:
            return self._inner.throw(kind if isinstance(kind, BaseException) else kind(value))
        except SystemExit as exit_:
            raise _failure(exit_) from exit_
        finally:
            self._time.busy_s += stopwatch_s() - begun_s

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[object, object, _T]:
        return self._inner.__await__()

    def __getattr__(self, name: str) -> object:
        """Names and frames, for whoever prints the task."""
        return getattr(self._inner, name)


def enter(time: LoopTime | None = None) -> None:
    """All tasks that are started from here belong to a process, whose loop time this is."""
    _INSIDE.set(time or LoopTime())


def entered(time: LoopTime) -> Context:
    """A context for a process's first task, which so belongs to it too."""
    context = copy_context()
    context.run(enter, time)
    return context


def contain_exits() -> None:
    """Make the running loop contain the exits of processes; a second call changes nothing."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    if not isinstance(before, _Containing):
        loop.set_task_factory(_Containing(before))  # type: ignore[arg-type]


class _Containing:
    """The loop's task factory over the one it had before."""

    def __init__(self, before: _TaskFactory | None) -> None:
        self._before = before

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[object, object, object],
        context: Context | None = None,
        **others: object,
    ) -> asyncio.Future[object]:
        time = _INSIDE.get() if context is None else context.get(_INSIDE)
        contained = work if time is None else _Contained(work, time)
        if self._before is not None:
            return self._before(loop, contained, context=context, **others)
        return asyncio.Task(contained, loop=loop, context=context, **others)  # type: ignore[arg-type]


def _failure(exit_: SystemExit) -> ChildEnded:
    return ChildEnded(f"it asked to exit with {exit_.code}")
