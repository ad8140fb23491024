"""How often each gap was tried, and when it may be tried again: a few times, then once an hour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from uds.model import MINUTE_MS

REPAIRS_MAX = 5
"""Attempts on a gap, one with each poll; then one an hour."""
REST_MS = 60 * MINUTE_MS

Gap = tuple[int, int]
"""Half-open [from_ms, until_ms)."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """What was tried on one gap."""

    attempts: int
    """How many there were."""
    due_ms: int
    """When the next attempt may be made, UTC ms."""


class Repairs:
    """The gaps of one series that were tried and are not full."""

    def __init__(self) -> None:
        self._tried: dict[Gap, _Tried] = {}

    def begin(self, gap: Gap, now_ms: int) -> bool:
        """Whether a gap may be tried now; counts the attempt."""
        before = self._tried.get(gap, _Tried(0, 0))
        if now_ms < before.due_ms:
            return False
        attempts = before.attempts + 1
        rest_ms = REST_MS if attempts >= REPAIRS_MAX else 0
        self._tried[gap] = _Tried(attempts, now_ms + rest_ms)
        return True

    def left(self, gaps: Iterable[Gap]) -> int:
        """Forget those that are not there any more; the attempts on the most stubborn one."""
        there = set(gaps)
        self._tried = {gap: tried for gap, tried in self._tried.items() if gap in there}
        return max((tried.attempts for tried in self._tried.values()), default=0)
