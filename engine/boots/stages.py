"""The stages of a start with wait and work told apart: what a waterfall is drawn from.

A span says when a stage began and ended. What of it was work is known from two sides: a fetch
works while one of its requests has a slot or one of its pages is being made durable, and waits
in the queue otherwise; any other stage works unless whoever noted it says that it waited. Single
requests are kept for the start only: a fetch that began later counts as work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uds.model import Symbol

from .timeline import Span

if TYPE_CHECKING:
    from ..broker.session import Answered

FETCHES = ("D1", "M1")
"""Stages named after the timeframe they fetch."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of one symbol, in seconds since the engine opened."""

    name: str
    """login, D1, M1, derive, commit, prime or flip."""
    symbol: Symbol | None
    """None when it is the platform's."""
    start_s: float
    """When it began."""
    wait_s: float
    """For how long it waited: for a slot, a partner, a lane."""
    work_s: float
    """For how long something was done for it."""
    end_s: float
    """When it ended."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request while it had a slot, in seconds since the engine opened."""

    symbol: Symbol
    """Whose bars were asked for."""
    fetch: str
    """The stage it was sent for: the name of its timeframe."""
    sent_s: float
    """When a slot took it."""
    answered_s: float
    """When the answer was there."""


def asked(answered: Iterable[Answered], opened_s: float) -> Iterator[Asked]:
    """Requests as a waterfall needs them; `opened_s` is the engine's beginning on their clock."""
    for one in answered:
        series = one.request.symbol, one.request.timeframe.name
        yield Asked(*series, one.sent_s - opened_s, one.answered_s - opened_s)


def stages(spans: Sequence[Span], requests: Iterable[Asked]) -> tuple[Stage, ...]:
    """In the order of the spans."""
    busy: dict[tuple[Symbol | None, str], list[tuple[float, float]]] = {}
    known_until_s = 0.0
    for one in requests:
        busy.setdefault((one.symbol, one.fetch), []).append((one.sent_s, one.answered_s))
        known_until_s = max(known_until_s, one.answered_s)
    for span in spans:
        if span.of is not None:
            busy.setdefault((span.symbol, span.of), []).append((span.start_s, span.end_s))
    whole = (span for span in spans if span.of is None)
    return tuple(
        _fetch(span, busy.get((span.symbol, span.name), ()))
        if span.name in FETCHES and span.start_s <= known_until_s
        else _stage(span, span.end_s - span.start_s - span.wait_s)
        for span in whole
    )


def overlap_s(busy: Iterable[tuple[float, float]], from_s: float, until_s: float) -> float:
    """Seconds of [from_s, until_s) that lie in at least one of the intervals."""
    total_s, reached_s = 0.0, from_s
    for begin_s, end_s in sorted(busy):
        end_s = min(end_s, until_s)
        total_s += max(0.0, end_s - max(begin_s, reached_s))
        reached_s = max(reached_s, end_s)
    return total_s


def _fetch(span: Span, busy: Iterable[tuple[float, float]]) -> Stage:
    return _stage(span, overlap_s(busy, span.start_s, span.end_s))


def _stage(span: Span, work_s: float) -> Stage:
    length_s = span.end_s - span.start_s
    work_s = min(max(0.0, work_s), length_s)
    return Stage(span.name, span.symbol, span.start_s, length_s - work_s, work_s, span.end_s)
