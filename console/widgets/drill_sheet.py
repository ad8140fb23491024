"""The sheet of one drill: how it goes, what it is and may touch, and what came of it before.

The sheet alone fills a page; under the list of all drills stands its beginning, in which the
checklist is a table so that a drill with many ways of failing fits eighty columns by twenty-four
rows. What does not move is wrapped once and kept: only the checklist is made anew ten times a
second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from textwrap import wrap
from typing import TYPE_CHECKING

from engine import DrillOutcome, DrillStatus, Place, Status

from .. import moments
from ..clean import clean
from ..lines import Line, Look, Span, boxed
from ..words import Words
from .drill_rows import drill_head, drill_steps, drill_table, folded, outcome_rows

if TYPE_CHECKING:
    from engine import Catalogue, DrillCard, VariantCard


_LABEL_WIDTH, _PLACES_WIDTH, _SECONDS_WIDTH = 14, 19, 10
_TEXT_MAX = 2_000


def drill_brief(
    card: DrillCard,
    newest: DrillOutcome | None,
    drill: DrillStatus | None,
    now_ms: int,
    width: int,
    words: Words,
) -> tuple[Line, ...]:
    """What stands under the list: the checklist where it ran in this boot, else the card."""
    if drill is not None:
        return (*drill_head(drill, now_ms, width, words), *drill_table(drill, now_ms, words))
    told = () if newest is None else outcome_rows(newest, width, words)
    return (*told, *_card(card, width, words))


def drill_sheet(
    card: DrillCard, cards: Catalogue, status: Status, now_ms: int, width: int, words: Words
) -> tuple[Line, ...]:
    """All there is to know of one drill."""
    rows: list[Line] = []
    drill = drill_of(status, card.id)
    if drill is not None:
        rows += drill_head(drill, now_ms, width, words)
        rows += (_asked(drill, words), (), *drill_steps(drill, now_ms, width, words), ())
    rows += (*_card(card, width, words), (), *_variants(card, words))
    earlier = outcomes_of(status, card.id)
    rows += ((), (Span(words.drill_history, Look.STRONG),))
    rows += (row for outcome in earlier for row in outcome_rows(outcome, width, words))
    if not earlier:
        rows.append((Span(words.drill_never, Look.DIM),))
    return (*rows, (), *_rules(cards, width, words))


def drill_of(status: Status, drill_id: str) -> DrillStatus | None:
    """The drill that runs or ran last, if it is this one."""
    drill = status.drill
    return drill if drill is not None and drill.id == drill_id else None


def outcomes_of(status: Status, drill_id: str) -> Sequence[DrillOutcome]:
    """Its verdicts, newest first."""
    return [outcome for outcome in reversed(status.drills) if outcome.id == drill_id]


def card_of(cards: Catalogue | None, drill_id: str) -> DrillCard | None:
    """The drill of that name; None where there is none."""
    return next((c for c in cards.drills if c.id == drill_id), None) if cards else None


def places_of(card: DrillCard, words: Words) -> str:
    """Where it can be run."""
    return words.drill_anywhere if card.can_live else words.drill_sandbox_only


def _asked(drill: DrillStatus, words: Words) -> Line:
    at = moments.stamp(drill.began_ms)
    said = words.drill_asked.format(by=clean(drill.by, 60), at=at, utc=words.utc)
    return (Span(said, Look.DIM),)


@lru_cache(maxsize=64)
def _card(card: DrillCard, width: int, words: Words) -> tuple[Line, ...]:
    """Hypothesis, blast radius, codes, recovery, what live does."""
    labels = words.drill_labels
    told = words.drill_text
    codes = ", ".join(map(clean, card.codes)) or words.drill_quiet
    live = told(card.live) if card.can_live else words.drill_not_live.format(id=clean(card.id))
    rows: list[Line] = []
    for text in wrap(clean(told(card.hypothesis), _TEXT_MAX), max(10, width)):
        rows.append((Span(text, Look.STRONG),))
    for label, text in (
        (labels["blast"], told(card.blast_radius)),
        (labels["codes"], codes),
        (labels["recovery"], told(card.recovery)),
        (labels["live"], live),
        (labels["seam"], told(card.seam)),
    ):
        rows += folded(label, text, _LABEL_WIDTH, width)
    return tuple(rows)


def _variants(card: DrillCard, words: Words) -> Iterator[Line]:
    """Each way of failing with its bounds."""
    heads = words.heads
    names = [heads["variant"], *(clean(variant.name) for variant in card.variants)]
    width = max(map(len, names)) + 2
    yield (
        Span(boxed(heads["variant"], width), Look.DIM),
        Span(boxed(heads["runs"], _PLACES_WIDTH), Look.DIM),
        Span(boxed(heads["loud_within"], _SECONDS_WIDTH), Look.DIM),
        Span(boxed(heads["healed_within"], _SECONDS_WIDTH), Look.DIM),
        Span(heads["code"], Look.DIM),
    )
    for variant in card.variants:
        yield _variant(variant, width, words)


def _variant(variant: VariantCard, width: int, words: Words) -> Line:
    places = ", ".join(words.drill_places[p.value] for p in Place if p in variant.places)
    loud = f"{variant.loud_within_s:.1f}s" if variant.codes else words.nothing
    codes = ", ".join(map(clean, variant.codes)) or words.drill_quiet
    return (
        Span(boxed(clean(variant.name), width)),
        Span(boxed(places, _PLACES_WIDTH)),
        Span(boxed(loud, _SECONDS_WIDTH)),
        Span(boxed(f"{variant.recovers_s:.1f}s", _SECONDS_WIDTH)),
        Span(codes, Look.DIM),
    )


@lru_cache(maxsize=8)
def _rules(cards: Catalogue, width: int, words: Words) -> tuple[Line, ...]:
    """What holds for every drill: when one ends early, and what readers beside it must see."""
    rows: list[Line] = []
    for title, clauses in (
        (words.drill_stops, cards.stops),
        (words.drill_invariants, cards.invariants),
    ):
        rows.append((Span(title, Look.STRONG),))
        for clause in clauses:
            rows += folded(" ·", words.drill_text(clause), 3, width)
    return tuple(rows)
