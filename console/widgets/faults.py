"""What is wrong, sorted into failures and degradations, worst and newest first."""

from __future__ import annotations

from typing import NamedTuple

from engine import CellState, DegradedCode, DegradedReason, ProcessState, Severity, Status
from uds.model import SeriesKey

from ..lines import Look

_HELD = (ProcessState.HELD, ProcessState.NEEDS_OPERATOR)
_FATAL = (DegradedCode.FENCED, DegradedCode.BROKER_LOGIN_PERMANENT)
_ROOTS = (
    *(DegradedCode.REDIS_DOWN, DegradedCode.REDIS_TIMEOUT, DegradedCode.REDIS_REGRESSED),
    *(DegradedCode.DISK_FULL, DegradedCode.DISK_ERROR),
    *(DegradedCode.BROKER_LOGIN_TRANSIENT, DegradedCode.BROKER_LOGIN_TIMEOUT),
)
"""Where they stand for the whole platform, what single cells say may come of it."""
_CONSEQUENCES = (DegradedCode.GATE_OVERDUE, DegradedCode.FORCED_OPEN)
"""They say only what another one led to; the status row says so as well."""


class Faults(NamedTuple):
    """The counts of the first row and the reasons of the reason row."""

    failed: int
    """Failed cells, held processes and fatal reasons: the ✖ of the first row."""
    degraded: int
    """Degraded reasons that are none of these: the ▲ of the first row."""
    ranked: tuple[tuple[Look, DegradedReason], ...]
    """Every degraded reason, failures first, then what nobody acknowledged, causes, the newest."""
    notes: tuple[DegradedReason, ...]
    """Reasons that only inform, newest first."""


def faults(status: Status) -> Faults:
    """Look through cells, processes and reasons."""
    failed_cells = {k for k, cell in status.cells.items() if cell.state is CellState.FAILED}
    held = {p.name for p in status.processes if p.state in _HELD}
    degraded = [r for r in reversed(status.reasons) if r.severity is Severity.DEGRADED]
    ranked = [(look_of_reason(status, reason), reason) for reason in degraded]
    ranked.sort(key=lambda ranking: _urgency(*ranking))
    fatal_reasons = sum(reason.code in _FATAL for _, reason in ranked)
    return Faults(
        failed=len(failed_cells) + len(held) + fatal_reasons,
        degraded=sum(look is Look.DEGRADED for look, _ in ranked),
        ranked=tuple(ranked),
        notes=tuple(r for r in reversed(status.reasons) if r.severity is Severity.INFO),
    )


def look_of_reason(status: Status, reason: DegradedReason) -> Look:
    """How grave a reason is, wherever it is told."""
    if reason.severity is not Severity.DEGRADED:
        return Look.WAITING
    scope = reason.scope
    if isinstance(scope, SeriesKey):
        cell = status.cells.get(scope)
        has_failed = cell is not None and cell.state is CellState.FAILED
    else:
        has_failed = any(p.name == scope and p.state in _HELD for p in status.processes)
    return Look.FAILED if has_failed or reason.code in _FATAL else Look.DEGRADED


def _urgency(look: Look, reason: DegradedReason) -> tuple[bool, bool, bool, bool, bool, int]:
    """Failures first; of equals what nobody has seen yet, what is fatal, causes, the newest."""
    is_root = reason.scope is None and reason.code in _ROOTS
    is_seen, is_fatal = reason.acknowledged_ms is not None, reason.code in _FATAL
    is_consequence = reason.code in _CONSEQUENCES
    grave = look is not Look.FAILED, is_seen, not is_fatal, not is_root
    return *grave, is_consequence, -reason.since_ms


def scope_of(reason: DegradedReason, platform: str) -> str:
    """Where a reason is, in words: `HKG33/H4`, a symbol or process, or the whole platform."""
    if isinstance(reason.scope, SeriesKey):
        return str(reason.scope)
    return reason.scope or platform
