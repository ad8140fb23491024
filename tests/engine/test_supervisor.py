"""One for one: a child falls, is restarted, is held, and its siblings do not notice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace

import pytest

from engine.broker.port import LoginFailed, LoginFault
from engine.degraded import DegradedCode
from engine.events import ReasonCleared, ReasonRaised
from engine.failure import ChildEnded
from engine.keeper import Life
from engine.process import ProcessSpec, Tools
from engine.status import ProcessState, ProcessStatus
from engine.supervisor import Supervisor
from tests.engine.builders import NOON, House, build_house, market_broker, small_config
from tests.engine.virtual_time import VirtualClock, in_virtual_time, settle
from uds import CacheDown, Fenced


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
    """An end by an exception; by default one that the world is to blame for."""

    def end() -> None:
        raise error or ConnectionError("the line is cut")

    return end


def leave() -> None:
    """An end by returning."""


class Papers:
    """The incarnations of all lives, as the waist would check them."""

    def __init__(self) -> None:
        self.made: list[tuple[str, int]] = []
        self.revoked: list[tuple[str, int]] = []

    def __call__(self, name: str, n: int) -> Life:
        """Papers of one life."""
        self.made.append((name, n))
        return _Papers(self, name, n)


class _Papers:
    def __init__(self, all_papers: Papers, name: str, n: int) -> None:
        self._all, self._life = all_papers, (name, n)

    def revoke(self) -> None:
        """It may write no more."""
        self._all.revoked.append(self._life)

    def active(self) -> AbstractContextManager[object]:
        """Nothing is entered."""
        return nullcontext()


@asynccontextmanager
async def family(
    papers: Papers | None = None, readers: tuple[str, ...] = (), **children: Child
) -> AsyncIterator[tuple[House, Supervisor]]:
    """These children under a supervisor, until the block ends."""
    config = small_config()
    clock = VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    specs = [
        ProcessSpec(name, child.run, only_reads=name in readers) for name, child in children.items()
    ]
    supervisor = Supervisor(
        specs, lambda name: replace(house.tools, name=name), config.supervisor, papers
    )
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
        assert "ConnectionError: the line is cut" == row(house, "m1_poller").last_exit
        assert (1, 0) == (len(sibling.lives_s), row(house).restarts)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (leave, "ChildEnded: it returned"),
        (crash(SystemExit(3)), "ChildEnded: it asked to exit with 3"),
        (crash(asyncio.CancelledError()), "ChildEnded: it was cancelled"),
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
        assert "then 0.2s" == process.detail
        assert process.next_attempt_ms == reason.next_attempt_ms


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
        assert {"OWNER_CHANGED", "FENCED"} == house.codes


@in_virtual_time
async def test_when_one_finds_another_owner_all_who_write_stop_and_the_reader_stays() -> None:
    """F10: a fenced engine must not write, yet it must be able to say why it is silent."""
    finder, writer, reader = Child(crash(Fenced("Owner 43 took it."))), Child(), Child()
    async with family(connector=finder, m1_poller=writer, ui=reader, readers=("ui",)) as (house, _):
        await asyncio.sleep(60)

        assert [ProcessState.STOPPED] * 2 == [
            row(house, name).state for name in ("connector", "m1_poller")
        ]
        assert (1, 1) == (len(writer.lives_s), writer.stopped)
        assert (ProcessState.READY, 0) == (row(house).state, reader.stopped)


@in_virtual_time
async def test_failures_count_against_their_limit_until_they_are_forgiven() -> None:
    """How near a process is to being held is what its row is read for."""
    limit = small_config().supervisor.intensity
    async with family(ui=Child(crash(), crash())) as (house, supervisor):
        await asyncio.sleep(2)
        assert (2, limit, 2) == (row(house).failures, row(house).failures_max, row(house).restarts)
        await asyncio.sleep(61)
        assert (0, 2) == (row(house).failures, row(house).restarts)
        supervisor.fail("ui", ConnectionError("again"))
        await asyncio.sleep(1)
        assert 1 == row(house).failures
        supervisor.restart("ui")
        await asyncio.sleep(1)
        assert (0, ProcessState.READY) == (row(house).failures, row(house).state)


@in_virtual_time
async def test_a_bug_gets_one_restart_and_is_then_held() -> None:
    """Many bugs are rare, the others only make noise."""
    child = Child(*(crash(KeyError("x")) for _ in range(3)))
    async with family(ui=child) as (house, _):
        await asyncio.sleep(5)

        assert 2 == len(child.lives_s)
        assert ProcessState.HELD is row(house).state

        await asyncio.sleep(60)
        assert [pytest.approx(30.0, abs=0.1)] == [child.lives_s[2] - child.lives_s[1] - 0.01]


@in_virtual_time
async def test_a_lost_dependency_is_waited_for_and_costs_no_restart_of_the_window() -> None:
    """A Redis that is away for an hour must not use up the patience with our own failures."""
    child = Child(*(crash(CacheDown("Refused.")) for _ in range(3)))
    async with family(ui=child) as (house, _):
        down = DegradedCode.REDIS_DOWN
        house.board.post(ReasonRaised(down, None, "Refused."))
        await asyncio.sleep(3_600)
        assert (ProcessState.WAITING, "waits for redis") == (row(house).state, row(house).detail)
        assert 1 == len(child.lives_s)

        back_s = house.tools.clock.monotonic_s()
        house.board.post(ReasonCleared(down, None))
        await settle()
        assert [0.0, back_s] == child.lives_s

        await asyncio.sleep(20)
        assert 4 == len(child.lives_s)
        assert (set(), ProcessState.READY) == (house.codes, row(house).state)


@in_virtual_time
async def test_a_dependency_that_nobody_misses_yet_is_given_a_moment() -> None:
    """Without it a child would fall and rise a thousand times before the watch's next beat."""
    child = Child(*(crash(CacheDown("Refused.")) for _ in range(4)))
    child.said_ready = False
    async with family(ui=child):
        await asyncio.sleep(10)

        waits_s = [b - a for a, b in zip(child.lives_s, child.lives_s[1:], strict=False)]
        assert [pytest.approx(s, rel=0.3) for s in (0.11, 0.23, 0.47, 1.01)] == waits_s


