"""The engine's own memory of what was logged: bounded, numbered, by process."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from engine.acts.seat import Seat
from engine.control.operations import look
from engine.log_ring import LogRing, hearing
from engine.runtime import Engine
from tests.engine.builders import NOON, build_house, market_broker, running, small_config
from tests.engine.virtual_time import VirtualClock, in_virtual_time

LOG = logging.getLogger("engine.test")


def test_the_newest_lines_are_kept_and_numbered() -> None:
    """A flood forgets the oldest; whoever asks behind a number misses nothing that is kept."""
    ring = LogRing(kept=3)
    with hearing(ring):
        for at in range(5):
            LOG.info("line %d", at)

    assert [(3, "line 2"), (4, "line 3"), (5, "line 4")] == [
        (line.number, line.text) for line in ring.after(0, 10)
    ]
    assert ["line 4"] == [line.text for line in ring.after(4, 10)]
    assert ["line 2", "line 3"] == [line.text for line in ring.after(0, 2)]
    assert 5 == ring.newest


async def test_a_line_belongs_to_the_process_whose_task_speaks() -> None:
    """The logger's name says which file, the task which process."""
    ring = LogRing()

    async def speak() -> None:
        LOG.warning("the page was short")

    with hearing(ring):
        await asyncio.create_task(speak(), name="m1_poller")
        LOG.info("somebody else")

    assert ["the page was short"] == [line.text for line in ring.after(0, 9, "m1_poller")]
    assert 2 == len(ring.after(0, 9))


def test_what_failed_is_said_and_no_line_is_endless() -> None:
    """An exception is part of its line; a page of text is cut."""
    ring = LogRing()
    with hearing(ring):
        try:
            raise ValueError("no such bar")
        except ValueError:
            LOG.exception("It failed")
        LOG.info("x" * 100_000)

    first, second = ring.after(0, 9)
    assert "It failed: ValueError: no such bar" == first.text
    assert 2_000 == len(second.text)


def test_after_the_engine_nobody_listens() -> None:
    """A test, or a second engine in one process, must not hear the first one's lines."""
    ring = LogRing()
    with hearing(ring):
        pass
    LOG.warning("later")

    assert () == ring.after(0, 9)
    assert logging.NOTSET == logging.getLogger("engine").level


@in_virtual_time
@pytest.mark.parametrize("count", [0, 3, 250, 251])
async def test_pages_follow_each_other_without_a_hole(count: int) -> None:
    """A client that goes on at `reached` gets each line once."""
    config, clock = small_config(), VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    ring, since, heard = house.tools.logs, 0, []
    for at in range(count):
        ring.handle(logging.LogRecord("engine", logging.INFO, "", 0, f"{at}", None, None))
    async with running(house) as supervisor:
        engine = Engine(house.tools, supervisor)
        for _ in range(3):
            page = await look(engine, Seat(engine, "test"), "logs", {"since": since})
            page = json.loads(json.dumps(page))
            assert 250 >= len(page["lines"])
            heard += [line["text"] for line in page["lines"]]
            since = page["reached"]

    assert [str(at) for at in range(count)] == heard
    assert count == since
