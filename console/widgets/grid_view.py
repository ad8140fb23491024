"""The grid on the screen: one drawn column beside the other, as many as there are timeframes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal

from uds.model import Timeframe

from ..paint import Brush
from .grid_rows import Column
from .line_view import LineView


class GridView(Horizontal):
    """A row of columns; those without lines are not shown."""

    def __init__(self, brush: Brush) -> None:
        super().__init__(id="grid")
        self._columns = [LineView(brush, id=f"column-{at}") for at in range(1 + len(Timeframe))]
        self._widths: tuple[int, ...] = ()

    def compose(self) -> ComposeResult:
        """Names, then the timeframes."""
        yield from self._columns

    def show(self, columns: Sequence[Column]) -> None:
        """Draw what differs."""
        widths = tuple(column.width for column in columns)
        if widths != self._widths:
            self._widths = widths
            for at, view in enumerate(self._columns):
                view.display = at < len(widths)
                view.styles.width = widths[at] if at < len(widths) else 0
        for view, column in zip(self._columns, columns, strict=False):
            view.show(column.lines)