@in_virtual_time
async def test_what_only_the_operator_can_mend_is_not_tried_again() -> None:
    """A second login with a bad password is how accounts are locked."""
    refused = LoginFailed("Bad password.", LoginFault.PERMANENT)
    child = Child(crash(refused))
    async with family(connector=child) as (house, supervisor):
        await asyncio.sleep(3_600)
        assert 1 == len(child.lives_s)
        assert ProcessState.NEEDS_OPERATOR is row(house, "connector").state
        assert {"CHILD_HELD"} == house.codes

        supervisor.restart("connector")
        await settle()
        assert 2 == len(child.lives_s)
        assert (ProcessState.READY, set()) == (row(house, "connector").state, house.codes)


@in_virtual_time
async def test_an_exit_in_a_sub_task_is_that_childs_failure_and_nobody_elses() -> None:
    """asyncio lets SystemExit out of any task, and with it the whole platform."""

    async def serve(tools: Tools) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(leave_the_process())
            await asyncio.Event().wait()

    async def leave_the_process() -> None:
        await asyncio.sleep(0.01)
        raise SystemExit(7)

    exits, sibling = Child(), Child()
    exits.run = serve  # type: ignore[method-assign]
    async with family(m1_poller=exits, ui=sibling) as (house, _):
        await asyncio.sleep(0.05)

        assert "ChildEnded: it asked to exit with 7" == row(house, "m1_poller").last_exit
        assert (1, 0) == (len(sibling.lives_s), row(house).restarts)


@in_virtual_time
async def test_a_child_that_makes_no_progress_fails_from_outside() -> None:
    """It comes back by the schedule, as if it had fallen itself (F5)."""
    child = Child()
    async with family(m1_poller=child) as (house, supervisor):
        await asyncio.sleep(1)
        supervisor.fail("m1_poller", ChildEnded("it was silent for 15 s"))
        await asyncio.sleep(0.05)
        assert ProcessState.BACKOFF is row(house, "m1_poller").state
        assert "ChildEnded: it was silent for 15 s" == row(house, "m1_poller").last_exit

        await asyncio.sleep(1)
        assert (2, 1) == (len(child.lives_s), row(house, "m1_poller").restarts)


