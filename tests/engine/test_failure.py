"""What each failure is worth, and that an exit in any task stays inside its process."""

from __future__ import annotations

import asyncio
import gc

import pytest

from engine.apply import apply
from engine.broker.port import FetchFailed, LoginFailed, LoginFault, RateLimited
from engine.containment import contain_exits, enter
from engine.degraded import DegradedCode
from engine.errors import BadConfig, PortBusy
from engine.events import ReasonRaised
from engine.failure import (
    ChildEnded,
    Dependency,
    FailureClass,
    dependency_of,
    failure_class,
    first_cause,
)
from tests.engine.builders import NOON, a_status, small_config
from tests.engine.virtual_time import in_virtual_time, settle
from uds import (
    CacheDown,
    CacheRegressed,
    CacheTimeout,
    CacheTooOld,
    DiskFailed,
    Fenced,
    ServerMissing,
)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Fenced("Another owner."), FailureClass.FENCED),
        (CacheDown("Refused."), FailureClass.DEPENDENCY),
        (CacheTimeout("Silent."), FailureClass.DEPENDENCY),
        (CacheRegressed("Empty."), FailureClass.DEPENDENCY),
        (CacheTooOld("Version 6."), FailureClass.DEPENDENCY),
        (ServerMissing("None."), FailureClass.DEPENDENCY),
        (LoginFailed("Bad password.", LoginFault.PERMANENT), FailureClass.PERMANENT),
        (BadConfig("No path."), FailureClass.PERMANENT),
        (LoginFailed("Busy."), FailureClass.TRANSIENT),
        (LoginFailed("Silent.", LoginFault.TIMEOUT), FailureClass.TRANSIENT),
        (FetchFailed("No."), FailureClass.TRANSIENT),
        (RateLimited("Slow down.", 1.0), FailureClass.TRANSIENT),
        (DiskFailed("EIO."), FailureClass.TRANSIENT),
        (PortBusy("Taken."), FailureClass.TRANSIENT),
        (ConnectionResetError(), FailureClass.TRANSIENT),
        (TimeoutError(), FailureClass.TRANSIENT),
        (ChildEnded("it returned"), FailureClass.TRANSIENT),
        (KeyError("x"), FailureClass.BUG),
        (AssertionError("not ours"), FailureClass.BUG),
        (RuntimeError("?"), FailureClass.BUG),
    ],
)
def test_each_failure_has_its_class(failure: BaseException, kind: FailureClass) -> None:
    """What nobody has foreseen is a bug; what the world does to us is known by type."""
    assert kind is failure_class(failure)


def test_of_many_failures_the_gravest_decides() -> None:
    """A task group ends with all of them; a fenced one must not be retried for a flaky other."""
    inner = ExceptionGroup("inner", [TimeoutError(), Fenced("Another owner.")])
    many = BaseExceptionGroup("many", [KeyError("x"), inner])

    assert isinstance(first_cause(many), Fenced)
    assert isinstance(first_cause(ExceptionGroup("two", [TimeoutError(), KeyError()])), KeyError)


def test_a_dependency_is_here_while_no_reason_says_otherwise() -> None:
    """It is known by the reasons that stand, whoever raised them."""
    status = a_status(small_config())
    away = apply(status, ReasonRaised(DegradedCode.REDIS_TIMEOUT, None, "Silent."), NOON)

    assert Dependency.REDIS is dependency_of(CacheDown("Refused."))
    assert Dependency.REDIS.is_here(status)
    assert not Dependency.REDIS.is_here(away)


async def leave() -> None:
    """Exit from a task of its own."""
    await asyncio.sleep(0)
    raise SystemExit(3)


@in_virtual_time
async def test_inside_a_process_an_exit_is_a_failure_of_the_task() -> None:
    """Outside one it still ends everything: that is what it is for there."""
    contain_exits()
    contain_exits()

    async def process() -> BaseException | None:
        enter()
        inner = asyncio.create_task(leave(), name="the server")
        await asyncio.wait((inner,))
        assert "the server" == inner.get_name()
        return inner.exception()

    failure = await asyncio.create_task(process())
    assert isinstance(failure, ChildEnded)
    assert "it asked to exit with 3" == str(failure)


@in_virtual_time
async def test_a_contained_task_is_cancelled_and_printed_like_any_other() -> None:
    """Cancelled before it ran, it must not complain that nobody awaited it."""
    contain_exits()
    told: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("told")
            raise

    async def process() -> None:
        enter()
        early, late = (asyncio.create_task(wait()) for _ in range(2))
        early.cancel()
        await settle()
        assert "wait" in repr(late)
        assert 1 == len(late.get_stack())
        late.cancel()
        await settle()
        assert (True, True) == (early.cancelled(), late.cancelled())

    await asyncio.create_task(process())
    gc.collect()
    assert ["told"] == told


@in_virtual_time
async def test_the_loops_own_way_of_making_tasks_is_kept() -> None:
    """A simulation numbers its tasks; containing exits must not take that away."""
    loop = asyncio.get_running_loop()
    made: list[str] = []

    def numbered(loop: asyncio.AbstractEventLoop, work: object, **more: object) -> object:
        made.append("task")
        return asyncio.Task(work, loop=loop, **more)  # type: ignore[arg-type]

    loop.set_task_factory(numbered)  # type: ignore[arg-type]
    contain_exits()
    await asyncio.create_task(asyncio.sleep(0))

    assert ["task"] == made
