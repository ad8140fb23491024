"""What an operator may do: asked with the blast radius, refused with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.actions import ACTIONS, Danger
from engine.errors import ActionRefused
from engine.runtime import Engine
from engine.status import ProcessState
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    build_house,
    is_open,
    market_broker,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time


@asynccontextmanager
async def an_engine() -> AsyncIterator[Engine]:
    """An engine with its two data processes, the gate open."""
    config = small_config()
    clock = VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    async with running(house) as supervisor:
        await house.board.until(is_open)
        yield Engine(house.tools, supervisor)


@in_virtual_time
async def test_a_restart_is_asked_and_done() -> None:
    """The question says what stays undisturbed."""
    async with an_engine() as engine:
        await asyncio.sleep(1)
        question = engine.question("restart", "m1_poller")
        said = await engine.act("restart", "m1_poller")
        await engine.board.until(lambda status: status.processes[1].restarts == 1)
        await engine.board.until(lambda status: status.processes[1].state is ProcessState.READY)

        assert "Restart m1_poller? The other 1 processes go on undisturbed." == question
        assert "m1_poller is being restarted." == said
        assert 0 == engine.board.status.processes[0].restarts


@in_virtual_time
async def test_a_rebuild_is_asked_from_fresh_state_and_done() -> None:
    """How many timeframes from how many bars, and what readers get meanwhile."""
    async with an_engine() as engine:
        snapshot = engine.store.tail(GOLD)
        assert snapshot is not None
        question = engine.question("rebuild", GOLD)
        said = await engine.act("rebuild", GOLD)
        status = await engine.board.until(lambda status: status.generations[GOLD].n == 2)

        m1_count = engine.board.status.cells[next(iter(status.cells))].bars
        assert f"Rebuild {GOLD}? 6 timeframes from {m1_count:,} M1 fetched anew" in question
        assert question.endswith("readers stay on 1-1 until the flip.")
        assert f"{GOLD} is being rebuilt." == said
        assert 1 == status.generations[YEN].n


@in_virtual_time
async def test_a_rebuild_under_way_refuses_another() -> None:
    """An impatient finger must not throw away what was fetched."""
    async with an_engine() as engine:
        await engine.act("rebuild", GOLD)
        with pytest.raises(ActionRefused, match="XAU/USD is being filled already"):
            await engine.act("rebuild", GOLD)
        with pytest.raises(ActionRefused, match="XAU/USD is being filled already"):
            engine.question("rebuild", GOLD)


@in_virtual_time
async def test_shutting_down_is_asked_and_ends_the_wait() -> None:
    """Whoever hosts the engine waits for `stopped`."""
    async with an_engine() as engine:
        stopped = asyncio.create_task(engine.stopped())
        question = engine.question("shutdown", "")
        said = await engine.act("shutdown", "")
        await engine.act("shutdown", "")

        await stopped
        assert question.startswith("Stop the engine? Readers will find nothing")
        assert "The engine is stopping." == said


@in_virtual_time
async def test_an_engine_that_failed_says_why_to_whoever_waits() -> None:
    """The first failure is the cause; a stop that follows does not hide it."""
    async with an_engine() as engine:
        engine.fail(ValueError("first"))
        engine.fail(ValueError("second"))
        engine.stop()

        with pytest.raises(ValueError, match="first"):
            await engine.stopped()


@pytest.mark.parametrize(
    ("action", "target", "said"),
    [
        ("restart", "poller", "There is no process 'poller'; there are connector, m1_poller."),
        ("restart", "", "There is no process ''"),
        ("rebuild", "EUR/USD", "There is no symbol 'EUR/USD'."),
        ("explode", "", "There is no action 'explode'; there are restart, rebuild, shutdown."),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(action: str, target: str, said: str) -> None:
    """For the question and for the deed alike."""

    @in_virtual_time
    async def refused() -> None:
        async with an_engine() as engine:
            with pytest.raises(ActionRefused) as asked:
                engine.question(action, target)
            with pytest.raises(ActionRefused) as done:
                await engine.act(action, target)
            assert str(asked.value) == str(done.value)
            assert str(asked.value).startswith(said)

    refused()


def test_whatever_changes_something_is_asked_for() -> None:
    """None of them is a mere look."""
    assert {Danger.ACT} == {action.danger for action in ACTIONS.values()}
    assert list(ACTIONS) == [action.id for action in ACTIONS.values()]
