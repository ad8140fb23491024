"""One writer, many waiters: nobody misses an event, nobody disturbs another."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.board import StatusBoard
from engine.cell import Cell, CellState
from engine.clock import ManualClock
from engine.degraded import DegradedCode
from engine.drills.jumping_clock import JumpingClock
from engine.event_log import KEPT_EVENTS, EventLog, Posted
from engine.events import (
    ApiListening,
    CellsChanged,
    Event,
    ReasonCleared,
    ReasonRaised,
    StoreOpened,
)
from engine.status import Status
from engine.subscription import LAG_EVENTS_MAX, Subscription
from tests.engine.builders import NOON, a_status, small_config
from tests.engine.virtual_time import in_virtual_time, settle
from uds.model import Generation, Timeframe


@pytest.fixture
def board() -> StatusBoard:
    """A board that has heard nothing yet."""
    return StatusBoard(a_status(small_config()), ManualClock(NOON))


def test_a_post_is_readable_at_once(board: StatusBoard) -> None:
    """Gate and snapshot are read in one step; a delay would let them disagree."""
    board.post(StoreOpened(42))

    assert 42 == board.status.owner_token


@in_virtual_time
async def test_until_returns_at_once_when_it_is_true_already() -> None:
    """A process that is restarted must not wait for something that happened before."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    board.post(StoreOpened(42))

    assert 42 == (await board.until(lambda status: status.owner_token == 42)).owner_token


@in_virtual_time
async def test_until_waits_for_its_predicate_and_not_for_any_event() -> None:
    """Each event wakes all waiters; those that wait for something else go on waiting."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    waiting = asyncio.create_task(board.until(lambda status: status.api_port is not None))

    board.post(StoreOpened(42))
    await settle()
    assert not waiting.done()

    board.post(ApiListening(8_000))
    assert 8_000 == (await waiting).api_port


@in_virtual_time
async def test_events_posted_in_one_breath_wake_a_waiter_once_with_the_newest() -> None:
    """A level, not an edge, is what is waited for."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    waiting = asyncio.create_task(board.changed())
    await settle()

    for token in (1, 2, 3):
        board.post(StoreOpened(token))

    assert 3 == (await waiting).owner_token


@in_virtual_time
async def test_a_cancelled_waiter_does_not_break_the_others() -> None:
    """All wait for one future: cancelling it with one of them would deafen the rest."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    gone, stays = (asyncio.create_task(board.changed()) for _ in range(2))
    await settle()

    gone.cancel()
    await settle()
    board.post(StoreOpened(42))

    assert 42 == (await stays).owner_token
    assert gone.cancelled()


@in_virtual_time
async def test_a_predicate_is_asked_once_a_turn_and_not_once_an_event() -> None:
    """A start posts hundreds of events and dozens wait: to wake all for each was a third of it."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    asked: list[int] = []

    def is_seven(status: Status) -> bool:
        asked.append(status.seq)
        return status.owner_token == 7

    waiting = asyncio.create_task(board.until(is_seven))
    await settle()
    for token in range(1, 7):
        board.post(StoreOpened(token))
    await settle()
    board.post(StoreOpened(7))

    assert 7 == (await waiting).owner_token
    assert [0, 6, 7, 7] == asked


@in_virtual_time
async def test_what_was_so_for_a_moment_only_is_waited_for_further() -> None:
    """Whoever is told that the gate is open must find it open."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    waiting = asyncio.create_task(board.until(lambda status: status.owner_token == 1))
    await settle()

    board.post(StoreOpened(1))
    await asyncio.sleep(0)  # seen, and the task not run yet
    board.post(StoreOpened(2))
    await settle()
    assert not waiting.done()

    board.post(StoreOpened(1))
    assert 1 == (await waiting).owner_token


@in_virtual_time
async def test_a_predicate_that_fails_does_so_in_the_task_that_waits() -> None:
    """It is that process's fault: it alone crashes, is restarted and counted."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    failing = asyncio.create_task(board.until(lambda status: not 1 // (1 - status.seq)))
    staying = asyncio.create_task(board.until(lambda status: status.seq == 2))
    await settle()

    board.post(StoreOpened(1))
    with pytest.raises(ZeroDivisionError):
        await failing
    board.post(StoreOpened(2))

    assert 2 == (await staying).seq


async def heard(subscription: Subscription) -> list[Event]:
    """The events of the next batch."""
    batch = await subscription.batch()
    assert not isinstance(batch, Status)
    return [posted.event for posted in batch]


@in_virtual_time
async def test_a_subscriber_gets_the_state_and_every_event_after_it() -> None:
    """No gap and no overlap: the state holds the first two, the stream the rest."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    board.post(StoreOpened(1))
    board.post(StoreOpened(2))

    subscription = board.subscribe()
    board.post(StoreOpened(3))
    board.post(StoreOpened(4))

    assert 2 == subscription.status.owner_token
    assert [StoreOpened(3), StoreOpened(4)] == await heard(subscription)
    assert () == subscription.taken()


@in_virtual_time
async def test_a_subscriber_hears_what_is_posted_while_it_waits() -> None:
    """The stream must wake, not only drain."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    subscription = board.subscribe()
    hearing = asyncio.create_task(heard(subscription))
    await settle()

    board.post(StoreOpened(1))

    assert [StoreOpened(1)] == await hearing


