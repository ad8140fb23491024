"""When the picture must be drawn again although the engine said nothing."""

from __future__ import annotations

from engine import CellState, Status

from .widgets.cell_face import FRESH_MS

FAST_S = 0.1
"""While a time runs."""
FADE_S = 0.25
"""At least, while marks fade: longer than a flush, so that a busy engine never draws twice."""
SLOW_S = 1.0
"""While only ages grow."""


def pulse_s(status: Status, now_ms: int, ages_shown: bool) -> float | None:
    """Seconds until the next drawing: a running time, a fading mark, an age; None for none."""
    if status.opened_gate_after_s is None or _counts_down(status):
        return FAST_S
    marks_ms = [cell.changed_ms + FRESH_MS - now_ms for cell in status.cells.values()]
    fading_ms = [left_ms for left_ms in marks_ms if 0 < left_ms <= FRESH_MS]
    if fading_ms:
        return max(FADE_S, min(fading_ms) / 1_000)
    if status.forced_until_ms is not None:
        return SLOW_S
    if status.broker.unanswered_since_ms is not None:
        return SLOW_S
    stale = any(cell.state is CellState.STALE for cell in status.cells.values())
    return SLOW_S if stale or ages_shown else None


def _counts_down(status: Status) -> bool:
    if status.broker.state != "ready" and status.broker.next_attempt_ms is not None:
        return True
    return any(process.next_attempt_ms is not None for process in status.processes)
