"""The commands that look at and steer a running engine, as a shell sees them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.cli import app

from .running import FAST, NO_DEPTH, ROOT, Done, Running, coldstart, held

TWO = {
    "symbols": ["XAU/USD", "USD/JPY"],
    "bootstrap": NO_DEPTH,
}
"""Nothing older is fetched: generations change when somebody asks for it only."""
SLOW = {**FAST, "COLDSTART_BROKER__SIM__LOGIN_S": "1.5"}
STUCK = {**FAST, "COLDSTART_BROKER__SIM__LOGIN_S": "600"}
PATIENCE_S = 60


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration of two symbols."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "config.json").write_text(json.dumps(TWO))
    return folder


@pytest.fixture(scope="module")
def engine(here: Path) -> Iterator[Running]:
    """One engine for the tests of this file that leave it as it was."""
    with held(cwd=here) as running:
        assert 0 == coldstart("wait", "--timeout", str(PATIENCE_S), cwd=here).code
        yield running


@pytest.fixture(scope="module")
def stuck(here: Path) -> Iterator[Running]:
    """An engine whose broker never answers the login: its gate stays closed."""
    with held("--data", "stuck", cwd=here, env=STUCK) as running:
        coldstart("wait", "--for", "phase:filling", "--data", "stuck", cwd=here)
        yield running


@contextmanager
def going(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on, its output read as it comes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "console", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **FAST},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(*arguments: str, cwd: Path) -> Any:
    """The JSON of a command that must end well."""
    done = coldstart(*arguments, "--json", cwd=cwd)
    assert 0 == done.code, done.err
    return done.json


def test_wait_ends_when_it_is_so(here: Path) -> None:
    """A script starts the engine in the background and waits in its next line."""
    with held("--data", "slow", cwd=here, env=SLOW):
        early = coldstart("grid", "--data", "slow", "--json", cwd=here)
        phase = said("wait", "--for", "phase:filling", "--data", "slow", cwd=here)
        gate = said("wait", "--for", "gate", "--data", "slow", cwd=here)
        symbol = said("wait", "--for", "symbol:USD/JPY", "--data", "slow", cwd=here)

    assert 1 == early.code or early.code == 3
    assert (1, "gate", True) == (gate["schema"], gate["for"], gate["reached"])
    assert "phase:filling" == phase["for"]
    assert symbol["waited_s"] < 1


def test_wait_is_over_in_time(stuck: Running, here: Path) -> None:
    """Exit 4 and what it was that did not come."""
    done = coldstart("wait", "--timeout", "0.5", "--data", "stuck", cwd=here)

    assert (4, "It is not so after 0.5 s: gate.") == (done.code, done.err.strip())


def test_why_names_what_is_waited_for(stuck: Running, here: Path) -> None:
    """The cells, what they are waiting for, and whose work it is."""
    closed = coldstart("why", "--data", "stuck", cwd=here)
    cell = coldstart("why", "XAU/USD/H4", "--data", "stuck", "--json", cwd=here)

    assert 1 == closed.code
    assert closed.out.startswith("gate closed since ")
    assert "waits for XAU/USD/M1: " in closed.out
    assert "(m1_poller)" in closed.out
    assert (1, False) == (cell.code, cell.json["ready"])
    assert ["XAU/USD/H4"] == [why["subject"] for why in cell.json["why"]]


def test_the_gate_is_forced_with_the_word_only(stuck: Running, here: Path) -> None:
    """Nothing is served yet, so everything is missing and said so."""
    dry = said("open-gate", "--dry-run", "--data", "stuck", cwd=here)
    yes = coldstart("open-gate", "--yes", "--data", "stuck", cwd=here)
    right = coldstart("open-gate", "--yes-i-mean", "gate", "--data", "stuck", cwd=here)
    state = coldstart("status", "--json", "--data", "stuck", cwd=here).json["gate"]["state"]

    assert (16, "gate") == (len(dry["radius"]["missing"]), dry["phrase"])
    assert (5, 0) == (yes.code, right.code)
    assert "forced_open" == state


def test_wait_outlives_the_engine_it_waits_for(here: Path) -> None:
    """Killed and started again: the script that waits is none the wiser."""
    with going("wait", "--data", "again", "--timeout", "60", cwd=here) as waiting:
        with held("--data", "again", cwd=here, env=STUCK) as first:
            assert waiting.stderr is not None
            coldstart("wait", "--for", "phase:filling", "--data", "again", cwd=here)
            first.kill()
            assert waiting.stderr.readline().startswith("The engine is gone; waiting")
        with held("--data", "again", cwd=here):
            assert 0 == waiting.wait(PATIENCE_S)


def test_grid_shows_every_cell(engine: Running, here: Path) -> None:
    """A row a symbol, in the configuration's order; the same as JSON."""
    done = coldstart("grid", cwd=here)
    document = said("grid", cwd=here)

    rows = done.out.splitlines()
    assert 0 == done.code
    assert ["SYMBOL", "M1", "M3", "M5", "M15", "M30", "H1", "H4", "D1"] == rows[0].split()
    assert ["XAU/USD", "USD/JPY"] == [row.split()[0] for row in rows[1:3]]
    assert "gate open · ready 16/16 · phase prime_complete" == rows[3]
    assert {"M1", "H4"} <= set(document["cells"]["XAU/USD"])
    assert {"schema", "readiness", "degraded", "progress", "cells"} <= set(document)


