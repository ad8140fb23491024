"""What took how long in a start: its spans, and the floor that no start can beat."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from uds.model import Symbol

KEPT_SPANS = 4_096


@dataclass(frozen=True, slots=True)
class Span:
    """One stage of one symbol, in seconds since the engine opened."""

    name: str
    """login, D1, M1, store, derive, commit, prime or flip."""
    symbol: Symbol | None
    """None when it is the platform's."""
    start_s: float
    """When it began."""
    end_s: float
    """When it ended."""
    wait_s: float = 0.0
    """How much of it was waiting, as far as whoever noted it knows."""
    of: str | None = None
    """The stage it is a part of, by name; None when it is a stage itself."""


class Timeline:
    """The spans of this boot, in the order they ended; the oldest of very many are forgotten."""

    def __init__(self, kept: int = KEPT_SPANS) -> None:
        self._spans: deque[Span] = deque(maxlen=kept)
        self.noted_count = 0
        """How many there ever were."""

    @property
    def spans(self) -> tuple[Span, ...]:
        """Those that are kept."""
        return tuple(self._spans)

    def note(self, span: Span) -> None:
        """Add one; later boots compare them."""
        self._spans.append(span)
        self.noted_count += 1

    def after(self, count: int) -> tuple[Span, ...]:
        """Those noted since there were `count`, as far as they are kept."""
        fresh = min(self.noted_count - count, len(self._spans))
        return tuple(self._spans)[len(self._spans) - fresh :]


def replay_floor_s(login_s: float, latencies_s: Iterable[float], slots: int) -> float:
    """The least time these very requests could have taken: ideal slots, no local cost.

    The latencies are list-scheduled in the order they were sent; with one constant latency
    this is `login + ceil(requests / slots) * latency`.
    """
    free_at_s = [login_s] * slots
    for latency_s in latencies_s:
        heapq.heapreplace(free_at_s, free_at_s[0] + latency_s)
    return max(free_at_s)
