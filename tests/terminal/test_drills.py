"""A drill on a running console by keys alone: armed, chosen, begun, seen to its verdict, ended."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .glass import until
from .hosted import console

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="drives terminals as a login has them"
)


def test_a_drill_is_begun_by_keys_and_shows_its_verdict(tmp_path: Path) -> None:
    """What an operator does at the end of a shift: arm, choose, type its name, read the verdict."""
    with console(tmp_path) as (terminal, engine):
        terminal.type("6")
        terminal.until("a file is not what was written")
        terminal.type("f")
        terminal.until("this console only looks")
        terminal.type("A")
        terminal.until("[ARMED 4:5")
        terminal.type("jjjjjjjf")
        terminal.until("Drill F8 on this engine")
        terminal.type("F8\r")
        terminal.until("F8 RUNNING")
        terminal.until("● F8 PASS")
        until(lambda: not engine.status()["drill"]["dead_man_ms"], lambda: str(engine.status()))
        assert "PASS" == engine.status()["drill"]["verdict"]

        terminal.type("jf")
        terminal.until("Drill F9 on this engine")
        terminal.type("F9\r")
        terminal.until("F9 RUNNING")
        terminal.type("\x1b")
        terminal.until(" SYMBOL")
        terminal.type("F")
        terminal.until("End drill F9")
        terminal.type("y")
        until(lambda: engine.status()["drill"]["verdict"], lambda: str(terminal))
        assert "INCONCLUSIVE" == engine.status()["drill"]["verdict"]
        assert "open" in engine.status()["gate"]["state"]
