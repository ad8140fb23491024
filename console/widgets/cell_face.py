"""The face of one cell: its sign and the few characters beside it.

A cell that is made anew behind an open gate has two signs, `●◔41%`: readers have what was made
before, and this far is what comes next. Where the room is short the second one says what moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from engine import Cell, CellState, DegradedCode, DegradedReason
from uds.model import SeriesKey

from .. import codes, moments
from ..glyphs import sign
from ..lines import Look, Span
from ..metric import Metric
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

ON_THE_WAY = (Look.WAITING, Look.FETCHING, Look.DERIVING, Look.PRIMING)
"""What a cell can be while readers go on getting its generation of before."""

FAULTY = (Look.STALE, Look.DEGRADED, Look.FAILED)
"""What `n`, `z` and the like look for."""

_COUNTED = (Metric.STATE, Metric.BARS)
"""Figures of a served cell that say how many bars it has."""
_MS_MAX = 999_999
"""Six columns; beyond it a coarser unit."""
_DERIVED = (CellState.DERIVED, CellState.PRIMED, CellState.SEALED)
_PRIMED = (CellState.PRIMED, CellState.SEALED)


class Sight(NamedTuple):
    """How cells are looked at: when, by which figure, in whose words."""

    now_ms: int
    """The market's clock, UTC ms."""
    words: Words
    """The operator's language."""
    metric: Metric = Metric.STATE
    """The figure beside the sign."""
    opened_ms: int = 0
    """When the engine opened, UTC ms; milliseconds are counted from here."""


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
    sight: Sight,
    width: int,
    chosen: bool = False,
) -> Span:
    """Sign and text of a cell in at most `width` columns; `own` are its degraded reasons.

    `row` are its symbol's cells. The chosen cell is a full block, unlike a failed one.
    """
    fresh = 0 <= sight.now_ms - cell.changed_ms < FRESH_MS
    if cell.state is CellState.SEALED and not own and sight.metric in _COUNTED:
        return _served(cell.bars, width, fresh, chosen)
    look = look_of(cell, own)
    if sight.metric is Metric.STATE:
        beside = _state(look, key, cell, own, row, sight)
    else:
        beside = _figure(key, cell, sight)
    signs = sign(look)
    if is_rebuilt(look, cell) and len(signs) + len(beside) < width:
        signs = sign(Look.READY) + signs
    return _span(look, signs + beside, width, fresh, chosen)


def is_rebuilt(look: Look, cell: Cell) -> bool:
    """Whether readers have what was made before, while the cell is being made anew."""
    return look in ON_THE_WAY and cell.serving is not None


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


def _state(
    look: Look,
    key: SeriesKey,
    cell: Cell,
    own: Sequence[DegradedReason],
    row: Mapping[SeriesKey, Cell],
    sight: Sight,
) -> str:
    match look:
        case Look.WAITING:
            return sight.words.nothing
        case Look.READY:
            return _count(cell.bars)
        case Look.STALE:
            return _age(key, cell, sight)
        case Look.DEGRADED:
            return codes.short(own[0].code) if len(own) == 1 else str(len(own))
        case Look.FAILED:
            return codes.short(own[-1].code) if own else sight.words.failed_cell
        case _:
            return f"{int(share_done(cell, row) * 100)}%"


def _figure(key: SeriesKey, cell: Cell, sight: Sight) -> str:
    if sight.metric is Metric.BARS:
        return _count(cell.bars)
    if sight.metric is Metric.AGE:
        return _age(key, cell, sight)
    took_ms = cell.changed_ms - sight.opened_ms
    if not cell.changed_ms or took_ms < 0:
        return sight.words.nothing
    return str(took_ms) if took_ms <= _MS_MAX else moments.age(took_ms / 1_000)


def _age(key: SeriesKey, cell: Cell, sight: Sight) -> str:
    behind_s = age_s(key, cell, sight.now_ms)
    return sight.words.nothing if behind_s is None else moments.age(behind_s)


@lru_cache(maxsize=2_048)
def _served(bars: int, width: int, fresh: bool, chosen: bool) -> Span:
    """What most cells are most of the time; the very same value, which is quickly compared."""
    return _span(Look.READY, sign(Look.READY) + _count(bars), width, fresh, chosen)


def _span(look: Look, said: str, width: int, fresh: bool, chosen: bool) -> Span:
    text = said[:width]
    return Span(text.ljust(width) if chosen else text, look, fresh, chosen)


def _count(bars: int) -> str:
    return str(bars) if bars < 1_000_000 else f"{bars / 1_000_000:.1f}M"
