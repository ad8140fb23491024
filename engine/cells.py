"""All cells of one moment: a mapping that shares what did not change with the one before it.

A status is replaced with every event, and a plain dictionary of all cells would be copied each
time. Here a symbol is one row: a step copies the row that changed and the list of rows, and how
many cells are served is counted as it changes instead of anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from uds.model import SeriesKey, Symbol, Timeframe

from .cell import Cell

_NAMED_MAX = 208
Row = dict[SeriesKey, Cell]


class Cells(Mapping[SeriesKey, Cell]):
    """Frozen; symbols and timeframes keep the order they were given in."""

    __slots__ = ("_count", "_rows", "served_count")

    def __init__(self, cells: Mapping[SeriesKey, Cell]) -> None:
        rows: dict[Symbol, Row] = {}
        for key, cell in cells.items():
            rows.setdefault(key.symbol, {})[key] = cell
        self._set(rows, len(cells), _served(cells.values()))

    @classmethod
    def of(cls, cells: Mapping[SeriesKey, Cell]) -> Cells:
        """The same cells in rows; itself when they are already."""
        return cells if isinstance(cells, Cells) else cls(cells)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """All symbols, in order."""
        return tuple(self._rows)

    def row(self, symbol: Symbol) -> Mapping[SeriesKey, Cell]:
        """The cells of one symbol; none of an unknown one."""
        return self._rows.get(symbol, {})

    def moved(self, symbol: Symbol, changed: Mapping[Timeframe, Cell]) -> Cells:
        """The next cells; those that do not exist are asserted."""
        before = self._rows.get(symbol, {})
        after = before | {SeriesKey(symbol, tf): cell for tf, cell in changed.items()}
        assert after.keys() == before.keys(), f"not our cells: {symbol} {sorted(changed)}"
        served = self.served_count - _served(before.values()) + _served(after.values())
        other = Cells.__new__(Cells)
        other._set(self._rows | {symbol: after}, self._count, served)
        return other

    def __getitem__(self, key: SeriesKey) -> Cell:
        if not isinstance(key, SeriesKey):
            raise KeyError(key)
        return self._rows[key.symbol][key]

    def __iter__(self) -> Iterator[SeriesKey]:
        return chain.from_iterable(self._rows.values())

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Cells({dict(self)!r})"

    def _set(self, rows: dict[Symbol, Row], count: int, served_count: int) -> None:
        self._rows = rows
        self._count = count
        self.served_count = served_count
        """Cells that readers can be served from."""


def named(keys: Iterable[SeriesKey]) -> str:
    """Every cell by name, as a reason lists them; beyond 208 only how many more there are."""
    names = [str(key) for key in keys]
    more = len(names) - _NAMED_MAX
    return ", ".join(names[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _served(cells: Iterable[Cell]) -> int:
    return sum(cell.serving is not None for cell in cells)
