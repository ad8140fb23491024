"""A recorded boot on the screen: it runs, stands, steps and is sought in, and nobody can act."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from console.dress import Dress
from console.replaying import ReplayApp, ReplayClient
from console.tape import Tape
from console.words import Words
from engine import ActionRefused
from engine.apply import apply
from engine.boots.recording import Recording, Step
from engine.cell import Cell, CellState
from engine.degraded import DegradedCode
from engine.event_log import Posted
from engine.events import CellsChanged, Event, ReasonRaised, StoreOpened
from engine.status import Status
from uds.model import Generation, Timeframe

from . import scenes
from .scenes import OPENED_MS
from .stage import drawn

SEALED = dict.fromkeys(Timeframe, Cell(CellState.SEALED, 1.0, 100, serving=Generation(42, 1)))
TOLD: tuple[tuple[float, Event], ...] = (
    (1.0, StoreOpened(42)),
    (2.0, ReasonRaised(DegradedCode.GAP, "NGAS", "three bars")),
    (5.0, CellsChanged("NGAS", SEALED)),
    (9.0, CellsChanged("XAU/USD", SEALED)),
)


class Clock:
    """Seconds that pass when the test says so."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def a_boot() -> Recording:
    """Two symbols, served after five and nine seconds."""
    first = scenes.cold(["XAU/USD", "NGAS"])
    steps = [Step(OPENED_MS, first)]
    for seq, (at_s, event) in enumerate(TOLD, start=1):
        at_ms = OPENED_MS + round(1_000 * at_s)
        steps.append(Step(at_ms, Posted(seq, at_ms, event)))
    return Recording({}, steps)


def at_the_end() -> Status:
    """Where it ends."""
    status = scenes.cold(["XAU/USD", "NGAS"])
    for at_s, event in TOLD:
        status = apply(status, event, OPENED_MS + round(1_000 * at_s))
    return status


def replayed(language: str = "en") -> tuple[ReplayApp, Clock]:
    """The screen over it, and its clock."""
    clock, words = Clock(), Words(language)
    client = ReplayClient(Tape(a_boot(), clock), words)
    return ReplayApp(client, Dress(words, False, False, "default")), clock


async def test_it_begins_at_the_beginning_and_says_that_it_is_none() -> None:
    """Nobody may take a recording for the present."""
    app, _ = replayed()
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await drawn(pilot, 0.2)

    assert "[REPLAY 12:00:00 PAUSED]" in rows[0]
    assert "ready 0/16" in rows[0]
    assert " Space play ." in rows[-1]


async def test_it_steps_on_and_back() -> None:
    """Each recorded change by itself, with the moment it happened."""
    app, _ = replayed()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("full_stop", "full_stop")
        rows = await drawn(pilot, 0.2)
        assert "[REPLAY 12:00:02 PAUSED]" in rows[0]
        assert any("step 3 of 5, +00:02.0 since the beginning" in row for row in rows)
        await pilot.press("comma")
        rows = await drawn(pilot, 0.2)
        assert "▲0" in rows[0]
        assert "12:00:01" in rows[0]


async def test_it_runs_and_stands_and_changes_its_speed() -> None:
    """By the clock of whoever watches."""
    app, clock = replayed()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("plus", "plus", "space")
        clock.now_s += 0.5
        rows = await drawn(pilot, 0.3)
        assert "[REPLAY 12:00:02 x4]" in rows[0]
        await pilot.press("minus")
        clock.now_s += 1.5
        rows = await drawn(pilot, 0.3)
        assert "[REPLAY 12:00:05 x2]" in rows[0]
        assert "ready 8/16" in rows[0]
        await pilot.press("space")
        clock.now_s += 100
        assert "[REPLAY 12:00:05 PAUSED]" in (await drawn(pilot, 0.3))[0]
        await pilot.press("space")
        clock.now_s += 100
        rows = await drawn(pilot, 0.3)
        assert "[REPLAY 12:00:09 PAUSED]" in rows[0]
        assert at_the_end() == app._client.status