def test_why_says_that_nothing_is_wrong_when_nothing_is(engine: Running, here: Path) -> None:
    """For the gate, a symbol and a cell."""
    assert "open" == said("why", cwd=here)["state"]
    assert 8 == len(said("why", "XAU/USD", cwd=here)["cells"])
    assert ["H4"] == list(said("why", "XAU/USD/H4", cwd=here)["cells"])


def test_events_are_lines_that_can_be_paged_and_followed(engine: Running, here: Path) -> None:
    """Everything since the start, what came behind a number, and what comes."""
    lines = coldstart("events", "--json", cwd=here).out.splitlines()
    events = [json.loads(line) for line in lines]
    seqs = [event["seq"] for event in events]
    assert list(range(1, len(seqs) + 1)) == seqs
    assert {"seq", "at_ms", "type", "event"} == set(events[0])
    later = coldstart("events", "--json", "--since", str(seqs[-3]), cwd=here).out.splitlines()
    assert seqs[-2] == json.loads(later[0])["seq"]
    assert "StoreOpened" in coldstart("events", cwd=here).out

    with going("events", "-f", "--json", "--since", str(seqs[-1]), cwd=here) as following:
        coldstart("restart", "tick_preview", "--yes", cwd=here)
        assert following.stdout is not None
        heard = json.loads(following.stdout.readline())
        while heard["type"] != "OperatorActed":
            heard = json.loads(following.stdout.readline())
        following.send_signal(signal.SIGINT)
        assert 130 == following.wait(PATIENCE_S)
    assert "tick_preview is being restarted." == heard["event"]["said"]


def test_a_reader_that_has_seen_enough_ends_the_command(engine: Running, here: Path) -> None:
    """`events | head -1` is no failure."""
    with going("events", "-f", "--since", "0", cwd=here) as following:
        assert following.stdout is not None
        following.stdout.readline()
        following.stdout.close()
        coldstart("restart", "tick_preview", "--yes", cwd=here)
        assert 0 == following.wait(PATIENCE_S)
        assert following.stderr is not None
        assert "" == following.stderr.read()
        following.stdout = None


def test_a_restart_touches_one_process(engine: Running, here: Path) -> None:
    """The restarts of all others are as they were."""
    before = {p["name"]: p["restarts"] for p in engine.ask().json["processes"]}
    done = said("restart", "tick_publisher", "--yes", cwd=here)
    coldstart("restart", "ui", "--force", "--yes-i-mean", "ui", cwd=here)
    for _ in range(100):
        after = {p["name"]: p["restarts"] for p in engine.ask().json["processes"]}
        if after["ui"] > before["ui"]:
            break

    assert "tick_publisher is being restarted." == done["said"]
    moved = {name for name in after if after[name] != before[name]}
    assert {"tick_publisher", "ui"} == moved


def test_a_rebuild_is_rehearsed_and_done(here: Path) -> None:
    """A dry run touches nothing; the deed leaves readers where they are until the flip."""
    with held("--data", "rebuilt", cwd=here) as engine:
        said("wait", "--data", "rebuilt", cwd=here)
        question = said("rebuild", "XAU/USD", "--dry-run", "--data", "rebuilt", cwd=here)
        before = coldstart("status", "--json", "--data", "rebuilt", cwd=here).json["generations"]
        said("rebuild", "--all", "--yes-i-mean", "all", "--data", "rebuilt", cwd=here)
        for _ in range(200):
            found = coldstart("status", "--json", "--data", "rebuilt", cwd=here).json
            if set(found["generations"].values()) == {"00000001-0002"}:
                break
        assert engine.process.poll() is None

    assert {"XAU/USD": "00000001-0001", "USD/JPY": "00000001-0001"} == before
    assert "00000001-0001" == question["radius"]["symbols"]["XAU/USD"]["readers_stay_on"]
    assert {"00000001-0002"} == set(found["generations"].values())


