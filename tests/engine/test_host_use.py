"""What the engine uses of its host, and which of its processes holds the loop."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from engine.broker.lanes import Lane
from engine.containment import LoopTime, contain_exits, entered
from engine.control.remote import attached
from engine.duties.host_use import host_use_of
from engine.events import BrokerChanged
from engine.process import ProcessSpec
from engine.status import BrokerStatus
from engine.supervisor import Supervisor
from tests.engine.test_remote import folder, serving
from tests.engine.virtual_time import in_virtual_time
from uds import Used, used

__all__ = ["folder"]
STEP_S = 0.02


def hold() -> None:
    """Let nobody else run for a while."""
    end_s = time.perf_counter() + STEP_S
    while time.perf_counter() < end_s:
        pass


async def worker() -> None:
    """Two steps of its own, a wait between them."""
    hold()
    await asyncio.sleep(0)
    hold()


@in_virtual_time
async def test_the_loop_time_of_a_process_is_that_of_all_its_tasks_and_of_no_other() -> None:
    """Most of the work is done in tasks that a process starts, not in its first one."""
    contain_exits()
    ours, theirs = LoopTime(), LoopTime()

    async def process() -> None:
        hold()
        async with asyncio.TaskGroup() as group:
            group.create_task(worker())

    stranger = asyncio.create_task(worker())
    await asyncio.create_task(process(), context=entered(ours))
    await asyncio.create_task(asyncio.sleep(0), context=entered(theirs))
    await stranger

    assert 3 * STEP_S <= ours.busy_s
    assert theirs.busy_s < STEP_S


@in_virtual_time
async def test_a_task_that_is_cancelled_is_counted_to_its_end() -> None:
    """Whoever cleans up for long keeps the others waiting like anybody."""
    contain_exits()
    ours = LoopTime()

    async def process() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            hold()

    task = asyncio.create_task(process(), context=entered(ours))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))

    assert STEP_S <= ours.busy_s


async def test_the_answer_of_the_socket_is_the_value(folder: Path) -> None:
    """Every process has its loop time; what waits is told by process."""
    async with serving(folder) as (engine, path), attached(path) as remote:
        engine.supervisor = Supervisor(
            [ProcessSpec("m1_poller", lambda tools: asyncio.sleep(60))],
            lambda name: engine.tools,
            engine.tools.config.supervisor,
        )
        engine.supervisor.spawn_all()
        queue = {Lane.D1.name: 2, Lane.FILL.name: 3, Lane.LIVE.name: 1}
        engine.board.post(BrokerChanged(BrokerStatus("scripted", queue=queue)))
        await asyncio.sleep(0)
        found = host_use_of(await remote.ask("host", {}))
        await engine.supervisor.stop_all()

    assert ["m1_poller"] == list(found.busy_s)
    assert 0 < found.busy_s["m1_poller"] < STEP_S
    assert {"connector": 2, "m1_poller": 4, "tick_preview": 0} == found.waiting
    assert found.engine is not None
    assert 10 << 20 < found.engine.memory_bytes
    assert 0 < found.engine.cpu_s <= time.process_time() + 1
    assert found.server is None


def test_what_the_host_does_not_know_is_none_and_no_error() -> None:
    """A process may end between two looks."""
    assert used(2**22 + 1) is None
    assert isinstance(used(os.getpid()), Used)
