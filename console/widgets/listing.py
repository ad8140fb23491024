"""A list page: rows with an identity, the selected one explained below.

The selection goes by the identity of an entry, never by its row, so that it stays on what the
operator looked at while others come and go around it. None as a selection means "the newest":
a list that grows at its end is then followed, and moving up in it pauses that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import NamedTuple

from ..cursor import following, scrolled
from ..layout import COMPACT_BELOW
from ..lines import Line, Look, Span, boxed, cropped, text_of
from ..sieve import Sieve
from ..words import Words

_DETAIL_FROM_HEIGHT = 9
_ENTRIES_MIN = 3
_MARKER = 1


class Item(NamedTuple):
    """One entry."""

    key: str
    """Its identity."""
    line: Line
    """Its row; the second span is what it is called."""
    states: frozenset[str] = frozenset()
    """What `state:` finds it by, in lower case."""
    is_fault: bool = False
    """Whether it says that something is wrong."""
    detail: Line = ()
    """Paragraphs shown below when it is selected, each a span; they are wrapped there."""
    folded: str = ""
    """What a filter looks through, in one case; filled in by `entry`."""
    block: tuple[Line, ...] = ()
    """Rows shown below in the place of the paragraphs, where those are laid out already."""


def entry(
    key: str, line: Line, states: Iterable[str], is_fault: bool, detail: Iterable[Span] = ()
) -> Item:
    """An entry that can be looked through many times."""
    paragraphs = tuple(detail)
    folded = f"{text_of(line)} {text_of(paragraphs)}".casefold()
    return Item(key, line, frozenset(states), is_fault, paragraphs, folded)


class Listing(NamedTuple):
    """A page of entries."""

    title: str
    """What the page is called."""
    head: Line
    """What stands over the columns, without the marker's column."""
    items: tuple[Item, ...]
    """From top to bottom."""
    grows_down: bool = False
    """Whether the newest entry is the last and is followed."""
    empty: str = ""
    """What is said when nothing is to be shown."""
    yielding: frozenset[int] = frozenset()
    """The spans of an entry's row that give way in a narrow terminal, by their place."""
    is_detail_first: bool = False
    """Whether what is below may take all but a few rows of the entries."""
    note: Line = ()
    """What is said beside the title."""

    @property
    def is_sortable(self) -> bool:
        """Whether it has another order: one that grows at its end goes by time alone."""
        return not self.grows_down

    def in_other_order(self) -> Listing:
        """Faults first, then by name."""
        items = sorted(self.items, key=lambda item: (not item.is_fault, item.line[1].text))
        return self._replace(items=tuple(items))

    def sifted(self, sieve: Sieve, words: Words) -> Listing:
        """What the filter leaves, and what to say when that is nothing."""
        if sieve.is_open or not self.items:
            return self._replace(empty=self.empty or words.is_empty)
        kept = tuple(i for i in self.items if sieve.passes(i.folded, i.states, i.is_fault))
        empty = words.no_match.format(filter=sieve.text) if sieve.terms else words.no_faults
        return self._replace(items=kept, empty=empty)

    def at(self, chosen: str | None) -> int:
        """The row of the selection; that of the newest when it is gone."""
        keys = [item.key for item in self.items]
        if chosen in keys:
            return keys.index(chosen)
        return max(0, len(keys) - 1) if self.grows_down else 0

    def chosen(self, key: str | None) -> Item | None:
        """The selected entry; None when there are none."""
        return self.items[self.at(key)] if self.items else None

    def stepped(self, chosen: str | None, rows: int) -> str | None:
        """The selection so many rows further down; None at the newest, which is followed."""
        if not self.items:
            return None
        at = max(0, min(len(self.items) - 1, self.at(chosen) + rows))
        newest = len(self.items) - 1 if self.grows_down else 0
        return None if at == newest else self.items[at].key

    def next_fault(self, chosen: str | None, step: int) -> str | None:
        """The next entry that says something is wrong (step -1: the one before); None for none."""
        faults = [item.key for item in self.items if item.is_fault]
        here = self.chosen(chosen)
        return following(faults, [i.key for i in self.items], here.key if here else None, step)


def listing_rows(
    listing: Listing, chosen: str | None, top: int, width: int, height: int, words: Words
) -> tuple[tuple[Line, ...], int]:
    """A title, a head, the entries around the selected one and its detail; and the first drawn."""
    if height <= 0:
        return (), 0
    if not listing.items:
        calm = (_title(listing, chosen, words), (Span(f" {listing.empty}", Look.DIM),))
        return tuple(cropped(row, width) for row in calm)[:height], 0
    yielding = listing.yielding if width < COMPACT_BELOW[0] else frozenset()
    # The first head stands over sign and name, which are two spans of a row.
    head = tuple(span for at, span in enumerate(listing.head, 1) if at not in yielding)
    heads = [_title(listing, chosen, words), (Span(" "), *head)] if height > 3 else []
    detail = _detail(listing, chosen, width, height) if height >= _DETAIL_FROM_HEIGHT else ()
    visible = max(1, height - len(heads) - len(detail))
    selected = listing.at(chosen)
    top = scrolled(top, selected, visible, len(listing.items))
    drawn = listing.items[top : top + visible]
    rows = [_row(item, yielding, is_here=top + at == selected) for at, item in enumerate(drawn)]
    rows += [()] * (visible - len(rows))
    return tuple(cropped(row, width) for row in (*heads, *rows, *detail))[:height], top


def _title(listing: Listing, chosen: str | None, words: Words) -> Line:
    title = Span(f" {listing.title}", Look.STRONG)
    if not listing.items:
        return (title,)
    at, total = listing.at(chosen) + 1, len(listing.items)
    place = Span(f"  {words.position.format(at=at, total=total)}", Look.DIM)
    if not listing.grows_down:
        return (title, place, *listing.note)
    is_paused = chosen is not None and at < total
    said = words.paused.format(newer=total - at) if is_paused else words.following
    return (title, place, Span(f"  {said}", Look.DEGRADED if is_paused else Look.DIM))


def _row(item: Item, yielding: frozenset[int], is_here: bool) -> Line:
    sign, name, *rest = (span for at, span in enumerate(item.line) if at not in yielding)
    return (Span(">" if is_here else " "), sign, name._replace(chosen=is_here), *rest)


def _detail(listing: Listing, chosen: str | None, width: int, height: int) -> tuple[Line, ...]:
    """At most half of the page, or all but a few rows of it, below a line."""
    item = listing.chosen(chosen)
    if item is None or not item.detail:
        return ()
    below = item.block or wrapped(item.detail, width)
    rows = [(Span(boxed("─" * width, width), Look.DIM),), *below]
    most = height - 2 - _ENTRIES_MIN if listing.is_detail_first else height // 2
    return tuple(rows[:most])


def wrapped(paragraphs: Line, width: int) -> Iterator[Line]:
    """Each paragraph on as many rows as it needs, one column in from the left."""
    for span in paragraphs:
        for text in wrap(span.text, max(10, width - 2)) or [""]:
            yield (span._replace(text=f" {text}"),)
