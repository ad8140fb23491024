"""Steps timed in turn like `rounds`, but each may be prepared, and any two may be compared.

What writes to a disk or a server changes what it works on, so a turn may begin with a
preparation that is not timed. Times are kept round by round: the ratio of two steps is the
median over the rounds of the ratio within a round, whichever two they are.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to be timed."""

    work: Callable[[], object]
    """One pass."""
    prepare: Callable[[], object] | None = None
    """Done before each pass, not timed; None when a pass leaves all as it was."""
    units: float = 1
    """How much a pass works off, of whatever the steps are compared by."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Seconds of one pass, round by round."""

    found: Mapping[str, tuple[float, ...]]
    """By name of the step; all have as many rounds."""
    units: Mapping[str, float]
    """By name of the step."""

    def pass_s(self, name: str) -> float:
        """Median time of one pass."""
        return median(self.found[name])

    def ratio(self, name: str, to: str) -> float:
        """How many times as long a step takes as another, per unit of work."""
        mine, theirs = self.units[name], self.units[to]
        rounds = zip(self.found[name], self.found[to], strict=True)
        return median((a / mine) / (b / theirs) for a, b in rounds)


def take_turns(steps: Mapping[str, Step], rounds: int, least_s: float = 0.0) -> Turns:
    """Time every step once a round, beginning with another one each time.

    A step without a preparation is passed through once untimed, then repeated for `least_s`.
    """
    names = list(steps)
    found: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            gc.collect()
            found[name].append(_turn_s(steps[name], least_s))
    gc.unfreeze()
    return Turns(
        {name: tuple(seconds) for name, seconds in found.items()},
        {name: step.units for name, step in steps.items()},
    )


def _turn_s(step: Step, least_s: float) -> float:
    if step.prepare is not None:
        step.prepare()
        return _once_s(step.work)
    step.work()
    total_s, count = 0.0, 0
    while not count or total_s < least_s:
        total_s += _once_s(step.work)
        count += 1
    return total_s / count


def _once_s(work: Callable[[], object]) -> float:
    begun_s = time.perf_counter()
    work()
    return time.perf_counter() - begun_s
