"""The loop of a simulation: time that jumps, one order, nodes that die or sleep."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable

import pytest

from engine.simulation.loop import Deadlock, Node, NotSimulated, SimLoop, Spinning


@pytest.fixture
def loop() -> SimLoop:
    """A loop of its own."""
    return SimLoop()


def test_time_jumps_to_the_next_timer_and_nothing_is_early(loop: SimLoop) -> None:
    """An hour costs nothing, and whoever waited a second must not see 0.999999."""

    async def work() -> tuple[float, float]:
        await asyncio.sleep(3_600)
        before = loop.time()
        await asyncio.sleep(1e-9)
        return before, loop.time()

    before, after = loop.run_until_complete(work())

    assert 3_600.0 == before
    assert 1e-6 == pytest.approx(after - before)


def test_timers_of_one_moment_fire_in_the_order_they_were_set(loop: SimLoop) -> None:
    """A heap alone would let the callbacks of one moment change places."""
    fired: list[int] = []
    for number in range(50):
        loop.call_later(1.0, fired.append, number)

    loop.run_until_complete(asyncio.sleep(2.0))

    assert list(range(50)) == fired


def test_waiting_for_what_cannot_come_is_a_deadlock(loop: SimLoop) -> None:
    """On a real loop it would hang for ever; here it is a finding."""

    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        loop.run_until_complete(work())


def test_turning_without_time_passing_is_found(
    loop: SimLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that polls with sleep(0) would spin here for ever."""
    monkeypatch.setattr("engine.simulation.loop._LIMIT_TURNS", 100)

    async def work() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Spinning):
        loop.run_until_complete(work())


@pytest.mark.parametrize("what", ["thread", "server", "child", "signal"])
def test_what_is_not_simulated_is_refused(loop: SimLoop, what: str) -> None:
    """A thread or a socket would bring real time in, and with it another order each time."""

    async def work() -> None:
        calls: dict[str, Awaitable[object]] = {
            "thread": asyncio.to_thread(print),
            "server": asyncio.sleep(0),
            "child": asyncio.create_subprocess_exec("true"),
        }
        try:
            if what == "signal":
                loop.add_signal_handler(2, print)
            elif what == "server":
                await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
            else:
                await calls[what]
        finally:
            for call in calls.values():
                call.close()  # type: ignore[attr-defined]

    with pytest.raises(NotSimulated):
        loop.run_until_complete(work())


def test_a_set_of_tasks_has_one_order(loop: SimLoop) -> None:
    """asyncio.wait and task groups iterate over sets: addresses in memory must not decide."""

    async def work() -> list[str]:
        tasks = {asyncio.create_task(asyncio.sleep(1), name=str(n)) for n in range(200)}
        done, _ = await asyncio.wait(tasks)
        return [task.get_name() for task in done]

    assert loop.run_until_complete(work()) == SimLoop().run_until_complete(work())


def test_a_crash_runs_no_finally(loop: SimLoop) -> None:
    """kill -9 lets nobody clean up: what only a finally would repair must not be repaired."""
    node, said = Node("one"), []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            said.append("cleaned up")

    async def drive() -> None:
        loop.create_task(work(), context=node.context())
        await asyncio.sleep(1)
        loop.crash(node)
        await asyncio.sleep(100)

    loop.run_until_complete(drive())

    assert [] == said


def test_a_paused_node_catches_up_when_it_is_woken(loop: SimLoop) -> None:
    """Timers that came due while it slept fire then, and time has passed for it as well."""
    node, beats = Node("one"), []

    async def beat() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            beats.append(round(loop.time(), 6))

    async def drive() -> None:
        loop.create_task(beat(), context=node.context())
        await asyncio.sleep(1.5)
        loop.pause(node)
        await asyncio.sleep(10)
        loop.resume(node)
        await asyncio.sleep(5)

    loop.run_until_complete(drive())

    assert [1.0, 11.5, 12.5] == beats


def test_tasks_belong_to_the_node_that_started_them(loop: SimLoop) -> None:
    """Whoever is left behind after a stop is found by name."""
    node = Node("one")

    async def work() -> None:
        child = asyncio.create_task(asyncio.sleep(100), name="child")
        await child

    async def drive() -> list[str]:
        loop.create_task(work(), name="parent", context=node.context())
        stranger = asyncio.create_task(asyncio.sleep(100), name="stranger")
        await asyncio.sleep(1)
        assert not stranger.done()
        return loop.living(node)

    assert ["child", "parent"] == loop.run_until_complete(drive())


def test_who_dies_before_the_first_step_is_buried_silently(
    loop: SimLoop, recwarn: pytest.WarningsRecorder
) -> None:
    """The interpreter misses a coroutine that nobody ever began; a kill is no such fault."""
    node = Node("a")
    loop.call_soon(lambda: asyncio.ensure_future(asyncio.sleep(1.0)), context=node.context())

    async def kill() -> None:
        loop.crash(node)

    loop.run_until_complete(kill())
    loop.bury()
    loop.close()
    gc.collect()

    assert node.is_dead
    told = [str(warning.message) for warning in recwarn]
    assert [] == [sentence for sentence in told if "never awaited" in sentence]
