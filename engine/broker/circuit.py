"""When to stop asking a broker that only fails, and how to find out that it answers again.

    closed ──so many failures in a row──▶ open ──delay──▶ half open ──probe answered──▶ closed
                                           ▲──────────────probe failed, longer delay──┘

While open nothing is sent: requests wait in their lanes instead of failing one by one, and one
probe is sent when the delay is over. One symbol that the broker does not know is no outage,
so the failures must come from two symbols at least, where two were asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from uds.model import Symbol

from ..intensity import Backoff

OPENS_AFTER = 8
"""Failures in a row, without one answer between them."""
RETRY = Backoff(0.5, 5.0)
"""Delays before the probes: the longest is half of what a healed broker may be waited for."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """What the last answers say about the session."""

    failures: int = 0
    """Failures since the last answer."""
    symbols: frozenset[Symbol] = frozenset()
    """Whose requests failed since the last answer."""
    probes: int = 0
    """Delays begun since the last answer."""
    retry_at_s: float | None = None
    """When a probe may be sent, by the monotonic clock; None while closed."""
    is_probing: bool = False
    """Whether the probe is under way."""

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`."""
        if self.retry_at_s is None:
            return "closed"
        return "half_open" if self.is_probing else "open"

    def failed(self, symbol: Symbol, is_probe: bool, at_s: float, asked_symbols: int) -> Circuit:
        """One failure; `asked_symbols` is how many symbols were ever asked for."""
        counted = replace(self, failures=self.failures + 1, symbols=self.symbols | {symbol})
        if self.retry_at_s is not None:
            return counted._opened(at_s) if is_probe else counted
        is_outage = counted.failures >= OPENS_AFTER
        is_everybody = len(counted.symbols) >= min(2, asked_symbols)
        return counted._opened(at_s) if is_outage and is_everybody else counted

    def answered(self) -> Circuit:
        """One answer: all is well."""
        return Circuit()

    def probing(self) -> Circuit:
        """The probe is under way."""
        return replace(self, is_probing=True)

    def abandoned(self) -> Circuit:
        """Who sent the probe is gone; another may be sent."""
        return replace(self, is_probing=False)

    def _opened(self, at_s: float) -> Circuit:
        delay_s = RETRY.delay_s(self.probes + 1)
        return replace(self, probes=self.probes + 1, retry_at_s=at_s + delay_s, is_probing=False)
