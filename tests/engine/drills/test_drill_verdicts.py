"""The verdict of a drill: every part of the hypothesis can make it fail, and doubt is no pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.drills.facts import VariantFacts, judged
from engine.drills.shape import Place, Verdict
from engine.sayings import saying

from .builders import GOOD, drill, facts, readers

FAILS = [
    (facts(loud_s=None, code=None), "no reason was said"),
    (facts(loud_s=1.81), "REDIS_DOWN after 1.81 s, not 1.80 s"),
    (facts(stood=False), "cleared while the fault was in"),
    (facts(recovered_s=None), "not well again within 1.5 s"),
    (facts(recovered_s=1.51), "well after 1.51 s"),
    (facts(wider=(saying("restarted", "ui"),)), "ui restarted"),
    (facts(failed=(saying("logins", 2),)), "2 logins were tried"),
    (facts(left=(saying("server_stopped"),)), "still stopped"),
    (readers(empty=1), "1 answers without bars"),
    (readers(silent=2), "2 refusals without a ground"),
    (readers(mixed=1), "mix generations"),
    (readers(backward=1), "older generation"),
    (readers(wrong=3), "3 answers with a wrong bar"),
    (readers(slowest_s=0.61), "a reader waited 0.61 s"),
]
DOUBTS = [
    (facts(was_well=False), "all was not well before"),
    (facts(injected=0), "the fault befell nothing"),
    (facts(aborted=saying("aborted", "pid 7")), "it was aborted by pid 7"),
    (readers(given=1, refused=0), "readers asked only 1 times"),
    (facts(reads_meanwhile_needed=1), "asked only 0 times while it was in"),
    (facts(compares_needed=10), "no answer was held against the source"),
    (facts(was_over=True), "all was well before the fault was taken out"),
]


def test_a_drill_of_which_all_holds_passes() -> None:
    """Else nothing ever would."""
    assert (Verdict.PASS, None) == judged(GOOD)
    assert Verdict.PASS is drill(GOOD, GOOD).judged[0]


@pytest.mark.parametrize(("measured", "ground"), FAILS, ids=[ground for _, ground in FAILS])
def test_each_part_of_the_hypothesis_can_fail_alone(measured: VariantFacts, ground: str) -> None:
    """A verdict that cannot fail says nothing when it passes."""
    verdict, why = judged(measured)

    assert Verdict.FAIL is verdict
    assert ground in str(why)


@pytest.mark.parametrize(("measured", "ground"), DOUBTS, ids=[ground for _, ground in DOUBTS])
def test_what_proves_nothing_is_neither_pass_nor_fail(measured: VariantFacts, ground: str) -> None:
    """A fault that befell nobody was not survived."""
    verdict, why = judged(measured)

    assert Verdict.INCONCLUSIVE is verdict
    assert ground in str(why)


def test_what_broke_before_an_abort_is_still_broken() -> None:
    """An operator who sees damage and aborts must not turn it into doubt."""
    wider = (saying("gate_was", "closed"),)
    measured = facts(aborted=saying("aborted", "pid 7"), wider=wider, recovered_s=None)

    assert Verdict.FAIL is judged(measured)[0]


def test_an_abort_is_not_blamed_for_what_had_no_time_to_happen() -> None:
    """The reason had not been said, nothing had healed: nobody knows whether it would have."""
    measured = facts(aborted=saying("aborted", "pid 7"), loud_s=None, recovered_s=None)

    assert Verdict.INCONCLUSIVE is judged(measured)[0]


def test_a_quiet_drill_needs_no_reason() -> None:
    """A short answer is asked on; there is nothing to say."""
    assert Verdict.PASS is judged(facts(wants_reason=False, code=None, loud_s=None))[0]


def test_the_drill_is_as_bad_as_its_worst_variant() -> None:
    """One way of failing that is not survived is enough."""
    late, doubt = facts(loud_s=9.0), facts(injected=0)

    assert Verdict.FAIL is drill(GOOD, late, doubt).judged[0]
    assert Verdict.INCONCLUSIVE is drill(GOOD, doubt).judged[0]
    crashed = drill(GOOD, trouble=saying("itself_failed", "KeyError: 'F0'"))
    assert Verdict.INCONCLUSIVE is crashed.judged[0]
    assert "The drill itself failed: KeyError: 'F0'." == crashed.why


def test_a_drill_of_which_nothing_was_run_is_no_pass() -> None:
    """An empty conjunction is true, and would be a lie."""
    nothing = drill(GOOD)
    nothing = type(nothing)("F2", Place.LIVE, ())

    assert Verdict.INCONCLUSIVE is nothing.judged[0]


def test_a_drill_of_which_a_part_was_not_run_is_no_pass() -> None:
    """Three ways of failing were promised in the question."""
    partly = replace(drill(GOOD), planned=3)

    assert Verdict.INCONCLUSIVE is partly.judged[0]
    assert "1 of 3 ways of failing were run" in partly.why
    assert Verdict.PASS is replace(drill(GOOD), planned=1).judged[0]


def test_the_outcome_names_the_slowest_variant() -> None:
    """A table of times that shows the best one would promise too much."""
    outcome = drill(GOOD, facts(loud_s=0.7, recovered_s=0.2)).outcome(1_000)

    assert (0.7, 0.4) == (outcome.loud_s, outcome.recovered_s)
    assert (Verdict.PASS, 1_000) == (outcome.verdict, outcome.ended_ms)
