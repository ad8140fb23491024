"""The event rows, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from .. import moments
from ..lines import Line, Look, Span, cropped
from ..words import Words
from .journal import Entry


def journal_rows(
    entries: Iterable[Entry], width: int, height: int, words: Words
) -> tuple[Line, ...]:
    """A head and as many entries as fit."""
    if height <= 0:
        return ()
    head = (Span(f" {words.journal_head} ({words.utc})", Look.DIM),)
    return (head, *(cropped(_row(entry), width) for entry in islice(entries, height - 1)))


def _row(entry: Entry) -> Line:
    return (Span(f" {moments.clock(entry.at_ms)} ", Look.DIM), Span(entry.text, entry.look))
