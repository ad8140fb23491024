"""Forms previews from ticks, twice a second, and shows them beside the final bars."""

from __future__ import annotations

from collections import deque

from uds import CacheDown, CacheRegressed
from uds.model import Bars, Symbol, Timeframe

from ..broker.port import Tick
from ..preview import Forming, absorb_tick, confirmed, previews
from ..process import Tools

FLUSH_S = 0.5
"""Ticks come faster than anyone reads previews."""


async def run(tools: Tools) -> None:
    """Take the ticks that came, draw what they change; late and crossed ones are counted."""
    forming = {symbol: Forming() for symbol in tools.markets}
    backlog = tools.ticks.subscribe()
    try:
        while True:
            tools.ready(_counts(forming))
            await tools.clock.sleep(FLUSH_S)
            for symbol in _absorb(tools, forming, backlog):
                await _show(tools, symbol, forming[symbol])
    finally:
        tools.ticks.unsubscribe(backlog)


def _absorb(
    tools: Tools, forming: dict[Symbol, Forming], backlog: deque[Tick]
) -> tuple[Symbol, ...]:
    """Let every waiting tick change its symbol; the symbols that changed, in order."""
    changed: dict[Symbol, None] = {}
    while backlog:
        tick = backlog.popleft()
        final = _final_m1(tools, tick.symbol)
        until_ms = final.last_close_ms or 0
        last_close = float(final.c[-1]) if len(final) else None
        known = confirmed(forming[tick.symbol], until_ms)
        forming[tick.symbol] = absorb_tick(known, tick, until_ms, last_close, tools.open_mode)
        changed[tick.symbol] = None
    return tuple(changed)


async def _show(tools: Tools, symbol: Symbol, forming: Forming) -> None:
    """Put the previews beside the live generation; there is nowhere before the first flip."""
    if tools.store.tail(symbol) is None:
        return
    market, final = tools.markets[symbol], _final_m1(tools, symbol)
    drawn = previews(symbol, forming, final, tools.config.timeframes, market.anchors)
    try:
        await tools.store.preview(symbol, drawn)
    except (CacheDown, CacheRegressed):
        return  # the cache watch says it; the next flush draws them again


def _final_m1(tools: Tools, symbol: Symbol) -> Bars:
    snapshot = tools.store.tail(symbol)
    return snapshot.tails[Timeframe.M1] if snapshot else Bars.empty()


def _counts(forming: dict[Symbol, Forming]) -> str:
    late = sum(one.late_count for one in forming.values())
    crossed = sum(one.crossed_count for one in forming.values())
    counted = {"late": late, "crossed": crossed}
    return " ".join(f"{count} {word}" for word, count in counted.items() if count)
