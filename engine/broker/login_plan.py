"""When the next login may be tried, kept across the lives of the process that tries.

A crash of that process must not bring a login forward; a restart by the operator means now.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..intensity import Backoff
from .port import LoginFault


@dataclass(slots=True)
class LoginPlan:
    """What the failed logins so far allow."""

    failures: int = 0
    """Logins that failed since the last success or the operator's last restart."""
    due_s: float = float("-inf")
    """When the next one may be tried, by the monotonic clock."""
    crashes: int = 0
    """Crashes of the process that were counted when its last life began."""

    def begins_life(self, crashes: int) -> None:
        """A life begins; unless it follows a crash, the operator wants a login now."""
        if crashes <= self.crashes:
            self.failures, self.due_s = 0, float("-inf")
        self.crashes = crashes

    def failed(
        self, fault: LoginFault, began_s: float, now_s: float, schedule: Backoff, chance: float
    ) -> float:
        """One login failed; seconds until the next.

        A login that was not answered has used its step up while it waited, so the delay counts
        from its beginning.
        """
        self.failures += 1
        delay_s = min(schedule.delay_s(self.failures, chance), schedule.max_s)
        if fault is LoginFault.TIMEOUT:
            delay_s = max(schedule.min_s, delay_s - (now_s - began_s))
        self.due_s = now_s + delay_s
        return delay_s
