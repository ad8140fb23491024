"""An operator's whole session by keys only, at 80×24; each screen that was looked at is kept.

Write the goldens anew with COLDSTART_GOLDENS=rewrite, then look at each of them.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import FAST, NO_DEPTH, ROOT, coldstart

from .multiplexer import Multiplexer, multiplexed, timeless

GOLDENS = Path(__file__).parent / "goldens"
LINK = "--data data"
AT = "2025-11-19T15:30:00Z"
"""A Wednesday on which all markets are open or on an ordinary pause."""
CONFIG = {
    "broker": {"sim": {"faults": [{"kind": "login_permanent", "times": 1}]}},
    "bootstrap": {"prime_ready_timeout_s": 3_600, **NO_DEPTH},
}
"""The first login fails for good: the gate stays closed until an operator acts."""

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="TMUX IS NOT INSTALLED: no operator's session was tested"
)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Multiplexer]:
    """A shell at 80×24 in a folder with a configuration."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    env = {
        **FAST,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "",
        "PS1": "PROMPT> ",
        "ENV": "",
        "PYTHONPATH": str(ROOT),
        "COLDSTART": f"{sys.executable} -m console",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    with (
        tempfile.TemporaryDirectory(prefix="cs-") as short,
        multiplexed(Path(short) / "t", tmp_path, env) as opened,
    ):
        opened.until("PROMPT>")
        try:
            yield opened
        finally:
            coldstart("down", "--yes", *LINK.split(), cwd=tmp_path)


def kept(name: str, rows: list[str]) -> None:
    """Hold a screen against the one that was looked at."""
    path, text = GOLDENS / f"{name}.txt", timeless(rows)
    if os.environ.get("COLDSTART_GOLDENS") == "rewrite":
        path.write_text(text, encoding="utf-8")
    assert path.read_text("utf-8") == text, f"{path.name} is not what is seen:\n" + "\n".join(rows)


def test_an_operators_session_by_keys_only(terminal: Multiplexer, tmp_path: Path) -> None:
    """Start, why is it closed, mend it, look closer, act, search, leave, come back, stop."""
    see, row, press = terminal.until, terminal.until_row, terminal.keys
    press(f"clear; $COLDSTART {LINK} --port 0 --at {AT}", "\r")
    kept("01_closed", see("BROKER_LOGIN_PERMANENT", "filling", "warming 0/13", "detach"))
    press("3")
    kept("02_why", see("REASONS", "filling", "account is not locked"))
    press("j", "\r")
    see("PROCESSES", "its last lines")
    press("z")
    kept("03_faults_only", see("PROCESSES", "FAULTS ONLY", "its last lines"))
    press("z", "A")
    see("[ARMED")
    press("r")
    kept("04_question", see("Restart connector?", "no (Enter"))
    press("y")
    see("gate OPEN", "104/104", "connector is being restarted.")
    press("1", "j", "\r")
    kept("05_xray", see("XAG/USD/M1", "does not expire", "forming bar"))
    press("\x1b")
    see("SYMBOL")
    press("\t", "j", "j", "r")
    see("Restart tick_publisher?")
    press("y")
    row("tick_publisher", "ready", "1 restart")
    row("tick_publisher is being restarted.")
    press("\t", "b")
    kept("06_rebuild", see("Rebuild XAG/USD?", "until the flip"))
    press("y")
    see("XAG/USD is being rebuilt.")
    press("7")
    see("XAG/USD is served from 1-2", "prime_complete  ready")
    press("/", "state:act", "\r")
    kept("07_journal", see("JOURNAL  1/3", "/state:act", "as a command", "?help"))
    press("\x10", "boot wai")
    kept("08_palette", see("what this boot waited for", "> boot wai"))
    press("\r")
    see("TIMELINE", "gate open after")
    press("1", "z")
    see("no faults here")
    press("S")
    see("the incident bundle is …/coldstart/incident-", ".tar.gz")
    press("d")
    kept("09_detached", see("engine keeps running: pid", "PROMPT>"))
    press(f"clear; $COLDSTART status {LINK}", "\r")
    kept("10_status", see("PROMPT>", "gate"))
    press(f"clear; $COLDSTART attach {LINK}", "\r")
    see("[RO]", "gate OPEN", "detach")
    press("7", "/", "state:act", "\r")
    kept("11_attached", see("JOURNAL  1/3", "/state:act", "as a command", "?help"))
    press("d")
    see("PROMPT>")
    press(f"clear; $COLDSTART down --yes {LINK}", "\r")
    kept("12_down", see("has stopped.\nPROMPT>"))
    assert 3 == coldstart("status", *LINK.split(), cwd=tmp_path).code
