"""The one widget that draws: rows in, and only what differs from the last rows is painted."""

from __future__ import annotations

from itertools import zip_longest

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from ..lines import Line, differing
from ..paint import Brush


class LineView(Widget):
    """A block of rows that the screen composes; it has no border, padding or background of CSS."""

    def __init__(self, brush: Brush, *, id: str) -> None:
        super().__init__(id=id)
        self._brush = brush
        self._lines: tuple[Line, ...] = ()
        self._strips: dict[int, Strip] = {}
        self._width = 0
        self._rendered: tuple[Region, list[Strip]] | None = None

    def show(self, lines: tuple[Line, ...]) -> None:
        """Replace the rows; cells that stay the same are not painted again."""
        regions = self._replace(lines)
        if regions:
            self.refresh(*regions)

    def take(self, lines: tuple[Line, ...]) -> list[Region]:
        """Replace the rows, and leave to the screen to paint what differs there.

        A widget that paints itself wakes a task and sends two messages each time; a screen that
        paints for all of its views does so once.
        """
        regions = self._replace(lines)
        if not regions or not self.size:
            return []
        offset = self.region.offset
        return [region.translate(offset) for region in regions]

    def render_line(self, y: int) -> Strip:
        return self._strip(y, self.size.width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Strips of a region, straight from the rows: the style sheet has no part in them.

        Textual asks all widgets for all their strips whenever one of them has changed, so the
        last answer is kept.
        """
        width = self.size.width
        if self._rendered is None or self._rendered[0] != crop or width != self._width:
            strips = [self._strip(y, width) for y in crop.line_range]
            if crop.x != 0 or crop.width != width:
                strips = [strip.crop(crop.x, crop.right) for strip in strips]
            self._rendered = crop, strips
        return self._rendered[1]

    def _replace(self, lines: tuple[Line, ...]) -> list[Region]:
        if lines == self._lines:
            return []
        regions: list[Region] = []
        width = self.size.width
        for y, (was, now) in enumerate(zip_longest(self._lines, lines, fillvalue=())):
            if was != now:
                self._strips.pop(y, None)
                regions += (Region(x, y, columns, 1) for x, columns in differing(was, now, width))
        self._lines = lines
        self._rendered = None
        return regions

    def _strip(self, y: int, width: int) -> Strip:
        if width != self._width:
            self._strips.clear()
            self._width = width
        if y not in self._strips:
            line = self._lines[y] if y < len(self._lines) else ()
            self._strips[y] = self._brush.strip(line, width)
        return self._strips[y]
