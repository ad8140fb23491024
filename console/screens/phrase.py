"""The question before an act that destroys: what it touches, and the word that must be typed."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

from ..clean import clean
from ..commands import PROMPT, bindings
from ..glyphs import in_ascii
from ..offers import Asking
from ..typed import Typed
from ..words import Words

_CARET = "▏"


class PhraseScreen(ModalScreen[str | None], inherit_bindings=False):
    """Closes with what was typed, or with None when it was left; nothing can be pasted."""

    BINDINGS = bindings(PROMPT)
    AUTO_FOCUS = None

    def __init__(self, asking: Asking, words: Words, *, ascii_only: bool) -> None:
        super().__init__()
        demand = words.type_phrase.format(phrase=clean(asking.phrase or ""))
        self._is_ascii = ascii_only
        self._question, self._demand = map(self._spelled, (clean(asking.sentence), demand))
        self._typed = Typed()
        self._line = Static(self._spelled(_CARET), markup=False, id="phrase")
        self.set_class(ascii_only, "-ascii")

    def compose(self) -> ComposeResult:
        """The sentence, the demand, the line."""
        with Vertical(id="question"):
            yield Static(self._question, markup=False)
            yield Static(self._demand, markup=False, id="answers")
            yield self._line

    def on_key(self, event: Key) -> None:
        """A printable key is text, whatever it does elsewhere."""
        if event.is_printable and event.character:
            event.stop()
            self._take(self._typed.insert(event.character))

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
        self._typed = typed
        self._line.update(self._spelled(_CARET.join(typed.parts)))

    def _spelled(self, text: str) -> str:
        return in_ascii(text) if self._is_ascii else text
