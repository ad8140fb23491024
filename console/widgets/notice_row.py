"""The row above the footer: the last answer, else what to do, else how this start goes about it."""

from __future__ import annotations

from engine import Status

from .. import moments
from ..clean import clean
from ..lines import Line, Look, Span, cropped, end_kept, width_of
from ..metric import Metric
from ..outlook import Outlook
from ..pages import Page
from ..rim import Rim
from ..words import Words
from .drill_notice import drill_end
from .facts import Facts
from .reason_rows import hint_line

_FILTER_MAX = 24
_TOLD_MAX = 1_000
_SEPARATOR = " · "


def notice_row(
    facts: Facts, rim: Rim, chips: Line, width: int, words: Words, hint: Line = ()
) -> Line:
    """How the operator looks, then the most useful sentence now; an answer hides no drill's end."""
    if rim.told:
        is_lost = rim.hold.lost_s is not None
        end = () if is_lost else drill_end(facts.status, rim.tables, words)
        left = width - width_of(chips) - width_of(end)
        said = end_kept(clean(rim.told, _TOLD_MAX), clean(rim.path, _TOLD_MAX), left)
        sentence: Line = (*cropped((Span(said, Look.STRONG),), left), *end)
    elif rim.hold.lost_s is not None:
        why = clean(words.told(rim.hold.why_said, rim.hold.why))
        sentence = (Span(words.lost.format(why=why), Look.STRONG),)
    elif hint:
        sentence = hint
    elif facts.faults.ranked:
        sentence = hint_line(facts.faults, words)
    else:
        sentence = _mode(facts.status, words, width - width_of(chips))
    return cropped((*chips, *sentence), width)


def chip_line(outlook: Outlook, frozen_ms: int | None, words: Words) -> Line:
    """What keeps the screen from showing everything as it is now; nothing when it does."""
    said: list[str] = []
    if frozen_ms is not None:
        said.append(words.chip_frozen.format(at=moments.clock(frozen_ms), utc=words.utc))
    if outlook.faults_only:
        said.append(words.chip_faults)
    if outlook.sieve.text:
        said.append(words.chip_filter.format(filter=clean(outlook.sieve.text, _FILTER_MAX)))
    if outlook.page in outlook.sorted:
        said.append(words.chip_sorted)
    if outlook.metric is not Metric.STATE and outlook.page is Page.GRID:
        said.append(words.chip_metric.format(metric=words.metrics[outlook.metric.value]))
    chips = (Span(f" {chip} ", Look.STRONG, chosen=True) for chip in said)
    return tuple(span for chip in chips for span in (chip, Span(" ")))


def _mode(status: Status, words: Words, width: int) -> Line:
    """How this start goes about it; where room is short, first how to have a real market."""
    sentence = words.no_mode
    if status.mode is not None:
        mode = words.modes[status.mode.value]
        reason = clean(words.told(status.mode_said, status.mode_reason))
        sentence = words.mode.format(mode=mode, reason=reason)
    if status.market != "simulated":
        return (Span(sentence, Look.DIM),)
    both = (sentence, words.simulated_hint)
    is_wide = width_of((Span(_SEPARATOR.join(both)),)) <= width
    return (Span(_SEPARATOR.join(both if is_wide else reversed(both)), Look.DIM),)
