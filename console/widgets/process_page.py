"""The process page: each process with its state, its restarts and its last words."""

from __future__ import annotations

from collections.abc import Iterator

from engine import ProcessState, ProcessStatus

from .. import moments
from ..clean import clean
from ..glyphs import sign
from ..lines import Look, Span, boxed
from ..logbook import LogBook
from ..words import Words
from .facts import Facts
from .listing import Item, Listing, entry
from .process_rows import LOOKS, state_words

_NAME_WIDTH, _STATE_WIDTH, _RESTARTS_WIDTH = 16, 30, 14
_YIELDING = frozenset({3})
"""The columns restarts."""
_LOG_LINES = 3
_FINE = (ProcessState.STARTING, ProcessState.WARMING, ProcessState.READY, ProcessState.STOPPED)


def process_listing(facts: Facts, now_ms: int, words: Words, logs: LogBook) -> Listing:
    """In the order they are spawned."""
    heads = words.heads
    head = (
        Span(boxed(f"  {heads['process']}", _NAME_WIDTH + 2), Look.DIM),
        Span(boxed(heads["state"], _STATE_WIDTH), Look.DIM),
        Span(boxed(heads["restarts"], _RESTARTS_WIDTH), Look.DIM),
        Span(heads["exit"], Look.DIM),
    )
    items = tuple(_item(process, now_ms, words, logs) for process in facts.status.processes)
    return Listing(
        words.pages["processes"], head, items, empty=words.no_process, yielding=_YIELDING
    )


def _item(process: ProcessStatus, now_ms: int, words: Words, logs: LogBook) -> Item:
    look = LOOKS[process.state]
    name = clean(process.name)
    restarts = Look.DEGRADED if process.restarts else Look.DIM
    line = (
        Span(f"{sign(look)} ", look),
        Span(boxed(name, _NAME_WIDTH)),
        Span(boxed(state_words(process, now_ms, words), _STATE_WIDTH)),
        Span(boxed(words.restarts(process.restarts), _RESTARTS_WIDTH), restarts),
        Span(clean(process.last_exit or ""), Look.DIM),
    )
    states = {process.state.value, words.process_states[process.state.value].casefold()}
    is_fault = process.state not in _FINE
    detail = _detail(process, now_ms, words, logs)
    return entry(process.name, line, states, is_fault, detail)


def _detail(process: ProcessStatus, now_ms: int, words: Words, logs: LogBook) -> Iterator[Span]:
    look = LOOKS[process.state]
    said = f"{clean(process.name)}: {state_words(process, now_ms, words)}"
    yield Span(f"{sign(look)} {said}", look)
    yield Span(words.restarts(process.restarts) if process.restarts else words.restarts_none)
    if process.last_exit:
        yield Span(words.last_exit.format(error=clean(process.last_exit, 1_000)))
    if lines := logs.of(process.name, _LOG_LINES):
        yield Span(words.last_logs, Look.DIM)
        for line in lines:
            yield Span(f"{moments.clock(line.at_ms)} {line.level} {line.text}")
