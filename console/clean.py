"""Foreign text made safe to draw: one line, no control bytes, no hidden marks, a known length."""

from __future__ import annotations

import unicodedata

_LENGTH_MAX = 400
_REPLACEMENT = "?"


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


def _drawn(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Mn", "Me"):
        return ""
    return _REPLACEMENT if category[0] == "C" or category in ("Zl", "Zp") else character
