"""The engine's status as the documents that HTTP, the control socket and `--json` send."""

from __future__ import annotations

from uds.model import SeriesKey

from .. import budget, gate
from ..broker.lanes import LaneTally
from ..cell import Cell, CellState
from ..degraded import DegradedReason
from ..drills.shape import DrillStatus
from ..status import Status
from .documents import (
    BrokerDocument,
    BudgetsDocument,
    CellDocument,
    DepthDocument,
    DrillDocument,
    DrillStepDocument,
    GateDocument,
    LaneDocument,
    PrimeDocument,
    ProcessDocument,
    ProgressDocument,
    ReasonDocument,
    SlotsDocument,
    StatusDocument,
    WhyDocument,
)

SCHEMA = 1
_SHARE_MIN = 0.02
"""Less progress than this is no basis for an estimate."""


def status_document(status: Status, now_ms: int) -> StatusDocument:
    """Everything that is known; now_ms is the market's clock, for ages and estimates."""
    return StatusDocument(
        schema_=SCHEMA,
        boot_id=status.boot_id,
        name=status.name,
        market=status.market,
        owner_token=status.owner_token,
        generations={symbol: str(g) for symbol, g in status.generations.items()},
        mode=status.mode.value if status.mode else None,
        mode_reason=status.mode_reason,
        modes={symbol: mode.value for symbol, mode in status.modes.items()},
        phase=status.phase.value,
        readiness=isinstance(status.gate, gate.Open),
        gate=_gate(status),
        degraded=status.degraded,
        reasons=[reason_document(reason) for reason in status.reasons],
        progress=progress_document(status, now_ms),
        processes=_processes(status),
        broker=_broker(status),
        budgets=_budgets(status, now_ms),
        depth=_depth(status),
        depth_paused=status.depth_paused,
        api_port=status.api_port,
        drill=None if status.drill is None else _drill(status.drill),
        cells=_cells(status, now_ms),
        as_of_ms=now_ms,
        seq=status.seq,
    )


def reason_document(reason: DegradedReason) -> ReasonDocument:
    """One reason."""
    return ReasonDocument(
        code=reason.code.value,
        scope=None if reason.scope is None else str(reason.scope),
        severity=reason.severity.value,
        since_ms=reason.since_ms,
        count=reason.count,
        detail=reason.detail,
        hint=reason.hint,
        next_attempt_ms=reason.next_attempt_ms,
        acknowledged_ms=reason.acknowledged_ms,
    )


def progress_document(status: Status, now_ms: int) -> ProgressDocument:
    """Counts, and when the gate should open if it goes on at this pace; 0 once it has."""
    total = len(status.cells)
    eta_s: float | None = 0.0
    if isinstance(status.gate, gate.Closed):
        share = sum(map(_share, status.cells.values())) / total
        elapsed_s = (now_ms - status.opened_ms) / 1_000
        eta_s = elapsed_s * (1 - share) / share if share > _SHARE_MIN else None
    return ProgressDocument(ready_cells=status.ready_cells, total_cells=total, eta_s=eta_s)


def waiting_for(status: Status) -> list[str]:
    """Names of what is waited for; none when the gate is open and no cell is missing."""
    return [why.subject for why in _whys(status.gate)]


def _whys(verdict: gate.Gate) -> tuple[gate.Why, ...]:
    return verdict.why if isinstance(verdict, gate.Closed) else verdict.missing


def _share(cell: Cell) -> float:
    if cell.serving is not None:
        return 1.0
    return cell.progress if cell.state is not CellState.EMPTY else 0.0


def _gate(status: Status) -> GateDocument:
    verdict = status.gate
    why = _whys(verdict)
    return GateDocument(
        state=verdict.state.value,
        overdue=status.overdue,
        since_ms=status.gate_since_ms,
        waiting_for=[one.subject for one in why],
        why=[
            WhyDocument(
                subject=one.subject,
                code=one.code,
                since_ms=one.since_ms or status.opened_ms,  # a cell that never changed
                next_attempt_ms=one.next_attempt_ms,
                process=one.process,
            )
            for one in why
        ],
        forced_until_ms=status.forced_until_ms,
    )


