"""The reason rows: what is wrong and where, worst first, or that all is well."""

from __future__ import annotations

from engine import DegradedReason, Open

from ..clean import clean
from ..glyphs import sign
from ..lines import Line, Look, Span, cropped
from ..words import Words
from .facts import Facts
from .faults import Faults, scope_of

_GAP = "   "
_DETAIL_MAX = 200


def reason_rows(facts: Facts, width: int, height: int, words: Words) -> tuple[Line, ...]:
    """At most `height` rows; the last one holds all reasons that have no row of their own."""
    faults = facts.faults
    if height <= 0:
        return ()
    if not faults.ranked:
        return (cropped(_calm(facts, words), width),)
    own = faults.ranked[: height - 1]
    rows = [_said(look, reason, words, hint=True) for look, reason in own]
    rest = faults.ranked[height - 1 :]
    if len(rest) == 1:
        rows.append(_said(*rest[0], words, hint=True))
    elif rest:
        crowd: list[Span] = []
        for look, reason in rest:
            crowd += (Span(_GAP if crowd else ""), *_said(look, reason, words, hint=False))
        rows.append(tuple(crowd))
    return tuple(cropped(row, width) for row in rows)


def hint_line(faults: Faults, words: Words) -> Line:
    """What to do about the worst reason; empty when there is none."""
    if not faults.ranked:
        return ()
    _, worst = faults.ranked[0]
    where, hint = scope_of_clean(worst, words), words.hint(worst)
    return (Span(f"→ {where}: {hint}", Look.DIM),)


def scope_of_clean(reason: DegradedReason, words: Words) -> str:
    """Where a reason is, safe to draw."""
    return clean(scope_of(reason, words.platform), 40)


def _said(look: Look, reason: DegradedReason, words: Words, hint: bool) -> Line:
    times = f" ×{reason.count}" if reason.count > 1 else ""
    head = Span(f"{sign(look)} {scope_of_clean(reason, words)} {reason.code.value}{times}", look)
    detail = Span(f" {clean(words.detail(reason), _DETAIL_MAX)}")
    return (head, detail, Span(f" → {words.hint(reason)}", Look.DIM)) if hint else (head, detail)


def _calm(facts: Facts, words: Words) -> Line:
    is_open, notes = isinstance(facts.gate, Open), facts.faults.notes
    sentence = words.all_well if is_open else words.starting
    look = Look.READY if is_open else Look.WAITING
    row = (Span(f"{sign(look)} {sentence}", look),)
    if not notes:
        return row
    newest, count = notes[0], words.notes.format(count=len(notes))
    note = f"{count}{scope_of_clean(newest, words)} {clean(words.detail(newest), _DETAIL_MAX)}"
    return (*row, Span(_GAP), Span(note, Look.DIM))
