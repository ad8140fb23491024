"""From meaning to the terminal: a row of spans becomes a strip of styled segments."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from .glyphs import GROUND, INK, STATES, in_ascii
from .lines import Line, Look


class Brush:
    """How this terminal is drawn on."""

    def __init__(self, *, ascii_only: bool = False, mono: bool = False) -> None:
        self.ascii_only = ascii_only
        """Whether every character is replaced by its ASCII stand-in."""
        self.mono = mono
        """Whether no colour is used: bold, reverse and underline remain."""

    def strip(self, line: Line, width: int) -> Strip:
        """The row at exactly `width` columns; blanks join what stands before them."""
        pieces: list[tuple[str, Style]] = []
        for span in line:
            style = self.style(span.look, span.fresh, span.chosen)
            if pieces and span.text.isspace() and _is_invisible(pieces[-1][1]):
                pieces[-1] = (pieces[-1][0] + span.text, pieces[-1][1])
            elif span.text:
                pieces.append((self._spelled(span.text), style))
        segments = [Segment(text, style) for text, style in pieces]
        return Strip(segments).adjust_cell_length(width, self.style(Look.PLAIN))

    def style(self, look: Look, fresh: bool = False, chosen: bool = False) -> Style:
        """The style of a meaning."""
        return _style(look, fresh, chosen, self.mono)

    def _spelled(self, text: str) -> str:
        if not self.ascii_only or text.isascii():
            return text
        return "".join(in_ascii(char).ljust(cell_len(char)) for char in text)


def _is_invisible(style: Style) -> bool:
    """Whether a blank in this style looks like any other blank."""
    return not (style.reverse or style.underline)


@lru_cache(maxsize=128)
def _style(look: Look, fresh: bool, chosen: bool, mono: bool) -> Style:
    glyph = STATES.get(look)
    bold = glyph.bold if glyph else look is Look.STRONG
    reverse = chosen or bool(glyph and glyph.reverse)
    if mono:
        dim = look is Look.DIM and not chosen
        return Style(bold=bold, dim=dim, underline=fresh, reverse=reverse)
    ink = STATES[Look.WAITING].colour if look is Look.DIM else INK
    colour = glyph.colour if glyph else ink
    return Style(color=colour, bgcolor=GROUND, bold=bold, underline=fresh, reverse=reverse)
