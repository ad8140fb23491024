"""What a waterfall is asked: the figures add up and nothing is blamed that nobody waited for."""

from __future__ import annotations

import pytest

from engine.boots.analysis import blame, chrome_trace, compared, promises, spent, spent_on_chain
from engine.boots.stages import Asked
from engine.boots.timeline import Span
from engine.boots.waterfall import Waterfall, poured
from tests.engine.builders import GOLD, NOON, YEN


def a_boot(yen_until_s: float = 2.0, ready_s: float | None = 5.0) -> Waterfall:
    """A start of two symbols, the second of which everything waited for."""
    spans = [Span("login", None, 0.0, 0.5)]
    opened_s = yen_until_s + 0.4
    for symbol, m1_s in ((GOLD, 1.0), (YEN, yen_until_s)):
        spans += [
            Span("store", symbol, m1_s - 0.1, m1_s, of="M1"),
            Span("M1", symbol, 0.0, m1_s),
            Span("derive", symbol, m1_s, m1_s + 0.1),
            Span("commit", symbol, m1_s + 0.1, m1_s + 0.2),
            Span("prime", symbol, m1_s + 0.2, m1_s + 0.3, wait_s=0.04),
            Span("flip", symbol, m1_s + 0.3, m1_s + 0.4),
        ]
    spans.append(Span("M1", GOLD, opened_s + 1, opened_s + 3))
    requests = (Asked(GOLD, "M1", 0.5, 0.8), Asked(YEN, "M1", 0.5, 0.9))
    return poured("b1", 7, NOON, opened_s, (ready_s, 0.1), tuple(spans), requests)


def test_what_came_after_the_gate_is_not_blamed() -> None:
    """A rebuild in the afternoon did not delay the morning."""
    stages = blame(a_boot())

    assert ("M1", YEN, 2.0) == (stages[0].name, stages[0].symbol, stages[0].end_s)
    assert 11 == len(stages)


def test_sums_are_those_of_the_stages() -> None:
    """Two views of one boot must not differ."""
    boot = a_boot()
    total_s = sum(stage.wait_s + stage.work_s for stage in boot.start)

    assert pytest.approx(total_s) == sum(one.wait_s + one.work_s for one in spent(boot))
    assert {"login": 1, "M1": 2, "derive": 2} == {
        one.name: one.count for one in spent(boot) if one.name in ("login", "M1", "derive")
    }


def test_the_chain_and_its_gaps_are_the_time_of_the_gate() -> None:
    """Every second until the gate opened is somebody's."""
    boot = a_boot()

    assert pytest.approx(2.4) == sum(one.wait_s + one.work_s for one in spent_on_chain(boot))


def test_a_promise_is_kept_or_missed() -> None:
    """Priming counts from its first call: the turn that was waited for is not the server's."""
    gate, priming = promises(a_boot(ready_s=2.0))

    assert (2.4, 2.0, False) == (round(gate.taken_s, 6), gate.budget_s, gate.is_kept)
    assert (0.12, 0.1, False) == (round(priming.taken_s, 6), priming.budget_s, priming.is_kept)
    assert promises(a_boot(ready_s=None))[0].is_kept


def test_what_became_slower_comes_first() -> None:
    """The eye of an operator falls on the first line."""
    first, *rest = compared(a_boot(), a_boot(yen_until_s=3.0))

    assert ("M1", 1.0) == (first.name, round(first.slower_s, 6))
    assert {0.0} == {round(change.slower_s, 6) for change in rest}


def test_a_stage_that_only_one_boot_had_is_named() -> None:
    """A restart fetches nothing; the cold start before it did."""
    warm = poured("b2", 8, NOON, None, (None, None), (Span("login", None, 0, 1),), ())

    changes = {change.name: change for change in compared(warm, a_boot())}
    assert changes["M1"].a is None
    assert (1.0, 0.5) == (changes["login"].a.work_s, changes["login"].b.work_s)  # type: ignore[union-attr]


def test_a_trace_has_a_track_a_symbol_and_whole_microseconds() -> None:
    """As trace viewers read it."""
    trace = chrome_trace(a_boot())
    events = trace["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}

    assert {0: "critical chain", 1: "platform", 2: GOLD, 3: YEN} == names
    assert {e["tid"] for e in events} == names.keys()
    assert all(type(e["ts"]) is int and e["ts"] >= 0 for e in events if e["ph"] != "M")
    assert {"gate open": 2_400_000, "gate budget": 5_000_000} == {
        e["name"]: e["ts"] for e in events if e["ph"] == "i"
    }
