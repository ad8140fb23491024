"""The palette: every command with what it does, narrowed by what is typed, done with Enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key, Resize
from textual.screen import ModalScreen

from ..commands import PALETTE, bindings
from ..lines import Line, Look, Span, boxed, cropped
from ..paint import Brush
from ..typed import Typed
from ..widgets.line_view import LineView
from ..words import Words

_ROWS_MAX = 14
_NAME_WIDTH, _KEYS_WIDTH = 16, 12
_CARET = "▏"


class Choice(NamedTuple):
    """One row of the palette."""

    name: str
    """What it closes with."""
    keys: str
    """The keys that do the same; empty where there is none."""
    summary: str
    """What it does, safe to draw."""


class PaletteScreen(ModalScreen[str | None], inherit_bindings=False):
    """Closes with the name of the choice, or with None when it was left."""

    BINDINGS = bindings(PALETTE)
    AUTO_FOCUS = None

    def __init__(self, choices: Sequence[Choice], brush: Brush, words: Words) -> None:
        super().__init__()
        self._choices = choices
        self._words = words
        self._typed = Typed()
        self._at = 0
        self._list = LineView(brush, id="choices")
        self._line = LineView(brush, id="prompt")

    def compose(self) -> ComposeResult:
        """The rows, and the line below them."""
        with Vertical(id="palette"):
            yield self._list
            yield self._line

    def on_resize(self, event: Resize) -> None:
        """Crop to the new size."""
        self._draw()

    def on_key(self, event: Key) -> None:
        """A printable key is text."""
        if event.is_printable and event.character:
            event.stop()
            self._take(self._typed.insert(event.character))

    def action_edit(self, how: str) -> None:
        """Erase or move."""
        self._take(self._typed.edited(how))

    def action_step(self, rows: int) -> None:
        """Up or down."""
        self._at += rows
        self._draw()

    def action_accept(self) -> None:
        """Close with the chosen one."""
        found = self._found()
        self.dismiss(found[self._at].name if found else None)

    def action_leave(self) -> None:
        """Close without one."""
        self.dismiss(None)

    def _take(self, typed: Typed) -> None:
        self._typed, self._at = typed, 0
        self._draw()

    def _found(self) -> list[Choice]:
        """Those that hold every word; the name first."""
        words = self._typed.text.casefold().split()
        found = [c for c in self._choices if all(w in _text(c) for w in words)]
        return sorted(found, key=lambda c: not (words and c.name.startswith(words[0])))

    def _draw(self) -> None:
        width, height = self.app.size
        found = self._found()
        self._at = max(0, min(self._at, len(found) - 1))
        room = max(1, min(_ROWS_MAX, height - 1))
        top = max(0, self._at - room + 1)
        rows = [_row(c, top + at == self._at) for at, c in enumerate(found[top : top + room])]
        rows = rows or [(Span(f" {self._words.palette_empty}", Look.DIM),)]
        self._list.styles.height = len(rows)
        self._list.show(tuple(cropped(row, width) for row in rows))
        typed = Span(_CARET.join(self._typed.parts))
        hint = Span(f"   {self._words.palette_keys}", Look.DIM)
        self._line.show((cropped((Span(" > ", Look.STRONG), typed, hint), width),))


def _text(choice: Choice) -> str:
    return f"{choice.name} {choice.summary}".casefold()


def _row(choice: Choice, chosen: bool) -> Line:
    return (
        Span(">" if chosen else " ", Look.STRONG),
        Span(boxed(choice.name, _NAME_WIDTH), Look.STRONG, chosen=chosen),
        Span(boxed(choice.keys, _KEYS_WIDTH), Look.FETCHING),
        Span(choice.summary),
    )
