"""Keeps the broker session and D1: log in, fetch the days that are missing, poll for the next."""

from __future__ import annotations

import asyncio
from functools import partial

from uds.model import SeriesKey, Symbol, Timeframe

from ..attempt import Partner, attempt
from ..boots.timeline import Span
from ..bootstrap import is_recovered, show, show_served
from ..broker.port import LoginFailed, LoginFault
from ..broker.session import Lane
from ..calendars.buckets import bucket_close
from ..cell import CellState
from ..degraded import DegradedCode
from ..duties.scrutiny import scrutinise
from ..duties.staleness import judge_staleness, watch_staleness
from ..events import ReasonCleared, ReasonRaised
from ..fetching import Fetcher
from ..intensity import Backoff
from ..mending import say_mended
from ..plan import days_from_ms
from ..process import Tools
from ..sayings import Saying, said_of, saying
from ..status import Status

_LOGIN_CODES = {
    LoginFault.TRANSIENT: DegradedCode.BROKER_LOGIN_TRANSIENT,
    LoginFault.TIMEOUT: DegradedCode.BROKER_LOGIN_TIMEOUT,
    LoginFault.PERMANENT: DegradedCode.BROKER_LOGIN_PERMANENT,
}
EMPTY_RETRY_S = 5.0
"""How often a series without a single bar is asked for."""


async def run(tools: Tools) -> None:
    """Every symbol's D1 on its own, and one login for all; D1 is queued before slots open."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_log_in(tools), name="login")  # the first: nothing comes before it
        for symbol in tools.markets:
            group.create_task(_keep_days(tools, symbol), name=f"D1 of {symbol}")
        group.create_task(_say_ready(tools), name="readiness")
        group.create_task(_end_start(tools), name="end of the start")
        group.create_task(watch_staleness(tools, Timeframe.D1), name="stale D1")


async def _log_in(tools: Tools) -> None:
    """Try until it succeeds, one login a step; after a permanent refusal the operator decides.

    Raises LoginFailed when the broker refuses for good: the process then waits for the operator.
    """
    limits, plan = tools.config.supervisor, tools.session.login_plan
    schedule = Backoff(limits.backoff_min_s, limits.backoff_max_s)
    crash = (DegradedCode.CHILD_RESTARTING, tools.name)
    reasons = tools.board.status.reasons
    plan.begins_life(sum(r.count for r in reasons if (r.code, r.scope) == crash))
    while not tools.session.is_open:
        await tools.clock.sleep(max(0.0, plan.due_s - tools.clock.monotonic_s()))
        start_s = tools.since_opened_s()
        try:
            await tools.session.login()
        except (LoginFailed, TimeoutError) as error:
            fault = error.fault if isinstance(error, LoginFailed) else LoginFault.TIMEOUT
            began_s = tools.opened_s + start_s
            now_s = tools.clock.monotonic_s()
            delay_s = plan.failed(fault, began_s, now_s, schedule, tools.chance.random())
            said = said_of(error) if str(error) else (saying("login_silent"),)
            _say_failed(tools, fault, said, delay_s)
            if fault is LoginFault.PERMANENT:
                raise
        else:
            tools.timeline.note(Span("login", None, start_s, tools.since_opened_s()))
            tools.say(f"logged in after {tools.since_opened_s() - start_s:.2f} s")
    for code in _LOGIN_CODES.values():
        tools.board.post(ReasonCleared(code, None))


def _say_failed(tools: Tools, fault: LoginFault, said: tuple[Saying, ...], delay_s: float) -> None:
    due_ms = None
    if fault is not LoginFault.PERMANENT:
        due_ms = tools.clock.now_ms() + round(delay_s * 1_000)
        tools.session.plans_login(due_ms)
    code = _LOGIN_CODES[fault]
    tools.board.post(ReasonRaised.told(code, None, *said, next_attempt_ms=due_ms))


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
    """All days that are missing; a symbol without a single day is not ready."""
    symbol = fetcher.key.symbol
    start_s, draft = tools.since_opened_s(), tools.store.filled(symbol)
    await fetcher.fill(_from_ms(tools, symbol), Lane.D1)
    while not len(tools.store.load(fetcher.key)):
        await tools.clock.sleep(EMPTY_RETRY_S)
        if await fetcher.has_any(_from_ms(tools, symbol), Lane.D1):
            await fetcher.fill(_from_ms(tools, symbol), Lane.D1)
    if tools.store.filled(symbol) != draft:
        return  # a repair put another in its place, which has to be filled as well
    tools.timeline.note(Span("D1", symbol, start_s, tools.since_opened_s()))
    tools.say(f"{symbol}: {len(tools.store.load(fetcher.key))} D1 stored")
    show(tools, symbol, CellState.STORED, Timeframe.D1)


async def _follow(tools: Tools, fetcher: Fetcher) -> None:
    symbol = fetcher.key.symbol
    written = fetcher.written_count
    await fetcher.fetch_new(_from_ms(tools, symbol))
    if fetcher.written_count == written:
        return
    snapshot = await attempt(tools, Partner.REDIS, None, lambda: tools.store.extend(symbol))
    show_served(tools, symbol, snapshot)
    say_mended(tools, symbol)
    judge_staleness(tools, symbol, Timeframe.D1)
    scrutinise(tools, symbol)


def _from_ms(tools: Tools, symbol: Symbol) -> int:
    days = tools.config.bootstrap.warmup_bars.D1
    return days_from_ms(tools.markets[symbol], tools.clock.now_ms(), days)


async def _rest(tools: Tools, key: SeriesKey) -> None:
    """Until the cell is emptied by a rebuild, the day turns, or it is time to look again."""
    market, now_ms = tools.markets[key.symbol], tools.clock.now_ms()
    turn_ms = bucket_close(now_ms - market.settle_ms, Timeframe.D1, market.anchors)
    until_turn_s = tools.clock.delay_s(turn_ms + market.settle_ms)

    def is_emptied(status: Status) -> bool:
        return status.cells[key].state is CellState.EMPTY

    try:
        async with asyncio.timeout(min(until_turn_s, tools.config.poll.d1_s)):
            await tools.board.until(is_emptied)
    except TimeoutError:
        return


async def _end_start(tools: Tools) -> None:
    """From the gate's first opening on, requests are tallied and no longer kept one by one."""
    await tools.board.until(lambda status: status.opened_gate_after_s is not None)
    tools.session.start_ended()


async def _say_ready(tools: Tools) -> None:
    """Ready once the session is open and every D1 is stored; meanwhile say how many are."""
    keys = [SeriesKey(symbol, Timeframe.D1) for symbol in tools.markets]
    while True:
        status = tools.board.status
        states = [status.cells[key].state for key in keys]
        stored = sum(state not in (CellState.EMPTY, CellState.FETCHING) for state in states)
        if stored == len(keys) and tools.session.is_open:
            tools.ready()
            return
        tools.warming(f"D1 {stored}/{len(keys)}")
        await tools.board.until(partial(_has_moved, tools.name, status.moves.get(tools.name)))


def _has_moved(name: str, moves: int | None, status: Status) -> bool:
    return status.moves.get(name) != moves
