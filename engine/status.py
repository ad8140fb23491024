"""The whole engine as one frozen value.

Only `StatusBoard.post` replaces it, by the pure step in `apply.py`. Everything a reader may
ask (the gate, the phase, the counts) is computed from it, so no two answers can disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from uds.model import Generation, SeriesKey, Symbol, Timeframe

from .broker.lanes import LaneTally
from .cell import Cell, CellState
from .cells import Cells
from .degraded import DegradedReason, Severity
from .depth import Depth
from .drills.shape import DrillOutcome, DrillStatus, RevertedDrill
from .gate import Gate, GateState, Standing, evaluate, word
from .sayings import Saying

_UNFETCHED = {CellState.EMPTY, CellState.FETCHING}


class Mode(Enum):
    """How a start goes about it, heaviest last."""

    CATCH_UP = "catch_up"
    PARTIAL_BOOTSTRAP = "partial_bootstrap"
    COLD = "cold"


class Phase(Enum):
    """How far the platform has come: the earliest phase of any symbol."""

    RECOVERING = "recovering"
    FILLING = "filling"
    DERIVING = "deriving"
    PRIMING = "priming"
    SEALING = "sealing"
    PRIME_COMPLETE = "prime_complete"


class ProcessState(Enum):
    """What a supervised process says of itself, or its keeper of it."""

    STARTING = "starting"
    WARMING = "warming"
    READY = "ready"
    BACKOFF = "backoff"
    WAITING = "waiting"
    HELD = "held"
    NEEDS_OPERATOR = "needs_operator"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One of the five supervised processes."""

    name: str
    """connector, m1_poller, tick_publisher, tick_preview or ui."""
    state: ProcessState = ProcessState.STARTING
    """Where it stands."""
    detail: str = ""
    """A few words beside the state, for example `41%` or `serving 503`."""
    ready_after_s: float | None = None
    """Seconds from its last spawn to ready; None until then."""
    restarts: int = 0
    """Restarts since the engine opened; never cleared."""
    backoff_s: float = 0.0
    """The delay before the next attempt, 0 while it runs."""
    next_attempt_ms: int | None = None
    """When the next attempt is due, UTC ms; None while it runs."""
    last_exit: str | None = None
    """The last exception as one line; None when it never failed."""
    critical: bool = False
    """Whether no data come without it."""
    failures: int = 0
    """Failures that counted at the last one; 0 again once they are forgiven or it is restarted."""
    failures_max: int = 0
    """With one more within the period it is held; 0 where nobody said."""


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator did."""

    seq: int
    """Its place among the events: its identity."""
    at_ms: int
    """When, UTC ms."""
    action: str
    """The id of the action."""
    given: Mapping[str, tuple[str, ...]]
    """Its arguments by name."""
    by: str
    """Who asked."""
    said: str
    """What the operator was told."""
    command: str = ""
    """The command line that does the same; empty in records that are older than it."""
    said_codes: tuple[Saying, ...] = ()
    """`said` as codes; empty in records that are older than it."""


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """The session with the broker."""

    kind: str
    """sim or replay."""
    state: str = "logged_out"
    """logged_out, logging_in, ready or failed."""
    since_ms: int = 0
    """When the state was entered, UTC ms."""
    last_error: str | None = None
    """The last failure as a sentence; None when there was none."""
    login_attempts: int = 0
    """Logins tried since the engine opened."""
    next_attempt_ms: int | None = None
    """When the next login is due, UTC ms; None when none is planned."""
    slots_used: int = 0
    """Requests under way."""
    slots_total: int = 0
    """Requests that may be under way at once."""
    queue: Mapping[str, int] = field(default_factory=dict)
    """Requests waiting, by lane."""
    requests: Mapping[str, int] = field(default_factory=dict)
    """Answered requests by timeframe name: `M1`, `D1`."""
    lanes: Mapping[str, LaneTally] = field(default_factory=dict)
    """What the requests of each lane took, by its name."""
    circuit: str = "closed"
    """`closed`; `open` while nothing is sent; `half_open` while one request probes."""
    failures: int = 0
    """Failed requests since the last answer."""
    next_request_ms: int | None = None
    """Until when requests are held back, UTC ms; None while they are not."""
    unanswered_since_ms: int | None = None
    """When the oldest request under way was sent, UTC ms; None while none is."""


@dataclass(frozen=True, slots=True)
class PrimeStatus:
    """How the priming of Redis goes against its budget."""

    cells: int = 0
    """Cells primed in this boot."""
    elapsed_s: float = 0.0
    """Time spent on priming, summed over symbols."""
    budget_s: float = 0.0
    """What was promised."""
    per_symbol_s: Mapping[Symbol, float] = field(default_factory=dict)
    """Time spent per symbol."""
    per_symbol_budget_s: float = 0.0
    """What was promised for each symbol; what one leaves is handed on to the next."""
    began_s: Mapping[Symbol, float] = field(default_factory=dict)
    """Symbols being primed now, with the seconds since the engine opened when each began."""
    bars: Mapping[Symbol, int] = field(default_factory=dict)
    """How many bars were primed of each symbol."""
    call_s: Mapping[Symbol, float] = field(default_factory=dict)
    """How long the call that primed each symbol took, waits for the server's return left out."""
    symbol_bars: int = 0
    """How many bars a symbol has after a cold start; 0 when that is not known."""


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that is known of the engine at one moment."""

    name: str
    """The instance's name, from the configuration."""
    boot_id: str
    """128 random bits in hex that name this boot."""
    market: str
    """`simulated`, `replay` or the broker's name: so that nobody takes one for another."""
    opened_ms: int
    """When the engine opened, UTC ms of the market's clock."""
    cells: Mapping[SeriesKey, Cell]
    """All cells, in the configuration's order."""
    broker: BrokerStatus
    """The session with the broker."""
    processes: tuple[ProcessStatus, ...] = ()
    """The five processes, in the order they are spawned."""
    owner_token: int | None = None
    """Our fencing token; None until the store is open."""
    mode: Mode | None = None
    """The heaviest mode among symbols that were not new; None until decided."""
    mode_reason: str = ""
    """Why that mode, in words."""
    mode_said: tuple[Saying, ...] = ()
    """`mode_reason` as codes; empty where only the words are known."""
    modes: Mapping[Symbol, Mode] = field(default_factory=dict)
    """The mode of each symbol."""
    reasons: tuple[DegradedReason, ...] = ()
    """What is not as it should be, oldest first."""
    healed: tuple[DegradedReason, ...] = ()
    """The newest reasons that stood once and were cleared, oldest first."""
    acts: tuple[Act, ...] = ()
    """The newest acts of operators, whoever they are and wherever they sit, oldest first."""
    prime: PrimeStatus = field(default_factory=PrimeStatus)
    """The priming budget."""
    repeated_count: int = 0
    """Bars the broker sent again just as they were stored."""
    revised_count: int = 0
    """Bars the broker sent again with other content; the newest fetch won."""
    gate_since_ms: int = 0
    """When the gate's word last changed, UTC ms."""
    opened_gate_after_s: float | None = None
    """Seconds from engine opened to the gate's first opening; None until then."""
    overdue: bool = False
    """Whether `prime_ready_timeout_s` passed before the gate opened."""
    opens_late_gate: bool = False
    """Whether an overdue gate opens with what there is (`gate_on_timeout`)."""
    forced_until_ms: int | None = None
    """Until when an operator's word holds the gate open, UTC ms; None when none does."""
    unsafe: Mapping[Symbol, Generation] = field(default_factory=dict)
    """Live generations that fail their checksum."""
    moves: Mapping[str, int] = field(default_factory=dict)
    """By process, how often its cells or its requests have got further: silence is no move."""
    depth: Mapping[SeriesKey, Depth] = field(default_factory=dict)
    """How much history is stored of each series, and how much there shall be."""
    depth_paused: bool = False
    """Whether an operator holds the deepening of history."""
    api_port: int | None = None
    """The port the API listens on; None until it does."""
    drill: DrillStatus | None = None
    """The drill that runs, or the last one that did; None when none has in this boot."""
    drills: tuple[DrillOutcome, ...] = ()
    """What came of the newest drills, also of earlier boots and sandboxes, oldest first."""
    reverted: RevertedDrill | None = None
    """The drill that a kill had cut off before this boot, taken back by it; None without one."""
    seq: int = 0
    """Grows by one with each event applied."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", Cells.of(self.cells))

    @property
    def _rows(self) -> Cells:
        return Cells.of(self.cells)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """All symbols, in the configuration's order."""
        return self._rows.symbols

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """All timeframes, narrowest first."""
        return self._rows.timeframes

    @property
    def gate(self) -> Gate:
        """May readers be answered."""
        return evaluate(self.cells, self.reasons, self.standing)

    @property
    def gate_state(self) -> GateState:
        """The gate's word alone, at no cost per cell."""
        return word(self._rows, self.reasons, self._deciding)

    @property
    def standing(self) -> Standing:
        """What decides about the gate beside cells and reasons."""
        attempts = {p.name: p.next_attempt_ms for p in self.processes}
        attempts["broker"] = self.broker.next_attempt_ms
        planned = {name: at for name, at in attempts.items() if at is not None}
        return replace(self._deciding, next_attempts=planned)

    @property
    def _deciding(self) -> Standing:
        """What the gate's word depends on; when things are tried again is not among it."""
        stuck = (p for p in self.processes if p.state is ProcessState.NEEDS_OPERATOR)
        return Standing(
            has_opened=self.opened_gate_after_s is not None,
            is_forced=self.forced_until_ms is not None,
            opens_late=self.overdue and self.opens_late_gate,
            unsafe=tuple(self.unsafe),
            helpless=tuple(process.name for process in stuck if process.critical),
        )

    def decides_as(self, before: Status) -> bool:
        """Whether the gate's word cannot have changed: nothing that it depends on has."""
        return (
            self.reasons is before.reasons
            and self.processes is before.processes
            and self.unsafe is before.unsafe
            and self._rows.served_count == before._rows.served_count
            and self.overdue == before.overdue
            and self.forced_until_ms == before.forced_until_ms
        )

    @property
    def degraded(self) -> bool:
        """Whether any reason marks the platform degraded."""
        return any(reason.severity is Severity.DEGRADED for reason in self.reasons)

    @property
    def ready_cells(self) -> int:
        """Cells that readers can be served from."""
        return self._rows.served_count

    @property
    def flip_count(self) -> int:
        """How often a symbol got another generation, since some moment: only its change counts."""
        return self._rows.flip_count

    @property
    def generations(self) -> dict[Symbol, Generation]:
        """The generation each symbol is served from, for those that are."""
        return {key.symbol: cell.serving for key, cell in self.cells.items() if cell.serving}

    @property
    def phase(self) -> Phase:
        """The earliest phase of any symbol."""
        if self.mode is None:
            return Phase.RECOVERING
        return _earliest_phase(self.cells.items())

    def phase_of(self, symbol: Symbol) -> Phase:
        """How far one symbol has come."""
        return _earliest_phase(self._rows.row(symbol).items())

    def reasons_of(self, key: SeriesKey) -> tuple[DegradedReason, ...]:
        """Reasons that concern a cell: its own, its symbol's."""
        return tuple(r for r in self.reasons if r.scope in (key, key.symbol))


def _earliest_phase(cells: Iterable[tuple[SeriesKey, Cell]]) -> Phase:
    """What the cell that is furthest behind is waiting for."""
    fetched: set[CellState] = set()
    derived: set[CellState] = set()
    for key, cell in cells:
        (derived if key.timeframe.is_derived else fetched).add(cell.state)
    if fetched & _UNFETCHED:
        return Phase.FILLING
    if CellState.EMPTY in derived:
        return Phase.DERIVING
    states = fetched | derived
    if any(state.is_ahead_of_redis for state in states):
        return Phase.PRIMING
    return Phase.SEALING if CellState.PRIMED in states else Phase.PRIME_COMPLETE
