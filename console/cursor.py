"""Where the operator stands: by symbol and timeframe and by process name, never by row number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from engine import Status
from uds.model import SeriesKey, Symbol

T = TypeVar("T")


class Pane(Enum):
    """What the keys move in."""

    GRID = "grid"
    PROCESSES = "processes"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The operator's place on the home screen."""

    pane: Pane = Pane.GRID
    """What the keys move in."""
    cell: SeriesKey | None = None
    """The selected cell; None until there are cells."""
    process: str | None = None
    """The selected process by name; None until there are processes."""

    @property
    def symbol(self) -> Symbol | None:
        """The selected cell's symbol."""
        return self.cell.symbol if self.cell else None


def settled(cursor: Cursor, status: Status) -> Cursor:
    """The same place, or the first one where that no longer exists."""
    if cursor.cell not in status.cells:
        cursor = replace(cursor, cell=next(iter(status.cells), None))
    names = [process.name for process in status.processes]
    if cursor.process not in names:
        cursor = replace(cursor, process=names[0] if names else None)
    return cursor


def moved(cursor: Cursor, status: Status, columns: int, rows: int) -> Cursor:
    """So many columns right and rows down (negative: left, up), stopping at the edges."""
    cursor = settled(cursor, status)
    if cursor.pane is Pane.PROCESSES:
        if cursor.process is None:
            return cursor
        names = [process.name for process in status.processes]
        return replace(cursor, process=_stepped(names, cursor.process, rows))
    if cursor.cell is None:
        return cursor
    row = [key.timeframe for key in status.cells if key.symbol == cursor.cell.symbol]
    symbol = _stepped(status.symbols, cursor.cell.symbol, rows)
    target = SeriesKey(symbol, _stepped(row, cursor.cell.timeframe, columns))
    return replace(cursor, cell=target) if target in status.cells else cursor


def turned(cursor: Cursor) -> Cursor:
    """The other pane."""
    other = Pane.GRID if cursor.pane is Pane.PROCESSES else Pane.PROCESSES
    return replace(cursor, pane=other)


def scrolled(top: int, selected: int, visible: int, total: int) -> int:
    """The first row to draw so that the selected one is in view, moving as little as possible."""
    top = min(max(top, selected - visible + 1), selected)
    return max(0, min(top, total - visible))


def _stepped(places: Sequence[T], here: T, steps: int) -> T:
    return places[max(0, min(len(places) - 1, places.index(here) + steps))]
