"""What the rows need to know of a status, computed once for each status."""

from __future__ import annotations

from dataclasses import dataclass

from engine import Closed, DegradedReason, Open, Phase, Severity, Status
from uds.model import SeriesKey, Symbol, Timeframe

from ..lines import Look
from . import cell_face
from .faults import Faults, faults


@dataclass(frozen=True, slots=True)
class Facts:
    """A status and its answers."""

    status: Status
    """The status itself."""
    gate: Open | Closed
    """May readers be answered, and if not, why."""
    phase: Phase
    """The earliest phase of any symbol."""
    symbols: tuple[Symbol, ...]
    """All symbols, in the configuration's order."""
    timeframes: tuple[Timeframe, ...]
    """All timeframes, narrowest first."""
    served: frozenset[Symbol]
    """Symbols of which every cell is served."""
    ready_cells: int
    """Cells that readers can be served from."""
    faults: Faults
    """What is wrong, ranked."""
    marks: dict[SeriesKey | Symbol | None, list[DegradedReason]]
    """Degraded reasons by their scope."""

    def look_of(self, key: SeriesKey) -> Look:
        """What to show of a cell."""
        return cell_face.look_of(self.status.cells[key], self.marks.get(key, ()))

    @classmethod
    def of(cls, status: Status) -> Facts:
        """Compute them."""
        unserved = {key.symbol for key, cell in status.cells.items() if cell.serving is None}
        symbols = status.symbols
        marks: dict[SeriesKey | Symbol | None, list[DegradedReason]] = {}
        for reason in status.reasons:
            if reason.severity is Severity.DEGRADED:
                marks.setdefault(reason.scope, []).append(reason)
        return cls(
            status=status,
            gate=status.gate,
            phase=status.phase,
            symbols=symbols,
            timeframes=status.timeframes,
            served=frozenset(symbols) - unserved,
            ready_cells=status.ready_cells,
            faults=faults(status),
            marks=marks,
        )
