"""The signs of the screen: one for each state, and its ASCII stand-in; colours are in themes.py."""

from __future__ import annotations

from typing import NamedTuple

from .lines import Look


class Glyph(NamedTuple):
    """How a state is drawn; the sign and its text say everything, colour only helps."""

    sign: str
    """One column."""
    ascii: str
    """One column, for terminals without Unicode."""
    bold: bool = False
    """Whether it is drawn heavier."""
    reverse: bool = False
    """Whether it is drawn as a block."""


STATES = {
    Look.WAITING: Glyph("·", "."),
    Look.FETCHING: Glyph("◔", "~"),
    Look.DERIVING: Glyph("◑", "d"),
    Look.PRIMING: Glyph("◕", "p"),
    Look.READY: Glyph("●", "#"),
    Look.STALE: Glyph("◌", "o"),
    Look.DEGRADED: Glyph("▲", "!", bold=True),
    Look.FAILED: Glyph("✖", "X", bold=True, reverse=True),
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
    "─": "-",
    "↑": "^",
    "↓": "v",
    "←": "<",
    "▏": "_",
    "’": "'",
    "«": '"',
    "»": '"',
    "−": "-",
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
