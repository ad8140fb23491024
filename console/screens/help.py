"""The help screen: keys from their table, acts from the engine's registry, signs, the market."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.events import Resize
from textual.screen import ModalScreen

from ..commands import HELP, Tables, bindings
from ..lines import cropped
from ..offers import Offer
from ..paint import Brush
from ..widgets.help_rows import help_rows
from ..widgets.line_view import LineView
from ..words import Words


class HelpScreen(ModalScreen[None], inherit_bindings=False):
    """A page to scroll; the engine goes on behind it."""

    BINDINGS = bindings(HELP)
    AUTO_FOCUS = None

    def __init__(
        self, market: str, brush: Brush, words: Words, tables: Tables, offers: Sequence[Offer]
    ) -> None:
        """`offers` is the engine's registry; without it the keys of the acts stand alone."""
        super().__init__()
        self._rows = help_rows(market, words, tables, offers)
        self._view = LineView(brush, id="help")
        self._top = 0

    def compose(self) -> ComposeResult:
        """One view over the whole screen."""
        yield self._view

    def on_resize(self, event: Resize) -> None:
        """Crop to the new width."""
        self._draw()

    def action_scroll(self, rows: int) -> None:
        """Move the page."""
        self._top += rows
        self._draw()

    def action_close(self) -> None:
        """Back to where it was opened."""
        self.dismiss(None)

    def _draw(self) -> None:
        width, height = self.app.size
        self._top = max(0, min(self._top, len(self._rows) - height))
        shown = self._rows[self._top : self._top + height]
        self._view.show(tuple(cropped(row, width) for row in shown))
