"""The grid on the screen: one drawn column beside the other, as many as there are timeframes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.geometry import Region

from uds.model import Timeframe

from ..lines import Look
from ..paint import Brush
from .grid_rows import Column
from .ground import GroundRow
from .line_view import LineView


class GridView(GroundRow):
    """A row of columns; those without lines are not shown."""

    def __init__(self, brush: Brush) -> None:
        super().__init__(brush.style(Look.PLAIN), id="grid")
        self._columns = [LineView(brush, id=f"column-{at}") for at in range(1 + len(Timeframe))]
        self._widths: tuple[int, ...] = ()

    def compose(self) -> ComposeResult:
        """Names, then the timeframes."""
        yield from self._columns

    def take(self, columns: Sequence[Column]) -> list[Region]:
        """Replace the columns; what the screen must paint."""
        widths = tuple(column.width for column in columns)
        if widths != self._widths:
            self._widths = widths
            for at, view in enumerate(self._columns):
                view.display = at < len(widths)
                view.styles.width = widths[at] if at < len(widths) else 0
        pairs = zip(self._columns, columns, strict=False)
        return [region for view, column in pairs for region in view.take(column.lines)]
