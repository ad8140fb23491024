"""Five hundred hostile texts and not one raw control byte: screen, logs, command line."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence

import pytest
from rich.cells import cell_len

from console.clean import clean, defused, defusing
from console.logbook import LogBook
from console.shell.prose import status_prose
from console.shell.prose_events import EventProse
from console.shell.prose_looking import grid_prose
from console.widgets.facts import Facts
from console.widgets.journal import Journal
from console.words import Words
from engine.board import StatusBoard
from engine.broker.port import BrokerError
from engine.clock import ManualClock
from engine.degraded import DegradedCode
from engine.event_log import Posted
from engine.events import (
    BrokerChanged,
    Event,
    ModesDecided,
    OperatorActed,
    ProcessChanged,
    ReasonRaised,
)
from engine.replica import posted_json
from engine.sayings import saying
from engine.serving.wire import status_document
from engine.status import BrokerStatus, Mode, ProcessState, ProcessStatus, Status
from tests.hostile import HOSTILE, steering

from . import scenes
from .scenes import OPENED_MS
from .stage import drawn, staged

BATCH = 50
BATCHES = [HOSTILE[at : at + BATCH] for at in range(0, len(HOSTILE), BATCH)]
PAGES = ("1", "2", "3", "l", "7", "enter")
SIZE = (150, 130)


def events_with(text: str) -> Iterator[Event]:
    """What may bring foreign text into the engine."""
    yield ReasonRaised(DegradedCode.BROKER_FETCH_FAILED, text or None, text)
    ill = ProcessStatus("m1_poller", ProcessState.BACKOFF, text, last_exit=f"BrokerError: {text}")
    yield ProcessChanged(ill)
    broker = BrokerStatus("sim", text or "ready", last_error=text, queue={text: 1})
    yield BrokerChanged(broker)
    yield ModesDecided(Mode.COLD, text, {"NGAS": Mode.COLD})
    said = (saying("restarting", text), saying(text, text))
    yield OperatorActed("restart", {"process": (text,)}, text, text, text, said)


def after(texts: Sequence[str]) -> Status:
    """An engine that was told all of it by way of its own door."""
    now = scenes.started(scenes.cold(["XAU/USD", "NGAS"]), OPENED_MS)
    board = StatusBoard(now, ManualClock(OPENED_MS))
    for text in texts:
        for event in events_with(text):
            board.post(event)
    return board.status


def test_there_are_five_hundred() -> None:
    """And they are what they should be: most of them would steer."""
    assert (500, 500) == (len(HOSTILE), len(set(HOSTILE)))
    assert 350 < sum(bool(steering(text)) for text in HOSTILE)
    assert 10_000 <= max(map(len, HOSTILE))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_one_text_steers_nothing(text: str) -> None:
    """As one line, as many, in a log, in a traceback, in the events and in the API's answer."""
    book, log, stream = LogBook(), logging.Logger("hostile"), io.BytesIO()
    log.addHandler(book)
    people = defusing(io.TextIOWrapper(stream, "utf-8", line_buffering=True))
    log.addHandler(logging.StreamHandler(people))
    try:
        raise BrokerError(text)
    except BrokerError:
        log.exception("the broker said %s", text)
    people.flush()
    status = after([text])
    document = status_document(status, OPENED_MS)
    answered = document.model_dump(mode="json")
    prose, said = EventProse(), []
    for seq, event in enumerate(events_with(text), start=1):
        said.append(prose.line(posted_json(Posted(seq, OPENED_MS, event))) or "")

    one = clean(text)
    assert [] == steering(one)
    assert 400 >= len(one)
    assert [] == steering("".join(line.text + line.source for line in book.lines))
    assert [] == steering(stream.getvalue().decode("utf-8").replace("\n", ""))
    assert b"Traceback" in stream.getvalue()
    for shown in (defused(text), defused(status_prose(answered)), defused(grid_prose(answered))):
        assert [] == steering(shown.replace("\n", ""))
    assert [] == steering("".join(map(defused, said)).replace("\n", ""))
    assert isinstance(document.model_dump_json(), str)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_layout_of_what_is_harmless_stays(text: str) -> None:
    """A text for people loses nothing but what would steer, and no character gets lost."""
    kept = defused(text)

    assert len(text) == len(kept)
    assert all(a == b or b == "?" for a, b in zip(text, kept, strict=True))


@pytest.mark.parametrize("batch", range(len(BATCHES)))
async def test_no_page_of_the_screen_is_steered(batch: int) -> None:
    """Each text as a broker's error, a scope, a process's exception, a log line and an act."""
    texts, ascii_only = BATCHES[batch], batch % 2 == 1
    book = LogBook()
    book.write((OPENED_MS, "ERROR", text, text) for text in texts)
    now = scenes.started(scenes.cold(["XAU/USD", "NGAS"]), OPENED_MS)
    app, client = staged(now, logs=book, ascii_only=ascii_only)
    async with app.run_test(size=SIZE) as pilot:
        await drawn(pilot)
        client.push(after(texts))
        await drawn(pilot, 0.2)
        for page in PAGES:
            await pilot.press(page)
            rows = await drawn(pilot)
            assert SIZE[1] == len(rows)
            assert [] == steering("".join(rows))
            assert SIZE[0] >= max(map(cell_len, rows))
            assert not ascii_only or "".join(rows).isascii()
        svg = app.export_screenshot()
    assert [] == steering(svg.replace("\n", ""))


@pytest.mark.parametrize("batch", range(len(BATCHES)))
def test_the_journal_is_not_steered(batch: int) -> None:
    """It remembers what the status has forgotten."""
    journal = Journal(Words())
    journal.learn(Facts.of(scenes.started(scenes.cold(["XAU/USD"]), OPENED_MS)), OPENED_MS)
    for text in BATCHES[batch]:
        journal.learn(Facts.of(after([text])), OPENED_MS)

    assert journal.entries
    assert [] == steering("".join(entry.text for entry in journal.entries))
