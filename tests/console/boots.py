"""Two scripted boots for the timeline page: one that is late, and the faster one before it."""

from __future__ import annotations

from engine.boots.stages import Asked
from engine.boots.timeline import Span
from engine.boots.waterfall import Waterfall, poured, waterfall_json

from .scenes import OPENED_MS, SYMBOLS

_FETCH_S = 0.55


def timeline_of_a_boot() -> dict[str, object]:
    """What the operation `timeline` answers."""
    late, before = a_boot(42, 1.0, 8.0), a_boot(41, 0.8, None)
    return {**waterfall_json(late), "before": waterfall_json(before)}


def a_boot(token: int, pace: float, ready_s: float | None) -> Waterfall:
    """Thirteen symbols, one after the other at the broker; the last one is the slowest."""
    spans = [Span("login", None, 0.1, 0.6 * pace)]
    requests: list[Asked] = []
    end_s = 0.0
    for at, symbol in enumerate(SYMBOLS):
        sent_s = (0.6 + at * _FETCH_S) * pace
        m1_s = sent_s + _FETCH_S * pace
        requests += [Asked(symbol, "D1", sent_s, sent_s + 0.1), Asked(symbol, "M1", sent_s, m1_s)]
        end_s = m1_s + 0.45 * pace
        spans += [
            Span("D1", symbol, 0.1, sent_s + 0.1),
            Span("store", symbol, m1_s - 0.05, m1_s, of="M1"),
            Span("M1", symbol, 0.1, m1_s),
            Span("derive", symbol, m1_s, m1_s + 0.2 * pace),
            Span("commit", symbol, m1_s + 0.2 * pace, m1_s + 0.25 * pace),
            Span("prime", symbol, m1_s + 0.25 * pace, m1_s + 0.4 * pace, wait_s=0.05),
            Span("flip", symbol, m1_s + 0.4 * pace, end_s),
        ]
    who = f"b{token}", token, OPENED_MS
    return poured(*who, end_s, (ready_s, 8.0), tuple(spans), tuple(requests))
