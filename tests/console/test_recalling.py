"""Who attaches in the morning reads what happened at night, in the sentences of who had looked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.client import LocalClient
from console.lines import Look
from console.recalling import recalled
from console.remote_client import followed
from console.widgets.facts import Facts
from console.widgets.journal import KEPT, Journal, Told
from console.words import Words
from engine import ActionRefused, DegradedCode
from engine.cell import Cell, CellState
from engine.events import (
    BrokerChanged,
    CellsChanged,
    Event,
    ProcessChanged,
    ReasonCleared,
    ReasonRaised,
)
from engine.status import BrokerStatus, ProcessState, ProcessStatus
from tests.engine.test_remote import folder, serving
from uds.model import Generation, SeriesKey, Timeframe

from . import scenes

WORDS = Words()
GOLD = "XAU/USD"
ILL = ProcessStatus("ui", ProcessState.BACKOFF, last_exit="OSError: no room")
NIGHT: tuple[Event, ...] = (
    ReasonRaised(DegradedCode.GAP, SeriesKey(GOLD, Timeframe.H4), "3 bars"),
    ReasonRaised(DegradedCode.GAP, SeriesKey(GOLD, Timeframe.H4), "4 bars"),
    ReasonRaised(DegradedCode.DEPTH_SHORT, GOLD, "21 of 300"),
    ReasonCleared(DegradedCode.GAP, SeriesKey(GOLD, Timeframe.H4)),
    ProcessChanged(ILL),
    BrokerChanged(BrokerStatus("sim", "failed", last_error="No.")),
    CellsChanged(
        GOLD,
        dict.fromkeys(Timeframe, Cell(CellState.SEALED, 1.0, 3, 0, Generation(42, 7))),
    ),
)

__all__ = ["folder"]


async def test_what_happened_before_is_told_as_if_it_had_been_seen(folder: Path) -> None:
    """An empty journal would say that nothing happened."""
    async with serving(folder) as (engine, socket):
        journal, began = Journal(WORDS), engine.board.status.seq
        journal.learn(Facts.of(engine.board.status), 0)
        for event in NIGHT:
            engine.board.post(event)
            journal.learn(Facts.of(engine.board.status), 0)
        seen = [(e.look, e.text) for e in reversed(journal.entries)]
        status = engine.board.status
        async with followed(socket) as remote:
            for client in (LocalClient(engine), remote):
                told = await recalled(client.look, status, WORDS)
                found = [(one.look, one.text) for one in told]
                named = [text for look, text in seen if not text.startswith(("phase", "gate"))]
                assert named == [text for _, text in found if text in named]
                assert {(look, text) for look, text in seen if text in named} <= set(found)
                assert 1 == sum("GAP 3 bars" in text for _, text in found)
        assert began + len(NIGHT) == status.seq


async def test_an_engine_that_tells_nothing_leaves_the_journal_as_it_is() -> None:
    """A recorded boot, an older engine: no screen may end for it."""

    async def refuses(_op: str, _args: object) -> object:
        raise ActionRefused("not here", "unknown_op")

    async def babbles(_op: str, _args: object) -> object:
        return {"events": [{"seq": 1, "at_ms": 5, "type": "ReasonRaised", "event": {"code": "?"}}]}

    status = scenes.end_of_boot()
    for look in (refuses, babbles):
        assert () == await recalled(look, status, WORDS)


@pytest.mark.parametrize("count", [3, KEPT + 5])
def test_what_is_recalled_stands_between_what_is_told_by_its_time(count: int) -> None:
    """The acts of others are known at once and may be older; the newest are kept."""
    journal = Journal(WORDS)
    for at_ms in (1_500, 9_000_000):
        journal.note_file(at_ms, f"file {at_ms}")
    journal.recall(Told(at * 1_000, Look.PLAIN, f"event {at}") for at in range(1, count + 1))

    times = [entry.at_ms for entry in journal.entries]
    assert sorted(times, reverse=True) == times
    assert 9_000_000 == times[0]
    assert min(KEPT, count + 2) == len({entry.number for entry in journal.entries})


def test_another_start_of_the_engine_is_told() -> None:
    """Cells that moved for no reason would be all that is seen of a crash in the night."""
    journal, was = Journal(WORDS), scenes.end_of_boot()
    for status in (was, was, replace(was, boot_id="ab12cd34ef")):
        journal.learn(Facts.of(status), 1)

    assert ["another start of the engine, boot ab12cd34"] == [e.text for e in journal.entries]
