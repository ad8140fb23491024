"""The x-ray pane: everything the status knows of one cell."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

from engine import Cell, DegradedReason, Severity, Status
from uds.model import SeriesKey

from .. import moments
from ..clean import clean
from ..glyphs import sign
from ..lines import Line, Look, Span, boxed, cropped
from ..words import Words
from . import cell_face
from .faults import look_of_reason
from .xray_depth import depth_rows

if TYPE_CHECKING:
    from engine import Xray


_LABEL_WIDTH = 14
_EDGE = "│ "


def xray_rows(
    status: Status, key: SeriesKey | None, now_ms: int, width: int, height: int, words: Words
) -> tuple[Line, ...]:
    """`height` rows about a cell behind an edge, only that without a cell; nothing without room."""
    inner = width - len(_EDGE)
    if inner <= 0:
        return ()
    rows = [*xray_body(status, key, now_ms, inner, words), *[()] * height][: max(0, height)]
    return tuple((Span(_EDGE, Look.DIM), *cropped(row, inner)) for row in rows)


def xray_body(
    status: Status,
    key: SeriesKey | None,
    now_ms: int,
    width: int,
    words: Words,
    seen: Xray | None = None,
) -> tuple[Line, ...]:
    """All rows about a cell; nothing without a cell. `seen` is what was read anew, of any cell."""
    if key is None or key not in status.cells:
        return ()
    body = list(_facts(status, key, now_ms, words))
    for reason in status.reasons_of(key):
        body.append(())
        body += _reason(reason, look_of_reason(status, reason), width, words)
    if seen is not None and seen.key == key:
        body += ((), *depth_rows(seen, width, words))
    return tuple(body)


def _facts(status: Status, key: SeriesKey, now_ms: int, words: Words) -> Iterator[Line]:
    cell = status.cells[key]
    own = [r for r in status.reasons if r.scope == key and r.severity is Severity.DEGRADED]
    look = cell_face.look_of(cell, own)
    yield (Span(clean(str(key)), Look.STRONG),)
    here = Span(f"{sign(look)} {words.states[look.value]}", look)
    if cell_face.is_rebuilt(look, cell):
        ready = Look.READY
        yield (Span(f"{sign(ready)} {words.states[ready.value]}", ready), Span("   "), here)
    else:
        yield (here,)
    yield ()
    yield _fact("bars", words.bars(cell.bars), words)
    if look in (Look.FETCHING, Look.DERIVING, Look.PRIMING):
        yield _fact("progress", _progress(status, key, cell), words)
    yield from _newest(key, cell, now_ms, words)
    yield _fact("served", cell.serving.short if cell.serving else words.not_served, words)
    source = words.from_m1 if key.timeframe.is_derived else words.from_broker
    yield _fact("source", source, words)
    if cell.changed_ms:
        yield _fact("changed", f"{moments.clock(cell.changed_ms)} {words.utc}", words)
    mode = status.modes.get(key.symbol)
    phase = words.phases[(status.phase_of(key.symbol) if status.mode else status.phase).value]
    known = f"{phase} ({words.modes[mode.value]})" if mode else phase
    yield _fact("symbol", known, words)
    if key.symbol in status.prime.per_symbol_s:
        yield _fact("primed", f"{status.prime.per_symbol_s[key.symbol]:.2f} s", words)


def _newest(key: SeriesKey, cell: Cell, now_ms: int, words: Words) -> Iterator[Line]:
    if cell.watermark_ms is None:
        yield _fact("newest", words.no_bar, words)
        return
    utc = f"{moments.stamp(cell.watermark_ms)} {words.utc}"
    new_york = f"{moments.stamp(cell.watermark_ms, moments.NEW_YORK)} {words.new_york}"
    yield _fact("newest", utc, words)
    yield (Span(" " * _LABEL_WIDTH), Span(new_york))
    behind_s = cell_face.age_s(key, cell, now_ms)
    yield _fact("age", moments.age(behind_s or 0.0), words)


def _progress(status: Status, key: SeriesKey, cell: Cell) -> str:
    row = {k: c for k, c in status.cells.items() if k.symbol == key.symbol}
    return f"{int(cell_face.share_done(cell, row) * 100)}%"


def _fact(label: str, value: str, words: Words) -> Line:
    return (Span(boxed(words.xray[label], _LABEL_WIDTH), Look.DIM), Span(value))


def _reason(reason: DegradedReason, look: Look, width: int, words: Words) -> Iterator[Line]:
    times = f" ×{reason.count}" if reason.count > 1 else ""
    since = words.since.format(at=moments.clock(reason.since_ms), utc=words.utc)
    yield (Span(f"{sign(look)} {reason.code.value}{times}", look), Span(f" {since}", Look.DIM))
    for text in wrap(clean(words.detail(reason)), max(10, width - 2)):
        yield (Span(f"  {text}"),)
    for text in wrap(f"→ {words.hint(reason)}", max(10, width - 2)):
        yield (Span(f"  {text}", Look.DIM),)
