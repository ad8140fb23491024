"""The pure step from one status and one event to the next status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from uds.model import SeriesKey, Symbol, Timeframe

from . import gate
from .cell import Cell
from .cells import Cells, named
from .degraded import CLEARED_BY_HAND, DegradedCode, DegradedReason, Scope
from .events import (
    ApiListening,
    BarsCounted,
    BecameOverdue,
    BrokerChanged,
    CellsChanged,
    ClockMoved,
    DepthChanged,
    DepthPaused,
    DrillChanged,
    DrillEnded,
    DrillReverted,
    DrillsRemembered,
    Event,
    GateForced,
    GateForceEnded,
    GateTimed,
    GenerationFailed,
    ModesDecided,
    OperatorActed,
    PrimingBegan,
    ProcessChanged,
    ReasonAcknowledged,
    ReasonCleared,
    ReasonRaised,
    ReasonRevised,
    StoreOpened,
    SymbolPrimed,
)
from .sayings import Saying, saying
from .status import Act, BrokerStatus, PrimeStatus, Status

_HEALED_MAX = 100
_DRILLS_MAX = 50
_ACTS_MAX = 50


def apply(status: Status, event: Event, at_ms: int) -> Status:
    """The next status; at_ms is the market's clock. Unknown cells or processes are asserted."""
    stepped = replace(_step(status, event, at_ms), seq=status.seq + 1)
    if stepped.decides_as(status):
        return stepped
    now = stepped.gate_state
    if now.is_open and (stepped.overdue or stepped.forced_until_ms is not None):
        stepped = _truly_open(stepped)
        now = stepped.gate_state
    if status.gate_state is now:
        return stepped
    is_first = now.is_open and stepped.opened_gate_after_s is None
    if is_first and now is not gate.GateState.FORCED_OPEN:
        after_s = (at_ms - status.opened_ms) / 1_000  # the board knows better where clocks jump
        stepped = replace(stepped, opened_gate_after_s=after_s)
    return replace(stepped, gate_since_ms=at_ms)


def _truly_open(status: Status) -> Status:
    """Where it is open by itself, neither a deadline nor an operator's word matters any more."""
    by_itself = replace(status, overdue=False, forced_until_ms=None)
    if not by_itself.gate_state.is_open:
        return status
    on_time = _healed(by_itself, DegradedCode.GATE_OVERDUE, None)
    return _healed(on_time, DegradedCode.FORCED_OPEN, None)


