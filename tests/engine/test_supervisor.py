"""One for one: a child falls, is restarted, is held, and its siblings do not notice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from engine.process import ProcessSpec, Tools
from engine.status import ProcessState, ProcessStatus
from engine.supervisor import Supervisor
from tests.engine.builders import NOON, House, build_house, market_broker, small_config
from tests.engine.virtual_time import VirtualClock, in_virtual_time, settle
from uds import Fenced


class Child:
    """A process that does what the test says, life by life."""

    def __init__(self, *ends: Callable[[], object]) -> None:
        self.ends = list(ends)
        """What ends each life; after the last it lives on."""
        self.lives_s: list[float] = []
        """When each life began."""
        self.said_ready = True
        self.stopped = 0

    async def run(self, tools: Tools) -> None:
        """Say ready, then end as told."""
        self.lives_s.append(tools.clock.monotonic_s())
        if self.said_ready:
            tools.ready("well")
        try:
            if self.ends:
                await asyncio.sleep(0.01)
                self.ends.pop(0)()
            else:
                await asyncio.Event().wait()
        finally:
            self.stopped += 1


def crash(error: BaseException | None = None) -> Callable[[], object]:
    """An end by an exception."""

    def end() -> None:
        raise error or RuntimeError("a bug")

    return end


def leave() -> None:
    """An end by returning."""


@asynccontextmanager
async def family(**children: Child) -> AsyncIterator[tuple[House, Supervisor]]:
    """These children under a supervisor, until the block ends."""
    config = small_config()
    clock = VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    specs = [ProcessSpec(name, child.run) for name, child in children.items()]
    supervisor = Supervisor(specs, lambda name: replace(house.tools, name=name), config.supervisor)
    supervisor.spawn_all()
    try:
        yield house, supervisor
    finally:
        await supervisor.stop_all()


def row(house: House, name: str = "ui") -> ProcessStatus:
    """A process as the table shows it."""
    return next(p for p in house.board.status.processes if p.name == name)


@in_virtual_time
async def test_all_are_spawned_at_once() -> None:
    """Nobody waits for another's readiness."""
    never = Child()
    never.said_ready = False
    async with family(connector=never, ui=Child()) as (house, _):
        await settle()

        assert ProcessState.STARTING is row(house, "connector").state
        assert (ProcessState.READY, "well") == (row(house).state, row(house).detail)


@in_virtual_time
async def test_a_crashed_child_is_restarted_and_its_sibling_does_not_notice() -> None:
    """One for one, the whole point of keepers."""
    falls, sibling = Child(crash()), Child()
    async with family(m1_poller=falls, ui=sibling) as (house, _):
        await asyncio.sleep(1)

        assert 2 == len(falls.lives_s)
        assert (1, ProcessState.READY) == (
            row(house, "m1_poller").restarts,
            row(house, "m1_poller").state,
        )
        assert "RuntimeError: a bug" == row(house, "m1_poller").last_exit
        assert (1, 0) == (len(sibling.lives_s), row(house).restarts)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (leave, "RuntimeError: it returned"),
        (crash(SystemExit(3)), "RuntimeError: it asked to exit with 3"),
        (crash(asyncio.CancelledError()), "CancelledError: it was cancelled"),
        (crash(ExceptionGroup("many", [ValueError("inner")])), "ValueError: inner"),
    ],
    ids=["returned", "exit", "cancelled", "group"],
)
def test_every_way_of_ending_is_a_failure_in_words(end: Callable[[], object], said: str) -> None:
    """A server that calls sys.exit must not end the platform, nor may one that just returns."""

    @in_virtual_time
    async def fails() -> None:
        async with family(ui=Child(end)) as (house, _):
            await asyncio.sleep(1)

            assert (1, said) == (row(house).restarts, row(house).last_exit)
            assert ProcessState.READY is row(house).state

    fails()


@in_virtual_time
async def test_while_it_waits_the_schedule_is_on_the_screen() -> None:
    """State, delay, next attempt, last exception, and the delay after that."""
    async with family(ui=Child(crash())) as (house, _):
        await asyncio.sleep(0.02)
        process, (reason,) = row(house), house.board.status.reasons

        assert ProcessState.BACKOFF is process.state
        assert pytest.approx(0.1, rel=0.21) == process.backoff_s
        assert process.next_attempt_ms is not None
        assert NOON < process.next_attempt_ms < NOON + 200
        assert ("CHILD_RESTARTING", "ui") == (reason.code.value, reason.scope)
        assert "attempt 2, next in 0.1 s, then 0.2 s" in reason.detail


@in_virtual_time
async def test_the_reason_clears_when_the_child_says_ready_and_not_before() -> None:
    """No reason clears without its recovery predicate."""
    child = Child(crash())
    child.said_ready = False
    async with family(ui=child) as (house, _):
        await asyncio.sleep(1)
        assert 2 == len(child.lives_s)
        assert {"CHILD_RESTARTING"} == house.codes

    ready = Child(crash())
    async with family(ui=ready) as (house, _):
        await asyncio.sleep(1)
        assert (set(), {"CHILD_RESTARTING"}) == (house.codes, house.healed_codes)


