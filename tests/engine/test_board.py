"""One writer, many waiters: nobody misses an event, nobody disturbs another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.board import StatusBoard
from engine.clock import ManualClock
from engine.events import ApiListening, Event, StoreOpened
from tests.engine.builders import NOON, a_status, small_config
from tests.engine.virtual_time import in_virtual_time, settle


@pytest.fixture
def board() -> StatusBoard:
    """A board that has heard nothing yet."""
    return StatusBoard(a_status(small_config()), ManualClock(NOON))


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    """The next so many events."""
    return [await anext(events) for _ in range(count)]


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
async def test_a_subscriber_gets_the_state_and_every_event_after_it() -> None:
    """No gap and no overlap: the state holds the first two, the stream the rest."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    board.post(StoreOpened(1))
    board.post(StoreOpened(2))

    status, events = board.subscribe()
    board.post(StoreOpened(3))
    board.post(StoreOpened(4))
    heard = await take(events, 2)

    assert 2 == status.owner_token
    assert [StoreOpened(3), StoreOpened(4)] == heard


@in_virtual_time
async def test_a_subscriber_hears_what_is_posted_while_it_waits() -> None:
    """The stream must wake, not only drain."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    _, events = board.subscribe()
    hearing = asyncio.create_task(take(events, 2))
    await settle()

    board.post(StoreOpened(1))
    await settle()
    board.post(StoreOpened(2))

    assert [StoreOpened(1), StoreOpened(2)] == await hearing


@in_virtual_time
async def test_a_subscriber_that_leaves_takes_nobody_with_it() -> None:
    """Two backlogs that are empty are equal: only identity tells whose it is."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    (_, first), (_, second) = board.subscribe(), board.subscribe()
    hearing = asyncio.create_task(take(second, 1))
    await settle()
    board.post(StoreOpened(1))
    await hearing
    await anext(first)

    await second.aclose()  # type: ignore[attr-defined]
    board.post(StoreOpened(2))

    assert StoreOpened(2) == await anext(first)


@in_virtual_time
async def test_a_subscriber_far_behind_loses_the_oldest_events_only() -> None:
    """A stalled terminal must not make the engine's memory grow."""
    board = StatusBoard(a_status(small_config()), ManualClock(NOON))
    _, events = board.subscribe()

    for token in range(1, 4_100):
        board.post(StoreOpened(token))

    assert [StoreOpened(4), StoreOpened(5)] == await take(events, 2)
