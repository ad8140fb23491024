"""What recovery found damaged, from the reason that says so to the day it is whole again.

A hole of M1 is full when all of it is covered again, whoever fetched it: the fill of a start, a
repair at the live edge, or the deepening of history, which goes back to the oldest hole however
deep it lies, also where the calendar says that the market is shut: bars were stored there, and
calendars are often wrong. A hole of D1 is full when its open days are covered, one of M3 to H4
when the open minutes under it are, for whatever covers M1 derives too.
"""

from __future__ import annotations

from functools import partial

from uds import Recovered
from uds.model import SeriesKey, Symbol, Timeframe

from . import plan
from .attempt import Partner, attempt
from .calendars.buckets import bucket_close, bucket_open
from .damage import Hole
from .degraded import DegradedCode
from .derive import derive_touched
from .events import ReasonCleared, ReasonRaised
from .process import Tools
from .sayings import Saying, saying


def say_damage(tools: Tools, recovered: Recovered) -> None:
    """Each file's damage is a reason of its cell, until its holes are full again."""
    for drop in recovered.drops:
        code = DegradedCode.TORN_TAIL if drop.is_torn else DegradedCode.CORRUPT_JSONL
        said = saying("file_unused", drop.path, drop.why)
        if drop.lines:
            said = saying("lines_unused", drop.path, drop.lines, drop.first_line, drop.why)
        tools.board.post(ReasonRaised.told(code, drop.key, said))
        if not drop.is_torn:
            tools.damage.note(drop.key)
    for key, from_ms, until_ms in recovered.holes:
        tools.damage.note(key, [(from_ms or _window_ms(tools, key), until_ms)])
    for told in recovered.skipped:
        skipped = DegradedCode.COMMIT_SKIPPED
        tools.board.post(ReasonRaised.told(skipped, recovered.symbol, Saying(*told)))
    if recovered.rotated_count:
        full = saying("quarantine_full", recovered.rotated_count)
        tools.board.post(ReasonRaised.told(DegradedCode.QUARANTINE_ROTATED, None, full))


def say_mended(tools: Tools, symbol: Symbol) -> None:
    """Clear what was said of damaged series whose holes are full."""
    for key in tools.damage.heal(symbol, partial(_is_full, tools)):
        tools.board.post(ReasonCleared(DegradedCode.CORRUPT_JSONL, key))


def say_committed(tools: Tools, symbol: Symbol) -> None:
    """A commit of ours stands above those that were passed over."""
    for reason in tools.board.status.reasons:
        if (reason.code, reason.scope) == (DegradedCode.COMMIT_SKIPPED, symbol):
            tools.board.post(ReasonCleared(reason.code, symbol))


async def derive_lost(tools: Tools, symbol: Symbol) -> None:
    """Derived bars of damaged files, where their M1 have left the RAM and so the usual derive."""
    for timeframe in tools.config.timeframes:
        key = SeriesKey(symbol, timeframe)
        for from_ms, until_ms in tools.damage.holes(key) if timeframe.is_derived else ():
            await _derive_hole(tools, key, from_ms, until_ms)


async def _derive_hole(tools: Tools, key: SeriesKey, from_ms: int, until_ms: int) -> None:
    """Bars of a hole whose M1 have left the RAM; the newer ones are derived with the rest."""
    m1 = SeriesKey(key.symbol, Timeframe.M1)
    market = tools.markets[key.symbol]
    until_ms = min(until_ms, tools.store.resident_from_ms(m1))
    if from_ms >= until_ms:
        return
    from_ms = bucket_open(from_ms, Timeframe.D1, market.anchors)
    until_ms = bucket_close(until_ms - 1, Timeframe.D1, market.anchors)
    read = partial(tools.store.read, m1, from_ms, until_ms)
    minutes = await attempt(tools, Partner.DISK, m1, read)
    made = derive_touched(
        minutes,
        from_ms,
        until_ms,
        market.anchors,
        market.calendar,
        tools.store.coverage(m1),
        tools.clock.now_ms(),
        market.settle_ms,
        (key.timeframe,),
    )
    write = partial(tools.store.append, key, made[key.timeframe])
    await attempt(tools, Partner.DISK, key, write)


def _is_full(tools: Tools, key: SeriesKey, hole: Hole) -> bool:
    """Whether nothing of a hole that may hold bars is uncovered."""
    market, (from_ms, until_ms) = tools.markets[key.symbol], hole
    timeframe = Timeframe.D1 if key.timeframe is Timeframe.D1 else Timeframe.M1
    if key.timeframe.is_derived:
        from_ms = bucket_open(from_ms, key.timeframe, market.anchors)
        until_ms = bucket_close(until_ms - 1, key.timeframe, market.anchors)
    gaps = tools.store.coverage(SeriesKey(key.symbol, timeframe)).gaps(from_ms, until_ms)
    if key.timeframe is Timeframe.M1:
        return not any(True for _ in gaps)
    return not any(market.calendar.expected_minutes(*gap) for gap in gaps)


def _window_ms(tools: Tools, key: SeriesKey) -> int:
    """Where a start begins to fetch a series: a hole without a beginning begins there."""
    market, now_ms = tools.markets[key.symbol], tools.clock.now_ms()
    warmup = tools.config.bootstrap.warmup_bars
    if key.timeframe is Timeframe.D1:
        return plan.days_from_ms(market, now_ms, warmup.D1)
    return plan.warmup_from_ms(market, now_ms, warmup.M1)
