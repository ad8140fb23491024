"""The row above the footer: the last answer, else what to do, else how this start goes about it."""

from __future__ import annotations

from engine import Status

from ..clean import clean
from ..lines import Line, Look, Span, cropped
from ..words import Words
from .facts import Facts
from .reason_rows import hint_line


def notice_row(facts: Facts, told: str, width: int, words: Words) -> Line:
    """The most useful sentence now; `told` is what the engine last answered, empty when stale."""
    if told:
        return cropped((Span(clean(told), Look.STRONG),), width)
    if facts.faults.ranked:
        return cropped(hint_line(facts.faults, words), width)
    return cropped(_mode(facts.status, words), width)


def _mode(status: Status, words: Words) -> Line:
    sentence = words.no_mode
    if status.mode is not None:
        sentence = words.mode.format(mode=status.mode.value, reason=clean(status.mode_reason))
    if status.market == "simulated":
        sentence = f"{sentence} · {words.simulated_hint}"
    return (Span(sentence, Look.DIM),)
