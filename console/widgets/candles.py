"""Bars as text: a plot of candles, and a table that says where each bar came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .. import moments
from ..lines import Line, Look, Span, boxed
from ..words import Words

if TYPE_CHECKING:
    from engine import Candle


_WICK, _UP, _DOWN, _FLAT = "│", "░", "█", "─"
_SCALE_WIDTH = 12
_TIME_WIDTH, _VOLUME_WIDTH, _FILE_WIDTH = 12, 8, 7
_WIDE_FROM = 74


def candle_plot(bars: Sequence[Candle], digits: int, width: int, height: int) -> tuple[Line, ...]:
    """The newest bars, a column each, with the highest and lowest price at the right.

    A body that is light went up, a solid one down, a line stood still.
    """
    shown = bars[-max(0, width - _SCALE_WIDTH) :] if width > _SCALE_WIDTH else ()
    if not shown or height < 2:
        return ()
    top, bottom = max(bar.h for bar in shown), min(bar.low for bar in shown)
    step = (top - bottom) / height or 1.0
    columns = [_column(bar, top, step, height) for bar in shown]
    ends = {0: top, height - 1: bottom}
    rows: list[Line] = []
    for row in range(height):
        scale = f" {ends[row]:.{digits}f}" if row in ends else ""
        drawn = "".join(column[row] for column in columns)
        rows.append((Span(drawn, Look.STRONG), Span(scale, Look.DIM)))
    return tuple(rows)


def candle_table(
    bars: Sequence[Candle], digits: int, count: int, width: int, words: Words
) -> Iterator[Line]:
    """The newest bars, newest first."""
    price = max((len(f"{bar.h:.{digits}f}") for bar in bars), default=4) + 1
    is_wide = width >= _WIDE_FROM
    heads = ("O", "H", "L", "C") if is_wide else ("C",)
    titles = "".join(f"{head:>{price}}" for head in heads)
    own = words.heads
    head = f"{boxed(own['time'], _TIME_WIDTH)}{titles}{own['ticks']:>{_VOLUME_WIDTH}}  "
    yield (Span(f"{head}{boxed(own['file'], _FILE_WIDTH)}{own['made_of']}", Look.DIM),)
    for bar in reversed(bars[-count:]):
        figures = (bar.o, bar.h, bar.low, bar.c) if is_wide else (bar.c,)
        prices = "".join(f"{figure:>{price}.{digits}f}" for figure in figures)
        said = f"{boxed(_when(bar), _TIME_WIDTH)}{prices}{bar.v:>{_VOLUME_WIDTH}}  "
        file = boxed(bar.file or words.nothing, _FILE_WIDTH)
        yield (Span(said), Span(file, Look.DIM), Span(_made_of(bar, words), Look.DIM))


def _column(bar: Candle, top: float, step: float, height: int) -> str:
    """One bar from top to bottom."""

    def row(price: float) -> int:
        return min(height - 1, int((top - price) / step))

    high, low = row(bar.h), row(bar.low)
    upper, lower = row(max(bar.o, bar.c)), row(min(bar.o, bar.c))
    body = _FLAT if bar.o == bar.c else _UP if bar.c > bar.o else _DOWN
    return "".join(
        body if upper <= at <= lower else _WICK if high <= at <= low else " "
        for at in range(height)
    )


def _when(bar: Candle) -> str:
    return moments.stamp(bar.open_ms)[5:]


def _made_of(bar: Candle, words: Words) -> str:
    if not bar.expected:
        return ""
    why = ", ".join(words.partial[name] for name in bar.why)
    return f"{bar.made_of}/{bar.expected} M1 {why}".rstrip()
