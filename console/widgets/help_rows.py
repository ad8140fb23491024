"""The help page as rows, generated from the command table and the glyph table."""

from __future__ import annotations

from collections.abc import Iterator

from ..clean import clean
from ..commands import SECTIONS, Command
from ..glyphs import STATES
from ..lines import Line, Look, Span, boxed
from ..words import Words

_KEYS_WIDTH = 16
_KEY_NAMES = {
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "home": "Home",
    "end": "End",
    "ctrl+r": "Ctrl+R",
    "ctrl+q": "Ctrl+Q",
    "ctrl+c": "Ctrl+C",
}


def help_rows(market: str, words: Words) -> tuple[Line, ...]:
    """The whole page; the screen scrolls it."""
    return tuple(_rows(market, words))


def _rows(market: str, words: Words) -> Iterator[Line]:
    yield (Span(f" {words.help_title}", Look.STRONG), Span(f"   {words.help_close}", Look.DIM))
    for section, table in SECTIONS.items():
        yield _title(words.sections[section])
        for command in table:
            keys = boxed(keys_of(command), _KEYS_WIDTH)
            yield (Span(f" {keys}", Look.FETCHING), Span(words.commands[command.id]))
    yield (Span(f" {words.help_layout}", Look.DIM),)
    yield from _paragraph(words.help_market_title, _market(market, words))
    yield _title(words.help_signs)
    width = max(len(words.states[look.value]) for look in STATES)
    for look, glyph in STATES.items():
        yield (
            Span(f" {glyph.sign} ", look),
            Span(boxed(words.states[look.value], width), look),
            Span(f" {words.signs[look.value]}"),
        )
    yield from _paragraph(words.help_rows_title, words.help_rows)


def keys_of(command: Command) -> str:
    """Its keys as help writes them: `j ↓`."""
    return " ".join(_KEY_NAMES.get(key, key) for key in command.keys)


def _market(market: str, words: Words) -> tuple[str, ...]:
    if market == "simulated":
        return words.help_simulated
    return (words.help_real.format(market=clean(market)),)


def _title(text: str) -> Line:
    return (Span(f" {text}", Look.STRONG),)


def _paragraph(title: str, sentences: tuple[str, ...]) -> Iterator[Line]:
    yield _title(title)
    for sentence in sentences:
        yield (Span(f" {sentence}"),)
