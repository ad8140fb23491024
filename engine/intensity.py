"""How long to wait before trying again, and when trying has become too often.

The words are OTP's: a child may be restarted `intensity` times within `period_s`; after that
it is held, which here means one try a period, never giving up. A bug is given one restart.
Being ready for long enough forgives everything. Delays grow geometrically,
`min * (max / min) ** (i / 6)`: 0.10, 0.22, 0.46, 1.0, 2.15, 4.64, 10 s by default.
"""

from __future__ import annotations

from dataclasses import dataclass

_STEPS = 6
_FORGIVEN_AFTER_S = 60.0
_BUGS_MAX = 1
JITTER = 0.2
"""Delays are spread by this share, so that many children do not return together."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """A schedule of delays."""

    min_s: float
    """The first delay."""
    max_s: float
    """The longest delay, reached after six steps."""

    def delay_s(self, attempt: int, chance: float = 0.5) -> float:
        """Before attempt 1, 2, … after the first failure; chance in [0, 1) spreads it."""
        step = min(attempt - 1, _STEPS)
        plain_s: float = self.min_s * (self.max_s / self.min_s) ** (step / _STEPS)
        return plain_s * (1 + JITTER * (2 * chance - 1))


@dataclass(frozen=True, slots=True)
class RestartWindow:
    """The recent failures of one child."""

    failed_at_s: tuple[float, ...] = ()
    """When it failed within the last period, by the monotonic clock, oldest first."""
    bug_count: int = 0
    """Bugs since it was last forgiven."""
    is_held: bool = False
    """Whether it failed too often, and was not well for long since."""

    def failed(
        self, at_s: float, period_s: float, intensity: int, *, is_bug: bool = False
    ) -> RestartWindow:
        """One failure more; those older than the period are forgotten, being held is not."""
        recent = (*(t for t in self.failed_at_s if at_s - t < period_s), at_s)
        bug_count = self.bug_count + is_bug
        is_held = self.is_held or len(recent) > intensity or bug_count > _BUGS_MAX
        return RestartWindow(recent, bug_count, is_held)


def forgiven_after_s(last_delay_s: float) -> float:
    """How long a child must be ready so that its earlier failures count no more."""
    return max(_FORGIVEN_AFTER_S, 2 * last_delay_s)


def is_forgiven(ready_for_s: float, last_delay_s: float) -> bool:
    """Whether a child was ready for that long."""
    return ready_for_s >= forgiven_after_s(last_delay_s)
