"""The shapes of the documents that HTTP, the control socket and `--json` send."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


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
    next_attempt_ms: int | None
    acknowledged_ms: int | None


class WhyDocument(Document):
    """One thing the gate waits for: a cell or a dependency, and whose work it is."""

    subject: str
    code: str
    since_ms: int
    next_attempt_ms: int | None
    process: str


class GateDocument(Document):
    """May readers be answered."""

    state: str
    overdue: bool
    since_ms: int
    waiting_for: list[str]
    why: list[WhyDocument]
    forced_until_ms: int | None


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
    critical: bool


class SlotsDocument(Document):
    """Requests under way and allowed."""

    used: int
    total: int


class LaneDocument(Document):
    """What the requests of one lane took."""

    answered: int
    failed: int
    waited_s: float
    latency_s: float
    latency_max_s: float


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
    lanes: dict[str, LaneDocument]
    circuit: str
    failures: int
    next_request_ms: int | None
    unanswered_since_ms: int | None
    repeated_bars: int
    revised_bars: int


class PrimeDocument(Document):
    """The priming budget; `projected_s` is what it takes in all at the measured rate."""

    cells: int
    elapsed_s: float
    budget_s: float
    per_symbol: dict[str, float]
    per_symbol_budget_s: float
    allowance_s: dict[str, float]
    bars_per_s: float | None
    projected_s: float | None
    finish_ms: int | None


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


class DepthDocument(Document):
    """How much of a series there is."""

    bars: int
    target: int
    first_ms: int | None


class DrillStepDocument(Document):
    """One line of a drill's checklist."""

    name: str
    variant: str
    state: str
    at_s: float | None
    detail: str


class DrillDocument(Document):
    """The drill that runs, or the last one that did."""

    id: str
    title: str
    hypothesis: str
    blast_radius: str
    by: str
    began_ms: int
    phase: str
    variant: str
    steps: list[DrillStepDocument]
    dead_man_ms: int | None
    verdict: str | None
    why: str
    loud_s: float | None
    recovered_s: float | None


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
    depth: dict[str, dict[str, DepthDocument]]
    depth_paused: bool
    api_port: int | None
    drill: DrillDocument | None
    cells: dict[str, dict[str, CellDocument]]
    as_of_ms: int
    seq: int

    model_config = ConfigDict(
        frozen=True,
        alias_generator=lambda name: name.rstrip("_"),
        populate_by_name=True,
        serialize_by_alias=True,
    )


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
    gate: str | None = None
    phase: str | None = None
    progress: ProgressDocument | None = None
    waiting_for: list[str] | None = None
    reasons: list[ReasonDocument] | None = None
