"""The signs of the screen: one for each state, its ASCII stand-in, and its colour."""

from __future__ import annotations

from typing import NamedTuple

from .lines import Look

GROUND = "#121212"
"""What everything is drawn on."""
INK = "#D8D8D8"
"""Text that means no state."""


class Glyph(NamedTuple):
    """How a state is drawn; the sign and its text say everything, colour only helps."""

    sign: str
    """One column."""
    ascii: str
    """One column, for terminals without Unicode."""
    colour: str
    """At least 5.4:1 on the ground."""
    bold: bool = False
    """Whether it is drawn heavier."""
    reverse: bool = False
    """Whether it is drawn as a block."""


STATES = {
    Look.WAITING: Glyph("·", ".", "#8A8A8A"),
    Look.FETCHING: Glyph("◔", "~", "#56B4E9"),
    Look.DERIVING: Glyph("◑", "d", "#3D8BFF"),
    Look.PRIMING: Glyph("◕", "p", "#3D8BFF"),
    Look.READY: Glyph("●", "#", "#00B98A"),
    Look.STALE: Glyph("◌", "o", "#CC79A7"),
    Look.DEGRADED: Glyph("▲", "!", "#F0C000", bold=True),
    Look.FAILED: Glyph("✖", "X", "#FF6A1F", bold=True, reverse=True),
}

GAUGE_FULL, GAUGE_EMPTY = "█", "░"

_STAND_INS = {
    **{glyph.sign: glyph.ascii for glyph in STATES.values()},
    GAUGE_FULL: "#",
    GAUGE_EMPTY: ".",
    "–": "-",
    "—": "-",
    "…": "~",
    "→": ">",
    "≈": "~",
    "×": "x",
    "│": "|",
    "↑": "^",
    "↓": "v",
    "←": "<",
}
_TO_ASCII = str.maketrans(_STAND_INS)


def sign(look: Look) -> str:
    """The sign of a state."""
    return STATES[look].sign


def in_ascii(text: str) -> str:
    """Each character by its ASCII stand-in, `?` where there is none; columns are kept."""
    if text.isascii():
        return text
    return text.translate(_TO_ASCII).encode("ascii", "replace").decode("ascii")


def needs_ascii(encoding: str | None, terminal: str | None) -> bool:
    """Whether a terminal with this output encoding and TERM cannot draw the signs."""
    return terminal == "linux" or (encoding or "").lower().replace("-", "") not in _UNICODE


_UNICODE = ("utf8", "utf8sig")
