"""Keeps a process's `sys.exit` inside it, in whichever of its tasks it is called.

An asyncio task that ends with SystemExit re-raises it out of the event loop: a library that
exits in a sub-task would end the platform. Within a process every task is therefore made of a
coroutine that turns the exit into a failure like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from types import TracebackType
from typing import TypeVar

from .failure import ChildEnded

_T = TypeVar("_T")
_TaskFactory = Callable[..., "asyncio.Future[object]"]

_IS_INSIDE: ContextVar[bool] = ContextVar("coldstart_is_inside_a_process", default=False)


class _Contained(Coroutine[object, object, _T]):
    """A coroutine that never lets SystemExit pass; everything else is the inner one's."""

    def __init__(self, inner: Coroutine[object, object, _T]) -> None:
        self._inner = inner

    def send(self, value: object) -> object:
        try:
            return self._inner.send(value)
        except SystemExit as exit_:
            raise _failure(exit_) from exit_

    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: object = None,
        traceback: TracebackType | None = None,
        /,
    ) -> object:
        try:
            return self._inner.throw(kind if isinstance(kind, BaseException) else kind(value))
        except SystemExit as exit_:
            raise _failure(exit_) from exit_

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[object, object, _T]:
        return self._inner.__await__()

    def __getattr__(self, name: str) -> object:
        """Names and frames, for whoever prints the task."""
        return getattr(self._inner, name)


def enter() -> None:
    """The running task and all tasks it starts belong to a process from now on."""
    _IS_INSIDE.set(True)


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
        is_inside = context.get(_IS_INSIDE, False) if context is not None else _IS_INSIDE.get()
        contained = _Contained(work) if is_inside else work
        if self._before is not None:
            return self._before(loop, contained, context=context, **others)
        return asyncio.Task(contained, loop=loop, context=context, **others)  # type: ignore[arg-type]


def _failure(exit_: SystemExit) -> ChildEnded:
    return ChildEnded(f"it asked to exit with {exit_.code}")
