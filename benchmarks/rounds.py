"""Variants timed in turn, round after round, so that a busy second hits all of them alike.

A round times every variant once, beginning with another one each time, and gives one ratio
per variant against the yardstick of the same round. A turn begins with a pass that is not
timed, because the turn before left the caches full of other things. The report is the median
of these ratios; a median of times divided by a median of times would mix quiet and busy rounds.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Timed:
    """What one variant came to over all rounds."""

    pass_s: float
    """Median time of one pass."""
    ratio: float
    """Median over the rounds of its time per unit of work divided by the yardstick's."""


def in_turn(
    passes: Mapping[str, tuple[Callable[[], object], int]],
    yardstick: str,
    rounds: int,
    least_s: float,
) -> dict[str, Timed]:
    """Time each pass; `passes` gives for each name the call and how many units it works off.

    In a round a call is repeated until `least_s` have passed.
    """
    names = list(passes)
    found: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()
    for number in range(rounds):
        for name in _rotated(names, number):
            gc.collect()
            found[name].append(_pass_s(passes[name][0], least_s))
    gc.unfreeze()
    per_unit = {name: [s / passes[name][1] for s in found[name]] for name in names}
    return {
        name: Timed(
            median(found[name]),
            median(a / b for a, b in zip(per_unit[name], per_unit[yardstick], strict=True)),
        )
        for name in names
    }


def _rotated(names: Sequence[str], by: int) -> list[str]:
    first = by % len(names)
    return [*names[first:], *names[:first]]


def _pass_s(call: Callable[[], object], least_s: float) -> float:
    call()
    count = 0
    begun_s = time.perf_counter()
    while True:
        call()
        count += 1
        elapsed_s = time.perf_counter() - begun_s
        if elapsed_s >= least_s:
            return elapsed_s / count
