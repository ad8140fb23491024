"""Foreign text made safe to draw: one line, no control bytes, no hidden marks, a known length."""

from __future__ import annotations

import io
import os
import unicodedata
from typing import TextIO

_LENGTH_MAX = 400
_REPLACEMENT = "?"
_BREAKS = "\u2028\u2029"


def clean(text: str, length_max: int = _LENGTH_MAX) -> str:
    """Text from a broker, a file or an exception as one printable line.

    White space of any kind becomes one space, marks that draw over their neighbour are dropped,
    and what steers a terminal or hides (escape, bidirectional overrides, surrogates, private
    use) becomes `?`. It is never read as markup, so brackets pass as they are.
    """
    head = " ".join(text[: 4 * length_max].split())[:length_max]
    if head.isascii() and head.isprintable():
        return head
    composed = unicodedata.normalize("NFC", head)
    return "".join(_drawn(character) for character in composed)


def defused(text: str) -> str:
    """Text of many lines with its layout; what steers a terminal or hides becomes `?`."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(map(_passed, text))


def defusing(stream: TextIO) -> TextIO:
    """A stream for people in front of another: tracebacks and logs hold foreign text too.

    Where it cannot be written nothing is: the exit code must not suffer from that.
    """
    return _Defusing(stream) if isinstance(stream, io.TextIOWrapper) else stream


class _Defusing(io.TextIOWrapper):
    def __init__(self, behind: io.TextIOWrapper) -> None:
        super().__init__(
            behind.buffer, behind.encoding, errors="backslashreplace", line_buffering=True
        )
        self._behind = behind  # it would close the file on its way out

    def write(self, text: str) -> int:
        try:
            super().write(defused(text))
        except OSError:
            self._forget()
        return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            self._forget()

    def _forget(self) -> None:
        """What is left must not be flushed at exit."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def _passed(character: str) -> str:
    if character == "\n":
        return character
    return (
        _REPLACEMENT
        if unicodedata.category(character)[0] == "C" or character in _BREAKS
        else character
    )


def _drawn(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Mn", "Me"):
        return ""
    return _REPLACEMENT if category[0] == "C" or category in ("Zl", "Zp") else character
