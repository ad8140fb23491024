"""The 13×8 grid as columns of rows, and the compact form for small terminals.

One column of text per timeframe, because the terminal is written from the left edge of a widget
to the changed cell: with a widget per column a changed cell costs its own few bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from engine import Cell, CellState
from uds.model import SeriesKey, Symbol, Timeframe

from ..clean import clean
from ..cursor import Cursor, Pane, Shown, scrolled
from ..glyphs import sign
from ..lines import Line, Look, Span, boxed, cropped
from . import cell_face
from .cell_face import Sight
from .facts import Facts

_NAME_WIDTH, _NAME_MIN, _NAME_MAX = 8, 4, 14
_CELL_MIN, _CELL_MAX = 8, 11
_MARKER = 1


class Column(NamedTuple):
    """A column of the grid."""

    width: int
    """Columns of the screen it takes."""
    lines: tuple[Line, ...]
    """Its rows, the header first unless compact."""


class Grid:
    """The grid of one status at one moment."""

    def __init__(
        self,
        facts: Facts,
        cursor: Cursor,
        sight: Sight,
        shown: Shown | None = None,
        empty: str = "",
    ) -> None:
        """`shown` leaves everything when None; `empty` is said when it leaves nothing."""
        self._all_count = len(facts.symbols)
        self._symbols, self._timeframes = shown or Shown(facts.symbols, facts.timeframes)
        self._cells = facts.status.cells
        self._marks = facts.marks
        self._cursor = cursor
        self._chosen = cursor.cell if cursor.pane is Pane.GRID else None
        self._sight = sight
        self._empty = empty or sight.words.no_cells

    def columns(self, width: int, height: int, top: int) -> tuple[tuple[Column, ...], int]:
        """Names and timeframes in at most `height` rows, and the first symbol drawn."""
        if not self._symbols or not self._timeframes:
            return (Column(width, (self._nothing(width),)),), 0
        visible = max(1, height - 1)
        top = self._top(top, visible)
        drawn = self._symbols[top : top + visible]
        name_width, cell_width = self._widths(width)
        head = self._head(top, len(drawn))
        names = [(Span(boxed(head, _MARKER + name_width), Look.DIM),)]
        names += [(self._name(symbol, name_width),) for symbol in drawn]
        rows = {symbol: self._row(symbol) for symbol in drawn}
        columns = [Column(_MARKER + name_width, tuple(names))]
        for timeframe in self._timeframes:
            cells = (
                self._cell(key, rows[key.symbol], cell_width)
                for key in _keys_down(drawn, timeframe)
            )
            columns.append(Column(cell_width, (self._timeframe(timeframe), *cells)))
        # At 72 columns the gap after the last cell does not fit, and is not needed.
        beyond = max(0, sum(column.width for column in columns) - width)
        columns[-1] = columns[-1]._replace(width=columns[-1].width - beyond)
        return tuple(columns), top

    def compact(self, width: int, height: int, top: int) -> tuple[tuple[Column, ...], int]:
        """One row of signs per symbol, without a header."""
        if not self._symbols or not self._timeframes:
            return (Column(width, (self._nothing(width),)),), 0
        top = self._top(top, max(1, height))
        signs_width = 1 + len(self._timeframes)
        name_width = max(_NAME_MIN, min(_NAME_WIDTH, width - _MARKER - signs_width))
        drawn = self._symbols[top : top + height]
        return (Column(width, tuple(self._compact(s, name_width) for s in drawn)),), top

    def _nothing(self, width: int) -> Line:
        return cropped((Span(f" {self._empty}", Look.DIM),), width)

    def _top(self, top: int, visible: int) -> int:
        symbol = self._cursor.symbol
        selected = self._symbols.index(symbol) if symbol in self._symbols else 0
        return scrolled(top, selected, visible, len(self._symbols))

    def _widths(self, width: int) -> tuple[int, int]:
        """Names and cells grow with the room there is."""
        count = max(1, len(self._timeframes))
        cell_width = (width - _MARKER - _NAME_WIDTH) // count
        cell_width = min(_CELL_MAX, max(_CELL_MIN, cell_width))
        spare = width - _MARKER - cell_width * count
        return min(max(spare, _NAME_WIDTH), _NAME_MAX), cell_width

    def _head(self, top: int, drawn: int) -> str:
        if drawn == self._all_count:
            return f" {self._sight.words.symbol_head}"
        return f" {top + 1}–{top + drawn}/{self._all_count}"

    def _timeframe(self, timeframe: Timeframe) -> Line:
        here = self._cursor.cell is not None and self._cursor.cell.timeframe == timeframe
        return (Span(timeframe.name, Look.STRONG if here else Look.DIM),)

    def _row(self, symbol: Symbol) -> Mapping[SeriesKey, Cell]:
        keys = _keys_across(symbol, self._timeframes)
        return {key: self._cells[key] for key in keys if key in self._cells}

    def _name(self, symbol: Symbol, width: int) -> Span:
        here = self._cursor.pane is Pane.GRID and self._cursor.symbol == symbol
        name = clean(symbol)
        if symbol in self._marks:
            name = boxed(name, min(len(name), width - 1)) + sign(Look.DEGRADED)
        look = Look.DEGRADED if symbol in self._marks else Look.PLAIN
        return Span((">" if here else " ") + boxed(name, width), look)

    def _cell(self, key: SeriesKey, row: Mapping[SeriesKey, Cell], width: int) -> Line:
        return (self._face(key, row, width - 1),) if key in row else ()

    def _compact(self, symbol: Symbol, name_width: int) -> Line:
        row = self._row(symbol)
        signs = (self._face(key, row, 1) for key in row)
        served = sum(cell.serving is not None for cell in row.values())
        count = Span(f" {served}/{len(row)}", Look.DIM)
        return (self._name(symbol, name_width), Span(" "), *signs, count)

    def _face(self, key: SeriesKey, row: Mapping[SeriesKey, Cell], width: int) -> Span:
        own = self._marks.get(key, ())
        if not own and row[key].state is CellState.FAILED:
            own = self._marks.get(key.symbol, ())
        chosen = key == self._chosen
        return cell_face.face(key, row[key], own, row, self._sight, width, chosen)


@lru_cache(maxsize=512)
def _keys_across(symbol: Symbol, timeframes: tuple[Timeframe, ...]) -> tuple[SeriesKey, ...]:
    """One row's; ten times a second they are the same."""
    return tuple(SeriesKey(symbol, timeframe) for timeframe in timeframes)


@lru_cache(maxsize=64)
def _keys_down(symbols: tuple[Symbol, ...], timeframe: Timeframe) -> tuple[SeriesKey, ...]:
    """One column's."""
    return tuple(SeriesKey(symbol, timeframe) for symbol in symbols)
