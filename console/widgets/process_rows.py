"""The process rows: state, readiness and when, restarts, backoff, last exception."""

from __future__ import annotations

from engine import ProcessState, ProcessStatus, Status

from ..clean import clean
from ..cursor import Cursor, Pane, scrolled
from ..glyphs import sign
from ..kept import kept
from ..lines import Line, Look, Span, boxed, cropped
from ..words import Words

_NAME_WIDTH = 15
_STATE_WIDTH = 27
_RESTARTS_WIDTH = 13

LOOKS = {
    ProcessState.STARTING: Look.WAITING,
    ProcessState.WARMING: Look.DERIVING,
    ProcessState.READY: Look.READY,
    ProcessState.BACKOFF: Look.DEGRADED,
    ProcessState.WAITING: Look.DEGRADED,
    ProcessState.HELD: Look.FAILED,
    ProcessState.NEEDS_OPERATOR: Look.FAILED,
    ProcessState.STOPPED: Look.WAITING,
}


def process_rows(
    status: Status, cursor: Cursor, now_ms: int, width: int, height: int, words: Words
) -> tuple[Line, ...]:
    """One row per process, those around the selected one where they do not all fit."""
    if not status.processes:
        return ((Span(f" {sign(Look.WAITING)} {words.no_process}", Look.DIM),),)[:height]
    counts_down = any(process.next_attempt_ms is not None for process in status.processes)
    return _rows(status.processes, cursor, now_ms if counts_down else 0, width, height, words)


def state_words(process: ProcessStatus, now_ms: int, words: Words) -> str:
    """`ready +2.1s serving 503`, `warming 41%`, `backoff 0.2s`."""
    parts = [words.process_states[process.state.value]]
    if process.state is ProcessState.READY and process.ready_after_s is not None:
        parts.append(f"+{process.ready_after_s:.1f}s")
    if process.state is ProcessState.BACKOFF:
        left_s = process.backoff_s
        if process.next_attempt_ms is not None:
            left_s = max(0.0, (process.next_attempt_ms - now_ms) / 1_000)
        parts.append(f"{left_s:.1f}s")
    return " ".join((*parts, clean(words.process_detail(process.detail)))).strip()


@kept
def _rows(
    processes: tuple[ProcessStatus, ...],
    cursor: Cursor,
    now_ms: int,
    width: int,
    height: int,
    words: Words,
) -> tuple[Line, ...]:
    names = [process.name for process in processes]
    selected = names.index(cursor.process) if cursor.process in names else 0
    top = scrolled(0, selected, max(1, height), len(names))
    return tuple(
        cropped(_row(process, cursor, now_ms, words), width)
        for process in processes[top : top + height]
    )


def _row(process: ProcessStatus, cursor: Cursor, now_ms: int, words: Words) -> Line:
    here = cursor.pane is Pane.PROCESSES and cursor.process == process.name
    look = LOOKS[process.state]
    head = Span((">" if here else " ") + sign(look), look, chosen=False)
    restarts_look = Look.DEGRADED if process.restarts else Look.DIM
    last_exit = clean(process.last_exit or "")
    return (
        head,
        Span(" "),
        Span(boxed(clean(process.name), _NAME_WIDTH), Look.PLAIN, chosen=here),
        Span(" "),
        Span(boxed(state_words(process, now_ms, words), _STATE_WIDTH)),
        Span(boxed(words.restarts(process.restarts), _RESTARTS_WIDTH), restarts_look),
        Span(last_exit, Look.DIM),
    )
