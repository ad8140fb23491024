"""The readers beside a drill: each thing that must not happen is counted when it does."""

from __future__ import annotations

from typing import Any

from engine.clock import ManualClock
from engine.drills.readers import Newest, Readers
from tests.engine.builders import GOLD, NOON, key, minutes
from uds.model import MINUTE_MS, Bars, Symbol, Timeframe

M1, H1 = key(GOLD, Timeframe.M1), key(GOLD, Timeframe.H1)


def truth(_: Symbol, from_ms: int, until_ms: int) -> Bars:
    """A market that always costs 100."""
    return minutes(from_ms, -(-(until_ms - from_ms) // MINUTE_MS))


def bar(open_ms: int = NOON, price: float = 100.0) -> dict[str, Any]:
    """One bar as the API answers it."""
    return {
        "open_time_ms": open_ms,
        **dict.fromkeys(("o", "h", "low", "c"), price),
        "v": 1,
        "complete": True,
    }


def answer(*bars: dict[str, Any], generation: str = "00000001-0001", seq: int = 3) -> Any:
    """A 200."""
    return {"generation": generation, "seq": seq, "bars": list(bars)}


def some() -> tuple[Readers, Newest]:
    """Readers that have read nothing."""
    return Readers(ManualClock(), (M1, H1), truth), {}


def test_an_answer_that_is_right_breaks_nothing() -> None:
    """Whatever counts good answers as bad would fail every drill."""
    readers, newest = some()
    readers.note(M1, 200, answer(bar(), bar(NOON + MINUTE_MS)), 0.01, newest)
    readers.note(H1, 200, answer(bar(price=7.0)), 0.02, newest)

    assert (2, 1, 0.02) == (readers.facts.given, readers.facts.compared, readers.facts.slowest_s)
    assert () == readers.facts.broken(0.6)


def test_each_invariant_is_counted() -> None:
    """One planted for each."""
    readers, newest = some()
    readers.note(M1, 200, answer(), 0.01, newest)
    assert 1 == readers.facts.empty

    readers, newest = some()
    readers.note(M1, 200, answer(bar(price=101.0)), 0.01, newest)
    assert 1 == readers.facts.wrong

    readers, newest = some()
    readers.note(H1, 200, answer(bar(price=1.0)), 0.01, newest)
    readers.note(H1, 200, answer(bar(price=2.0)), 0.01, newest)
    assert 1 == readers.facts.mixed

    readers, newest = some()
    readers.note(H1, 200, answer(bar(), generation="00000002-0001", seq=0), 0.01, newest)
    readers.note(H1, 200, answer(bar(), generation="00000001-0009", seq=9), 0.01, newest)
    assert 1 == readers.facts.backward

    readers, newest = some()
    readers.note(H1, 503, {"waiting_for": [], "reasons": []}, 0.01, newest)
    readers.note(H1, 503, {"waiting_for": ["redis"], "reasons": []}, 0.01, newest)
    assert (1, 1) == (readers.facts.silent, readers.facts.refused)


def test_two_readers_may_overtake_each_other() -> None:
    """An answer that was on its way is no step back for another reader."""
    readers, first = some()
    second: Newest = {}
    readers.note(H1, 200, answer(bar(), seq=5), 0.01, first)
    readers.note(H1, 200, answer(bar(price=9.0), seq=4), 0.01, second)

    assert () == readers.facts.broken(0.6)
