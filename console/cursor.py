"""Where the operator stands: by symbol and timeframe and by process name, never by row number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple, TypeVar

from engine import Status
from uds.model import SeriesKey, Symbol, Timeframe

T = TypeVar("T")


class Pane(Enum):
    """What the keys move in."""

    GRID = "grid"
    PROCESSES = "processes"


class Shown(NamedTuple):
    """The rows and columns of the grid that a filter leaves, in the grid's order."""

    symbols: tuple[Symbol, ...]
    timeframes: tuple[Timeframe, ...]

    @property
    def cells(self) -> tuple[SeriesKey, ...]:
        """Row by row."""
        return tuple(SeriesKey(s, tf) for s in self.symbols for tf in self.timeframes)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The operator's place on the home screen."""

    pane: Pane = Pane.GRID
    """What the keys move in."""
    cell: SeriesKey | None = None
    """The selected cell; None until there are cells, and while none is shown."""
    hidden: SeriesKey | None = None
    """The cell that was selected when the last one was hidden: where the cursor comes back to."""
    process: str | None = None
    """The selected process by name; None until there are processes."""

    @property
    def symbol(self) -> Symbol | None:
        """The selected cell's symbol."""
        return self.cell.symbol if self.cell else None


def settled(cursor: Cursor, status: Status, shown: Shown | None = None) -> Cursor:
    """The same place, or the nearest one where that is not to be seen any more."""
    shown = shown or Shown(status.symbols, status.timeframes)
    before = cursor.cell or cursor.hidden
    cell = _nearest(before, shown)
    if cell not in status.cells:
        cell = next((key for key in shown.cells if key in status.cells), None)
    names = [process.name for process in status.processes]
    process = cursor.process if cursor.process in names else next(iter(names), None)
    return replace(cursor, cell=cell, hidden=None if cell else before, process=process)


def moved(
    cursor: Cursor, status: Status, columns: int, rows: int, shown: Shown | None = None
) -> Cursor:
    """So many columns right and rows down (negative: left, up), stopping at the edges."""
    shown = shown or Shown(status.symbols, status.timeframes)
    cursor = settled(cursor, status, shown)
    if cursor.pane is Pane.PROCESSES:
        if cursor.process is None:
            return cursor
        names = [process.name for process in status.processes]
        return replace(cursor, process=_stepped(names, cursor.process, rows))
    if cursor.cell is None:
        return cursor
    symbol = _stepped(shown.symbols, cursor.cell.symbol, rows)
    target = SeriesKey(symbol, _stepped(shown.timeframes, cursor.cell.timeframe, columns))
    return replace(cursor, cell=target) if target in status.cells else cursor


def turned(cursor: Cursor) -> Cursor:
    """The other pane."""
    other = Pane.GRID if cursor.pane is Pane.PROCESSES else Pane.PROCESSES
    return replace(cursor, pane=other)


def following(places: Sequence[T], order: Sequence[T], here: T | None, step: int) -> T | None:
    """The next of `places` after `here` in an order (step -1: before), round the end; or None."""
    if not places:
        return None
    wanted, start = set(places), order.index(here) if here in order else -max(step, 0)
    turn = [order[(start + step * away) % len(order)] for away in range(1, len(order) + 1)]
    return next((place for place in turn if place in wanted), None)


def scrolled(top: int, selected: int, visible: int, total: int) -> int:
    """The first row to draw so that the selected one is in view, moving as little as possible."""
    top = min(max(top, selected - visible + 1), selected)
    return max(0, min(top, total - visible))


def _nearest(cell: SeriesKey | None, shown: Shown) -> SeriesKey | None:
    if cell is None or not shown.symbols or not shown.timeframes:
        return None
    symbol = cell.symbol if cell.symbol in shown.symbols else shown.symbols[0]
    kept = cell.timeframe in shown.timeframes
    return SeriesKey(symbol, cell.timeframe if kept else shown.timeframes[0])


def _stepped(places: Sequence[T], here: T, steps: int) -> T:
    return places[max(0, min(len(places) - 1, places.index(here) + steps))]
