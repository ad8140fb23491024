"""May the API answer yet, and if not, what is it waiting for.

Theory of operation. The gate looks at cells, never at flags that processes raise about
themselves: a flag can be wrong about the data, a cell is the data. A cell counts once it is
*serving*: its tail belongs to a generation whose flip in Redis was read back. So two primers
without coordination, an m1_poller that never says ready and a timeout that somebody ignored
cannot open the gate, because none of them is asked.

Opening needs everything; staying open needs only a complete generation. A forced rebuild
therefore leaves the gate open: the cells go on serving the old generation until the flip.
Time alone never opens it; it only sets `overdue`.

Holds I5: whatever is not open carries its `why`, and `/api/bars` cannot be answered without
one of the two values below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from uds.model import SeriesKey

from .cell import Cell
from .degraded import DegradedCode, DegradedReason, Severity


class GateState(Enum):
    """The gate's words on the wire and on the screen."""

    CLOSED = "closed"
    OPEN = "open"
    OPEN_DEGRADED = "open_degraded"
    FENCED = "fenced"
    NEEDS_OPERATOR = "needs_operator"


@dataclass(frozen=True, slots=True)
class Why:
    """One thing the gate waits for."""

    subject: str
    """A cell such as `XAU/USD/H4`, or a dependency such as `broker`."""
    code: str
    """The cell's state, or the code of the reason that holds it."""


@dataclass(frozen=True, slots=True)
class Open:
    """Readers may be answered."""

    reasons: tuple[DegradedReason, ...]
    """What is degraded meanwhile; empty when all is well."""

    @property
    def state(self) -> GateState:
        """`open`, or `open_degraded` when there are reasons."""
        return GateState.OPEN_DEGRADED if self.reasons else GateState.OPEN


@dataclass(frozen=True, slots=True)
class Closed:
    """Readers get 503 and this."""

    why: tuple[Why, ...]
    """Everything that is waited for; never empty."""
    state: GateState = GateState.CLOSED
    """`closed`, or the graver word that explains it."""


Gate = Open | Closed


def evaluate(cells: Mapping[SeriesKey, Cell], reasons: tuple[DegradedReason, ...]) -> Gate:
    """The one decision, from all cells and the reasons that stand."""
    fencing = [_why(r) for r in reasons if r.code is DegradedCode.FENCED]
    if fencing:
        return Closed(tuple(fencing), GateState.FENCED)
    waiting = [Why(str(key), cell.state.value) for key, cell in cells.items() if not cell.serving]
    if not waiting and cells:
        return Open(tuple(r for r in reasons if r.severity is Severity.DEGRADED))
    permanent = [_why(r) for r in reasons if r.code is DegradedCode.BROKER_LOGIN_PERMANENT]
    if permanent:
        return Closed((*permanent, *waiting), GateState.NEEDS_OPERATOR)
    return Closed(tuple(waiting) or (Why("store", "opening"),))


def _why(reason: DegradedReason) -> Why:
    return Why(str(reason.scope or "platform"), reason.code.value)
