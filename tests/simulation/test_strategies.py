"""A few cases of each strategy: everything that must hold holds, and the oracles look."""

from __future__ import annotations

import pytest

from engine.simulation.case import Act, ActKind, BadCase, Case, Strike, case_json, read_case
from engine.simulation.crew import run_set
from engine.simulation.minimise import minimised
from engine.simulation.run import Outcome, run_case
from engine.simulation.story import told
from engine.simulation.strategies import STRATEGIES, case_named, cases_of

_SMALL = {"nemesis": 8, "power": 3, "crash": 4, "cut": 4, "zombie": 4}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_small_set_holds(strategy: str) -> None:
    """The nightly run takes thousands; these say that nothing is plainly broken."""
    heard: list[Outcome] = []

    summary = run_set(strategy, _SMALL[strategy], 3, 90, 1, heard.append)

    assert [] == summary.failed
    assert _SMALL[strategy] <= summary.runs + 1
    assert len(heard) == summary.runs
    assert summary.boots >= summary.runs
    assert 0 < summary.counts["answers 200"]


def test_operations_are_gone_through_one_by_one() -> None:
    """Every operation of both lives has a case of its own, which can be run alone."""
    cases = list(cases_of("crash", 1_000, 2, 60, lambda case: (4, 6)))

    assert [(0, 1, n) for n in range(4)] + [(1, 2, n) for n in range(6)] == [
        (case.seed, case.strike.boot, case.strike.operation) for case in cases if case.strike
    ]
    assert cases[7] == case_named(cases[7].id, None, 2, 60)


@pytest.mark.parametrize("text", ["", "x", "crash:1", "7@1.2", "nemesis:7@1.2", "bogus:1"])
def test_what_names_no_case_is_said(text: str) -> None:
    """A typing error must not run some other case."""
    with pytest.raises(BadCase):
        case_named(text, None, 3, 90)


def test_a_case_survives_its_file() -> None:
    """A regression file must bring back the very run that failed."""
    acts = (Act(1.5, ActKind.BROKER, 2.0, "short"), Act(3.0, ActKind.KILL, 0.0, "", 1.0))
    for case in (Case("nemesis", 7, acts=acts), Case("cut", 1, strike=Strike(2, 9, ActKind.KILL))):
        assert case == read_case(case_json(case, "why"))
    with pytest.raises(BadCase):
        read_case('{"schema": 1}')


def test_a_failing_case_is_made_small() -> None:
    """Of seven faults usually one is needed, and a human has to read what is left."""
    kinds = (ActKind.STALL, ActKind.KILL, ActKind.BUG, ActKind.REDIS_SILENT, ActKind.PAUSE)
    case = Case("nemesis", 1, acts=tuple(Act(float(n), k, 8.0) for n, k in enumerate(kinds)))

    small = minimised(case, lambda c: any(a.kind is ActKind.REDIS_SILENT for a in c.acts or ()))

    assert (Act(3.0, ActKind.REDIS_SILENT, 1.0),) == small.acts


def test_the_story_says_what_was_done_and_what_the_engine_said() -> None:
    """A violation without its story is a riddle."""
    outcome = run_case(Case("nemesis", 0, 1, 60, acts=(Act(2.0, ActKind.REDIS_SILENT, 4.0),)))
    lines = list(told(outcome.story))

    assert () == outcome.violations
    assert any("NEMESIS" in line and "redis_silent" in line for line in lines)
    assert any("REDIS_TIMEOUT" in line for line in lines)
    assert any("gate open_degraded" in line for line in lines)
