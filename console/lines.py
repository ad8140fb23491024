"""A row of the screen as a value: pieces of text, each with what it means, not how it looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple, TypeAlias

from rich.cells import cell_len, set_cell_size

_ELLIPSIS = "…"

ALWAYS = 99
"""The rank of a form that never gives way."""


class Look(Enum):
    """What a piece of text means; the palette says how that is drawn."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    WAITING = "waiting"
    FETCHING = "fetching"
    DERIVING = "deriving"
    PRIMING = "priming"
    READY = "ready"
    STALE = "stale"
    DEGRADED = "degraded"
    FAILED = "failed"


class Span(NamedTuple):
    """A piece of a row."""

    text: str
    """Printable and without line breaks."""
    look: Look = Look.PLAIN
    """What it means."""
    fresh: bool = False
    """Whether it changed a moment ago: drawn underlined."""
    chosen: bool = False
    """Whether the cursor stands on it: drawn reversed."""


Line: TypeAlias = tuple[Span, ...]


class Form(NamedTuple):
    """One way to draw a part of a row."""

    rank: int
    """The lowest rank in a row gives way first; ALWAYS never does."""
    line: Line
    """What to draw."""


Part: TypeAlias = tuple[Form, ...]
"""A portion of a row, richest form first; after the last one it is lost."""


def text_of(line: Line) -> str:
    """The text alone."""
    return "".join(span.text for span in line)


def width_of(line: Line) -> int:
    """Columns it takes on the screen."""
    return sum(cell_len(span.text) for span in line)


def boxed(text: str, width: int) -> str:
    """Exactly `width` columns: padded, or cropped with an ellipsis."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + _ELLIPSIS if width > 0 else ""


def end_kept(text: str, path: str, width: int) -> str:
    """The text in so many columns; what is too long loses the head of the path, last its tail."""
    over = cell_len(text) - width
    if over <= 0 or not path or path not in text:
        return text
    end = path[over + len(_ELLIPSIS) :]
    end = end[max(0, end.find("/")) :]
    name = path.rpartition("/")[2]
    return text.replace(path, f"{_ELLIPSIS}{end}") if end.endswith(name) else name


def cropped(line: Line, width: int) -> Line:
    """At most `width` columns; an ellipsis says that something was cut."""
    if width_of(line) <= width:
        return line
    kept: list[Span] = []
    left = width
    for span in line:
        taken = cell_len(span.text)
        if taken >= left:
            kept.append(span._replace(text=boxed(span.text + " ", left)))
            break
        kept.append(span)
        left -= taken
    return tuple(kept)


def fitted(parts: Sequence[Part], width: int, gap: str = "  ") -> Line:
    """Parts side by side; the least important forms give way until the row fits."""
    left = [part for part in parts if part]
    while True:
        row = _joined([part[0].line for part in left], gap)
        yielding = [(part[0].rank, at) for at, part in enumerate(left) if part[0].rank < ALWAYS]
        if width_of(row) <= width or not yielding:
            return cropped(row, width)
        _, at = min(yielding)
        left[at : at + 1] = [shorter] if (shorter := left[at][1:]) else []


def differing(was: Line, now: Line, width: int) -> Iterator[tuple[int, int]]:
    """The stretches (column, columns) in which two rows differ."""
    column = 0
    for old, new in zip(was, now, strict=False):
        taken = cell_len(new.text)
        if old != new:
            if cell_len(old.text) != taken:
                break
            yield column, taken
        column += taken
    else:
        if len(was) == len(now):
            return
    if column < width:
        yield column, width - column


def _joined(lines: Sequence[Line], gap: str) -> Line:
    row: list[Span] = []
    for line in lines:
        if row and line:
            row.append(Span(gap, Look.DIM))
        row.extend(line)
    return tuple(row)
