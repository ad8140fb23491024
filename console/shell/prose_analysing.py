"""What recorded boots waited for, as a person reads it in a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moments import stamp
from .prose_looking import drawable

if TYPE_CHECKING:
    from engine import Spent, Waterfall

_BLAMED_MAX = 30


def chain_prose(boot: Waterfall) -> str:
    """The stages that everything waited for, in their order."""
    if not boot.critical_chain:
        return drawable(f"{_who(boot)}\nno symbol was served: there is no chain")
    lines = [_who(boot), f"{'STAGE':<9}{'SYMBOL':<10}{'FROM':>8}{'GAP':>8}{'WAIT':>8}{'WORK':>8}"]
    for link in boot.critical_chain:
        figures = (link.start_s, link.gap_s, link.wait_s, link.work_s)
        lines.append(f"{link.name:<9}{link.symbol or 'platform':<10}{_figures(*figures)}")
    lines.append(f"{'served':<19}{_figures(boot.critical_chain[-1].end_s)}")
    return drawable("\n".join(lines))


def blame_prose(boot: Waterfall) -> str:
    """The longest stages, and all of each kind together."""
    from engine import blame, spent

    lines = [_who(boot), f"{'STAGE':<9}{'SYMBOL':<10}{'TOOK':>8}{'WAIT':>8}{'WORK':>8}"]
    stages = blame(boot)
    for stage in stages[:_BLAMED_MAX]:
        figures = (stage.end_s - stage.start_s, stage.wait_s, stage.work_s)
        lines.append(f"{stage.name:<9}{stage.symbol or 'platform':<10}{_figures(*figures)}")
    if len(stages) > _BLAMED_MAX:
        lines.append(f"and {len(stages) - _BLAMED_MAX} shorter ones; all of each kind:")
    lines += (_sum(one) for one in spent(boot))
    return drawable("\n".join(lines))


def budget_prose(boot: Waterfall) -> str:
    """The promises, and where the time of the gate went."""
    from engine import promises, spent_on_chain

    lines = [_who(boot)]
    for one in promises(boot):
        if one.budget_s is None:
            lines.append(f"{one.name:<9}{one.taken_s:.2f} s; the record does not say of how many")
            continue
        left_s = one.budget_s - one.taken_s
        verdict = f"{left_s:.2f} s left" if one.is_kept else f"LATE by {-left_s:.2f} s"
        lines.append(f"{one.name:<9}{one.taken_s:.2f} s of {one.budget_s:g} s, {verdict}")
    lines.append("what everything waited for:")
    lines += (_sum(one) for one in spent_on_chain(boot))
    return drawable("\n".join(lines))


def compare_prose(a: Waterfall, b: Waterfall) -> str:
    """Two boots side by side, what became slower first."""
    from engine import compared

    lines = [f"A {_who(a)}", f"B {_who(b)}"]
    lines.append(f"{'STAGE':<9}{'WAIT A':>8}{'WAIT B':>8}{'WORK A':>8}{'WORK B':>8}{'B-A':>9}")
    for one in compared(a, b):
        waits = (None if side is None else side.wait_s for side in (one.a, one.b))
        works = (None if side is None else side.work_s for side in (one.a, one.b))
        lines.append(f"{one.name:<9}{_figures(*waits, *works)}{one.slower_s:>+9.2f}")
    return drawable("\n".join(lines))


def _who(boot: Waterfall) -> str:
    gate = "the gate never opened"
    if boot.opened_gate_after_s is not None:
        gate = f"gate open after {boot.opened_gate_after_s:.2f} s"
    return f"boot {boot.owner_token}, {stamp(boot.opened_ms)} UTC: {gate}"


def _sum(one: Spent) -> str:
    return f"  {one.name:<9}{one.count:>4} ×{_figures(one.wait_s, one.work_s)} wait, work"


def _figures(*seconds: float | None) -> str:
    return "".join(f"{'–' if value is None else f'{value:.2f}':>8}" for value in seconds)
