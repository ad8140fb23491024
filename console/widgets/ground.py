"""What lies under line views that cover it all: blank, and no business of the style sheet.

Textual draws every container whose area a change touches, covered or not, and asks the style
sheet about each; that was a tenth of what a frame cost. The ground stands last among the bases:
the style sheet goes by the first.
"""

from __future__ import annotations

from rich.style import Style
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Ground(Widget):
    """A widget that draws blanks, whatever its size."""

    ground: Style = Style.null()
    """How they are drawn; as the line views beside them are, so that no seam is seen."""
    _blanks: tuple[Strip, ...] = ()

    def render_lines(self, crop: Region) -> list[Strip]:
        """As many as wanted; the same ones as long as the size stays."""
        blanks = self._blanks
        if len(blanks) != crop.height or (blanks and blanks[0].cell_length != crop.width):
            blanks = self._blanks = (Strip.blank(crop.width, self.ground),) * crop.height
        return list(blanks)


class GroundRow(Horizontal, Ground):
    """Views side by side."""

    def __init__(self, ground: Style, *, id: str) -> None:
        super().__init__(id=id)
        self.ground = ground


class GroundColumn(Vertical, Ground):
    """Views one below the other."""

    def __init__(self, ground: Style, *, id: str) -> None:
        super().__init__(id=id)
        self.ground = ground
