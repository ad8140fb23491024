"""What a waterfall says when it is asked: whom to blame, where the budget went, what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .critical_path import Link
from .stages import Stage
from .waterfall import Waterfall

_MICRO = 1_000_000
_PID = 1
"""One engine, one process in a trace."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a kind of stage took, all symbols together."""

    name: str
    """The stage's name, or `gap` for time in which nothing was done."""
    count: int
    """How many there were."""
    wait_s: float
    """How long they waited."""
    work_s: float
    """How long they worked."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise about time, and what became of it."""

    name: str
    """`gate` or `priming`."""
    taken_s: float
    """What it took, or has taken so far."""
    budget_s: float | None
    """What was promised; None in a record that does not say."""

    @property
    def is_kept(self) -> bool:
        """Whether it took no longer."""
        return self.budget_s is None or self.taken_s <= self.budget_s


@dataclass(frozen=True, slots=True)
class Change:
    """A kind of stage in two boots; None where a boot had none."""

    name: str
    """The stage's name."""
    a: Spent | None
    """In the first boot."""
    b: Spent | None
    """In the second."""

    @property
    def slower_s(self) -> float:
        """How much longer the second took."""
        return _length_s(self.b) - _length_s(self.a)


def blame(boot: Waterfall) -> tuple[Stage, ...]:
    """Stages of the start, the longest first."""
    return tuple(sorted(boot.start, key=lambda s: s.start_s - s.end_s))


def spent(boot: Waterfall) -> tuple[Spent, ...]:
    """What each kind of stage took, in the order in which they began."""
    return _summed((s.name, s.wait_s, s.work_s) for s in sorted(boot.start, key=_begin))


def spent_on_chain(boot: Waterfall) -> tuple[Spent, ...]:
    """Where the time went that the gate took: kinds of stages on the critical chain, and gaps."""
    chain = boot.critical_chain
    gap_s = sum(link.gap_s for link in chain)
    found = _summed((link.name, link.wait_s, link.work_s) for link in chain)
    return (*found, Spent("gap", sum(link.gap_s > 0 for link in chain), gap_s, 0.0))


def promises(boot: Waterfall) -> tuple[Promise, ...]:
    """The gate and priming against their budgets."""
    primes = [stage for stage in boot.start if stage.name == "prime"]
    prime_s = sum(stage.work_s for stage in primes)  # a turn that is waited for costs nothing
    gate = Promise("gate", boot.until_s, boot.ready_budget_s)
    return (gate, Promise("priming", prime_s, boot.prime_budget_s)) if primes else (gate,)


def compared(a: Waterfall, b: Waterfall) -> tuple[Change, ...]:
    """Each kind of stage in both boots, what became slower first."""
    in_a, in_b = ({one.name: one for one in spent(boot)} for boot in (a, b))
    names = dict.fromkeys((*in_a, *in_b))
    changes = (Change(name, in_a.get(name), in_b.get(name)) for name in names)
    return tuple(sorted(changes, key=lambda change: -change.slower_s))


def chrome_trace(boot: Waterfall) -> dict[str, Any]:
    """The boot for a trace viewer: a track a symbol, on top the chain everything waited for."""
    tracks = {"critical chain": 0, "platform": 1}
    for stage in boot.phases:
        if stage.symbol is not None:
            tracks.setdefault(stage.symbol, len(tracks))
    named = [
        {"name": "thread_name", "ph": "M", "pid": _PID, "tid": tid, "args": {"name": name}}
        for name, tid in tracks.items()
    ]
    chain = [
        _slice(f"{link.name} {link.symbol or ''}".strip(), link.start_s, link.end_s, 0, link)
        for link in boot.critical_chain
    ]
    slices = [
        _slice(one.name, one.start_s, one.end_s, tracks[one.symbol or "platform"], one)
        for one in boot.phases
    ]
    parts = [
        {
            "name": f"{part.of} {part.name}",
            "cat": "part",
            "ph": "X",
            "ts": round(part.start_s * _MICRO),
            "dur": round((part.end_s - part.start_s) * _MICRO),
            "pid": _PID,
            "tid": tracks.get(part.symbol or "platform", 1),
        }
        for part in boot.parts
    ]
    return {
        "displayTimeUnit": "ms",
        "otherData": {"boot_id": boot.boot_id, "owner_token": boot.owner_token},
        "traceEvents": [*named, *chain, *slices, *parts, *_marks(boot)],
    }


def _marks(boot: Waterfall) -> list[dict[str, Any]]:
    moments = (("gate open", boot.opened_gate_after_s), ("gate budget", boot.ready_budget_s))
    return [
        {"name": name, "ph": "i", "s": "g", "ts": round(at_s * _MICRO), "pid": _PID, "tid": 0}
        for name, at_s in moments
        if at_s is not None
    ]


def _slice(name: str, start_s: float, end_s: float, tid: int, of: Stage | Link) -> dict[str, Any]:
    return {
        "name": name,
        "cat": "stage",
        "ph": "X",
        "ts": round(start_s * _MICRO),
        "dur": round((end_s - start_s) * _MICRO),
        "pid": _PID,
        "tid": tid,
        "args": {"wait_s": round(of.wait_s, 4), "work_s": round(of.work_s, 4)},
    }


def _summed(rows: Iterable[tuple[str, float, float]]) -> tuple[Spent, ...]:
    found: dict[str, Spent] = {}
    for name, wait_s, work_s in rows:
        was = found.get(name, Spent(name, 0, 0.0, 0.0))
        found[name] = Spent(name, was.count + 1, was.wait_s + wait_s, was.work_s + work_s)
    return tuple(found.values())


def _begin(stage: Stage) -> float:
    return stage.start_s


def _length_s(one: Spent | None) -> float:
    return 0.0 if one is None else one.wait_s + one.work_s
