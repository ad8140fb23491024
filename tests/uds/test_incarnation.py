"""Incarnations: what a start of a child began ends with it, wherever it runs."""

from __future__ import annotations

import asyncio

import pytest

from uds.incarnation import Incarnation, Revoked, check_incarnation


def test_without_an_incarnation_all_may_go_on() -> None:
    """The command line and tests are nobody's children."""
    check_incarnation()


def test_a_revoked_start_is_named() -> None:
    """Which child, and which of its starts: a restart leaves several in the log."""
    old = Incarnation("m1_poller", 3)
    with old.active():
        check_incarnation()
        old.revoke()
        old.revoke()
        with pytest.raises(Revoked, match="Start 3 of m1_poller was revoked and may not go on"):
            check_incarnation()

    assert old.is_revoked
    check_incarnation()


def test_the_next_start_is_not_concerned() -> None:
    """One name, two starts; within the block of one the other may be active for a while."""
    old, new = Incarnation("ui", 1), Incarnation("ui", 2)
    old.revoke()

    with new.active():
        with old.active(), pytest.raises(Revoked):
            check_incarnation()
        check_incarnation()


async def test_tasks_and_threads_belong_to_who_started_them() -> None:
    """Both outlive a cancellation, so both must carry it with them."""
    old = Incarnation("connector", 1)
    may_go = asyncio.Event()

    async def child() -> None:
        await may_go.wait()
        await asyncio.to_thread(check_incarnation)

    async def grandchild() -> None:
        await asyncio.create_task(child())

    with old.active():
        inherited = [asyncio.create_task(child()), asyncio.create_task(grandchild())]
    stranger = asyncio.create_task(child())
    old.revoke()
    may_go.set()

    for task in inherited:
        with pytest.raises(Revoked):
            await task
    await stranger
