"""One boot and its world, as far as those see them who judge."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Protocol

from uds import Snapshot, Store
from uds.model import Generation, Symbol

from ..degraded import DegradedCode, Scope
from ..gate import GateState
from ..runtime import Engine
from ..status import ProcessStatus
from .loop import Node


@dataclass(slots=True)
class NodeView:
    """What was seen of one boot."""

    name: str
    """Of the boot."""
    seq: int = 0
    """Of the last event that was looked at."""
    raised: list[tuple[int, DegradedCode, Scope]] = field(default_factory=list)
    """(virtual µs, code, scope) of every reason that was raised."""
    cleared: list[tuple[int, DegradedCode, Scope]] = field(default_factory=list)
    """The same of those that were cleared."""
    standing: set[tuple[DegradedCode, Scope]] = field(default_factory=set)
    """What stood at the last look."""
    gate: GateState = GateState.CLOSED
    """The gate's word at the last look."""
    has_opened: bool = False
    """Whether it was open once."""
    seen: dict[Symbol, tuple[Generation, int]] = field(default_factory=dict)
    """How far a reader of this boot has seen each symbol."""
    mode: str | None = None
    """How it started; None until that was decided."""


class Listener(Protocol):
    """Who hears what a boot says and does, turn by turn."""

    def raised(self, code: DegradedCode, scope: Scope) -> None:
        """A reason was raised, perhaps again."""
        ...

    def cleared(self, code: DegradedCode, scope: Scope) -> None:
        """A reason that stood was cleared."""
        ...

    def moved(self, process: ProcessStatus) -> None:
        """A process says where it stands."""
        ...

    def opened(self) -> None:
        """The gate opened for the first time."""
        ...

    def committed(self, symbol: Symbol, generation: Generation) -> None:
        """A generation is durable."""
        ...

    def served(self, symbol: Symbol, snapshot: Snapshot) -> None:
        """Readers get this."""
        ...


class Boot(Protocol):
    """One boot of the engine; it alone changes what is said here."""

    @property
    def number(self) -> int:
        """From 1."""
        ...

    @property
    def node(self) -> Node:
        """Its tasks, as the loop knows them."""
        ...

    @property
    def view(self) -> NodeView:
        """What was seen of it, which its judges keep."""
        ...

    @property
    def conduct(self) -> Listener:
        """Who holds its manners against it."""
        ...

    @property
    def engine(self) -> Engine | None:
        """None until the processes are spawned."""
        ...

    @property
    def store(self) -> Store | None:
        """None until the token was minted."""
        ...

    @property
    def token(self) -> int | None:
        """None until it was minted."""
        ...

    @property
    def revisions(self) -> MutableMapping[Symbol, int]:
        """Which revision of history each symbol's newest draft is of."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether it neither died nor ended."""
        ...


class Scene(Protocol):
    """What the oracles may ask of the world."""

    def now_us(self) -> int:
        """Virtual time."""
        ...

    def true_ms(self) -> int:
        """The market's time, UTC ms."""
        ...

    def newest_token(self) -> int:
        """The highest token anybody was given."""
        ...

    def next_revision(self) -> int:
        """A revision that nobody has seen."""
        ...

    def pointer(self, symbol: Symbol) -> tuple[Generation, int] | None:
        """What Redis serves."""
        ...

    def gone(self, partner: str) -> bool:
        """Whether `redis` has done nothing at all for a while."""
        ...

    def tell(self, who: str, text: str) -> None:
        """Note a sentence of the story."""
        ...
