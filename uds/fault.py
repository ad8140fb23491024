"""Faults as values, and the plan that says which of them applies to an operation now.

A seam asks the plan before each operation, and says which kinds of fault it can do there; one
it cannot do is neither answered nor counted, so a count proves an injection. The same seed
and the same questions in the same order give the same answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase


class FaultKind(Enum):
    """What happens in place of, or beside, an operation."""

    REFUSE = "refuse"
    """It fails at once: an input/output error, a refused connection."""
    FULL = "full"
    """It fails for want of space."""
    TIME_OUT = "time_out"
    """Nothing is done and nothing is answered."""
    LOSE_REPLY = "lose_reply"
    """It is done, and fails as if it was not."""
    SLOW = "slow"
    """It is done, later."""
    CORRUPT = "corrupt"
    """One bit of what is read is flipped; what is stored stays as it is."""
    CRASH = "crash"
    """The node is killed in the middle of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, and where and how often."""

    kind: FaultKind
    """What happens."""
    operation: str
    """Pattern of its name: `disk.append`, `cache.*`; of a step: `append.Sync`."""
    subject: str = "*"
    """Pattern of the path or symbol it is about."""
    after: int = 0
    """How many operations that match pass before the first is hit."""
    times: int | None = None
    """How many are hit; None means until it is reverted."""
    chance: float = 1.0
    """Probability, 0 to 1, that one whose turn it is is hit; drawn from the seed."""
    delay_s: float = 0.0
    """How much later a SLOW one is done."""
    kept_bytes: int | None = None
    """How much of a write that fails is written none the less; None means it never began."""


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault that applies to the operation the seam asked about."""

    fault: Fault
    """What to do."""
    draw: int
    """64 bits drawn from the seed, the same for the same subject: which bit is flipped."""


class FaultPlan:
    """Which faults are armed, by name; one per simulated node or running engine."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._armed: dict[str, Fault] = {}
        self._matched: dict[str, int] = {}
        self._injected: dict[str, int] = {}

    @property
    def armed(self) -> tuple[str, ...]:
        """Names of the faults that may still be answered, in the order they were armed."""
        return tuple(self._armed)

    def arm(self, name: str, fault: Fault) -> None:
        """Let a fault apply from the next operation on; its counts begin anew."""
        self._armed[name] = fault
        self._matched[name] = self._injected[name] = 0

    def revert(self, name: str) -> None:
        """Let it apply no more, its counts stay; fine when it is not armed."""
        self._armed.pop(name, None)

    def revert_all(self) -> None:
        """Let nothing apply any more."""
        self._armed.clear()

    def injected(self, name: str) -> int:
        """How often a fault was answered since it was armed last, also after its revert."""
        return self._injected.get(name, 0)

    def is_about(self, operation: str) -> bool:
        """Whether an armed fault is about such operations, whatever their subject."""
        return any(fnmatchcase(operation, fault.operation) for fault in self._armed.values())

    def next(self, operation: str, subject: str, able: Set[FaultKind]) -> Injection | None:
        """The fault for this operation, None for none; the first armed that applies wins."""
        for name, fault in self._armed.items():
            if fault.kind in able and self._applies(name, fault, operation, subject):
                self._injected[name] += 1
                return Injection(fault, self._draw(name, subject))
        return None

    def _applies(self, name: str, fault: Fault, operation: str, subject: str) -> bool:
        if not fnmatchcase(operation, fault.operation) or not fnmatchcase(subject, fault.subject):
            return False
        number = self._matched[name]
        self._matched[name] += 1
        is_spent = fault.times is not None and self._injected[name] >= fault.times
        if number < fault.after or is_spent:
            return False
        return fault.chance >= 1.0 or self._draw(name, f"#{number}") < fault.chance * 2**64

    def _draw(self, *of: str) -> int:
        words = "\0".join((str(self._seed), *of)).encode()
        return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "big")
