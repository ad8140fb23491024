"""The terminal may die, stall or talk nonsense; the engine goes on (05 §5)."""

from __future__ import annotations

import os
import random
import signal
import sys
import termios
import time
from functools import partial
from pathlib import Path

import pytest

from console.terminal.keeper import CRASHES_MAX

from .glass import glass, until
from .hosted import DATA, GAP_MAX_S, UP, Hosted, console

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks at processes in /proc"
)
_STALL_S = 15.0
_SPIN_MAX = 0.25
"""Share of a core; the stock driver spun at 0.5 to 0.7."""
_FAULTY = """
import console.screens.help as help_screen, console.cli, sys
def broken(*_):
    raise ZeroDivisionError("drawing the help page")
help_screen.help_rows = broken
sys.argv[0] = "coldstart-console"
console.cli.run()
"""


@pytest.mark.parametrize("ignored", [(), (signal.SIGHUP,)], ids=["sighup", "sighup ignored"])
def test_a_line_that_drops_takes_the_screen_only(tmp_path: Path, ignored: tuple[int, ...]) -> None:
    """The stock driver was killed with its engine, or span at the end of file and froze it."""
    with console(tmp_path, ignored=ignored) as (terminal, engine):
        with engine.watched() as worst:
            terminal.hang_up()
            assert 0 == terminal.process.wait(10)
            cpu_s, at_s = engine.cpu_s(), time.monotonic()
            time.sleep(1.5)
            share = (engine.cpu_s() - cpu_s) / (time.monotonic() - at_s)

        assert "open" == engine.status()["gate"]["state"]
        assert worst[0] <= GAP_MAX_S
        assert share < _SPIN_MAX
        engine.send(signal.SIGTERM)
        until(lambda: not engine.state, lambda: "it does not stop")


def test_a_terminal_that_does_not_read_costs_frames_only(tmp_path: Path) -> None:
    """The stock driver's queue blocked the loop, and with it the engine, until it was read."""
    with console(tmp_path) as (terminal, engine):
        terminal.stall()
        with engine.watched() as worst:
            end_s = time.monotonic() + _STALL_S
            while time.monotonic() < end_s:
                terminal.resize(80, 25)  # a whole screen each: the pty's buffer must fill
                time.sleep(0.1)
                terminal.resize(80, 24)
                time.sleep(0.1)
        assert "TERMINAL_STALLED" in engine.reasons()
        assert worst[0] <= GAP_MAX_S

        terminal.read_on()
        until(lambda: "TERMINAL_STALLED" not in engine.reasons(), lambda: str(terminal))
        time.sleep(0.5)
        after = terminal.text()
        terminal.wipe()
        engine.send(signal.SIGCONT)  # draws the whole screen
        terminal.until("detach")
        assert terminal.text() == after


def test_sigterm_stops_in_order_and_gives_the_terminal_back(tmp_path: Path) -> None:
    """The stock process died at once and left the shell in the other screen, unechoed."""
    with console(tmp_path) as (terminal, engine):
        assert terminal.modes_before != terminal.modes
        os.kill(terminal.pid, signal.SIGTERM)

        assert 0 == terminal.process.wait(10)
        assert terminal.modes_before == terminal.modes
        assert terminal.written.rstrip().endswith(b"\x1b[?1049l\x1b[?25h")
        assert not engine.answers
        assert not engine.state


def test_what_no_key_means_changes_nothing(tmp_path: Path) -> None:
    """Stop signals, a size of one cell, mouse reports past column 95, noise: all in one life."""
    with console(tmp_path) as (terminal, engine):
        before = terminal.text()
        with engine.watched() as worst:
            _stop_signals(terminal.pid, engine)
            _mouse_and_noise(terminal.type)
            _resize_storm(terminal.resize)
            terminal.type("\x1b\x1b")
            time.sleep(0.5)

        assert worst[0] <= GAP_MAX_S
        assert {} == engine.reasons()
        terminal.wipe()
        engine.send(signal.SIGCONT)
        terminal.until("detach")
        assert before[:18] == terminal.text()[:18]
        assert terminal.process.poll() is None


