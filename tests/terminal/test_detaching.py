"""`d` gives the prompt back and `q` asks; the engine is found again by every command."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.running import coldstart

from .glass import glass, until
from .hosted import DATA, Hosted, console

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks at processes in /proc"
)


def test_d_gives_the_prompt_back_and_the_engine_goes_on(tmp_path: Path) -> None:
    """Seen from an interactive shell: prompt, status, down, and nothing left."""
    with glass(cwd=tmp_path, command=("sh", "-i")) as shell:
        shell.until("PROMPT>")
        shell.type(f"{sys.executable} -m console --data {DATA} --port 0\n")
        shell.until("gate OPEN")
        shell.wipe()
        shell.type("d")
        shell.until("engine keeps running: pid")
        shell.until("PROMPT>")
        said = re.search(r"pid (\d+) · coldstart-console attach --data data", str(shell))
        assert said is not None
        engine = Hosted(int(said[1]), tmp_path)
        assert engine.answers
        assert os.getsid(engine.pid) == engine.pid

        shell.wipe()
        shell.type("echo $?$?\n")
        shell.until("00")
        assert 0 == coldstart("status", "--data", DATA, cwd=tmp_path).code
        assert 0 == coldstart("down", "--yes", "--data", DATA, cwd=tmp_path).code
        until(lambda: not engine.state, lambda: "it does not end")


def test_q_asks_and_each_answer_does_what_it_says(tmp_path: Path) -> None:
    """Enter must be harmless; the same question comes to a SIGINT from outside."""
    with console(tmp_path) as (terminal, engine):
        terminal.type("q")
        terminal.until("Detach")
        terminal.type("\r")
        until(lambda: not terminal.shows("Detach"), lambda: str(terminal))
        engine.send(signal.SIGINT)
        terminal.until("Detach")
        time.sleep(0.2)
        assert engine.answers
        terminal.type("s")

        assert 0 == terminal.process.wait(10)
        assert terminal.modes_before == terminal.modes
        assert not engine.answers


def test_started_in_the_background_it_does_not_touch_the_terminal(tmp_path: Path) -> None:
    """The shell is in front: taking its terminal away would leave it without echo."""
    with glass(cwd=tmp_path, command=("sh", "-i")) as shell:
        shell.until("PROMPT>")
        before = shell.modes
        shell.type(f"{sys.executable} -m console --data {DATA} --port 0 &\n")
        shell.until("engine keeps running: pid")
        assert before == shell.modes
        assert b"\x1b[?1049h" not in shell.written
        assert 0 == coldstart("wait", "--timeout", "60", "--data", DATA, cwd=tmp_path).code
        assert 0 == coldstart("down", "--yes", "--data", DATA, cwd=tmp_path).code