async def test_a_time_is_typed() -> None:
    """And what is no time is said, and moves nothing."""
    app, _ = replayed()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("at", *"0:05", "enter")
        assert "[REPLAY 12:00:05 PAUSED]" in (await drawn(pilot, 0.2))[0]
        await pilot.press("at", *"soon", "enter")
        rows = await drawn(pilot, 0.2)
        assert any("soon is no time" in row for row in rows)
        assert "12:00:05" in rows[0]
        await pilot.press("at", "escape")
        assert "12:00:05" in (await drawn(pilot, 0.2))[0]


async def test_the_journal_goes_back_in_time_too() -> None:
    """What was later has not happened yet."""
    app, _ = replayed()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("7", "full_stop", "full_stop", "full_stop")
        assert any("three bars" in row for row in await drawn(pilot, 0.2))
        await pilot.press("comma", "comma")
        assert not any("three bars" in row for row in await drawn(pilot, 0.2))


@pytest.mark.parametrize("key", ["r", "b", "a", "o", "R", "B", "A", "d"])
async def test_no_key_acts(key: str) -> None:
    """There is nobody to act on, and the screen stays."""
    app, _ = replayed()
    async with app.run_test(size=(80, 24)) as pilot:
        before = await drawn(pilot, 0.2)
        await pilot.press(key)
        assert before == await drawn(pilot, 0.2)
        assert app.is_running


async def test_the_client_refuses_whatever_is_asked_for() -> None:
    """Also from the command line of the screen, which knows other names."""
    client = ReplayClient(Tape(a_boot(), Clock()), Words())

    assert () == await client.offers()
    for op in ("act", "question", "arm", "disarm", "cell", "events", "nonsense"):
        with pytest.raises(ActionRefused, match="this is a recorded boot"):
            await client.look(op, {})
    with pytest.raises(ActionRefused, match="this is a recorded boot"):
        await client.arm()


async def test_every_page_opens_and_help_tells_the_keys() -> None:
    """The same widgets as in front of an engine."""
    app, _ = replayed("uk")
    async with app.run_test(size=(100, 50)) as pilot:
        for page in ("2", "3", "t", "l", "7", "1", "enter"):
            await pilot.press(page)
            assert "[ПОВТОР 12:00:00 ПАУЗА]" in (await drawn(pilot))[0]
        await pilot.press("question_mark")
        rows = await drawn(pilot, 0.2)
        assert any("Записаний запуск" in row for row in rows)
        assert any("на одну записану зміну вперед" in row for row in rows)


@pytest.mark.parametrize("size", [(1, 1), (30, 8), (71, 19), (250, 60)])
async def test_it_says_so_on_any_terminal(size: tuple[int, int]) -> None:
    """At least by its first word, wherever a word fits."""
    app, _ = replayed()
    async with app.run_test(size=size) as pilot:
        await pilot.press("full_stop")
        rows = await drawn(pilot, 0.2)

    assert size[1] == len(rows)
    assert size[0] < 30 or "[REPLAY" in rows[0]


@contextmanager
def state_home(folder: Path) -> Iterator[None]:
    """The operator's own files in a folder of the test."""
    with mock.patch.dict(os.environ, {"XDG_STATE_HOME": str(folder)}):
        yield


async def test_a_bundle_of_a_replay_holds_its_screen(tmp_path: Path) -> None:
    """`S` works wherever there is something to see."""
    app, _ = replayed()
    with state_home(tmp_path):
        async with app.run_test(size=(120, 24)) as pilot:
            await pilot.press("S")
            folder = tmp_path / "coldstart"
            for _ in range(50):
                rows = await drawn(pilot, 0.1)
                if any("the incident bundle is" in row for row in rows):
                    break

    (path,) = folder.iterdir()
    assert any("the incident bundle is" in row for row in rows)
    assert path.name.startswith("incident-unknown-")
