"""The process page: each process with its state, restarts, share of the loop and last words.

Processor time and memory are of the whole process and of the embedded server, beside the title:
the five are tasks of one loop, so what each of them takes is the time it holds that loop.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine import ProcessState, ProcessStatus

from .. import moments
from ..clean import clean
from ..glyphs import sign
from ..lines import Look, Span, boxed
from ..logbook import LogBook
from ..uses import Uses
from ..words import Words
from .facts import Facts
from .listing import Item, Listing, entry
from .process_rows import LOOKS, state_words

_NAME_WIDTH, _STATE_WIDTH, _RESTARTS_WIDTH, _LOOP_WIDTH, _QUEUE_WIDTH = 15, 26, 9, 7, 6
_YIELDING = frozenset({4, 5})
"""The columns loop and queue."""
_LOG_LINES = 3
_FINE = (ProcessState.STARTING, ProcessState.WARMING, ProcessState.READY, ProcessState.STOPPED)


def process_listing(
    facts: Facts, now_ms: int, words: Words, logs: LogBook, uses: Uses | None
) -> Listing:
    """In the order they are spawned."""
    heads = words.heads
    head = (
        Span(boxed(f"  {heads['process']}", _NAME_WIDTH + 2), Look.DIM),
        Span(boxed(heads["state"], _STATE_WIDTH), Look.DIM),
        Span(boxed(heads["restarts"], _RESTARTS_WIDTH), Look.DIM),
        Span(boxed(heads["loop"], _LOOP_WIDTH), Look.DIM),
        Span(boxed(heads["queue"], _QUEUE_WIDTH), Look.DIM),
        Span(heads["exit"], Look.DIM),
    )
    processes = facts.status.processes
    items = tuple(_item(process, now_ms, words, logs, uses) for process in processes)
    return Listing(
        words.pages["processes"],
        head,
        items,
        empty=words.no_process,
        yielding=_YIELDING,
        note=() if uses is None else (Span(f"   {_taken(uses, words)}", Look.DIM),),
    )


def _taken(uses: Uses, words: Words) -> str:
    """`engine cpu 12.3% 184 MiB · redis cpu 0.4% 24 MiB`."""
    both = (
        (words.by_engine, uses.now.engine, uses.engine_share),
        ("redis", uses.now.server, uses.server_share),
    )
    return " · ".join(
        words.host_use.format(who=who, share=_percent(share) or "–", mib=taken.memory_bytes >> 20)
        for who, taken, share in both
        if taken is not None
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _item(
    process: ProcessStatus, now_ms: int, words: Words, logs: LogBook, uses: Uses | None
) -> Item:
    look = LOOKS[process.state]
    name = clean(process.name)
    restarts = Look.DEGRADED if process.restarts else Look.DIM
    waiting = None if uses is None else uses.now.waiting.get(process.name)
    line = (
        Span(f"{sign(look)} ", look),
        Span(boxed(name, _NAME_WIDTH)),
        Span(boxed(state_words(process, now_ms, words), _STATE_WIDTH)),
        Span(boxed(_counted(process), _RESTARTS_WIDTH), restarts),
        Span(boxed(_percent(uses and uses.loop_share(process.name)), _LOOP_WIDTH)),
        Span(boxed("" if waiting is None else str(waiting), _QUEUE_WIDTH)),
        Span(clean(process.last_exit or ""), Look.DIM),
    )
    states = {process.state.value, words.process_states[process.state.value].casefold()}
    is_fault = process.state not in _FINE
    detail = _detail(process, now_ms, words, logs, uses)
    return entry(process.name, line, states, is_fault, detail)


def _counted(process: ProcessStatus) -> str:
    """`2/5`: what counts against the limit; all restarts where no limit is known."""
    limit = process.failures_max
    return f"{process.failures}/{limit}" if limit else str(process.restarts)


def _detail(
    process: ProcessStatus, now_ms: int, words: Words, logs: LogBook, uses: Uses | None
) -> Iterator[Span]:
    look = LOOKS[process.state]
    said = f"{clean(process.name)}: {state_words(process, now_ms, words)}"
    yield Span(f"{sign(look)} {said}", look)
    said = words.restarts(process.restarts) if process.restarts else words.restarts_none
    if process.failures_max:
        count, limit = process.failures, process.failures_max
        said = f"{said}; {words.restart_limit.format(count=count, limit=limit)}"
    yield Span(said)
    if uses is not None and process.name in uses.now.busy_s:
        busy_s, over_s = uses.now.busy_s[process.name], uses.now.at_s
        yield Span(words.loop_held.format(busy=busy_s, over=moments.minutes(over_s)), Look.DIM)
    if process.last_exit:
        yield Span(words.last_exit.format(error=clean(process.last_exit, 1_000)))
    if lines := logs.of(process.name, _LOG_LINES):
        yield Span(words.last_logs, Look.DIM)
        for line in lines:
            yield Span(f"{moments.clock(line.at_ms)} {line.level} {line.text}")
