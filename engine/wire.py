"""The engine's status as the documents that HTTP, the control socket and `--json` send."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from uds.model import SeriesKey

from . import gate
from .cell import Cell, CellState
from .degraded import DegradedReason
from .status import Status

SCHEMA = 1
_PRIMED = (CellState.PRIMED, CellState.SEALED)
_SHARE_MIN = 0.02
"""Less progress than this is no basis for an estimate."""


class Document(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class ReasonDocument(Document):
    """One thing that is not as it should be."""

    code: str
    scope: str | None
    severity: str
    since_ms: int
    count: int
    detail: str
    hint: str


class WhyDocument(Document):
    """One thing the gate waits for."""

    subject: str
    code: str


class GateDocument(Document):
    """May readers be answered."""

    state: str
    overdue: bool
    since_ms: int
    waiting_for: list[str]
    why: list[WhyDocument]


class ProgressDocument(Document):
    """How far the start has come."""

    ready_cells: int
    total_cells: int
    eta_s: float | None


class ProcessDocument(Document):
    """One supervised process."""

    name: str
    state: str
    detail: str
    ready: bool
    ready_after_s: float | None
    restarts: int
    backoff_s: float
    next_attempt_ms: int | None
    last_exit: str | None


class SlotsDocument(Document):
    """Requests under way and allowed."""

    used: int
    total: int


class BrokerDocument(Document):
    """The session with the broker."""

    kind: str
    state: str
    since_ms: int
    last_error: str | None
    login_attempts: int
    next_attempt_ms: int | None
    slots: SlotsDocument
    queue: dict[str, int]
    requests: dict[str, int]
    repeated_bars: int
    revised_bars: int


class PrimeDocument(Document):
    """The priming budget."""

    cells: int
    elapsed_s: float
    budget_s: float
    per_symbol: dict[str, float]


class BudgetsDocument(Document):
    """What was promised and what was used."""

    prime: PrimeDocument


class CellDocument(Document):
    """One symbol in one timeframe."""

    state: str
    bars: int
    watermark_ms: int | None
    age_s: float | None
    primed: bool
    reasons: list[str]


class StatusDocument(Document):
    """`GET /api/status`."""

    schema_: int
    boot_id: str
    name: str
    market: str
    owner_token: int | None
    generations: dict[str, str]
    mode: str | None
    mode_reason: str
    modes: dict[str, str]
    phase: str
    readiness: bool
    gate: GateDocument
    degraded: bool
    reasons: list[ReasonDocument]
    progress: ProgressDocument
    processes: list[ProcessDocument]
    broker: BrokerDocument
    budgets: BudgetsDocument
    api_port: int | None
    cells: dict[str, dict[str, CellDocument]]
    as_of_ms: int
    seq: int

    model_config = ConfigDict(
        frozen=True,
        alias_generator=lambda name: name.rstrip("_"),
        populate_by_name=True,
        serialize_by_alias=True,
    )


class DepthDocument(Document):
    """How much of a series there is."""

    bars: int
    target: int
    first_ms: int | None


class BarDocument(Document):
    """One bar; `low` is spelled out, so that nobody takes `l` for a one."""

    open_time_ms: int
    close_time_ms: int
    o: float
    h: float
    low: float
    c: float
    v: int
    complete: bool
    src: str


class BarsDocument(Document):
    """`GET /api/bars` while the gate is open."""

    ok: bool
    symbol: str
    tf: str
    tf_s: int
    generation: str
    seq: int
    as_of_ms: int
    complete_through_ms: int | None
    depth: DepthDocument
    truncated: bool
    resident_from_ms: int | None
    degraded: bool
    reasons: list[ReasonDocument]
    bars: list[BarDocument]


class ProblemDocument(Document):
    """Any answer that is not 200, as RFC 9457 has it, with what the gate waits for."""

    type: str
    title: str
    status: int
    detail: str
    phase: str | None = None
    progress: ProgressDocument | None = None
    waiting_for: list[str] | None = None
    reasons: list[ReasonDocument] | None = None


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
        budgets=_budgets(status),
        api_port=status.api_port,
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
    """Names of what the gate waits for; none when it is open."""
    verdict = status.gate
    return [why.subject for why in verdict.why] if isinstance(verdict, gate.Closed) else []


def _share(cell: Cell) -> float:
    if cell.serving is not None:
        return 1.0
    return cell.progress if cell.state is not CellState.EMPTY else 0.0


def _gate(status: Status) -> GateDocument:
    verdict = status.gate
    why = verdict.why if isinstance(verdict, gate.Closed) else ()
    return GateDocument(
        state=verdict.state.value,
        overdue=status.overdue,
        since_ms=status.gate_since_ms,
        waiting_for=waiting_for(status),
        why=[WhyDocument(subject=w.subject, code=w.code) for w in why],
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
        repeated_bars=status.repeated_count,
        revised_bars=status.revised_count,
    )


def _budgets(status: Status) -> BudgetsDocument:
    p = status.prime
    return BudgetsDocument(
        prime=PrimeDocument(
            cells=p.cells,
            elapsed_s=p.elapsed_s,
            budget_s=p.budget_s,
            per_symbol=dict(p.per_symbol_s),
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
        primed=cell.serving is not None or cell.state in _PRIMED,
        reasons=codes,
    )
