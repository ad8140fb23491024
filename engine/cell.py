"""One symbol in one timeframe: how far its newest data has come, and what readers get."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING

from uds.model import Generation

if TYPE_CHECKING:
    from uds.model import Bars


class CellState(Enum):
    """How far the newest data of one cell has come, or what is wrong with it."""

    EMPTY = "empty"
    FETCHING = "fetching"
    STORED = "stored"
    DERIVED = "derived"
    PRIMED = "primed"
    SEALED = "sealed"
    STALE = "stale"
    FAILED = "failed"

    @property
    def is_ahead_of_redis(self) -> bool:
        """Whether the disk has it all and Redis does not yet."""
        return self in (CellState.STORED, CellState.DERIVED)


@dataclass(frozen=True, slots=True)
class Cell:
    """One symbol in one timeframe."""

    state: CellState = CellState.EMPTY
    """How far its newest data has come."""
    progress: float = 0.0
    """Fetched share of what is wanted, 0 to 1; meaningful while fetching."""
    bars: int = 0
    """Bars at hand: those served, or those stored so far while none is."""
    watermark_ms: int | None = None
    """Open of the newest durable bar; None when there is none."""
    serving: Generation | None = None
    """The generation readers get this cell from; None until a flip was read back."""
    changed_ms: int = 0
    """When this value was written, for the change mark on the screen."""

    @property
    def is_in_redis(self) -> bool:
        """Whether Redis has a tail of it: the newest generation's, or the one readers get."""
        return self.serving is not None or self.state in (CellState.PRIMED, CellState.SEALED)

    def says_as(self, other: Cell) -> bool:
        """Whether it is the same value, whenever it was written."""
        return _said(self) == _said(other)

    def moved(self, state: CellState, progress: float, stored: Bars) -> Cell:
        """On the way to being sealed; what readers are served meanwhile goes on counting."""
        if self.serving is not None:
            return replace(self, state=state, progress=progress)
        return Cell(state, progress, len(stored), stored.last_open_ms)


_said = attrgetter(*(name for name in Cell.__slots__ if name != "changed_ms"))
