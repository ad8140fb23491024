"""Ticks that are known beforehand, published as the clock passes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from operator import attrgetter
from typing import TypeAlias

from uds.model import MINUTE_MS, Symbol

from ..clock import Clock
from .port import Tick

TicksBetween: TypeAlias = Callable[[Symbol, int, int], Iterable[Tick]]
"""Ticks of a symbol in [from_ms, until_ms)."""

POLL_S = 0.25


async def tick_stream(
    clock: Clock, symbols: tuple[Symbol, ...], ticks_between: TicksBetween
) -> AsyncIterator[Tick]:
    """Every tick from now on, by time; after a leap of the clock only the last minute's."""
    seen_ms = clock.now_ms()
    while True:
        await clock.sleep(POLL_S)
        now_ms = clock.now_ms()
        from_ms = max(seen_ms, now_ms - MINUTE_MS)
        passed = [tick for symbol in symbols for tick in ticks_between(symbol, from_ms, now_ms)]
        for tick in sorted(passed, key=attrgetter("ts_ms")):
            yield tick
        seen_ms = now_ms