@in_virtual_time
async def test_events_carry_their_place_and_their_time() -> None:
    """Whoever has the status before takes the very same step."""
    clock = ManualClock(NOON)
    board = StatusBoard(a_status(small_config()), clock)
    subscription = board.subscribe()
    board.post(StoreOpened(1))
    clock.advance(2.0)
    board.post(StoreOpened(2))

    found = subscription.taken()

    assert (Posted(1, NOON, StoreOpened(1)), Posted(2, NOON + 2_000, StoreOpened(2))) == found


def test_what_does_not_stand_cannot_pass(board: StatusBoard) -> None:
    """Whoever follows the events would read each minute of something that never was."""
    cleared = ReasonCleared(DegradedCode.GAP, "XAU/USD")
    board.post(cleared)
    assert (0, 0) == (board.status.seq, len(board.log))

    board.post(ReasonRaised(DegradedCode.GAP, "XAU/USD", "3 bars"))
    board.post(cleared)
    assert ((), 2) == (board.status.reasons, board.status.seq)


@pytest.mark.parametrize(("jump_s", "extra"), [(0.0, 0), (3_600.0, 1), (-3_600.0, 1)])
def test_a_clock_that_is_set_does_not_change_how_long_the_opening_took(
    jump_s: float, extra: int
) -> None:
    """The time service sets a clock soon after boot: an elapsed time of an hour would be a lie."""
    inner = ManualClock(NOON)
    clock = JumpingClock(inner)
    board = StatusBoard(replace(a_status(small_config()), opened_ms=NOON), clock)
    inner.advance(2.5)
    clock.jump(jump_s)
    cell = Cell(CellState.SEALED, 1.0, 300, NOON, Generation(42, 3))
    for symbol in board.status.symbols:
        board.post(CellsChanged(symbol, dict.fromkeys(Timeframe, cell)))

    assert 2.5 == board.status.opened_gate_after_s
    assert len(board.status.symbols) + extra == board.status.seq == len(board.log)


def test_an_opening_begins_before_its_board() -> None:
    """Owning the folder and making the tools is part of what the operator waited for."""
    clock = ManualClock(NOON)
    clock.advance(0.5)
    board = StatusBoard(replace(a_status(small_config()), opened_ms=NOON), clock, opened_s=0.0)
    clock.advance(2.0)
    cell = Cell(CellState.SEALED, 1.0, 300, NOON, Generation(42, 3))
    for symbol in board.status.symbols:
        board.post(CellsChanged(symbol, dict.fromkeys(Timeframe, cell)))

    assert 2.5 == board.status.opened_gate_after_s
    assert len(board.status.symbols) == board.status.seq


@in_virtual_time
async def test_a_subscriber_far_behind_is_given_the_newest_status_instead() -> None:
    """A stalled terminal must not make the engine's memory grow, nor be fed the past."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    subscription = board.subscribe()

    for token in range(1, LAG_EVENTS_MAX + 2):
        board.post(StoreOpened(token))
    reset = await subscription.batch()
    board.post(StoreOpened(7))

    assert board.status.seq == subscription.seq + 1
    assert isinstance(reset, Status)
    assert LAG_EVENTS_MAX + 1 == reset.owner_token == reset.seq
    assert [StoreOpened(7)] == await heard(subscription)


def test_subscribers_cost_nothing_that_could_be_forgotten(board: StatusBoard) -> None:
    """Thousands of them, none ever read and none closed: the board holds one log, no backlogs."""
    subscriptions = [weakref.ref(board.subscribe()) for _ in range(1_000)]
    for token in range(1, KEPT_EVENTS + 100):
        board.post(StoreOpened(token))

    assert KEPT_EVENTS == len(board.log)
    assert {None} == {subscription() for subscription in subscriptions}


@given(st.integers(0, 40), st.integers(0, 50), st.integers(1, 20))
def test_a_log_gives_everything_behind_a_number_or_says_that_it_cannot(
    posted: int, seq: int, limit: int
) -> None:
    """Never a gap in silence: an event that fell out is a None, not an empty list."""
    log, kept = EventLog(kept=8), 8
    for number in range(1, posted + 1):
        log.note(Posted(number, NOON, StoreOpened(number)))

    found = log.after(seq, limit)

    first_kept = max(1, posted - kept + 1)
    if posted and seq < first_kept - 1:
        assert found is None
    else:
        expected = [n for n in range(first_kept, posted + 1) if n > seq][:limit]
        assert expected == [one.seq for one in found or ()]
