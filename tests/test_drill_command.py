"""`drill` on the command line: list, sandbox and live runs, exit codes, refusals."""

from __future__ import annotations

import json
import os
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import NO_DEPTH, Running, coldstart, held

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
IDS = [*(f"F{n}" for n in range(1, 11)), *(f"Z{n}" for n in range(1, 8))]


@pytest.fixture
def here() -> Iterator[Path]:
    """A working folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


@pytest.fixture
def small(here: Path) -> Path:
    """The same with a small configuration of a production."""
    document = {"symbols": ["XAU/USD", "USD/JPY"], "bootstrap": NO_DEPTH, "env": "prod"}
    (here / "config.json").write_text(json.dumps(document))
    return here


def test_the_list_needs_no_engine(here: Path) -> None:
    """An operator reads it before anything runs."""
    told = coldstart("drill", "list", cwd=here)
    document = coldstart("drill", "list", "--json", cwd=here).json

    assert 0 == told.code
    assert IDS == [drill["id"] for drill in document["drills"]]
    assert all(drill["title"] in told.out for drill in document["drills"])
    assert not (here / "data_v3").exists()


def test_a_sandbox_run_is_reported_kept_and_written_for_builds(here: Path) -> None:
    """JSON on stdout alone, progress on stderr, a page of the history in the data folder."""
    done = coldstart("drill", "run", "Z4", "--json", "--junit", "drills.xml", cwd=here)
    (drill,) = done.json["drills"]

    assert (0, 1, "Z4", "PASS") == (done.code, done.json["schema"], drill["id"], drill["verdict"])
    assert drill["loud_s"] > 0
    assert drill["facts"]["variants"][0]["injected"] == 1
    assert "Z4 PASS" in done.err
    suite = ET.parse(here / "drills.xml").getroot()[0]
    assert ("1", "0", "0") == tuple(suite.attrib[n] for n in ("tests", "failures", "errors"))
    (page,) = (here / "data_v3/drills").iterdir()
    kept = json.loads(page.read_text())
    assert ("Z4", "sandbox", "PASS") == tuple(kept[name] for name in ("id", "place", "verdict"))


def test_what_cannot_be_run_says_so_with_its_own_exit_code(here: Path) -> None:
    """A script must tell a typing error from an engine that is not there."""
    unknown = coldstart("drill", "run", "F11", cwd=here)
    nobody = coldstart("drill", "run", "F2", "--live", "--yes-i-mean", "F2", cwd=here)
    unwritable = coldstart("drill", "abort", "--yes", cwd=here)

    assert (2, 3, 3) == (unknown.code, nobody.code, unwritable.code)
    assert "F11" in unknown.err
    assert "Z7" in unknown.err


def _live(engine: Running, *arguments: str) -> Any:
    return coldstart("drill", "run", "F4", "--live", *arguments, "--json", cwd=engine.cwd)


def test_a_live_run_wants_its_word_and_on_a_production_another(small: Path) -> None:
    """Refused three times with 5, then run, followed and reported."""
    with held("--at", "2026-01-14T12:00:05Z", cwd=small) as engine:
        engine.until(0)
        forbidden = _live(engine, "--yes-i-mean", "F4")
        unsaid = _live(engine, "--allow-drills")
        sandboxed = coldstart("drill", "run", "Z1", "--live", "--yes-i-mean", "Z1", cwd=small)
        idle = coldstart("drill", "abort", "--yes", cwd=small)
        done = _live(engine, "--allow-drills", "--yes-i-mean", "F4")

    assert [5, 5, 5, 5] == [one.code for one in (forbidden, unsaid, sandboxed, idle)]
    assert "--allow-drills" in forbidden.err
    assert "--yes-i-mean F4" in unsaid.err
    assert "no live run" in sandboxed.err
    (drill,) = done.json["drills"]
    assert (0, "F4", "PASS") == (done.code, drill["id"], drill["verdict"]), drill["facts"]["why"]
    assert ("live", "REDIS_DOWN") == (
        drill["facts"]["place"],
        drill["facts"]["variants"][0]["code"],
    )


@pytest.mark.skipif(not NIGHTLY, reason="takes minutes: all seventeen are the night's")
def test_all_seventeen_pass(here: Path) -> None:
    """The whole rehearsal, as the README offers it."""
    done = coldstart("drill", "run", "all", "--json", cwd=here)
    verdicts = {drill["id"]: drill["verdict"] for drill in done.json["drills"]}

    assert dict.fromkeys(IDS, "PASS") == verdicts
    assert 0 == done.code
