"""From what a terminal sends to text that a parser of keys can take, whatever the bytes are."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

_REPLY = re.compile(rb"\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)")
"""What a terminal answers to somebody's query; it would be read as keys."""
_REPORT = b"\x1b[M"
_COORDINATES = 3
_BLANK = ord(" ")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What is no text."""
_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"


class Keystrokes:
    """Blanks out what is no key, and replaces what is not UTF-8.

    An old-style mouse report is three raw bytes behind `ESC [ M`. Past column 95 they are above
    127: to a strict decoder an error, to a lax one half of a character that takes the next key
    with it. As blanks they are a report that the parser knows and ignores. Whoever wants a mouse
    is sent the newer reports, which are text.

    A paste stands between two marks and is no key either. An escape in it (the output of a
    program, copied with its colours) ends it for the parser, and what follows would be pressed:
    so nothing but text is left between the marks.
    """

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._matched = 0
        self._is_pasting = False
        self._recent = ""
        self._unsure = ""

    def text(self, data: bytes) -> str:
        """What these bytes add; a report may begin in one portion and end in another."""
        text = self._decode(self._without_coordinates(_REPLY.sub(b"", data)))
        taken = ""
        while text:
            part, text = self._pasted(text) if self._is_pasting else self._typed(text)
            taken += part
        return taken

    def _typed(self, text: str) -> tuple[str, str]:
        """All up to the mark of a paste, and the rest; the mark may have begun before."""
        known = self._recent
        at = (known + text).find(_PASTE_BEGINS)
        self._is_pasting = at >= 0
        until = at + len(_PASTE_BEGINS) - len(known) if self._is_pasting else len(text)
        self._recent = "" if self._is_pasting else (known + text)[1 - len(_PASTE_BEGINS) :]
        return text[:until], text[until:]

    def _pasted(self, text: str) -> tuple[str, str]:
        """The text up to the other mark with that mark, and the rest."""
        text, self._unsure = self._unsure + text, ""
        inside, mark, rest = text.partition(_PASTE_ENDS)
        if mark:
            self._is_pasting = False
        else:
            begun = range(min(len(text), len(_PASTE_ENDS) - 1), 0, -1)
            held = next((n for n in begun if _PASTE_ENDS.startswith(text[-n:])), 0)
            inside, self._unsure = text[: len(text) - held], text[len(text) - held :]
        return _NO_TEXT.sub("", inside) + mark, rest

    def _without_coordinates(self, data: bytes) -> bytes:
        """`_matched` bytes of a report have been seen, its introducer and then its coordinates."""
        if not self._matched and _REPORT[:1] not in data:
            return data
        seen = bytearray(data)
        for at, byte in enumerate(data):
            if self._matched >= len(_REPORT):
                seen[at] = _BLANK
                self._matched = (self._matched + 1) % (len(_REPORT) + _COORDINATES)
            elif byte == _REPORT[self._matched]:
                self._matched += 1
            else:
                self._matched = 1 if byte == _REPORT[0] else 0
        return bytes(seen)