REFUSED = [
    (["restart", "poller", "--yes"], 2, ["no process 'poller'", "m1_poller"]),
    (["rebuild", "EUR/USD", "--yes"], 2, ["no symbol 'EUR/USD'"]),
    (["rebuild"], 2, ["--all"]),
    (["rebuild", "XAU/USD", "--all"], 2, ["--all"]),
    (["restart", "ui"], 5, ["Restart ui?", "--yes"]),
    (["restart", "ui", "--force", "--yes"], 5, ["by force", "--yes-i-mean ui"]),
    (["rebuild", "--all", "--yes-i-mean", "everything"], 5, ["--yes-i-mean all"]),
    (["open-gate", "--yes-i-mean", "gate"], 5, ["open already"]),
    (["down"], 5, ["Stop the engine?"]),
    (["why", "XAUUSD"], 2, ["XAUUSD", "did you mean 'XAU/USD'"]),
    (["why", "XAU/USD/M7"], 2, ["XAU/USD/M7"]),
    (["wait", "--for", "tea"], 2, ["tea", "phase:P"]),
    (["wait", "--for", "phase:tea"], 2, ["prime_complete"]),
    (["wait", "--for", "symbol:EUR/USD"], 2, ["EUR/USD", "XAU/USD"]),
]


@dataclass(frozen=True)
class Shell:
    """Commands in this very process: the same but for the interpreter's start."""

    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Done:
        """One to its end."""
        code = 0
        try:
            app(list(arguments))
        except SystemExit as end:
            code = int(end.code or 0)
        return Done(code, *self.capture.readouterr())


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, here: Path) -> Shell:
    """Where the engine's folder is, with nobody at the keyboard."""
    monkeypatch.chdir(here)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return Shell(capsys)


@pytest.mark.parametrize(("arguments", "code", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_refused_is_said(
    engine: Running, shell: Shell, arguments: list[str], code: int, words: list[str]
) -> None:
    """A mistake is 2, a no is 5; nobody is at the keyboard of a script, so silence is no."""
    before = shell.run("status", "--json").json["processes"]
    done = shell.run(*arguments)

    assert code == done.code
    assert [] == [word for word in words if word not in done.err]
    assert before == shell.run("status", "--json").json["processes"]


def test_who_cannot_be_asked_says_no(engine: Running) -> None:
    """A timer closes the streams: that was a traceback, and the question stood in the answer."""
    for closed in ("<&-", "<&- 2>&-"):
        act = f"{sys.executable} -m console restart tick_publisher {closed}"
        done = subprocess.run(
            ["sh", "-c", act],
            capture_output=True,
            cwd=engine.cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert (5, b"") == (done.returncode, done.stdout)


@pytest.mark.parametrize("answer", ["y", "YES", "так"])
def test_a_yes_at_the_keyboard_is_enough_for_an_act(
    engine: Running, shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """And for a destroying one it takes the word itself."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
    asked = shell.run("restart", "tick_publisher")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
    refused = shell.run("restart", "tick_publisher", "--force")
    monkeypatch.setattr("sys.stdin", io.StringIO("tick_publisher\n"))
    forced = shell.run("restart", "tick_publisher", "--force")

    assert (0, 5, 0) == (asked.code, refused.code, forced.code)
    assert "go on undisturbed" in asked.err
    assert "Type 'tick_publisher' to go on" in refused.err


@pytest.mark.parametrize(
    "arguments",
    [["grid"], ["why"], ["wait"], ["events"], ["events", "-f"], ["open-gate"], ["rebuild", "X"]],
    ids=" ".join,
)
def test_without_an_engine_every_command_says_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Exit 3 and how to start one."""
    monkeypatch.setattr("console.shell.looking._GRACE_S", 0.0)
    done = shell.run(*arguments, "--data", "nobody")

    assert 3 == done.code
    assert "No engine answers" in done.err


def test_an_engine_to_look_at_is_looked_at_and_nothing_else(here: Path) -> None:
    """The command line is refused like everybody; a signal still ends it in order."""
    with held("--read-only", "--data", "shown", cwd=here) as engine:
        said("wait", "--data", "shown", cwd=here)
        refused = [
            coldstart(*words, "--data", "shown", cwd=here)
            for words in (
                ["restart", "ui", "--yes"],
                ["rebuild", "XAU/USD", "--yes"],
                ["rebuild", "--all", "--yes-i-mean", "all"],
                ["down", "--yes"],
            )
        ]
        said("rebuild", "XAU/USD", "--dry-run", "--data", "shown", cwd=here)
        engine.process.send_signal(signal.SIGTERM)
        assert 0 == engine.process.wait(PATIENCE_S)

    assert {5} == {done.code for done in refused}
    assert all("--read-only" in done.err for done in refused)


def test_the_schema_of_the_configuration_describes_it(tmp_path: Path) -> None:
    """An editor completes keys and marks a wrong type before the engine does."""
    schema = coldstart("config", "schema", cwd=tmp_path).json

    assert {"symbols", "broker", "bootstrap", "supervisor", "api"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_a_boot_is_recorded(here: Path, engine: Running) -> None:
    """From the snapshot on, one file a boot."""
    (record, *_) = sorted((here / "data_v3" / "boots").glob("*.jsonl"))
    lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]

    assert {"record", "boot_id", "owner_token"} <= set(lines[0])
    assert "snapshot" in lines[1]
    assert {"login", "M1", "D1", "derive", "commit", "prime", "flip"} <= {
        line["span"]["name"] for line in lines if "span" in line
    }
