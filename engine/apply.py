"""The pure step from one status and one event to the next status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from uds.model import SeriesKey, Symbol, Timeframe

from . import gate
from .cell import Cell
from .degraded import DegradedCode, DegradedReason, Scope
from .events import (
    ApiListening,
    BarsCounted,
    BecameOverdue,
    BrokerChanged,
    CellsChanged,
    Event,
    ModesDecided,
    ProcessChanged,
    ReasonCleared,
    ReasonRaised,
    StoreOpened,
    SymbolPrimed,
)
from .status import PrimeStatus, Status

_HEALED_MAX = 100


def apply(status: Status, event: Event, at_ms: int) -> Status:
    """The next status; at_ms is the market's clock. Unknown cells or processes are asserted."""
    stepped = replace(_step(status, event, at_ms), seq=status.seq + 1)
    was, now = status.gate.state, stepped.gate.state
    if was is now:
        return stepped
    stepped = replace(stepped, gate_since_ms=at_ms)
    if isinstance(stepped.gate, gate.Open) and stepped.opened_gate_after_s is None:
        after_s = (at_ms - status.opened_ms) / 1_000
        on_time = _healed(stepped, DegradedCode.GATE_OVERDUE, None)
        return replace(on_time, opened_gate_after_s=after_s, overdue=False)
    return stepped


def _step(status: Status, event: Event, at_ms: int) -> Status:
    match event:
        case StoreOpened(owner_token):
            return replace(status, owner_token=owner_token)
        case ModesDecided(mode, reason, modes):
            return replace(status, mode=mode, mode_reason=reason, modes=modes)
        case CellsChanged(symbol, cells):
            return replace(status, cells=_with_cells(status.cells, symbol, cells, at_ms))
        case ReasonRaised():
            return replace(status, reasons=_raised(status.reasons, event, at_ms))
        case ReasonCleared(code, scope):
            return _healed(status, code, scope)
        case ProcessChanged(process):
            others = {p.name: p for p in status.processes} | {process.name: process}
            return replace(status, processes=tuple(others.values()))
        case BrokerChanged(broker):
            return replace(status, broker=broker)
        case SymbolPrimed(symbol, elapsed_s):
            return replace(status, prime=_with_primed(status, symbol, elapsed_s))
        case BarsCounted(repeated_count, revised_count):
            return replace(
                status,
                repeated_count=status.repeated_count + repeated_count,
                revised_count=status.revised_count + revised_count,
            )
        case ApiListening(port):
            return replace(status, api_port=port)
        case BecameOverdue():
            late = ReasonRaised(DegradedCode.GATE_OVERDUE, None, _overdue_detail(status))
            return replace(status, overdue=True, reasons=_raised(status.reasons, late, at_ms))


def _with_cells(
    cells: Mapping[SeriesKey, Cell], symbol: Symbol, changed: Mapping[Timeframe, Cell], at_ms: int
) -> Mapping[SeriesKey, Cell]:
    keys = {SeriesKey(symbol, timeframe): cell for timeframe, cell in changed.items()}
    assert keys.keys() <= cells.keys(), f"not our cells: {sorted(map(str, keys))}"
    return MappingProxyType(
        {**cells, **{key: replace(cell, changed_ms=at_ms) for key, cell in keys.items()}}
    )


def _raised(
    reasons: tuple[DegradedReason, ...], event: ReasonRaised, at_ms: int
) -> tuple[DegradedReason, ...]:
    for index, reason in enumerate(reasons):
        if (reason.code, reason.scope) == (event.code, event.scope):
            again = replace(reason, detail=event.detail, count=reason.count + 1)
            return (*reasons[:index], again, *reasons[index + 1 :])
    return (*reasons, DegradedReason(event.code, event.scope, at_ms, event.detail))


def _healed(status: Status, code: DegradedCode, scope: Scope) -> Status:
    gone = tuple(r for r in status.reasons if (r.code, r.scope) == (code, scope))
    if not gone:
        return status
    stay = tuple(r for r in status.reasons if r not in gone)
    return replace(status, reasons=stay, healed=(*status.healed, *gone)[-_HEALED_MAX:])


def _with_primed(status: Status, symbol: Symbol, elapsed_s: float) -> PrimeStatus:
    spent = {**status.prime.per_symbol_s, symbol: elapsed_s}
    cells = sum(key.symbol in spent for key in status.cells)
    return replace(status.prime, cells=cells, elapsed_s=sum(spent.values()), per_symbol_s=spent)


def _overdue_detail(status: Status) -> str:
    verdict = status.gate
    names = [why.subject for why in verdict.why] if isinstance(verdict, gate.Closed) else []
    return f"the gate waits for {len(names)} cells: {', '.join(names[:4])}"