@in_virtual_time
async def test_too_many_failures_hold_it_with_one_try_a_period() -> None:
    """Five restarts in 30 s; then one try in 30 s, again and again, never giving up."""
    child = Child(*(crash() for _ in range(9)))
    async with family(ui=child) as (house, _):
        await asyncio.sleep(20)
        assert ProcessState.HELD is row(house).state
        assert 6 == len(child.lives_s)
        assert "CHILD_HELD" in house.codes

        await asyncio.sleep(95)
        waits_s = [b - a for a, b in zip(child.lives_s, child.lives_s[1:], strict=False)]
        assert [pytest.approx(30.0, abs=0.1)] * 3 == waits_s[5:8]


@in_virtual_time
async def test_a_held_child_that_stays_well_is_forgiven() -> None:
    """Ready for a minute, it has the whole intensity again."""
    child = Child(*(crash() for _ in range(6)))
    async with family(ui=child) as (house, _):
        await asyncio.sleep(40)
        assert ProcessState.READY is row(house).state
        await asyncio.sleep(70)
        child_task = next(t for t in asyncio.all_tasks() if t.get_name() == "ui")
        child_task.cancel()
        await settle()

        assert ProcessState.BACKOFF is row(house).state
        assert pytest.approx(0.1, rel=0.21) == row(house).backoff_s


@in_virtual_time
async def test_the_operators_restart_ends_the_wait_and_clears_the_window() -> None:
    """`r` on a held process means now, and with a clean slate."""
    child = Child(*(crash() for _ in range(7)))
    async with family(ui=child) as (house, supervisor):
        await asyncio.sleep(20)
        assert ProcessState.HELD is row(house).state

        supervisor.restart("ui")
        await asyncio.sleep(0.02)

        assert 7 == len(child.lives_s)
        assert ProcessState.BACKOFF is row(house).state
        assert pytest.approx(0.1, rel=0.21) == row(house).backoff_s


@in_virtual_time
async def test_the_operators_restart_ends_a_life_and_counts() -> None:
    """It is a restart like any other, but no failure: nothing is waited for."""
    child, sibling = Child(), Child()
    async with family(m1_poller=child, ui=sibling) as (house, supervisor):
        await asyncio.sleep(1)
        supervisor.restart("m1_poller")
        await settle()

        assert [pytest.approx(0.0), pytest.approx(1.0)] == child.lives_s
        assert 1 == child.stopped
        assert (1, None) == (row(house, "m1_poller").restarts, row(house, "m1_poller").last_exit)
        assert set() == house.codes
        assert (1, 0) == (len(sibling.lives_s), row(house).restarts)


@in_virtual_time
async def test_a_restart_asked_for_twice_is_one_restart() -> None:
    """An impatient finger."""
    child = Child()
    async with family(ui=child) as (house, supervisor):
        await settle()
        supervisor.restart("ui")
        supervisor.restart("ui")
        await asyncio.sleep(5)

        assert 2 == len(child.lives_s)
        assert 1 == row(house).restarts


@in_virtual_time
async def test_a_fenced_child_stops_and_is_not_restarted() -> None:
    """Another owner has the data; trying again would only write into its house."""
    child = Child(crash(Fenced("Another owner took it.")))
    async with family(ui=child) as (house, _):
        await asyncio.sleep(60)

        assert 1 == len(child.lives_s)
        assert ProcessState.STOPPED is row(house).state
        assert {"FENCED"} == house.codes


@in_virtual_time
async def test_they_stop_in_the_reverse_order_of_spawning() -> None:
    """What was started last depends on what was started first."""
    stopped: list[str] = []

    def child(name: str) -> Child:
        one = Child()

        async def run(tools: Tools) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.1)
                stopped.append(name)

        one.run = run  # type: ignore[method-assign]
        return one

    async with family(connector=child("connector"), m1_poller=child("m1_poller"), ui=child("ui")):
        await settle()

    assert ["ui", "m1_poller", "connector"] == stopped


@in_virtual_time
async def test_a_child_that_waits_for_its_next_life_stops_too() -> None:
    """Stopping in the middle of a backoff must not start it again."""
    child = Child(crash(), crash(), crash())
    async with family(ui=child):
        await asyncio.sleep(0.02)
    await asyncio.sleep(60)

    assert 1 == len(child.lives_s)


@in_virtual_time
async def test_seconds_to_ready_are_those_of_this_life() -> None:
    """A restart after an hour must not show an hour."""
    child = Child()
    async with family(ui=child) as (house, supervisor):
        await asyncio.sleep(3_600)
        supervisor.restart("ui")
        await settle()

        assert 0.0 == row(house).ready_after_s
