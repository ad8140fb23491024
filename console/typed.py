"""A line of text under an operator's hands: the text and where the caret stands."""

from __future__ import annotations

from typing import NamedTuple

_LENGTH_MAX = 200


class Typed(NamedTuple):
    """What was typed so far."""

    text: str = ""
    """At most 200 characters."""
    caret: int = 0
    """The number of characters before it."""

    @classmethod
    def of(cls, text: str) -> Typed:
        """A line with the caret at its end."""
        return cls(text[:_LENGTH_MAX], len(text[:_LENGTH_MAX]))

    @property
    def parts(self) -> tuple[str, str]:
        """What stands before the caret and behind it."""
        return self.text[: self.caret], self.text[self.caret :]

    def insert(self, more: str) -> Typed:
        """The text with more of it at the caret; what is too long is not taken."""
        more = more[: _LENGTH_MAX - len(self.text)]
        before, after = self.parts
        return Typed(before + more + after, self.caret + len(more))

    def edited(self, how: str) -> Typed:
        """After an editing key: erase, erase_word, erase_all, left, right, start or end."""
        before, after = self.parts
        match how:
            case "erase":
                return Typed(before[:-1] + after, max(0, self.caret - 1))
            case "erase_word":
                kept = before.rstrip()
                kept = kept[: len(kept) - len(kept.split(" ")[-1])]
                return Typed(kept + after, len(kept))
            case "erase_all":
                return Typed(after, 0)
            case "left" | "right":
                step = 1 if how == "right" else -1
                return Typed(self.text, max(0, min(len(self.text), self.caret + step)))
            case "start" | "end":
                return Typed(self.text, 0 if how == "start" else len(self.text))
        raise AssertionError(f"no editing key is called {how}")