def _processes(status: Status) -> list[ProcessDocument]:
    return [
        ProcessDocument(
            name=p.name,
            state=p.state.value,
            detail=p.detail,
            ready=p.state.value == "ready",
            ready_after_s=p.ready_after_s,
            restarts=p.restarts,
            backoff_s=p.backoff_s,
            next_attempt_ms=p.next_attempt_ms,
            last_exit=p.last_exit,
            critical=p.critical,
        )
        for p in status.processes
    ]


def _broker(status: Status) -> BrokerDocument:
    b = status.broker
    return BrokerDocument(
        kind=b.kind,
        state=b.state,
        since_ms=b.since_ms,
        last_error=b.last_error,
        login_attempts=b.login_attempts,
        next_attempt_ms=b.next_attempt_ms,
        slots=SlotsDocument(used=b.slots_used, total=b.slots_total),
        queue=dict(b.queue),
        requests=dict(b.requests),
        lanes={name: _lane(tally) for name, tally in b.lanes.items()},
        circuit=b.circuit,
        failures=b.failures,
        next_request_ms=b.next_request_ms,
        unanswered_since_ms=b.unanswered_since_ms,
        repeated_bars=status.repeated_count,
        revised_bars=status.revised_count,
    )


def _depth(status: Status) -> dict[str, dict[str, DepthDocument]]:
    found: dict[str, dict[str, DepthDocument]] = {}
    for key, depth in status.depth.items():
        document = DepthDocument(bars=depth.bars, target=depth.target, first_ms=depth.first_ms)
        found.setdefault(key.symbol, {})[key.timeframe.name] = document
    return found


def _drill(drill: DrillStatus) -> DrillDocument:
    return DrillDocument(
        id=drill.id,
        title=drill.title,
        hypothesis=drill.hypothesis,
        blast_radius=drill.blast_radius,
        by=drill.by,
        began_ms=drill.began_ms,
        phase=drill.phase.value,
        variant=drill.variant,
        steps=[
            DrillStepDocument(
                name=step.name,
                variant=step.variant,
                state=step.state.value,
                at_s=step.at_s,
                detail=step.detail,
            )
            for step in drill.steps
        ],
        dead_man_ms=drill.dead_man_ms,
        verdict=drill.verdict.value if drill.verdict else None,
        why=drill.why,
        loud_s=drill.loud_s,
        recovered_s=drill.recovered_s,
    )


def _lane(tally: LaneTally) -> LaneDocument:
    return LaneDocument(
        answered=tally.answered_count,
        failed=tally.failed_count,
        waited_s=round(tally.waited_s, 4),
        latency_s=round(tally.latency_s, 4),
        latency_max_s=round(tally.latency_max_s, 4),
    )


def _budgets(status: Status, now_ms: int) -> BudgetsDocument:
    p = status.prime
    left_s = budget.remaining_s(p, len(status.symbols))
    return BudgetsDocument(
        prime=PrimeDocument(
            cells=p.cells,
            elapsed_s=p.elapsed_s,
            budget_s=p.budget_s,
            per_symbol=dict(p.per_symbol_s),
            per_symbol_budget_s=p.per_symbol_budget_s,
            allowance_s={symbol: budget.allowance_s(p, symbol) for symbol in p.began_s},
            bars_per_s=budget.rate_bars_per_s(p),
            projected_s=None if left_s is None else p.elapsed_s + left_s,
            finish_ms=now_ms + round(left_s * 1_000) if left_s else None,
        )
    )


def _cells(status: Status, now_ms: int) -> dict[str, dict[str, CellDocument]]:
    cells: dict[str, dict[str, CellDocument]] = {}
    for key, cell in status.cells.items():
        codes = [reason.code.value for reason in status.reasons_of(key)]
        cells.setdefault(key.symbol, {})[key.timeframe.name] = _cell(key, cell, codes, now_ms)
    return cells


def _cell(key: SeriesKey, cell: Cell, codes: list[str], now_ms: int) -> CellDocument:
    age_s = None
    if cell.watermark_ms is not None:
        age_s = max(0.0, (now_ms - cell.watermark_ms - key.timeframe.ms) / 1_000)
    return CellDocument(
        state=cell.state.value,
        bars=cell.bars,
        watermark_ms=cell.watermark_ms,
        age_s=age_s,
        primed=cell.is_in_redis,
        reasons=codes,
    )
