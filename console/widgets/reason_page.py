"""The reason page: what is wrong, since when, how often, and what to do; then what has passed."""

from __future__ import annotations

from collections.abc import Iterator

from engine import DegradedReason, Severity

from .. import moments
from ..clean import clean
from ..glyphs import sign
from ..lines import Look, Span, boxed
from ..words import Words
from .facts import Facts
from .listing import Item, Listing, entry
from .reason_rows import scope_of_clean

_SCOPE_WIDTH, _CODE_WIDTH, _SINCE_WIDTH, _COUNT_WIDTH = 15, 23, 9, 5
_YIELDING = frozenset({3, 4})
"""The columns since and count."""
_DETAIL_MAX = 2_000


def reason_listing(facts: Facts, words: Words) -> Listing:
    """Failures, degradations, notes, and last those that were cleared, dimmed."""
    heads = words.heads
    head = (
        Span(boxed(f"  {heads['scope']}", _SCOPE_WIDTH + 2), Look.DIM),
        Span(boxed(heads["code"], _CODE_WIDTH), Look.DIM),
        Span(boxed(heads["since"], _SINCE_WIDTH), Look.DIM),
        Span(boxed(heads["count"], _COUNT_WIDTH), Look.DIM),
        Span(heads["detail"], Look.DIM),
    )
    items = [_item(look, reason, words) for look, reason in facts.faults.ranked]
    items += [_item(Look.WAITING, reason, words) for reason in facts.faults.notes]
    items += [_item(Look.READY, r, words, True) for r in reversed(facts.status.healed)]
    return Listing(
        words.pages["reasons"], head, tuple(items), empty=words.all_well, yielding=_YIELDING
    )


def reason_key(reason: DegradedReason, is_healed: bool = False) -> str:
    """Its identity: what and where, and for one that has passed, when it began."""
    passed = f" {reason.since_ms}" if is_healed else ""
    return f"{reason.code.value} {reason.scope or ''}{passed}"


def _item(look: Look, reason: DegradedReason, words: Words, is_healed: bool = False) -> Item:
    text = Look.DIM if is_healed else Look.PLAIN
    said = clean(words.detail(reason), _DETAIL_MAX)
    line = (
        Span(f"{sign(look)} ", look),
        Span(boxed(scope_of_clean(reason, words), _SCOPE_WIDTH - 1) + " ", text),
        Span(boxed(reason.code.value, _CODE_WIDTH), text if is_healed else look),
        Span(boxed(moments.clock(reason.since_ms), _SINCE_WIDTH), text),
        Span(boxed(f"×{reason.count}" if reason.count > 1 else "", _COUNT_WIDTH), text),
        Span(_marked(said, reason, is_healed, words), text),
    )
    is_fault = not is_healed and reason.severity is Severity.DEGRADED
    severity = words.severities[reason.severity.value]
    states = {"healed"} if is_healed else {reason.severity.value, look.value, severity}
    detail = _detail(look, reason, words)
    return entry(reason_key(reason, is_healed), line, states, is_fault, detail)


def _marked(said: str, reason: DegradedReason, is_healed: bool, words: Words) -> str:
    """An acknowledged one stands on, and says that somebody knows."""
    if is_healed:
        return f"{words.healed}: {said}"
    return said if reason.acknowledged_ms is None else f"{words.seen}: {said}"


def _detail(look: Look, reason: DegradedReason, words: Words) -> Iterator[Span]:
    severity = words.severities[reason.severity.value]
    since = words.since.format(at=moments.stamp(reason.since_ms), utc=words.utc)
    times = words.counted("times", reason.count)
    where = scope_of_clean(reason, words)
    seen = f", {words.seen}" if reason.acknowledged_ms is not None else ""
    yield Span(f"{sign(look)} {where} {reason.code.value} ({severity}{seen})", look)
    yield Span(f"{since}, {times}", Look.DIM)
    yield Span(clean(words.detail(reason), _DETAIL_MAX))
    yield Span(f"→ {words.hint(reason)}", Look.STRONG)
