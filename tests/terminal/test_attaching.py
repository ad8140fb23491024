"""Consoles attached to a headless engine, each in a terminal of its own."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import FAST, NO_DEPTH, Running, coldstart, held

from .glass import CONSOLE, PATIENCE_S, Glass, glass, until
from .hosted import DATA

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="drives terminals as a login has them"
)
_LINK = ("--data", DATA)
_AT_REST = {**FAST, "COLDSTART_BOOTSTRAP__DEPTH_BARS": json.dumps(NO_DEPTH["depth_bars"])}
_OWN_ROWS = (0, 22)
"""Header and notice: who may act here, and what was answered here."""


@contextmanager
def engine(folder: Path) -> Iterator[Running]:
    """A headless engine whose gate is open, and which then only follows the minutes."""
    with held(*_LINK, cwd=folder, env=_AT_REST) as running:
        until(lambda: coldstart("status", *_LINK, cwd=folder).code == 0, lambda: "it never opened")
        yield running


@contextmanager
def attached(folder: Path, *options: str) -> Iterator[Glass]:
    """A console in front of it."""
    with glass("attach", *_LINK, *options, cwd=folder) as terminal:
        terminal.until("gate OPEN")
        terminal.until("detach")
        yield terminal


def _rows(terminal: Glass) -> list[str]:
    """What is of the engine and not of this console."""
    rows = terminal.text()
    return [row.replace(">", " ") for at, row in enumerate(rows) if at not in _OWN_ROWS]


def test_two_consoles_see_the_same_picture_and_one_of_them_acts(tmp_path: Path) -> None:
    """Read-only until armed; arming is of one console, what it does is seen by both."""
    with engine(tmp_path) as running, attached(tmp_path) as ours, attached(tmp_path) as theirs:
        for terminal in (ours, theirs):
            terminal.type("\tjj")
        ours.type("r")
        ours.until("this console only looks")
        ours.type("A")
        ours.until("[ARMED 4:5")
        assert theirs.shows("[RO]")
        ours.type("r")
        ours.until("Restart tick_publisher?")
        ours.type("y")
        for terminal in (ours, theirs):
            terminal.until(" 1 restart")
        until(lambda: _rows(ours) == _rows(theirs), lambda: f"{ours}\n\n{theirs}")

        theirs.type("q")
        assert 0 == theirs.process.wait(PATIENCE_S)
        assert theirs.modes_before == theirs.modes
        ours.type("d")
        assert 0 == ours.process.wait(PATIENCE_S)
        assert running.process.poll() is None
        assert 0 == coldstart("status", *_LINK, cwd=tmp_path).code


def test_an_engine_that_is_killed_is_dated_and_the_next_one_is_found(tmp_path: Path) -> None:
    """The screen stays: first with the old picture, then with the new engine's."""
    with engine(tmp_path) as running, attached(tmp_path) as terminal:
        before = _rows(terminal)
        running.kill()
        terminal.until("STALE 00:0")
        terminal.until("connecting again")
        assert before == _rows(terminal)
        assert terminal.process.poll() is None
        with engine(tmp_path):
            until(lambda: not terminal.shows("STALE"), lambda: str(terminal))
            terminal.until("owner 2")
            terminal.until("gate OPEN")


def test_an_engine_that_is_stopped_costs_the_console_nothing(tmp_path: Path) -> None:
    """A process that hangs must not take the keys of whoever looks at it."""
    with engine(tmp_path) as running, attached(tmp_path) as terminal:
        running.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(0.3)
            terminal.type("?")
            terminal.until("coldstart-console: keys")
            terminal.type("q")
            terminal.until("gate OPEN")
        finally:
            running.process.send_signal(signal.SIGCONT)


def test_an_attached_console_ends_by_hangup_and_by_signal(tmp_path: Path) -> None:
    """Neither the engine nor another console notices."""
    with engine(tmp_path), attached(tmp_path) as staying:
        with attached(tmp_path) as dropped:
            dropped.hang_up()
            assert 0 == dropped.process.wait(PATIENCE_S)
        with attached(tmp_path, "--read-only") as told:
            told.type("A")
            told.until("--read-only")
            told.process.send_signal(signal.SIGTERM)
            assert 0 == told.process.wait(PATIENCE_S)
            assert told.modes_before == told.modes
        assert not staying.shows("STALE")


def test_without_an_engine_or_a_terminal_it_says_so(tmp_path: Path) -> None:
    """An exit code and a sentence, no screen."""
    nobody = coldstart("attach", *_LINK, cwd=tmp_path)
    assert 2 == nobody.code
    assert "needs a terminal" in nobody.err
    with glass("attach", *_LINK, cwd=tmp_path) as terminal:
        terminal.until("start one with")
        assert 3 == terminal.process.wait(PATIENCE_S)
    with glass("attach", *_LINK, cwd=tmp_path, command=("env", "TERM=dumb", *CONSOLE)) as dumb:
        dumb.until("can be drawn on")
        assert 2 == dumb.process.wait(PATIENCE_S)
