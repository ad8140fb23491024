"""What can happen to the engine: events, in the past tense, each a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from uds.model import Symbol, Timeframe

from .cell import Cell
from .degraded import DegradedCode, Scope
from .status import BrokerStatus, Mode, ProcessStatus


@dataclass(frozen=True, slots=True)
class StoreOpened:
    """The data folder is ours."""

    owner_token: int
    """Our fencing token."""


@dataclass(frozen=True, slots=True)
class ModesDecided:
    """How each symbol will be started, and why."""

    mode: Mode
    """The platform's."""
    reason: str
    """Why, in words."""
    modes: Mapping[Symbol, Mode]
    """Each symbol's."""


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
class SymbolPrimed:
    """All tails of a symbol are in Redis."""

    symbol: Symbol
    elapsed_s: float
    """How long that took."""


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
class BecameOverdue:
    """`prime_ready_timeout_s` passed and the gate is still closed."""


Event: TypeAlias = (
    StoreOpened
    | ModesDecided
    | CellsChanged
    | ReasonRaised
    | ReasonCleared
    | ProcessChanged
    | BrokerChanged
    | SymbolPrimed
    | BarsCounted
    | ApiListening
    | BecameOverdue
)
