"""What came of many runs together: violations, what was seen, and what never was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

COVERAGE: Mapping[str, tuple[str, ...]] = {
    "a cold start": ("started cold",),
    "a catch-up": ("started catch_up",),
    "a partial bootstrap": ("started partial_bootstrap",),
    "a page journal was resumed": ("a page journal was resumed",),
    "a torn tail was recovered": ("TORN_TAIL",),
    "damage was found and quarantined": ("CORRUPT_JSONL",),
    "a hole was found": ("a hole was found",),
    "a state file was not believed": ("STATE_FALLBACK_PREV",),
    "no state file was believed": ("STATE_REBUILT",),
    "a flip's reply was lost": ("a reply was lost: cache.flip",),
    "an extension's reply was lost": ("a reply was lost: cache.extend",),
    "a claim's reply was lost": ("a reply was lost: cache.claim",),
    "a zombie was fenced": ("a zombie was fenced",),
    "Redis was emptied": ("act redis_emptied",),
    "Redis was rolled back": ("Redis was rolled back",),
    "Redis was down": ("REDIS_DOWN",),
    "Redis was silent": ("REDIS_TIMEOUT",),
    "Redis lost data": ("REDIS_REGRESSED",),
    "a disk failed": ("DISK_ERROR",),
    "a disk was full": ("DISK_FULL",),
    "a login was refused": ("BROKER_LOGIN_TRANSIENT",),
    "a login hung": ("BROKER_LOGIN_TIMEOUT",),
    "a login was refused for good": ("BROKER_LOGIN_PERMANENT",),
    "a fetch failed": ("BROKER_FETCH_FAILED",),
    "a fetch hung": ("hit broker fetch_hangs",),
    "an answer was short": ("hit broker short",),
    "an answer was empty": ("hit broker empty",),
    "an answer held bars twice": ("hit broker duplicate",),
    "an answer was unordered": ("hit broker unordered",),
    "a rate limit was met": ("BROKER_RATE_LIMITED",),
    "the clock jumped": ("CLOCK_JUMP",),
    "the loop was held up": ("LOOP_STALLED",),
    "a process failed": ("CHILD_RESTARTING",),
    "a process was held": ("CHILD_HELD",),
    "a process made no progress": ("NO_PROGRESS",),
    "a cascade was empty": ("CASCADE_EMPTY",),
    "a symbol was rebuilt": ("act rebuild",),
    "all were rebuilt": ("act rebuild-all",),
    "power was cut": ("act power_cut",),
    "a kill": ("act kill",),
    "a pause": ("act pause",),
    "the gate was late": ("GATE_OVERDUE",),
    "the gate was open": ("gate open",),
    "the gate was open and degraded": ("gate open_degraded",),
    "the gate was fenced": ("gate fenced",),
    "the gate needed an operator": ("gate needs_operator",),
    "readers were answered": ("answers 200",),
    "readers were refused with a reason": ("answers 503",),
    "Redis was read": ("reads of Redis",),
    "a boot failed": ("boots that failed",),
    "loud in time": ("loud in time",),
}
"""What a full set of runs must have seen, and the counters that prove it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """One run in which something did not hold."""

    case_id: str
    """Its name."""
    violations: tuple[str, ...]
    """What did not hold."""


@dataclass(slots=True)
class Summary:
    """Many runs."""

    runs: int = 0
    """How many."""
    boots: int = 0
    """Starts of the engine."""
    operations: int = 0
    """On disk and Redis."""
    virtual_s: float = 0.0
    """Seconds in there."""
    cpu_s: float = 0.0
    """Seconds out here."""
    runs_by_strategy: Counter[str] = field(default_factory=Counter)
    """How many of each."""
    counts: Counter[str] = field(default_factory=Counter)
    """Everything that was counted."""
    failed: list[Failed] = field(default_factory=list)
    """Runs with violations."""

    def covered(self) -> dict[str, int]:
        """How often each thing was seen that must be."""
        return {
            what: sum(self.counts[counter] for counter in counters)
            for what, counters in COVERAGE.items()
        }

    def unseen(self) -> tuple[str, ...]:
        """What was never seen."""
        return tuple(what for what, count in self.covered().items() if not count)


def digest_lines(digests: Iterable[tuple[str, str]]) -> str:
    """One line a case, in the order of their names: to be compared between processes."""
    return "\n".join(f"{case_id} {digest}" for case_id, digest in sorted(digests))
