"""The whole engine as one frozen value.

Only `StatusBoard.post` replaces it, by the pure step in `apply.py`. Everything a reader may
ask (the gate, the phase, the counts) is computed from it, so no two answers can disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from uds.model import Generation, SeriesKey, Symbol, Timeframe

from . import gate
from .cell import Cell, CellState
from .degraded import DegradedReason, Severity

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
    HELD = "held"
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
    modes: Mapping[Symbol, Mode] = field(default_factory=dict)
    """The mode of each symbol."""
    reasons: tuple[DegradedReason, ...] = ()
    """What is not as it should be, oldest first."""
    healed: tuple[DegradedReason, ...] = ()
    """The newest reasons that stood once and were cleared, oldest first."""
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
    api_port: int | None = None
    """The port the API listens on; None until it does."""
    seq: int = 0
    """Grows by one with each event applied."""

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """All symbols, in the configuration's order."""
        return tuple(dict.fromkeys(key.symbol for key in self.cells))

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """All timeframes, narrowest first."""
        return tuple(dict.fromkeys(key.timeframe for key in self.cells))

    @property
    def gate(self) -> gate.Gate:
        """May readers be answered."""
        return gate.evaluate(self.cells, self.reasons)

    @property
    def degraded(self) -> bool:
        """Whether any reason marks the platform degraded."""
        return any(reason.severity is Severity.DEGRADED for reason in self.reasons)

    @property
    def ready_cells(self) -> int:
        """Cells that readers can be served from."""
        return sum(cell.serving is not None for cell in self.cells.values())

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
        return _earliest_phase((k, cell) for k, cell in self.cells.items() if k.symbol == symbol)

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
