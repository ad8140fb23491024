"""What an operator may do: asked with the blast radius, done from a seat, refused with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.acts.action import Danger
from engine.acts.actions import ACTIONS
from engine.acts.seat import ARM_S, Seat
from engine.degraded import DegradedCode
from engine.errors import ActionRefused
from engine.events import GateForceEnded, OperatorActed, ReasonRaised
from engine.gate import GateState
from engine.runtime import Engine
from engine.sayings import saying
from engine.status import ProcessState
from engine.supervisor import Supervisor
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    Fault,
    ScriptedBroker,
    build_house,
    is_open,
    key,
    market_broker,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.model import Timeframe


@asynccontextmanager
async def an_engine(*, is_read_only: bool = False) -> AsyncIterator[Engine]:
    """An engine with its two data processes, the gate open."""
    config = small_config()
    clock = VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    async with running(house) as supervisor:
        await house.board.until(is_open)
        yield Engine(house.tools, supervisor, is_read_only=is_read_only)


@asynccontextmanager
async def a_closed_engine() -> AsyncIterator[Engine]:
    """An engine whose yen never comes: gold is served, the gate is closed."""
    config = small_config()
    clock = VirtualClock(NOON)
    broker = market_broker(config, clock)
    broker.faults.append(Fault(lambda request: request.symbol == YEN, None, times=10_000))
    house = await build_house(config, broker, clock)
    async with running(house) as supervisor:
        await house.board.until(lambda status: GOLD in status.generations)
        yield Engine(house.tools, supervisor)


async def an_idle_engine(*, is_read_only: bool = False) -> Engine:
    """An engine in which nothing runs."""
    config = small_config()
    house = await build_house(config, market_broker(config, VirtualClock(NOON)))
    supervisor = Supervisor([], lambda name: house.tools, config.supervisor)
    return Engine(house.tools, supervisor, is_read_only=is_read_only)


def asked_count(engine: Engine) -> int:
    """Requests the broker has heard so far."""
    broker = engine.session.broker
    assert isinstance(broker, ScriptedBroker)
    return len(broker.asked)


def a_seat(engine: Engine) -> Seat:
    """One that is armed."""
    seat = Seat(engine, "the test")
    seat.arm()
    return seat


@in_virtual_time
async def test_a_restart_is_asked_and_done() -> None:
    """The question says what stays undisturbed, as a sentence and as data."""
    async with an_engine() as engine:
        seat, before = a_seat(engine), engine.board.status.processes
        await asyncio.sleep(1)
        _, question = seat.ask("restart", {"process": ("m1_poller",)})
        done = seat.act("restart", {"process": ("m1_poller",)})
        await engine.board.until(lambda status: status.processes[1].restarts == 1)
        await engine.board.until(lambda status: status.processes[1].state is ProcessState.READY)

        assert "Restart m1_poller? The other 1 processes go on undisturbed." == question.sentence
        assert {"process": "m1_poller", "undisturbed": ["connector"]} == question.radius
        assert "m1_poller is being restarted." == done.said
        assert before[0] == engine.board.status.processes[0]


@in_virtual_time
async def test_a_forced_restart_wants_the_name() -> None:
    """A finger that slips types no name; the refusal says which one."""
    async with an_engine() as engine:
        seat, given = a_seat(engine), {"process": ("m1_poller",)}
        for phrase in ("", "ui", "M1_POLLER"):
            with pytest.raises(ActionRefused, match="say 'm1_poller'") as refused:
                seat.act("restart-force", given, phrase)
            assert "phrase" == refused.value.code

        seat.act("restart-force", given, "m1_poller")
        await engine.board.until(lambda status: status.processes[1].restarts == 1)


@in_virtual_time
async def test_a_rebuild_is_asked_from_fresh_state_and_done() -> None:
    """How many timeframes from how many bars, and what readers get meanwhile."""
    async with an_engine() as engine:
        seat, given = a_seat(engine), {"symbols": (GOLD,)}
        _, question = seat.ask("rebuild", given)
        asked_before = asked_count(engine)
        done = seat.act("rebuild", given)
        status = await engine.board.until(lambda status: status.generations[GOLD].n == 2)

        m1_count = status.cells[key(GOLD, Timeframe.M1)].bars
        assert f"Rebuild {GOLD}? 6 timeframes from {m1_count:,} M1 fetched anew" in (
            question.sentence
        )
        assert question.sentence.endswith("readers stay on 1-1 until the flip.")
        assert asked_count(engine) - asked_before >= question.radius["requests"]
        assert "00000001-0001" == question.radius["symbols"][GOLD]["readers_stay_on"]  # type: ignore[index]
        assert f"{GOLD} is being rebuilt." == done.said
        assert 1 == status.generations[YEN].n


@in_virtual_time
async def test_a_dry_run_touches_nothing() -> None:
    """Asking is looking."""
    async with an_engine() as engine:
        before = engine.board.status
        for action in ACTIONS.values():
            given = {"restart": {"process": ("ui",)}, "rebuild": {"symbols": (GOLD,)}}
            try:
                Seat(engine, "the test").ask(action.id, given.get(action.id, {}))
            except ActionRefused:
                continue

        assert before is engine.board.status
        assert not engine.store.is_drafting(GOLD)


@in_virtual_time
async def test_rebuilding_everything_wants_the_word_and_leaves_what_is_under_way() -> None:
    """Whatever is being filled already is not thrown away."""
    async with an_engine() as engine:
        seat = a_seat(engine)
        seat.act("rebuild", {"symbols": (GOLD,)})
        _, question = seat.ask("rebuild-all", {})
        with pytest.raises(ActionRefused, match="say 'all'"):
            seat.act("rebuild-all", {}, "yes")
        done = seat.act("rebuild-all", {}, "all")

        assert [YEN] == list(question.radius["symbols"])  # type: ignore[call-overload]
        assert f"{YEN} is being rebuilt." == done.said
        with pytest.raises(ActionRefused, match="Every symbol is being filled already"):
            seat.ask("rebuild-all", {})


@in_virtual_time
async def test_a_rebuild_under_way_refuses_another() -> None:
    """An impatient finger must not throw away what was fetched."""
    async with an_engine() as engine:
        seat, given = a_seat(engine), {"symbols": (GOLD,)}
        seat.act("rebuild", given)
        for attempt in (seat.act, seat.ask):
            with pytest.raises(ActionRefused, match="XAU/USD is being filled already"):
                attempt("rebuild", given)


@in_virtual_time
async def test_the_gate_is_forced_with_the_phrase_and_says_by_whom() -> None:
    """Readers get gold, the yen answers 503, and the journal knows who wanted it so."""
    async with a_closed_engine() as engine:
        seat = a_seat(engine)
        _, question = seat.ask("open-gate", {})
        with pytest.raises(ActionRefused, match="say 'gate'"):
            seat.act("open-gate", {}, "yes")
        seat.act("open-gate", {}, "gate")

        assert 8 == len(question.radius["missing"])  # type: ignore[arg-type]
        assert "8 of 16 cells are missing" in question.sentence
        assert GateState.FORCED_OPEN is engine.board.status.gate.state
        forced = next(
            reason
            for reason in engine.board.status.reasons
            if reason.code is DegradedCode.FORCED_OPEN
        )
        assert "the test" in forced.detail
        engine.board.post(GateForceEnded())
        assert GateState.CLOSED is engine.board.status.gate.state


@in_virtual_time
async def test_an_open_gate_is_not_forced() -> None:
    """There is nothing to win and the word would stand there for a quarter of an hour."""
    async with an_engine() as engine:
        with pytest.raises(ActionRefused, match="open already"):
            a_seat(engine).ask("open-gate", {})


@in_virtual_time
async def test_a_reason_is_acknowledged_and_stands_on() -> None:
    """Seen is not healed."""
    async with an_engine() as engine:
        seat, m1 = a_seat(engine), key(GOLD, Timeframe.M1)
        engine.board.post(ReasonRaised(DegradedCode.GAP, m1, "3 bars"))
        engine.board.post(ReasonRaised(DegradedCode.GAP, YEN, "2 bars"))
        with pytest.raises(ActionRefused, match="stands in 2 places: XAU/USD/M1, USD/JPY"):
            seat.act("acknowledge", {"code": ("GAP",)})
        seat.act("acknowledge", {"code": ("GAP",), "scope": ("XAU/USD/M1",)})

        seen = {str(r.scope): r.acknowledged_ms is not None for r in engine.board.status.reasons}
        assert {"XAU/USD/M1": True, "USD/JPY": False} == seen


@in_virtual_time
async def test_deepening_is_paused_and_goes_on_again() -> None:
    """Twice the same is refused: the operator must not believe that something changed."""
    engine = await an_idle_engine()
    seat = a_seat(engine)
    with pytest.raises(ActionRefused, match="not paused"):
        seat.act("resume-depth", {})
    seat.act("pause-depth", {})
    assert engine.board.status.depth_paused
    with pytest.raises(ActionRefused, match="paused already"):
        seat.act("pause-depth", {})

    seat.act("resume-depth", {})
    assert not engine.board.status.depth_paused


@in_virtual_time
async def test_shutting_down_is_asked_and_ends_the_wait() -> None:
    """Whoever hosts the engine waits for `stopped`."""
    engine = await an_idle_engine()
    seat = a_seat(engine)
    stopped = asyncio.create_task(engine.stopped())
    _, question = seat.ask("shutdown", {})
    done = seat.act("shutdown", {})
    seat.act("shutdown", {})

    await stopped
    assert question.sentence.startswith("Stop the engine? Readers will find nothing")
    assert "The engine is stopping." == done.said


@in_virtual_time
async def test_an_engine_that_failed_says_why_to_whoever_waits() -> None:
    """The first failure is the cause; a stop that follows does not hide it."""
    engine = await an_idle_engine()
    engine.fail(ValueError("first"))
    engine.fail(ValueError("second"))
    engine.stop()

    with pytest.raises(ValueError, match="first"):
        await engine.stopped()


@pytest.mark.parametrize(
    ("action", "given", "said"),
    [
        ("restart", {"process": ("poller",)}, "There is no process 'poller'; there are "),
        ("restart", {}, "restart must be told a process."),
        ("restart", {"process": ("a", "b")}, "restart takes one process."),
        ("restart", {"proces": ("a",)}, "restart has no argument 'proces'."),
        ("rebuild", {"symbols": ("EUR/USD",)}, "There is no symbol 'EUR/USD'."),
        ("rebuild", {"symbols": (GOLD, "EUR/USD")}, "There is no symbol 'EUR/USD'."),
        ("acknowledge", {"code": ("GAP",)}, "No reason 'GAP' stands there."),
        ("explode", {}, f"There is no action 'explode'; there are {', '.join(ACTIONS)}."),
        ("x" * 500, {}, f"There is no action '{'x' * 40}'; there are"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    action: str, given: dict[str, tuple[str, ...]], said: str
) -> None:
    """For the question and for the deed alike; nothing is done by half."""

    @in_virtual_time
    async def refused() -> None:
        engine = await an_idle_engine()
        seat = a_seat(engine)
        with pytest.raises(ActionRefused) as asked:
            seat.ask(action, given)
        with pytest.raises(ActionRefused) as done:
            seat.act(action, given)
        assert str(asked.value) == str(done.value)
        assert str(asked.value).startswith(said)
        assert not engine.store.is_drafting(GOLD)

    refused()


@in_virtual_time
async def test_a_seat_looks_until_it_is_armed_and_again_when_that_runs_out() -> None:
    """A terminal that was left alone is harmless after five minutes."""
    engine = await an_idle_engine()
    seat, neighbour = Seat(engine, "one"), Seat(engine, "two")
    with pytest.raises(ActionRefused, match="arm it first") as refused:
        seat.act("shutdown", {})
    assert "not_armed" == refused.value.code

    assert ARM_S == seat.arm(10**6)
    await asyncio.sleep(ARM_S - 1)
    assert pytest.approx(1) == seat.left_s
    assert 0 == neighbour.left_s
    with pytest.raises(ActionRefused, match="arm it first"):
        neighbour.act("shutdown", {})

    await asyncio.sleep(1)
    assert 0 == seat.left_s
    with pytest.raises(ActionRefused, match="arm it first"):
        seat.act("shutdown", {})

    seat.arm(60)
    seat.disarm()
    with pytest.raises(ActionRefused, match="arm it first"):
        seat.act("shutdown", {})


@in_virtual_time
async def test_one_request_may_arm_itself_and_nothing_after_it() -> None:
    """How a command line acts: the operator's yes is for this act only."""
    engine = await an_idle_engine()
    seat = Seat(engine, "one")
    seat.act("shutdown", {}, is_armed=True)

    with pytest.raises(ActionRefused, match="arm it first"):
        seat.act("shutdown", {})


