"""What took how long in a start: its spans, and the floor that no start can beat."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from uds.model import Symbol


@dataclass(frozen=True, slots=True)
class Span:
    """One stage of one symbol, in seconds since the engine opened."""

    name: str
    """login, D1, M1, derive, commit, prime or flip."""
    symbol: Symbol | None
    """None when it is the platform's."""
    start_s: float
    """When it began."""
    end_s: float
    """When it ended."""


@dataclass(slots=True)
class Timeline:
    """The spans of this boot, in the order they ended."""

    spans: list[Span] = field(default_factory=list)
    """All of them so far."""

    def note(self, span: Span) -> None:
        """Add one; later boots compare them."""
        self.spans.append(span)


def replay_floor_s(login_s: float, latencies_s: Iterable[float], slots: int) -> float:
    """The least time these very requests could have taken: ideal slots, no local cost.

    The latencies are list-scheduled in the order they were sent; with one constant latency
    this is `login + ceil(requests / slots) * latency`.
    """
    free_at_s = [login_s] * slots
    for latency_s in latencies_s:
        heapq.heapreplace(free_at_s, free_at_s[0] + latency_s)
    return max(free_at_s)