def _step(status: Status, event: Event, at_ms: int) -> Status:
    match event:
        case StoreOpened(owner_token):
            return replace(status, owner_token=owner_token)
        case ModesDecided(mode, reason, modes, said):
            return replace(status, mode=mode, mode_reason=reason, mode_said=said, modes=modes)
        case CellsChanged(symbol, cells):
            return _with_cells(status, symbol, cells, at_ms)
        case ReasonRaised():
            return replace(status, reasons=_raised(status.reasons, event, at_ms))
        case ReasonRevised():
            return replace(status, reasons=_revised(status.reasons, event))
        case ReasonAcknowledged(code, scope):
            return _acknowledged(status, code, scope, at_ms)
        case ReasonCleared(code, scope):
            return _healed(status, code, scope)
        case ProcessChanged(process):
            others = {p.name: p for p in status.processes} | {process.name: process}
            return replace(status, processes=tuple(others.values()))
        case BrokerChanged(broker):
            return replace(status, broker=broker, moves=_moved(status, _asked(status, broker)))
        case PrimingBegan(symbol, at_s):
            began_s = {**status.prime.began_s, symbol: at_s}
            return replace(status, prime=replace(status.prime, began_s=began_s))
        case SymbolPrimed():
            return replace(status, prime=_with_primed(status, event))
        case BarsCounted(repeated_count, revised_count):
            return replace(
                status,
                repeated_count=status.repeated_count + repeated_count,
                revised_count=status.revised_count + revised_count,
            )
        case ClockMoved(by_ms):
            return _with_clock_moved(status, by_ms)
        case ApiListening(port):
            return replace(status, api_port=port)
        case DepthChanged(symbol, depths):
            changed = {SeriesKey(symbol, tf): depth for tf, depth in depths.items()}
            return replace(status, depth={**status.depth, **changed})
        case DepthPaused(is_paused):
            return replace(status, depth_paused=is_paused)
        case DrillChanged(drill):
            return replace(status, drill=drill)
        case DrillEnded(outcome):
            return replace(status, drills=(*status.drills, outcome)[-_DRILLS_MAX:])
        case DrillReverted(drill):
            return replace(status, reverted=drill)
        case DrillsRemembered(outcomes):
            return replace(status, drills=outcomes[-_DRILLS_MAX:])
        case OperatorActed(action, given, by, said, command, codes):
            act = Act(status.seq + 1, at_ms, action, given, by, said, command, codes)
            return replace(status, acts=(*status.acts, act)[-_ACTS_MAX:])
        case BecameOverdue():
            late = ReasonRaised.told(DegradedCode.GATE_OVERDUE, None, _overdue(status))
            return replace(status, overdue=True, reasons=_raised(status.reasons, late, at_ms))
        case GateTimed(after_s):
            return replace(status, opened_gate_after_s=after_s)
        case GateForced(until_ms, by):
            forced = ReasonRaised.told(DegradedCode.FORCED_OPEN, None, _forced(status, by))
            reasons = _raised(status.reasons, forced, at_ms)
            return replace(status, forced_until_ms=until_ms, reasons=reasons)
        case GateForceEnded():
            return replace(_healed(status, DegradedCode.FORCED_OPEN, None), forced_until_ms=None)
        case GenerationFailed(symbol, generation, detail, said):
            bad = ReasonRaised(DegradedCode.CORRUPT_JSONL, symbol, detail, said=said)
            return replace(
                status,
                unsafe={**status.unsafe, symbol: generation},
                reasons=_raised(status.reasons, bad, at_ms),
            )


def _with_clock_moved(status: Status, by_ms: int) -> Status:
    """How long an opening or a drill has lasted stays what it was, and when in it a cell moved."""
    if status.opened_gate_after_s is None:
        cells = Cells.of(status.cells)
        for symbol in cells.symbols:
            row = cells.row(symbol).items()
            changed = {key.timeframe: cell for key, cell in row if cell.changed_ms}
            marked = {
                tf: replace(cell, changed_ms=cell.changed_ms + by_ms)
                for tf, cell in changed.items()
            }
            cells = cells.moved(symbol, marked)
        status = replace(status, opened_ms=status.opened_ms + by_ms, cells=cells)
    drill = status.drill
    if drill is not None and drill.is_running:
        ends_ms = None if drill.dead_man_ms is None else drill.dead_man_ms + by_ms
        drill = replace(drill, began_ms=drill.began_ms + by_ms, dead_man_ms=ends_ms)
    return replace(status, drill=drill)


def _with_cells(
    status: Status, symbol: Symbol, changed: Mapping[Timeframe, Cell], at_ms: int
) -> Status:
    row = Cells.of(status.cells).row(symbol)
    marked = {tf: replace(cell, changed_ms=at_ms) for tf, cell in changed.items()}
    cells = Cells.of(status.cells).moved(symbol, marked)
    movers = {
        gate.process_of(tf)
        for tf, cell in changed.items()
        if not cell.says_as(row[SeriesKey(symbol, tf)])
    }
    moved = replace(status, cells=cells, moves=_moved(status, movers))
    if status.overdue and Cells.of(cells).served_count != Cells.of(status.cells).served_count:
        late = ReasonRevised.told(DegradedCode.GATE_OVERDUE, None, _overdue(moved))
        moved = replace(moved, reasons=_revised(status.reasons, late))
    return _trusted_again(moved, symbol) if symbol in status.unsafe else moved


