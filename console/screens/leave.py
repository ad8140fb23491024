"""The question before leaving: the engine goes on without a screen, or stops."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from ..clean import clean
from ..commands import LEAVE, bindings
from ..glyphs import in_ascii
from ..terminal.keeper import Parting
from ..words import Words


class LeaveScreen(ModalScreen[Parting | None], inherit_bindings=False):
    """Closes with how to part, or with None to stay."""

    BINDINGS = bindings(LEAVE)
    AUTO_FOCUS = None

    def __init__(self, question: str, words: Words, *, ascii_only: bool) -> None:
        super().__init__()
        sentences = (words.leave_detach, clean(question), words.leave_keys)
        self._sentences = [in_ascii(line) if ascii_only else line for line in sentences]
        self.set_class(ascii_only, "-ascii")

    def compose(self) -> ComposeResult:
        """What each of both means, and the keys."""
        with Vertical(id="question"):
            *means, keys = self._sentences
            yield from (Static(line, markup=False) for line in means)
            yield Static(keys, markup=False, id="answers")

    def action_part(self, how: str) -> None:
        """Close with the answer."""
        self.dismiss(Parting(how))

    def action_stay(self) -> None:
        """Close without one."""
        self.dismiss(None)