def _stop_signals(parent: int, engine: Hosted) -> None:
    os.killpg(os.getpgid(parent), signal.SIGTSTP)
    engine.send(signal.SIGTSTP)
    time.sleep(0.2)
    assert engine.state in ("R", "S", "D")
    assert engine.answers


def _mouse_and_noise(send: object) -> None:
    assert callable(send)
    chance = random.Random(7)
    send(b"\x1a")  # Ctrl-Z
    for column in (95, 128, 200, 255):
        send(b"\x1b[M" + bytes([32, min(255, 32 + column), 33]))
    send(b"\x1b[M\x20\xc3\xa4")
    send(b"\x1b]11;rgb:dddd/dddd/dddd\x07\x1b[?62;4c\x1b[99999999999;3u\xff\xfe\xc3")
    for _ in range(20):
        send(bytes(chance.choices(range(0x80, 0x100), k=20)))


def _resize_storm(resize: object) -> None:
    assert callable(resize)
    for columns, rows in ((1, 1), (2, 3), (300, 90), (10, 4), (71, 19), (1, 1), (120, 30)) * 4:
        resize(columns, rows)
        time.sleep(0.01)
    resize(80, 24)


def test_a_widget_that_fails_is_put_up_again_and_at_last_left_out(tmp_path: Path) -> None:
    """A fault in drawing must be seen and said, and must never take the engine along."""
    with console(tmp_path, command=(sys.executable, "-c", _FAULTY)) as (terminal, engine):
        with engine.watched() as worst:
            for crashes in range(1, CRASHES_MAX + 1):
                terminal.type("?")
                until(partial(_has_crashed, engine, crashes), lambda: str(terminal))
                terminal.wipe()
                terminal.until("gate OPEN DEGRADED")  # drawn anew by another screen
            detail = engine.reasons()["UI_CRASHED"]
            terminal.type("?")
            assert 0 == terminal.process.wait(10)

        assert "ZeroDivisionError: drawing the help page" in detail
        assert "in help.py:" in detail
        assert worst[0] <= GAP_MAX_S
        assert terminal.shows("engine keeps running: pid")
        assert terminal.modes_before == terminal.modes
        assert "open_degraded" == engine.status()["gate"]["state"]


def _has_crashed(engine: Hosted, times: int) -> bool:
    found = [r["count"] for r in engine.status()["reasons"] if r["code"] == "UI_CRASHED"]
    return [times] == found


def test_an_engine_that_is_killed_does_not_leave_the_terminal_in_its_modes(tmp_path: Path) -> None:
    """A shell without echo in the other screen is the last thing wanted at 3 a.m."""
    with console(tmp_path) as (terminal, engine):
        engine.send(signal.SIGKILL)

        assert 128 + signal.SIGKILL == terminal.process.wait(10)
        assert terminal.modes_before == terminal.modes
        terminal.until("ended by SIGKILL")
        assert b"\x1b[?1049l" in terminal.written[-400:]


def test_a_parent_that_is_killed_does_not_take_the_engine_along(tmp_path: Path) -> None:
    """The parent only waits: whoever kills it has lost a prompt, not a platform."""
    with console(tmp_path) as (terminal, engine):
        os.kill(terminal.pid, signal.SIGKILL)
        terminal.process.wait(10)
        terminal.hang_up()
        time.sleep(0.5)
        assert engine.answers


def test_failures_before_the_screen_reach_the_shell(tmp_path: Path) -> None:
    """A parent that swallowed its child's exit code would hide why nothing started."""
    (tmp_path / "config.json").write_text("{")
    with glass(*UP, cwd=tmp_path) as terminal:
        assert 2 == terminal.process.wait(20)
        assert terminal.modes_before == terminal.modes
        assert b"config.json" in terminal.written


def test_a_folder_that_is_owned_is_refused_with_the_screen_gone(tmp_path: Path) -> None:
    """The sentence must be read on the shell's screen, not be lost on ours."""
    with console(tmp_path), glass(*UP, cwd=tmp_path) as second:
        assert 5 == second.process.wait(20)
        assert second.modes_before[termios.TCSANOW] == second.modes[termios.TCSANOW]
        second.until(DATA)
