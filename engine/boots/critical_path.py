"""Why a start took as long as it did: the one chain of stages that everything waited for.

Theory of operation. A symbol goes through login → M1 → derive → commit → prime → flip, and its
D1 runs beside M1 and derive until the commit. The gate opens with the last flip. Walking back
from that flip, the stage before is the one of those it had to await that ended last. What lies
between the end of one and the beginning of the next is a gap: nobody worked on this symbol
although nothing was missing. A stage that began before its predecessor had ended (M1 is queued
while the login is under way) counts from there on: until then it was the login's time.

Making any stage outside the chain faster changes nothing; that is what it is good for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from uds.model import Symbol

from .stages import Stage

_AWAITED = {
    "flip": ("prime",),
    "prime": ("commit",),
    "commit": ("derive", "D1"),
    "derive": ("M1",),
    "M1": ("login",),
    "D1": ("login",),
}
_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True)
class Link:
    """One stage of the chain."""

    name: str
    """The stage's name."""
    symbol: Symbol | None
    """None when it is the platform's."""
    start_s: float
    """From when on it was what everything waited for, in seconds since the engine opened."""
    gap_s: float
    """For how long nothing was done before that although nothing was missing."""
    wait_s: float
    """How much of the stage was waiting."""
    work_s: float
    """How much of it was work."""
    end_s: float
    """When it ended."""


def critical_chain(stages: Sequence[Stage], opened_gate_after_s: float | None) -> tuple[Link, ...]:
    """From the beginning to the flip that opened the gate; empty while there is none.

    `opened_gate_after_s` leaves out what came later, for example a rebuild; None takes all.
    """
    done = [s for s in stages if s.name == "flip" and _is_before(s.end_s, opened_gate_after_s)]
    if not done:
        return ()
    at = max(done, key=lambda stage: stage.end_s)
    chain = [at]
    while (before := _awaited(at, stages)) is not None:
        chain.append(before)
        at = before
    return tuple(_links(reversed(chain)))


def _is_before(end_s: float, limit_s: float | None) -> bool:
    # the gate's time is of the wall clock in milliseconds, a span's is not
    return limit_s is None or end_s <= limit_s + 0.01


def _awaited(stage: Stage, stages: Iterable[Stage]) -> Stage | None:
    """The stage that ended last among those it had to wait for."""
    names = _AWAITED.get(stage.name, ())
    candidates = [
        other
        for other in stages
        if other.name in names
        and other.symbol in (None, stage.symbol)
        and other.end_s <= (stage.end_s if "login" in names else stage.start_s) + _TOLERANCE_S
    ]
    return max(candidates, key=lambda other: other.end_s, default=None)


def _links(chain: Iterable[Stage]) -> Iterable[Link]:
    reached_s = 0.0
    for stage in chain:
        start_s = max(stage.start_s, reached_s)
        work_s = min(stage.work_s, max(0.0, stage.end_s - start_s))
        wait_s = max(0.0, stage.end_s - start_s - work_s)
        gap_s = start_s - reached_s
        yield Link(stage.name, stage.symbol, start_s, gap_s, wait_s, work_s, stage.end_s)
        reached_s = max(reached_s, stage.end_s)
