"""The face of one cell: its sign and the few characters beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine import Cell, CellState, DegradedCode, DegradedReason
from uds.model import SeriesKey

from .. import codes, moments
from ..glyphs import sign
from ..lines import Look, Span
from ..words import Words

FRESH_MS = 3_000
"""How long a change stays underlined."""

LOOKS = {
    CellState.EMPTY: Look.WAITING,
    CellState.FETCHING: Look.FETCHING,
    CellState.STORED: Look.DERIVING,
    CellState.DERIVED: Look.PRIMING,
    CellState.PRIMED: Look.PRIMING,
    CellState.SEALED: Look.READY,
    CellState.STALE: Look.STALE,
    CellState.FAILED: Look.FAILED,
}
"""The eight states of the screen, before reasons are looked at."""

_DERIVED = (CellState.DERIVED, CellState.PRIMED, CellState.SEALED)
_PRIMED = (CellState.PRIMED, CellState.SEALED)


def look_of(cell: Cell, own: Sequence[DegradedReason]) -> Look:
    """What to show of a cell: a degraded reason of its own covers how far it has come."""
    stale = cell.state is CellState.STALE
    others = [r for r in own if not (stale and r.code is DegradedCode.CELL_STALE)]
    if cell.state is not CellState.FAILED and others:
        return Look.DEGRADED
    return LOOKS[cell.state]


def face(
    key: SeriesKey,
    cell: Cell,
    own: Sequence[DegradedReason],
    row: Mapping[SeriesKey, Cell],
    now_ms: int,
    words: Words,
    width: int,
    chosen: bool = False,
) -> Span:
    """Sign and text of a cell in at most `width` columns; `own` are its degraded reasons.

    `row` are its symbol's cells. The chosen cell is a full block, unlike a failed one.
    """
    look = look_of(cell, own)
    fresh = 0 <= now_ms - cell.changed_ms < FRESH_MS
    text = (sign(look) + _text(look, key, cell, own, row, now_ms, words))[:width]
    return Span(text.ljust(width) if chosen else text, look, fresh, chosen)


def share_done(cell: Cell, row: Mapping[SeriesKey, Cell]) -> float:
    """How far it is in its state, 0 to 1: fetched bars, else its symbol's cells that are past."""
    if cell.state is CellState.FETCHING:
        return min(max(cell.progress, 0.0), 1.0)
    if cell.state is CellState.STORED:
        derived = [c.state in _DERIVED for k, c in row.items() if k.timeframe.is_derived]
        return sum(derived) / len(derived) if derived else 0.0
    return sum(c.state in _PRIMED for c in row.values()) / len(row) if row else 0.0


def age_s(key: SeriesKey, cell: Cell, now_ms: int) -> float | None:
    """Seconds since the newest bar should have closed; None without bars."""
    if cell.watermark_ms is None:
        return None
    return max(0.0, (now_ms - cell.watermark_ms - key.timeframe.ms) / 1_000)


def _text(
    look: Look,
    key: SeriesKey,
    cell: Cell,
    own: Sequence[DegradedReason],
    row: Mapping[SeriesKey, Cell],
    now_ms: int,
    words: Words,
) -> str:
    match look:
        case Look.WAITING:
            return words.nothing
        case Look.READY:
            return _count(cell.bars)
        case Look.STALE:
            behind_s = age_s(key, cell, now_ms)
            return words.nothing if behind_s is None else moments.age(behind_s)
        case Look.DEGRADED:
            return codes.short(own[0].code) if len(own) == 1 else str(len(own))
        case Look.FAILED:
            return codes.short(own[-1].code) if own else words.failed_cell
        case _:
            return f"{int(share_done(cell, row) * 100)}%"


def _count(bars: int) -> str:
    return str(bars) if bars < 1_000_000 else f"{bars / 1_000_000:.1f}M"
