"""The drill page: what can be made to fail, what came of it last, and the drill that runs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from engine import DrillOutcome, DrillStatus, Status, StepState

from .. import moments
from ..clean import clean
from ..glyphs import sign
from ..lines import Line, Look, Span, boxed, text_of
from ..words import Words
from .drill_rows import STEPS, VERDICTS, doing, elapsed
from .drill_sheet import drill_brief, drill_of, outcomes_of, places_of
from .listing import Item, Listing, entry

if TYPE_CHECKING:
    from engine import Catalogue, DrillCard


_ID_WIDTH, _TITLE_WIDTH, _VERDICT_WIDTH, _WHEN_WIDTH, _RUNS_WIDTH = 4, 36, 13, 12, 12
_WHY_FROM_WIDTH = 110
_YIELDING = frozenset({4, 5})
"""The columns when and runs."""


def drill_listing(
    cards: Catalogue | None, status: Status, now_ms: int, words: Words, width: int
) -> Listing:
    """In the order of the catalogue."""
    title = words.pages["drills"]
    if cards is None:
        return Listing(title, (), (), empty=words.drills_unread)
    heads = words.heads
    head = (
        Span(boxed(f"  {heads['id']}", _ID_WIDTH + 2), Look.DIM),
        Span(boxed(heads["fails"], _TITLE_WIDTH), Look.DIM),
        Span(boxed(heads["verdict"], _VERDICT_WIDTH), Look.DIM),
        Span(boxed(heads["when"], _WHEN_WIDTH), Look.DIM),
        Span(boxed(heads["runs"], _RUNS_WIDTH), Look.DIM),
        Span(f"  {heads['detail']}" if width >= _WHY_FROM_WIDTH else "", Look.DIM),
    )
    items = tuple(_item(card, status, now_ms, words, width) for card in cards.drills)
    return Listing(
        title, head, items, empty=words.drills_unread, yielding=_YIELDING, is_detail_first=True
    )


def _item(card: DrillCard, status: Status, now_ms: int, words: Words, width: int) -> Item:
    newest = next(iter(outcomes_of(status, card.id)), None)
    drill = drill_of(status, card.id)
    if drill is None or not drill.is_running:
        return _resting(card, newest, drill, words, width)
    look = STEPS[StepState.RUNNING]
    when = f"+{elapsed(drill, now_ms):.1f}s"
    shown = _Shown(look, words.drill_runs, when, doing(drill, words), "running")
    return _made(
        card, shown, drill_brief(card, newest, drill, now_ms, width - 2, words), words, width
    )


@lru_cache(maxsize=128)
def _resting(
    card: DrillCard,
    newest: DrillOutcome | None,
    drill: DrillStatus | None,
    words: Words,
    width: int,
) -> Item:
    """One that does not run; it stays as it is while the clock goes on."""
    shown = _Shown(Look.WAITING, words.nothing, "", "", "none")
    if newest is not None:
        name = newest.verdict.value
        when = moments.stamp(newest.ended_ms).partition("-")[2]
        shown = _Shown(
            VERDICTS[newest.verdict],
            words.verdicts[name],
            when,
            clean(words.grounds(newest.grounds, newest.why)),
            name.casefold(),
        )
    return _made(card, shown, drill_brief(card, newest, drill, 0, width - 2, words), words, width)


class _Shown(NamedTuple):
    """What a row says of its drill."""

    look: Look
    """How it went."""
    verdict: str
    """The same as a word."""
    when: str
    """When it ended, or how long it runs."""
    why: str
    """The ground, or what it is at."""
    state: str
    """What `state:` finds it by."""


def _made(
    card: DrillCard, shown: _Shown, brief: tuple[Line, ...], words: Words, width: int
) -> Item:
    """Its row, and below it the brief; a filter and a copy read the same as the operator."""
    line = (
        Span(f"{sign(shown.look)} ", shown.look),
        Span(boxed(clean(card.id), _ID_WIDTH - 1)),
        Span(f" {boxed(words.drill_text(clean(card.title)), _TITLE_WIDTH - 1)} "),
        Span(boxed(shown.verdict, _VERDICT_WIDTH), Look.DIM if not shown.when else Look.PLAIN),
        Span(boxed(shown.when, _WHEN_WIDTH), Look.DIM),
        Span(boxed(places_of(card, words), _RUNS_WIDTH), Look.DIM),
        Span(f"  {shown.why}" if width >= _WHY_FROM_WIDTH else "", Look.DIM),
    )
    states = {shown.state, "live" if card.can_live else "sandbox"}
    detail = (Span(text_of(row)) for row in brief)
    item = entry(card.id, line, states, shown.look is Look.FAILED, detail)
    return item._replace(block=tuple((Span(" "), *row) for row in brief))
