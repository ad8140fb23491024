"""Makes a failing case small: what is not needed for its violation is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .case import Act, Case

Fails = Callable[[Case], bool]
"""Whether a case still fails."""
_RUNS_MAX = 200


def minimised(case: Case, fails: Fails) -> Case:
    """The same case with as few acts, each as short, as still fail; it must fail itself."""
    budget = [_RUNS_MAX]

    def does(candidate: Case) -> bool:
        budget[0] -= 1
        return budget[0] >= 0 and fails(candidate)

    smaller = _fewer(case, does)
    if smaller.strike is None:
        return _shorter(smaller, does)
    return smaller


def _fewer(case: Case, fails: Fails) -> Case:
    """Drop halves, then quarters, then single acts, as long as it goes on failing."""
    acts = case.acts or ()
    size = max(1, len(acts) // 2)
    while acts:
        for start in range(0, len(acts), size):
            rest = acts[:start] + acts[start + size :]
            if fails(case.with_acts(rest)):
                acts = rest
                break
        else:
            if size == 1:
                break
            size = max(1, size // 2)
    return case.with_acts(acts)


def _shorter(case: Case, fails: Fails) -> Case:
    """Let each act hold half as long, and once more, as long as it goes on failing."""
    acts = list(case.acts or ())
    for index, act in enumerate(acts):
        for _ in range(3):
            shorter = replace(act, for_s=round(act.for_s / 2, 3))
            if not act.for_s or not fails(case.with_acts(_put(acts, index, shorter))):
                break
            act = acts[index] = shorter
    return case.with_acts(tuple(acts))


def _put(acts: list[Act], index: int, act: Act) -> tuple[Act, ...]:
    return (*acts[:index], act, *acts[index + 1 :])
