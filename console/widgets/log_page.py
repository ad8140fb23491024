"""The log page: the newest lines at the bottom, followed until the operator moves up."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from .. import moments
from ..glyphs import sign
from ..lines import Look, Span, boxed
from ..logbook import KEPT, LogLine
from ..words import Words
from .listing import Item, Listing, entry

_LEVEL_WIDTH, _SOURCE_WIDTH, _TIME_WIDTH = 9, 15, 9
_YIELDING = frozenset({2, 3})
"""The columns level and source."""
_LOOKS = {
    "DEBUG": Look.WAITING,
    "INFO": Look.READY,
    "WARNING": Look.DEGRADED,
    "ERROR": Look.FAILED,
    "CRITICAL": Look.FAILED,
}


def log_listing(lines: Iterable[LogLine], words: Words) -> Listing:
    """Oldest first."""
    heads = words.heads
    head = (
        Span(boxed(f"  {heads['time']}", _TIME_WIDTH + 2), Look.DIM),
        Span(boxed(heads["level"], _LEVEL_WIDTH), Look.DIM),
        Span(boxed(heads["source"], _SOURCE_WIDTH), Look.DIM),
        Span(heads["line"], Look.DIM),
    )
    items = tuple(_item(line, words) for line in lines)
    return Listing(words.pages["logs"], head, items, grows_down=True, yielding=_YIELDING)


@lru_cache(maxsize=KEPT)
def _item(line: LogLine, words: Words) -> Item:
    look = _LOOKS.get(line.level, Look.WAITING)
    level = words.levels[line.level]
    shown = look if line.is_fault else Look.DIM
    row = (
        Span(f"{sign(look)} ", shown),
        Span(f"{moments.clock(line.at_ms)} ", Look.DIM),
        Span(boxed(level, _LEVEL_WIDTH), shown),
        Span(boxed(line.source, _SOURCE_WIDTH - 1) + " ", Look.DIM),
        Span(line.text),
    )
    states = {line.level.casefold(), level.casefold(), look.value}
    return entry(str(line.number), row, states, line.is_fault, (Span(line.text),))