def _trusted_again(status: Status, symbol: Symbol) -> Status:
    """A symbol is safe once readers get another generation of it than the one that failed."""
    served = (cell.serving for cell in Cells.of(status.cells).row(symbol).values())
    if any(generation == status.unsafe[symbol] for generation in served):
        return status
    unsafe = {other: failed for other, failed in status.unsafe.items() if other != symbol}
    return replace(_healed(status, DegradedCode.CORRUPT_JSONL, symbol), unsafe=unsafe)


def _asked(status: Status, broker: BrokerStatus) -> set[str]:
    """Whose requests or login have got further."""
    before = status.broker
    movers = {
        gate.process_of(timeframe)
        for timeframe in (Timeframe.M1, Timeframe.D1)
        if broker.requests.get(timeframe.name) != before.requests.get(timeframe.name)
    }
    if (broker.state, broker.login_attempts) != (before.state, before.login_attempts):
        movers.add("connector")
    return movers


def _moved(status: Status, movers: set[str]) -> Mapping[str, int]:
    if not movers:
        return status.moves
    return {**status.moves, **{name: status.moves.get(name, 0) + 1 for name in movers}}


def _raised(
    reasons: tuple[DegradedReason, ...], event: ReasonRaised, at_ms: int
) -> tuple[DegradedReason, ...]:
    for index, reason in enumerate(reasons):
        if (reason.code, reason.scope) == (event.code, event.scope):
            again = replace(
                reason,
                detail=event.detail,
                count=reason.count + 1,
                next_attempt_ms=event.next_attempt_ms,
                said=event.said,
            )
            return (*reasons[:index], again, *reasons[index + 1 :])
    first = DegradedReason(
        event.code,
        event.scope,
        at_ms,
        event.detail,
        next_attempt_ms=event.next_attempt_ms,
        said=event.said,
    )
    return (*reasons, first)


def _revised(
    reasons: tuple[DegradedReason, ...], event: ReasonRevised
) -> tuple[DegradedReason, ...]:
    place = event.code, event.scope
    return tuple(
        replace(r, detail=event.detail, said=event.said) if (r.code, r.scope) == place else r
        for r in reasons
    )


def _acknowledged(status: Status, code: DegradedCode, scope: Scope, at_ms: int) -> Status:
    if code in CLEARED_BY_HAND:
        return _healed(status, code, scope)
    seen = tuple(
        replace(r, acknowledged_ms=at_ms) if (r.code, r.scope) == (code, scope) else r
        for r in status.reasons
    )
    return replace(status, reasons=seen)


def _healed(status: Status, code: DegradedCode, scope: Scope) -> Status:
    gone = tuple(r for r in status.reasons if (r.code, r.scope) == (code, scope))
    if not gone:
        return status
    stay = tuple(r for r in status.reasons if r not in gone)
    return replace(status, reasons=stay, healed=(*status.healed, *gone)[-_HEALED_MAX:])


def _with_primed(status: Status, primed: SymbolPrimed) -> PrimeStatus:
    prime, symbol = status.prime, primed.symbol
    before_s = prime.per_symbol_s.get(symbol, 0.0)
    spent = {**prime.per_symbol_s, symbol: primed.elapsed_s}
    return replace(
        prime,
        cells=len(spent) * len(status.timeframes),
        elapsed_s=prime.elapsed_s - before_s + primed.elapsed_s,
        per_symbol_s=spent,
        began_s={other: at_s for other, at_s in prime.began_s.items() if other != symbol},
        bars={**prime.bars, symbol: primed.bars},
        call_s={**prime.call_s, symbol: primed.call_s},
    )


def _overdue(status: Status) -> Saying:
    missing = [key for key, cell in status.cells.items() if cell.serving is None]
    return saying("overdue", len(missing), named(missing))


def _forced(status: Status, by: str) -> Saying:
    missing = [key for key, cell in status.cells.items() if cell.serving is None]
    return saying("forced", by, len(missing), named(missing))
