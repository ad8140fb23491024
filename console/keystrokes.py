"""From what a terminal sends to text that a parser of keys can take, whatever the bytes are."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

_REPLY = re.compile(rb"\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)")
"""What a terminal answers to somebody's query; it would be read as keys."""
_REPORT = b"\x1b[M"
_COORDINATES = 3
_BLANK = ord(" ")


class Keystrokes:
    """Blanks out what is no key, and replaces what is not UTF-8.

    An old-style mouse report is three raw bytes behind `ESC [ M`. Past column 95 they are above
    127: to a strict decoder an error, to a lax one half of a character that takes the next key
    with it. As blanks they are a report that the parser knows and ignores. Whoever wants a mouse
    is sent the newer reports, which are text.
    """

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._matched = 0

    def text(self, data: bytes) -> str:
        """What these bytes add; a report may begin in one portion and end in another."""
        return self._decode(self._without_coordinates(_REPLY.sub(b"", data)))

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
