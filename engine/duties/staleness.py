"""Which live series lack bars that should be there: said, shown on the cell, and taken back.

What was expected is the calendar's word. A minute without a tick has no row, so M1 counts as
stale only when several open minutes in a row are missing; a day, once it has closed and some
time has passed. Derived cells follow their M1: those whose next bar is due are stale with it.
"""

from __future__ import annotations

from dataclasses import replace

from uds.model import MINUTE_MS, SeriesKey, Symbol, Timeframe

from ..broker.port import BrokerTimeframe
from ..calendars.buckets import bucket_close
from ..cell import Cell, CellState
from ..degraded import DegradedCode
from ..events import CellsChanged, ReasonCleared, ReasonRaised
from ..plan import Market, expected_bars
from ..process import Tools
from ..sayings import saying

GRACE_MS = 10 * MINUTE_MS
"""How much open-market time may pass without a minute, or any time without a closed day."""
_LOOK_S = 5.0


def overdue_bars(
    market: Market, timeframe: BrokerTimeframe, last_close_ms: int, now_ms: int
) -> int:
    """How many expected bars lack so long that the series is stale; 0 while it is not."""
    settled_ms = now_ms - market.settle_ms
    if timeframe is Timeframe.D1:
        return expected_bars(market, timeframe, last_close_ms, settled_ms - GRACE_MS)
    missing = expected_bars(market, timeframe, last_close_ms, settled_ms)
    return missing if missing * MINUTE_MS > GRACE_MS else 0


async def watch_staleness(tools: Tools, timeframe: BrokerTimeframe) -> None:
    """Look at every symbol every few seconds, whatever its fetches are waiting for."""
    while True:
        for symbol in tools.markets:
            judge_staleness(tools, symbol, timeframe)
        await tools.clock.sleep(_LOOK_S)


def judge_staleness(tools: Tools, symbol: Symbol, timeframe: BrokerTimeframe) -> None:
    """Raise or clear CELL_STALE of one live series and move its cells with it."""
    key, snapshot = SeriesKey(symbol, timeframe), tools.store.tail(symbol)
    if snapshot is None or tools.store.is_drafting(symbol):
        return
    last_close_ms = snapshot.tails[timeframe].last_close_ms
    if last_close_ms is None:
        return
    now_ms = tools.clock.now_ms()
    overdue = overdue_bars(tools.markets[symbol], timeframe, last_close_ms, now_ms)
    stands = any(
        (r.code, r.scope) == (DegradedCode.CELL_STALE, key) for r in tools.board.status.reasons
    )
    if overdue and not stands:
        late = saying("stale", overdue, timeframe.name, symbol)
        tools.board.post(ReasonRaised.told(DegradedCode.CELL_STALE, key, late))
    if stands and not overdue:
        tools.board.post(ReasonCleared(DegradedCode.CELL_STALE, key))
    _show(tools, symbol, timeframe, is_stale=overdue > 0)


def _show(tools: Tools, symbol: Symbol, timeframe: Timeframe, *, is_stale: bool) -> None:
    """Sealed cells become stale, stale ones sealed; what is on its way is left alone."""
    cells, settled_ms = tools.board.status.cells, tools.clock.now_ms()
    settled_ms -= tools.markets[symbol].settle_ms
    moved: dict[Timeframe, Cell] = {}
    for other in tools.board.status.timeframes:
        if other is not timeframe and (timeframe is Timeframe.D1 or not other.is_derived):
            continue
        cell = cells[SeriesKey(symbol, other)]
        is_due = other is timeframe or _is_due(tools, symbol, other, settled_ms)
        wanted = CellState.STALE if is_stale and is_due else CellState.SEALED
        if cell.state in (CellState.SEALED, CellState.STALE) and cell.state is not wanted:
            moved[other] = replace(cell, state=wanted)
    if moved:
        tools.board.post(CellsChanged(symbol, moved))


def _is_due(tools: Tools, symbol: Symbol, timeframe: Timeframe, settled_ms: int) -> bool:
    """Whether a bucket after the last one served has closed."""
    snapshot = tools.store.tail(symbol)
    last_close_ms = snapshot.tails[timeframe].last_close_ms if snapshot else None
    if last_close_ms is None:
        return False
    return bucket_close(last_close_ms, timeframe, tools.markets[symbol].anchors) <= settled_ms
