"""All cells of one moment: a mapping that shares what did not change with the one before it.

A status is replaced with every event, and a plain dictionary of all cells would be copied each
time. Here a symbol is one row and 64 rows are a shelf: a step copies the row that changed, its
shelf and the list of shelves, so thirteen thousand symbols cost a step little more than thirteen.
How many cells are served is counted as it changes instead of anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from uds.model import SeriesKey, Symbol, Timeframe

from .cell import Cell

_NAMED_MAX = 208
_SHELF_ROWS = 64
Row = dict[SeriesKey, Cell]
Shelf = dict[Symbol, Row]


class Cells(Mapping[SeriesKey, Cell]):
    """Frozen; symbols and timeframes keep the order they were given in."""

    __slots__ = ("_count", "_shelf_of", "_shelves", "flip_count", "served_count")

    def __init__(self, cells: Mapping[SeriesKey, Cell]) -> None:
        rows: dict[Symbol, Row] = {}
        for key, cell in cells.items():
            rows.setdefault(key.symbol, {})[key] = cell
        shelf_of = {symbol: place // _SHELF_ROWS for place, symbol in enumerate(rows)}
        shelves: list[Shelf] = [{} for _ in range(-(-len(rows) // _SHELF_ROWS))]
        for symbol, row in rows.items():
            shelves[shelf_of[symbol]][symbol] = row
        self._set(tuple(shelves), shelf_of, len(cells), _served(cells.values()), 0)

    @classmethod
    def of(cls, cells: Mapping[SeriesKey, Cell]) -> Cells:
        """The same cells in rows; itself when they are already."""
        return cells if isinstance(cells, Cells) else cls(cells)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """All symbols, in order."""
        return tuple(self._shelf_of)

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        """All timeframes, in order: every symbol has the same; none without symbols."""
        first = next(iter(self._shelf_of), None)
        return () if first is None else tuple(key.timeframe for key in self.row(first))

    def row(self, symbol: Symbol) -> Mapping[SeriesKey, Cell]:
        """The cells of one symbol; none of an unknown one."""
        place = self._shelf_of.get(symbol)
        return {} if place is None else self._shelves[place][symbol]

    def moved(self, symbol: Symbol, changed: Mapping[Timeframe, Cell]) -> Cells:
        """The next cells; those that do not exist are asserted."""
        before = self.row(symbol)
        after = {**before, **{SeriesKey(symbol, tf): cell for tf, cell in changed.items()}}
        assert after.keys() == before.keys(), f"not our cells: {symbol} {sorted(changed)}"
        if not changed:
            return self
        served = self.served_count - _served(before.values()) + _served(after.values())
        is_flipped = any(cell.serving != before[key].serving for key, cell in after.items())
        shelves, place = list(self._shelves), self._shelf_of[symbol]
        shelves[place] = shelves[place] | {symbol: after}
        other = Cells.__new__(Cells)
        flips = self.flip_count + is_flipped
        other._set(tuple(shelves), self._shelf_of, self._count, served, flips)
        return other

    def __getitem__(self, key: SeriesKey) -> Cell:
        if not isinstance(key, SeriesKey):
            raise KeyError(key)
        return self._shelves[self._shelf_of[key.symbol]][key.symbol][key]

    def __iter__(self) -> Iterator[SeriesKey]:
        rows = chain.from_iterable(shelf.values() for shelf in self._shelves)
        return chain.from_iterable(rows)

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Cells({dict(self)!r})"

    def _set(
        self,
        shelves: tuple[Shelf, ...],
        shelf_of: Mapping[Symbol, int],
        count: int,
        served_count: int,
        flip_count: int,
    ) -> None:
        self._shelves = shelves
        self._shelf_of = shelf_of
        self._count = count
        self.served_count = served_count
        """Cells that readers can be served from."""
        self.flip_count = flip_count
        """How often a symbol got another generation since the first of these were made."""


def named(keys: Iterable[SeriesKey]) -> str:
    """Every cell by name, as a reason lists them; beyond 208 only how many more there are."""
    names = [str(key) for key in keys]
    more = len(names) - _NAMED_MAX
    return ", ".join(names[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _served(cells: Iterable[Cell]) -> int:
    return sum(cell.serving is not None for cell in cells)
