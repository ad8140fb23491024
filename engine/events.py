"""What can happen to the engine: events, in the past tense, each a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from uds.model import Generation, Symbol, Timeframe

from .cell import Cell
from .degraded import DegradedCode, Scope
from .depth import Depth
from .drills.shape import DrillOutcome, DrillStatus, RevertedDrill
from .sayings import Saying, in_a_row
from .status import BrokerStatus, Mode, ProcessStatus


@dataclass(frozen=True, slots=True)
class StoreOpened:
    """The data folder is ours."""

    owner_token: int
    """Our fencing token."""


@dataclass(frozen=True, slots=True)
class ClockMoved:
    """The market's clock was set: a replay goes on where it stopped, a host's was put right."""

    by_ms: int
    """How far forwards."""


@dataclass(frozen=True, slots=True)
class ModesDecided:
    """How each symbol will be started, and why."""

    mode: Mode
    """The platform's."""
    reason: str
    """Why, in words."""
    modes: Mapping[Symbol, Mode]
    """Each symbol's."""
    said: tuple[Saying, ...] = ()
    """`reason` as codes; empty where only the words are known."""


@dataclass(frozen=True, slots=True)
class CellsChanged:
    """Cells of one symbol reached a state together."""

    symbol: Symbol
    cells: Mapping[Timeframe, Cell]
    """The next value of each."""


@dataclass(frozen=True, slots=True)
class ReasonRaised:
    """Something is not as it should be; a second raising counts up and renews the detail."""

    code: DegradedCode
    """What, from the closed list."""
    scope: Scope
    """Where; None means the whole platform."""
    detail: str
    """What happened, in one sentence with its figures."""
    next_attempt_ms: int | None = None
    """When what failed is tried again, UTC ms; None when nothing is planned."""
    said: tuple[Saying, ...] = ()
    """`detail` as codes; empty where only the sentence is known."""

    @classmethod
    def told(
        cls, code: DegradedCode, scope: Scope, *said: Saying, next_attempt_ms: int | None = None
    ) -> ReasonRaised:
        """With a detail that is made of codes."""
        return cls(code, scope, in_a_row(said), next_attempt_ms, said)


@dataclass(frozen=True, slots=True)
class ReasonRevised:
    """What stands has got further or shrunk: a new detail, and not one failure more."""

    code: DegradedCode
    """What, from the closed list."""
    scope: Scope
    """Where; None means the whole platform."""
    detail: str
    """How it stands now, in one sentence with its figures."""
    said: tuple[Saying, ...] = ()
    """`detail` as codes; empty where only the sentence is known."""

    @classmethod
    def told(cls, code: DegradedCode, scope: Scope, *said: Saying) -> ReasonRevised:
        """With a detail that is made of codes."""
        return cls(code, scope, in_a_row(said), said)


@dataclass(frozen=True, slots=True)
class ReasonAcknowledged:
    """An operator has seen a reason; it stands on, unless being seen is its recovery."""

    code: DegradedCode
    """What stands."""
    scope: Scope
    """Where it stands."""


@dataclass(frozen=True, slots=True)
class ReasonCleared:
    """A recovery predicate came true; nothing happens when the reason does not stand."""

    code: DegradedCode
    """What stood."""
    scope: Scope
    """Where it stood."""


@dataclass(frozen=True, slots=True)
class ProcessChanged:
    """A process moved."""

    process: ProcessStatus
    """Its next value."""


@dataclass(frozen=True, slots=True)
class BrokerChanged:
    """The session with the broker moved."""

    broker: BrokerStatus
    """Its next value."""


@dataclass(frozen=True, slots=True)
class PrimingBegan:
    """The first tail of a symbol is on its way into Redis."""

    symbol: Symbol
    at_s: float
    """When, in seconds since the engine opened, by the monotonic clock."""


@dataclass(frozen=True, slots=True)
class SymbolPrimed:
    """All tails of a symbol are in Redis."""

    symbol: Symbol
    elapsed_s: float
    """How long that took."""
    bars: int = 0
    """How many bars that were."""
    call_s: float = 0.0
    """How long the call that succeeded took: the server's rate, without waits for its return."""


@dataclass(frozen=True, slots=True)
class BarsCounted:
    """Bars arrived that were stored before, just so or with other content."""

    repeated_count: int
    """Stored just so: nothing changed."""
    revised_count: int
    """Stored with other content: the newest fetch won."""


@dataclass(frozen=True, slots=True)
class ApiListening:
    """The API answers on this port."""

    port: int
    """Where, on the configured host."""


@dataclass(frozen=True, slots=True)
class GateTimed:
    """The wall clock jumped before the gate opened: how long the opening really took."""

    after_s: float
    """Seconds since the engine opened, by the monotonic clock."""


@dataclass(frozen=True, slots=True)
class BecameOverdue:
    """`prime_ready_timeout_s` passed and the gate is still closed."""


@dataclass(frozen=True, slots=True)
class GateForced:
    """An operator typed the phrase: readers get what there is."""

    until_ms: int
    """When that expires by itself, UTC ms."""
    by: str
    """Who asked, for the audit."""


@dataclass(frozen=True, slots=True)
class GateForceEnded:
    """The operator's word to open has expired; nothing happens when none holds."""


@dataclass(frozen=True, slots=True)
class GenerationFailed:
    """What readers of a symbol are served fails its checksum."""

    symbol: Symbol
    generation: Generation
    detail: str
    """What does not agree, in one sentence."""
    said: tuple[Saying, ...] = ()
    """`detail` as codes; empty where only the sentence is known."""


@dataclass(frozen=True, slots=True)
class OperatorActed:
    """An operator did something: for the journals of all who look."""

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
class DepthChanged:
    """More history of a symbol is stored."""

    symbol: Symbol
    depths: Mapping[Timeframe, Depth]
    """How much there is of each timeframe now."""


@dataclass(frozen=True, slots=True)
class DepthPaused:
    """An operator held the deepening of history, or let it go on."""

    is_paused: bool
    """Whether it is held now."""


@dataclass(frozen=True, slots=True)
class DrillChanged:
    """A drill began, or got further."""

    drill: DrillStatus
    """Its next value."""


@dataclass(frozen=True, slots=True)
class DrillEnded:
    """A drill has its verdict; one of an earlier boot that was interrupted gets it at the next."""

    outcome: DrillOutcome
    """What came of it."""


@dataclass(frozen=True, slots=True)
class DrillReverted:
    """What a drill of an earlier boot had left behind is gone."""

    drill: RevertedDrill
    """Which one, and what was done."""


@dataclass(frozen=True, slots=True)
class DrillsRemembered:
    """The history of drills was read from the data folder."""

    outcomes: tuple[DrillOutcome, ...]
    """The newest ones, oldest first."""


Event: TypeAlias = (
    StoreOpened
    | ModesDecided
    | CellsChanged
    | ReasonRaised
    | ReasonRevised
    | ReasonAcknowledged
    | ReasonCleared
    | ProcessChanged
    | BrokerChanged
    | PrimingBegan
    | SymbolPrimed
    | BarsCounted
    | ApiListening
    | ClockMoved
    | BecameOverdue
    | GateTimed
    | GateForced
    | GateForceEnded
    | GenerationFailed
    | OperatorActed
    | DepthChanged
    | DepthPaused
    | DrillChanged
    | DrillEnded
    | DrillReverted
    | DrillsRemembered
)
