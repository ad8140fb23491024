"""The question before an action: what it touches, and y or n."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from ..clean import clean
from ..commands import CONFIRM, bindings
from ..glyphs import in_ascii
from ..words import Words


class ConfirmScreen(ModalScreen[bool], inherit_bindings=False):
    """Closes with True for yes; everything that is not yes means no."""

    BINDINGS = bindings(CONFIRM)
    AUTO_FOCUS = None

    def __init__(self, question: str, words: Words, *, ascii_only: bool) -> None:
        super().__init__()
        sentence = clean(question)
        self._question = in_ascii(sentence) if ascii_only else sentence
        self._words = words
        self.set_class(ascii_only, "-ascii")

    def compose(self) -> ComposeResult:
        """The sentence and the keys; foreign text is never read as markup."""
        with Vertical(id="question"):
            yield Static(self._question, markup=False)
            yield Static(self._words.confirm_keys, markup=False, id="answers")

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)
