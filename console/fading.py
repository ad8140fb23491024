"""The last picture of an engine that does not answer: everything steps back but that it is old."""

from __future__ import annotations

from collections.abc import Mapping

from .lines import Line, Look
from .widgets.grid_rows import Column

_BRIGHT = frozenset({"notice", "footer"})
"""What is of the console, not of the engine."""


def faded(
    columns: tuple[Column, ...], rows: Mapping[str, tuple[Line, ...]]
) -> tuple[tuple[Column, ...], dict[str, tuple[Line, ...]]]:
    """Grid and rows, dimmed; signs and texts stay, so every state can still be read."""
    dim = tuple(column._replace(lines=tuple(map(_dimmed, column.lines))) for column in columns)
    views = {
        name: lines if name in _BRIGHT else tuple(_dimmed(line, name == "header") for line in lines)
        for name, lines in rows.items()
    }
    return dim, views


def _dimmed(line: Line, is_header: bool = False) -> Line:
    return tuple(
        span if is_header and span.look is Look.STALE else span._replace(look=Look.DIM, fresh=False)
        for span in line
    )
