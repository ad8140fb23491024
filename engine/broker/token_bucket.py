"""How often one may ask: a token bucket as a function of the moment, exact and without timers."""

from __future__ import annotations

_ROUNDING_S = 1e-9
"""Less than any wait: who waited exactly as told must not be refused for the last bit."""


class TokenBucket:
    """Tokens come at a steady rate up to `burst` of them; full at first."""

    def __init__(self, rate_per_s: float, burst: int) -> None:
        """`burst` is at least one; a rate of zero or less has no meaning."""
        assert rate_per_s > 0
        assert burst >= 1
        self._interval_s = 1 / rate_per_s
        self._burst_s = burst * self._interval_s
        self._full_at_s = float("-inf")

    def take(self, now_s: float) -> float:
        """Take one token and return 0, or take none and return the seconds until there is one."""
        full_at_s = max(self._full_at_s, now_s) + self._interval_s
        wait_s = full_at_s - now_s - self._burst_s
        if wait_s > _ROUNDING_S:
            return wait_s
        self._full_at_s = full_at_s
        return 0.0