def stubborn() -> tuple[Child, list[str]]:
    """A child that does not end the first time it is asked to, and what it said instead."""
    child, heard = Child(), []

    async def run(tools: Tools) -> None:
        child.lives_s.append(tools.clock.monotonic_s())
        tools.ready()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if heard:
                    raise
                heard.append("not now")

    child.run = run  # type: ignore[method-assign]
    return child, heard


@pytest.mark.parametrize(("is_forced", "after_s"), [(False, 5.0), (True, 0.0)])
def test_a_restart_waits_five_seconds_and_a_forced_one_not_at_all(
    is_forced: bool, after_s: float
) -> None:
    """Whoever did not end in time may write no more: its papers are revoked."""

    @in_virtual_time
    async def restarts() -> None:
        papers, (child, heard), sibling = Papers(), stubborn(), Child()
        async with family(papers, m1_poller=child, ui=sibling) as (house, supervisor):
            await asyncio.sleep(1)
            before = row(house)
            supervisor.restart("m1_poller", is_forced=is_forced)
            await asyncio.sleep(8)

            assert [0.0, pytest.approx(1.0 + after_s)] == child.lives_s
            assert ["not now"] == heard
            assert [("m1_poller", 1)] == papers.revoked
            assert 1 == row(house, "m1_poller").restarts
            assert before == row(house)
            assert (1, 0) == (len(sibling.lives_s), sibling.stopped)

    restarts()


@in_virtual_time
async def test_force_cuts_short_a_restart_that_waits() -> None:
    """The operator loses patience: the child ends now, and is begun again once."""
    child, _ = stubborn()
    async with family(m1_poller=child) as (house, supervisor):
        await asyncio.sleep(1)
        supervisor.restart("m1_poller")
        await asyncio.sleep(1)
        supervisor.restart("m1_poller", is_forced=True)
        await asyncio.sleep(8)

        assert [0.0, pytest.approx(2.0)] == child.lives_s
        assert 1 == row(house, "m1_poller").restarts


@pytest.mark.parametrize(("is_forced", "after_s"), [(False, 5.0), (True, 2.0)])
def test_the_operators_restart_outranks_a_failure_whose_end_is_awaited(
    is_forced: bool, after_s: float
) -> None:
    """Who asks for a restart while a silent child is being ended gets it without any delay."""

    @in_virtual_time
    async def restarts() -> None:
        child, _ = stubborn()
        async with family(m1_poller=child) as (house, supervisor):
            supervisor.fail("m1_poller", ChildEnded("it was silent for 15 s"))
            await asyncio.sleep(1)
            supervisor.fail("m1_poller", ChildEnded("it was silent for 15 s"))
            await asyncio.sleep(1)
            supervisor.restart("m1_poller", is_forced=is_forced)
            await asyncio.sleep(10)

            assert 1 == row(house, "m1_poller").restarts
            assert [0.0, after_s] == [round(began_s, 3) for began_s in child.lives_s]
            assert 0 == row(house, "m1_poller").failures

    restarts()


@in_virtual_time
async def test_a_stop_during_a_restart_leaves_nobody_with_papers() -> None:
    """A fence may come while a child is being ended: it must write nothing after it."""
    papers, (child, _) = Papers(), stubborn()
    async with family(papers, m1_poller=child) as (_, supervisor):
        await asyncio.sleep(1)
        supervisor.restart("m1_poller")
        await asyncio.sleep(1)

    assert [("m1_poller", 1)] == papers.made == papers.revoked


@in_virtual_time
async def test_every_life_has_papers_of_its_own_that_end_with_it() -> None:
    """A thread that outlives its task must find its papers revoked, however the task ended."""
    papers = Papers()
    async with family(papers, ui=Child(crash(), leave)):
        await asyncio.sleep(1)
        assert [("ui", 1), ("ui", 2), ("ui", 3)] == papers.made
        assert [("ui", 1), ("ui", 2)] == papers.revoked
    assert papers.made == papers.revoked


@in_virtual_time
async def test_a_child_that_does_not_stop_is_left_without_papers_after_five_seconds() -> None:
    """An orderly stop has an end."""
    papers, (child, _) = Papers(), stubborn()
    async with family(papers, m1_poller=child):
        await asyncio.sleep(1)
        began_s = asyncio.get_running_loop().time()
    assert pytest.approx(5.0) == asyncio.get_running_loop().time() - began_s
    assert [("m1_poller", 1)] == papers.revoked


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
