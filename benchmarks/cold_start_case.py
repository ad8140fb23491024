"""The manners of the simulated broker under which starts are measured: 14 of the 36, named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

JITTER = 0.5
"""Each latency is drawn from so far below to so far above the one that is named."""


class Manners(TypedDict):
    """As `engine.bench.parent.overrides` takes them."""

    latency_ms: float
    slots: int
    page_bars: int
    jitter: float


@dataclass(frozen=True, slots=True)
class Case:
    """One combination."""

    latency_ms: int
    """What a request takes."""
    slots: int
    """Requests that may be under way at once."""
    page_bars: int
    """The most bars of one answer."""
    has_jitter: bool = False
    """Whether latencies are drawn."""

    @property
    def name(self) -> str:
        """As in the tables."""
        jitter = " jitter" if self.has_jitter else ""
        return f"{self.latency_ms} x {self.slots} x {self.page_bars}{jitter}"

    @property
    def manners(self) -> Manners:
        """What the broker is told."""
        return Manners(
            latency_ms=self.latency_ms,
            slots=self.slots,
            page_bars=self.page_bars,
            jitter=JITTER if self.has_jitter else 0.0,
        )


CASES = (
    Case(50, 1, 1_000),
    Case(50, 1, 5_000, has_jitter=True),
    Case(50, 4, 300),
    Case(50, 4, 300, has_jitter=True),
    Case(50, 4, 1_000),
    Case(50, 4, 1_000, has_jitter=True),
    Case(50, 8, 300, has_jitter=True),
    Case(50, 8, 1_000),
    Case(50, 8, 5_000),
    Case(250, 1, 5_000),
    Case(250, 4, 300, has_jitter=True),
    Case(250, 4, 1_000),
    Case(250, 8, 1_000, has_jitter=True),
    Case(250, 8, 5_000),
)
QUICK = (Case(50, 4, 1_000), Case(50, 8, 5_000), Case(250, 8, 1_000, has_jitter=True))
WAYS = (Case(50, 4, 300), Case(50, 1, 300), Case(250, 4, 300, has_jitter=True))
"""Where the slower ways are measured as well: today's pages of 300 bars, at most 4 slots."""
