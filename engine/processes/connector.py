"""Keeps the broker session and D1: log in, fetch the days that are missing, poll for the next."""

from __future__ import annotations

import asyncio

from uds.model import SeriesKey, Symbol, Timeframe

from ..attempt import Partner, attempt
from ..bootstrap import is_recovered, show, show_served
from ..broker.port import LoginFailed, LoginFault
from ..broker.session import Lane
from ..cell import CellState
from ..degraded import DegradedCode
from ..events import ReasonCleared, ReasonRaised
from ..fetching import Fetcher
from ..intensity import Backoff
from ..plan import days_from_ms
from ..process import Tools
from ..scrutiny import scrutinise
from ..status import Status
from ..timeline import Span

_LOGIN_CODES = {
    LoginFault.TRANSIENT: DegradedCode.BROKER_LOGIN_TRANSIENT,
    LoginFault.TIMEOUT: DegradedCode.BROKER_LOGIN_TIMEOUT,
    LoginFault.PERMANENT: DegradedCode.BROKER_LOGIN_PERMANENT,
}


async def run(tools: Tools) -> None:
    """Every symbol's D1 on its own, and one login for all; D1 is queued before slots open."""
    async with asyncio.TaskGroup() as group:
        for symbol in tools.markets:
            group.create_task(_keep_days(tools, symbol), name=f"D1 of {symbol}")
        group.create_task(_log_in(tools), name="login")
        group.create_task(_say_ready(tools), name="readiness")


async def _log_in(tools: Tools) -> None:
    """Try until it succeeds; never again by itself after a permanent refusal."""
    limits = tools.config.supervisor
    schedule = Backoff(limits.backoff_min_s, limits.backoff_max_s)
    failures = 0
    while not tools.session.is_open:
        start_s = tools.since_opened_s()
        try:
            await tools.session.login()
        except (LoginFailed, TimeoutError) as error:
            failures += 1
            fault = error.fault if isinstance(error, LoginFailed) else LoginFault.TIMEOUT
            tools.board.post(ReasonRaised(_LOGIN_CODES[fault], None, str(error) or "No answer."))
            if fault is LoginFault.PERMANENT:
                return
            delay_s = schedule.delay_s(failures, tools.chance.random())
            tools.session.plans_login(tools.clock.now_ms() + round(delay_s * 1_000))
            await tools.clock.sleep(delay_s)
        else:
            tools.timeline.note(Span("login", None, start_s, tools.since_opened_s()))
    for code in _LOGIN_CODES.values():
        tools.board.post(ReasonCleared(code, None))


async def _keep_days(tools: Tools, symbol: Symbol) -> None:
    """Fill the cell whenever it is empty, extend it whenever a day has closed."""
    key = SeriesKey(symbol, Timeframe.D1)
    fetcher = Fetcher(tools, symbol, Timeframe.D1)
    await tools.board.until(is_recovered)
    while True:
        if tools.board.status.cells[key].state in (CellState.EMPTY, CellState.FETCHING):
            await _fill(tools, fetcher)
        elif not tools.store.is_drafting(symbol):
            await _follow(tools, fetcher)
        await _rest(tools, key)


async def _fill(tools: Tools, fetcher: Fetcher) -> None:
    symbol = fetcher.key.symbol
    start_s = tools.since_opened_s()
    await fetcher.fill(_from_ms(tools, symbol), Lane.D1)
    tools.timeline.note(Span("D1", symbol, start_s, tools.since_opened_s()))
    show(tools, symbol, CellState.STORED, Timeframe.D1)


async def _follow(tools: Tools, fetcher: Fetcher) -> None:
    symbol = fetcher.key.symbol
    if not await fetcher.fetch_new(_from_ms(tools, symbol)):
        return
    snapshot = await attempt(tools, Partner.REDIS, None, lambda: tools.store.extend(symbol))
    show_served(tools, symbol, snapshot)
    scrutinise(tools, symbol)


def _from_ms(tools: Tools, symbol: Symbol) -> int:
    days = tools.config.bootstrap.warmup_bars.D1
    return days_from_ms(tools.markets[symbol], tools.clock.now_ms(), days)


async def _rest(tools: Tools, key: SeriesKey) -> None:
    """Until the cell is emptied by a rebuild, or it is time to look for a new day."""

    def is_emptied(status: Status) -> bool:
        return status.cells[key].state is CellState.EMPTY

    try:
        async with asyncio.timeout(tools.config.poll.d1_s):
            await tools.board.until(is_emptied)
    except TimeoutError:
        return


async def _say_ready(tools: Tools) -> None:
    """Ready once the session is open and every D1 is stored; meanwhile say how many are."""
    while True:
        cells = [c for k, c in tools.board.status.cells.items() if k.timeframe is Timeframe.D1]
        stored = sum(c.state not in (CellState.EMPTY, CellState.FETCHING) for c in cells)
        if stored == len(cells) and tools.session.is_open:
            tools.ready()
            return
        tools.warming(f"D1 {stored}/{len(cells)}")
        await tools.board.changed()
