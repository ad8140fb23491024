"""The line behind the colon: typed, completed from what the engine knows, recalled from before."""

from __future__ import annotations

from collections.abc import Sequence

from ..commands import COMMAND, bindings
from ..paint import Brush
from ..speech import Speech
from ..typed import Typed
from ..words import Words
from .prompt import PromptScreen

_SHOWN = 12


class CommandScreen(PromptScreen, inherit_bindings=False):
    """Closes with the line, or with None when it was left."""

    BINDINGS = bindings(COMMAND)

    def __init__(self, speech: Speech, history: Sequence[str], brush: Brush, words: Words) -> None:
        """`history` holds lines of before, oldest first."""
        super().__init__(":", "", words.command_keys, brush, self._suggest)
        self._keys = words.command_keys
        self._speech = speech
        self._lines = [*history, ""]
        self._at = len(history)

    def action_complete(self) -> None:
        """Add what is sure."""
        self._take(Typed.of(self._speech.completed(self._typed.text)))

    def action_recall(self, step: int) -> None:
        """A line of before; what is being typed waits at the end."""
        self._lines[self._at] = self._typed.text
        self._at = max(0, min(len(self._lines) - 1, self._at + step))
        self._take(Typed.of(self._lines[self._at]))

    def _suggest(self, text: str) -> None:
        found = self._speech.candidates(text) if text else ()
        self._hint = "  ".join(found[:_SHOWN]) if found else self._keys
