"""`coldstart-console bench`: a table that grows, or one object, and no verdict in its code."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

import pytest
from typer.testing import CliRunner

import engine
from console.cli import app
from engine.bench.parent import BenchFailed
from engine.bench.quick import Finding

FINDINGS = (
    Finding("cold start: all", 1.031, 1.05, "x", "1.598 s of 1.550"),
    Finding("cold start: first symbol", 1.2, 1.08, "x"),
    Finding("/api/bars, cpu of an answer of 300 bars", 45.25, None, "us"),
)


async def some_findings() -> AsyncGenerator[Finding, None]:
    """Three figures, one of them missed."""
    for finding in FINDINGS:
        yield finding


async def half_of_it() -> AsyncGenerator[Finding, None]:
    """A child fails after the first figure."""
    yield FINDINGS[0]
    raise BenchFailed("The server that was to be measured ended.")


def test_each_figure_is_a_line_beside_what_it_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person judges, so a target that was missed is said and is no failure."""
    monkeypatch.setattr(engine, "quick_set", some_findings)
    done = CliRunner().invoke(app, ["bench", "--quiet"])
    lines = done.stdout.splitlines()

    assert 0 == done.exit_code
    assert 3 == len(lines)
    words = "cold start: all 1.031 x <= 1.05 x reached 1.598 s of 1.550"
    assert words == " ".join(lines[0].split())
    assert lines[1].endswith("<= 1.08 x  MISSED")
    assert lines[2].endswith("45.250 us")


def test_a_script_gets_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are kept and compared from release to release."""
    monkeypatch.setattr(engine, "quick_set", some_findings)
    done = CliRunner().invoke(app, ["--json", "bench", "--quiet"])
    document = json.loads(done.stdout)

    assert 0 == done.exit_code
    assert {"schema", "load_before", "findings"} == document.keys()
    assert [True, False, True] == [one["reached"] for one in document["findings"]]
    assert "cold start: all" == document["findings"][0]["name"]


def test_what_was_measured_before_a_failure_stays_on_the_screen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half a minute is long; and the sentence says why there is no more."""
    monkeypatch.setattr(engine, "quick_set", half_of_it)
    done = CliRunner().invoke(app, ["bench"])

    assert 6 == done.exit_code
    assert 1 == len(done.stdout.splitlines())
    assert "The server that was to be measured ended." in done.stderr
    assert "Load average before" in done.stderr