@pytest.mark.parametrize("action", list(ACTIONS))
def test_an_engine_to_look_at_refuses_every_act(action: str) -> None:
    """Before it looks at arguments, phrases or arms; questions are answered."""

    @in_virtual_time
    async def refused() -> None:
        engine = await an_idle_engine(is_read_only=True)
        seat = Seat(engine, "one")
        with pytest.raises(ActionRefused, match="--read-only"):
            seat.arm()
        with pytest.raises(ActionRefused, match="--read-only") as why:
            seat.act(action, {}, "all", is_armed=True)
        assert "read_only" == why.value.code
        assert 1 == engine.board.status.seq  # the store was opened, nothing since

    refused()


@in_virtual_time
async def test_what_was_done_is_told_to_everybody_with_the_name_of_the_doer() -> None:
    """The journal of the second operator shows what the first one did; refusals are nobody's."""
    engine = await an_idle_engine()
    subscription = engine.board.subscribe()
    seat = a_seat(engine)
    seat.act("shutdown", {})
    with pytest.raises(ActionRefused):
        seat.act("rebuild", {"symbols": ("X",)})

    (posted,) = subscription.taken()  # type: ignore[misc]
    said = "The engine is stopping."
    command, codes = "coldstart-console down", (saying("stopping"),)
    acted = OperatorActed("shutdown", {}, "the test", said, command, codes)
    assert acted == posted.event


def test_whatever_destroys_wants_a_phrase_and_nothing_else_does() -> None:
    """A y/n that opens the gate would be pressed out of habit."""
    destroying = {action.id for action in ACTIONS.values() if action.danger is Danger.DESTROY}

    assert {"restart-force", "rebuild-all", "open-gate", "drill"} == destroying
