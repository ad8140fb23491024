"""The journal page: every event and every act of an operator, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from .. import moments
from ..glyphs import sign
from ..lines import Look, Span, boxed
from ..words import Words
from .journal import KEPT, Entry
from .listing import Item, Listing, entry

_TIME_WIDTH, _ACTOR_WIDTH = 9, 14
_YIELDING = frozenset({2})
"""The columns who."""
_SIGNED = {Look.PLAIN: Look.READY, Look.STRONG: Look.READY, Look.DIM: Look.WAITING}


def journal_listing(entries: Iterable[Entry], words: Words) -> Listing:
    """Newest first, as the rows on the grid page."""
    heads = words.heads
    head = (
        Span(boxed(f"  {heads['time']}", _TIME_WIDTH + 2), Look.DIM),
        Span(boxed(heads["actor"], _ACTOR_WIDTH), Look.DIM),
        Span(heads["event"], Look.DIM),
    )
    items = tuple(_item(told, words) for told in entries)
    return Listing(words.pages["journal"], head, items, yielding=_YIELDING)


@lru_cache(maxsize=KEPT)
def _item(told: Entry, words: Words) -> Item:
    look = _SIGNED.get(told.look, told.look)
    actor = told.actor or words.by_engine
    line = (
        Span(f"{sign(look)} ", told.look),
        Span(f"{moments.clock(told.at_ms)} ", Look.DIM),
        Span(boxed(actor, _ACTOR_WIDTH - 1) + " ", Look.STRONG if told.actor else Look.DIM),
        Span(told.text, told.look),
    )
    is_fault = told.look in (Look.DEGRADED, Look.FAILED)
    states = {look.value, "act" if told.actor else "event"}
    return entry(str(told.number), line, states, is_fault, _detail(told, actor, words))


def _detail(told: Entry, actor: str, words: Words) -> Iterator[Span]:
    yield Span(f"{moments.stamp(told.at_ms)} {words.utc}  {actor}", Look.DIM)
    yield Span(told.text, told.look)
    if told.command:
        yield Span(words.as_command.format(command=told.command), Look.STRONG)
