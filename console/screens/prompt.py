"""One line to type in, at the bottom of the screen it concerns, which follows each keystroke."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.events import Key, Paste, Resize
from textual.screen import ModalScreen

from ..clean import clean
from ..commands import PROMPT, bindings
from ..lines import Look, Span, boxed, cropped, width_of
from ..paint import Brush
from ..typed import Typed
from ..widgets.line_view import LineView

_CARET = "▏"


class PromptScreen(ModalScreen[str | None], inherit_bindings=False):
    """Closes with the text, or with None when it was left."""

    BINDINGS = bindings(PROMPT)
    AUTO_FOCUS = None

    def __init__(
        self, lead: str, text: str, hint: str, brush: Brush, changed: Callable[[str], object]
    ) -> None:
        """`lead` stands before the text; `changed` hears it after each keystroke."""
        super().__init__()
        self._lead = lead
        self._typed = Typed.of(text)
        self._hint = hint
        self._changed = changed
        self._view = LineView(brush, id="prompt")

    def compose(self) -> ComposeResult:
        """The line."""
        yield self._view

    def on_resize(self, event: Resize) -> None:
        """Crop to the new width."""
        self._draw()

    def on_key(self, event: Key) -> None:
        """A printable key is text, whatever it does elsewhere."""
        if event.is_printable and event.character:
            event.stop()
            self._take(self._typed.insert(event.character))

    def on_paste(self, event: Paste) -> None:
        """Foreign text becomes one safe line."""
        event.stop()
        self._take(self._typed.insert(clean(event.text)))

    def action_edit(self, how: str) -> None:
        """Erase or move."""
        self._take(self._typed.edited(how))

    def action_accept(self) -> None:
        """Close with what was typed."""
        self.dismiss(self._typed.text)

    def action_leave(self) -> None:
        """Close without it."""
        self.dismiss(None)

    def _take(self, typed: Typed) -> None:
        is_changed = typed.text != self._typed.text
        self._typed = typed
        self._draw()
        if is_changed:
            self._changed(typed.text)

    def _draw(self) -> None:
        before, after = self._typed.parts
        lead = Span(f" {self._lead}", Look.STRONG)
        line = (lead, Span(before), Span(_CARET, Look.FETCHING), Span(after))
        width = self.app.size.width
        left = width - width_of(line) - 3
        hint = Span(f"   {boxed(self._hint, left)}" if left > 0 else "", Look.DIM)
        self._view.show((cropped((*line, hint), width),))
