"""From meaning to the terminal: a row of spans becomes a strip of styled segments."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from .glyphs import STATES, in_ascii
from .lines import Line, Look, Span
from .themes import THEMES


class Brush:
    """How this terminal is drawn on."""

    def __init__(
        self, *, ascii_only: bool = False, mono: bool = False, theme: str = "default"
    ) -> None:
        self.ascii_only = ascii_only
        """Whether every character is replaced by its ASCII stand-in."""
        self.mono = mono or theme not in THEMES
        """Whether no colour is used: bold, reverse and underline remain."""
        self.theme = theme
        """The colours' name; `mono` for none."""

    def strip(self, line: Line, width: int) -> Strip:
        """The row at exactly `width` columns; blanks join what stands before them."""
        pieces: list[tuple[str, Style]] = []
        for span in _trimmed(line):
            style = self.style(span.look, span.fresh, span.chosen)
            if pieces and span.text.isspace() and _is_invisible(pieces[-1][1]):
                pieces[-1] = (pieces[-1][0] + span.text, pieces[-1][1])
            elif span.text:
                pieces.append((self._spelled(span.text), style))
        segments = [Segment(text, style) for text, style in pieces]
        return Strip(segments).adjust_cell_length(width, self.style(Look.PLAIN))

    def style(self, look: Look, fresh: bool = False, chosen: bool = False) -> Style:
        """The style of a meaning."""
        return _style(look, fresh, chosen, "mono" if self.mono else self.theme)

    def _spelled(self, text: str) -> str:
        if not self.ascii_only or text.isascii():
            return text
        return "".join(in_ascii(char).ljust(cell_len(char)) for char in text)


def _trimmed(line: Line) -> Iterable[Span]:
    """What stands out by its ground does so as far as its text goes; failures alone have one."""
    for span in line:
        if span.look is Look.FAILED and not span.chosen and span.text.endswith(" "):
            break
    else:
        return line
    spans: list[Span] = []
    for span in line:
        said = span.text
        if span.look is Look.FAILED and not span.chosen:
            said = said.rstrip()
        spans += (span._replace(text=said), Span(" " * (len(span.text) - len(said))))
    return spans


def _is_invisible(style: Style) -> bool:
    """Whether a blank in this style looks like any other blank."""
    return not (style.reverse or style.underline)


@lru_cache(maxsize=128)
def _style(look: Look, fresh: bool, chosen: bool, theme_name: str) -> Style:
    glyph, theme = STATES.get(look), THEMES.get(theme_name)
    bold = glyph.bold if glyph else look is Look.STRONG
    reverse = chosen or bool(glyph and glyph.reverse)
    if theme is None:
        dim = look is Look.DIM and not chosen
        return Style(bold=bold, dim=dim, underline=fresh, reverse=reverse)
    colour = theme.states.get(look, theme.dim if look is Look.DIM else theme.ink)
    return Style(color=colour, bgcolor=theme.ground, bold=bold, underline=fresh, reverse=reverse)
