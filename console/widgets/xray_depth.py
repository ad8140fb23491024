"""What an x-ray read anew: disk and checksum, Redis and time to live, derive, coverage, bars."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

from .. import moments
from ..clean import clean
from ..lines import Line, Look, Span, boxed
from ..words import Words
from .candles import candle_plot, candle_table

if TYPE_CHECKING:
    from engine import Xray


_LABEL_WIDTH = 14
_PLOT_ROWS = 8
_TABLE_BARS = 12
_GAPS_MAX = 4


def depth_rows(seen: Xray, width: int, words: Words) -> Iterator[Line]:
    """Everything, wrapped into so many columns."""
    for label, said, look in _facts(seen, words):
        pieces = wrap(said, max(10, width - _LABEL_WIDTH)) or [""]
        for at, text in enumerate(pieces):
            name = boxed(words.xray[label] if at == 0 else "", _LABEL_WIDTH)
            yield (Span(name, Look.DIM), Span(text, look))
    if seen.candles:
        yield ()
        yield from candle_plot(seen.candles, seen.digits, width, _PLOT_ROWS)
        yield ()
        yield from candle_table(seen.candles, seen.digits, _TABLE_BARS, width, words)


def _facts(seen: Xray, words: Words) -> Iterator[tuple[str, str, Look]]:
    yield "disk", *_disk(seen, words)
    yield "redis", *_redis(seen, words)
    if seen.forming is not None:
        price = f"{seen.forming.c:.{seen.digits}f}"
        at = moments.stamp(seen.forming.open_ms)
        yield "forming", words.xray_forming.format(at=at, price=price), Look.PLAIN
    if seen.derive is not None:
        m1 = words.bars(seen.derive.m1_bars)
        yield "made_of", words.xray_made_of.format(m1=m1), Look.PLAIN
        if seen.derive.is_altered:
            yield "made_of", words.xray_altered, Look.FAILED
    yield "covered", _covered(seen, words), Look.PLAIN
    for holes in seen.covered.kinds:
        look = Look.DEGRADED if holes.kind == "gap" else Look.DIM
        count = words.bars(holes.minutes)
        said = words.xray_holes.format(kind=words.holes[holes.kind], minutes=count)
        yield "missing", said, look
    for gap in seen.covered.gaps[-_GAPS_MAX:]:
        ends = moments.stamp(gap.from_ms), moments.stamp(gap.until_ms)
        yield "gaps", f"{ends[0]} – {ends[1]}", Look.DEGRADED


def _disk(seen: Xray, words: Words) -> tuple[str, Look]:
    if not seen.files:
        return words.no_bar, Look.DIM
    newest = seen.files[0]
    count = words.bars(seen.stored_bars)
    said = words.xray_disk.format(bars=count, files=seen.file_count, name=newest.name)
    verdict = words.xray_sound if seen.is_sound else words.xray_broken
    look = Look.PLAIN if seen.is_sound else Look.FAILED
    return f"{said}, {verdict.format(crc=newest.crc)}", look


def _redis(seen: Xray, words: Words) -> tuple[str, Look]:
    if seen.cache_error is not None:
        return clean(seen.cache_error), Look.FAILED
    held = seen.held
    if held is None or held.bytes is None:
        look = Look.DIM if held is None else Look.FAILED
        return words.xray_no_tail, look
    tail = words.xray_tail.format(
        generation=held.generation.short, seq=held.seq, bytes=words.bars(held.bytes)
    )
    same = words.xray_same if held.is_same else words.xray_differs
    lives = words.xray_stays
    if held.expires_ms is not None:
        lives = words.xray_expires.format(left=moments.age(held.expires_ms / 1_000))
    return f"{tail}, {same}, {lives}", Look.PLAIN if held.is_same else Look.DEGRADED


def _covered(seen: Xray, words: Words) -> str:
    covered = seen.covered
    if covered.from_ms is None or covered.until_ms is None:
        return words.xray_uncovered
    ends = moments.stamp(covered.from_ms), moments.stamp(covered.until_ms)
    return f"{covered.of} {ends[0]} – {ends[1]}"
