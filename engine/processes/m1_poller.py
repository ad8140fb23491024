"""Brings M1 and everything made of it: fills and seals each symbol, then follows its minutes."""

from __future__ import annotations

import asyncio
from functools import partial

from uds.model import MINUTE_MS, SeriesKey, Symbol, Timeframe

from ..attempt import Partner, attempt
from ..boots.timeline import Span
from ..bootstrap import derive_all, is_recovered, seal, show, show_served
from ..broker.session import Lane
from ..cell import CellState
from ..deepening import deepen_all
from ..duties.scrutiny import scrutinise
from ..duties.staleness import judge_staleness, watch_staleness
from ..fetching import Fetcher
from ..live_derive import LiveDerive
from ..mending import derive_lost, say_mended
from ..plan import warmup_from_ms
from ..process import Tools
from ..status import Mode, Status
from .connector import EMPTY_RETRY_S

_LATE_S = 90.0
"""A fill that took so long asks for the minutes that closed meanwhile before it seals."""


async def run(tools: Tools) -> None:
    """Every symbol on its own; none waits for another."""
    async with asyncio.TaskGroup() as group:
        for symbol in tools.markets:
            group.create_task(_live_with(tools, symbol), name=f"M1 of {symbol}")
        group.create_task(_say_ready(tools), name="readiness")
        group.create_task(watch_staleness(tools, Timeframe.M1), name="stale M1")
        group.create_task(deepen_all(tools), name="depth")


async def _live_with(tools: Tools, symbol: Symbol) -> None:
    """Fill whenever there is a draft, follow the market's minutes otherwise."""
    fetcher = Fetcher(tools, symbol, Timeframe.M1)
    derived = LiveDerive(tools, symbol)
    await tools.board.until(is_recovered)
    while True:
        if tools.store.is_drafting(symbol):
            await _fill(tools, fetcher)
            derived.forget()
        else:
            await _follow(tools, fetcher, derived)
        await _rest(tools, symbol)


async def _fill(tools: Tools, fetcher: Fetcher) -> None:
    """M1 newest page first, then derive; seal as soon as D1 is there too."""
    symbol = fetcher.key.symbol
    start_s, draft = tools.since_opened_s(), tools.store.filled(symbol)
    from_ms = _from_ms(tools, symbol)
    is_short = tools.board.status.modes.get(symbol) is Mode.CATCH_UP
    lane = Lane.CATCH_UP if is_short and len(tools.store.load(fetcher.key)) else Lane.FILL
    await fetcher.fill(from_ms, lane)
    while not len(tools.store.load(fetcher.key)):
        await tools.clock.sleep(EMPTY_RETRY_S)
        if await fetcher.has_any(from_ms, lane):
            await fetcher.fill(from_ms, lane)
    is_late = tools.since_opened_s() - start_s > _LATE_S
    if is_late or tools.store.tail(symbol) is not None:
        await fetcher.fill(from_ms, Lane.LIVE)  # readers must not fall back behind a minute
    fetched_s = tools.since_opened_s()
    tools.timeline.note(Span("M1", symbol, start_s, fetched_s))
    await _derive(tools, symbol)
    tools.timeline.note(Span("derive", symbol, fetched_s, tools.since_opened_s()))
    d1 = SeriesKey(symbol, Timeframe.D1)
    unfetched = (CellState.EMPTY, CellState.FETCHING)
    await tools.board.until(lambda status: status.cells[d1].state not in unfetched)
    await tools.turn()
    if tools.store.filled(symbol) != draft:
        return  # a repair put another in its place, which has to be filled as well
    if tools.since_opened_s() - fetched_s > _LATE_S:  # D1 kept it waiting: more has closed since
        await fetcher.fill(from_ms, Lane.LIVE)
        await _derive(tools, symbol)
    await seal(tools, symbol)
    await tools.turn()
    scrutinise(tools, symbol)


async def _derive(tools: Tools, symbol: Symbol) -> None:
    """M3 to H4 of what is stored, and the cells say so."""
    show(tools, symbol, CellState.STORED, Timeframe.M1)
    await derive_lost(tools, symbol)
    await tools.turn()
    await derive_all(tools, symbol)
    derived = (tf for tf in tools.config.timeframes if tf.is_derived)
    show(tools, symbol, CellState.DERIVED, *derived)


async def _follow(tools: Tools, fetcher: Fetcher, derived: LiveDerive) -> None:
    """Fetch the minutes that closed, derive what they complete, show readers all of it."""
    symbol = fetcher.key.symbol
    written = fetcher.written_count
    touched_ms = await fetcher.fetch_new(_from_ms(tools, symbol))
    if not await derived.run(touched_ms) and fetcher.written_count == written:
        return
    snapshot = await attempt(tools, Partner.REDIS, None, lambda: tools.store.extend(symbol))
    show_served(tools, symbol, snapshot)
    say_mended(tools, symbol)
    judge_staleness(tools, symbol, Timeframe.M1)


def _from_ms(tools: Tools, symbol: Symbol) -> int:
    warmup = tools.config.bootstrap.warmup_bars.M1
    begins_ms = tools.recut_from_ms.get(symbol)
    return warmup_from_ms(tools.markets[symbol], tools.clock.now_ms(), warmup, begins_ms)


async def _rest(tools: Tools, symbol: Symbol) -> None:
    """Until the next minute is final, or a rebuild begins a draft."""
    settle_ms = tools.markets[symbol].settle_ms
    now_ms = tools.clock.now_ms()
    due_ms = (now_ms - settle_ms) // MINUTE_MS * MINUTE_MS + MINUTE_MS + settle_ms

    def is_drafted(_: Status) -> bool:
        return tools.store.is_drafting(symbol)

    try:
        async with asyncio.timeout(tools.clock.delay_s(due_ms)):
            await tools.board.until(is_drafted)
    except TimeoutError:
        return


async def _say_ready(tools: Tools) -> None:
    """Ready once every symbol is served; meanwhile say how many are."""
    while True:
        status, total = tools.board.status, len(tools.markets)
        served = status.ready_cells // len(status.timeframes)
        if served == total:
            tools.ready()
            return
        tools.warming(f"{served}/{total}")
        await tools.board.until(partial(_serves_other_than, status.ready_cells))


def _serves_other_than(ready_cells: int, status: Status) -> bool:
    return status.ready_cells != ready_cells
