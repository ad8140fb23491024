"""The help page as rows, generated from the command table and the glyph table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..clean import clean
from ..commands import KEY_NAMES, Command, Tables
from ..glyphs import STATES
from ..lines import Line, Look, Span, boxed
from ..offers import Offer
from ..words import Words

_KEYS_WIDTH = 16
_ACT_KEY_WIDTH = 2
_USAGE_WIDTH = 29


def help_rows(
    market: str, words: Words, tables: Tables, offers: Sequence[Offer] = ()
) -> tuple[Line, ...]:
    """The whole page; the screen scrolls it."""
    return tuple(_rows(market, words, tables, offers))


def _rows(market: str, words: Words, tables: Tables, offers: Sequence[Offer]) -> Iterator[Line]:
    yield (Span(f" {words.help_title}", Look.STRONG), Span(f"   {words.help_close}", Look.DIM))
    for section, table in tables.items():
        yield _title(words.sections[section])
        if section == "acts" and offers:
            yield from _acts(offers, table, words)
            continue
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


def _acts(offers: Sequence[Offer], table: Sequence[Command], words: Words) -> Iterator[Line]:
    """The engine's registry: key, what it does and how it asks, and how it is typed."""
    keys = {command.id: keys_of(command) for command in table}
    for offer in offers:
        key = boxed(keys.get(offer.id, ""), _ACT_KEY_WIDTH)
        usage = boxed(clean(f":{offer.usage}"), _USAGE_WIDTH)
        asks = f" ({words.dangers[offer.danger]})"
        yield (
            Span(f" {key}", Look.FETCHING),
            Span(f"{usage} ", Look.STRONG),
            Span(act_summary(offer, words)),
            Span(asks, Look.DIM),
        )


def act_summary(offer: Offer, words: Words) -> str:
    """What an act does; in the engine's words where the language file has none."""
    return words.acts[offer.id] if offer.id in words.acts else clean(offer.summary)


def keys_of(command: Command) -> str:
    """Its keys as help writes them: `j ↓`."""
    return " ".join(KEY_NAMES.get(key, key) for key in command.keys)


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
