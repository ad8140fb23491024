"""How fast a start could have been at best: its own requests on slots that lose no time.

Made anew from the latencies that were drawn, one request after another onto whichever slot is
free first. The engine makes its own floor elsewhere, so that one can be held against the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapreplace


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was answered."""

    symbol: str
    """Whose bars it asked for."""
    timeframe: str
    """`M1` or `D1`."""
    latency_s: float
    """What the broker took, as it was drawn."""


def ends_s(login_s: float, latencies_s: Iterable[float], slots: int) -> list[float]:
    """When each is answered, in seconds since the login began."""
    free_s = [login_s] * slots
    found: list[float] = []
    for latency_s in latencies_s:
        found.append(free_s[0] + latency_s)
        heapreplace(free_s, found[-1])
    return found


def all_floor_s(login_s: float, requests: Sequence[Request], slots: int) -> float:
    """No start that makes these requests ends sooner."""
    return max(ends_s(login_s, (r.latency_s for r in requests), slots), default=login_s)


def first_floor_s(login_s: float, requests: Sequence[Request], slots: int) -> float:
    """When a first symbol could have had all its bars: the days of all, then its minutes.

    That symbol is the one with the fewest pages, whichever the engine took. Whether it asked in
    that order does not matter here: the latencies are those drawn first.
    """
    days = sum(r.timeframe == "D1" for r in requests)
    pages = min(Counter(r.symbol for r in requests if r.timeframe == "M1").values(), default=0)
    ends = ends_s(login_s, (r.latency_s for r in requests[: days + pages]), slots)
    return max(ends[days:] or ends, default=login_s)
