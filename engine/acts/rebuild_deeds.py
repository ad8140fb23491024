"""Rebuilding symbols on request: what it would touch, and its beginning."""

from __future__ import annotations

from typing import NamedTuple

from uds.model import Coverage, SeriesKey, Symbol, Timeframe

from .. import plan
from ..bootstrap import begin_rebuild
from ..calendars.buckets import bucket_open
from ..figures import grouped
from ..refusals import refusal
from ..sayings import Saying, saying
from .action import Given, Operable, Question

_NAMED_MAX = 4
"""More names than this in a sentence are counted, not read."""
_LOST_SHARE = 0.1
"""Of the history; days that have passed since the depth was reached are no loss."""


def rebuild_question(engine: Operable, given: Given) -> Question:
    """What would be fetched and derived anew; refused while a symbol is being filled."""
    symbols = given["symbols"]
    for symbol in symbols:
        _must_be_idle(engine, symbol)
    return _rebuild_of(engine, symbols)


def rebuild(engine: Operable, given: Given, _: str) -> Saying:
    """Begin new generations of these symbols."""
    symbols = given["symbols"]
    for symbol in symbols:
        _must_be_idle(engine, symbol)
    return _begun(engine, symbols)


def rebuild_all_question(engine: Operable, _: Given) -> Question:
    """The same for every symbol that is not being filled already."""
    question = _rebuild_of(engine, _idle(engine))
    return Question(question.said, question.radius, phrase="all")


def rebuild_all(engine: Operable, _: Given, __: str) -> Saying:
    """Begin a new generation of every symbol that is idle."""
    return _begun(engine, _idle(engine))


def _must_be_idle(engine: Operable, symbol: Symbol) -> None:
    if symbol not in engine.tools.board.status.symbols:
        raise refusal(saying("no_symbol", symbol[:40]), code="unknown")
    if engine.tools.store.is_drafting(symbol):
        raise refusal(saying("being_filled", symbol))


def _idle(engine: Operable) -> tuple[Symbol, ...]:
    store = engine.tools.store
    found = tuple(s for s in engine.tools.board.status.symbols if not store.is_drafting(s))
    if not found:
        raise refusal(saying("all_being_filled"))
    return found


def _begun(engine: Operable, symbols: tuple[Symbol, ...]) -> Saying:
    for symbol in symbols:
        begin_rebuild(engine.tools, symbol)
    if len(symbols) > _NAMED_MAX:
        return saying("rebuilding_many", grouped(len(symbols)))
    names = ", ".join(symbols)
    return saying("rebuilding_one", names) if len(symbols) == 1 else saying("rebuilding", names)


def _rebuild_of(engine: Operable, symbols: tuple[Symbol, ...]) -> Question:
    """What would be fetched and derived, and what readers stay on meanwhile."""
    radius = {
        "symbols": {symbol: _touched(engine, symbol) for symbol in symbols},
        "requests": sum(_requests(engine, symbol) for symbol in symbols),
    }
    served = [snapshot for s in symbols if (snapshot := engine.tools.store.tail(s)) is not None]
    asked = _asked(symbols)
    if not served:
        return Question((asked, saying("never_served")), radius)
    depths = [_depth(engine, symbol) for symbol in symbols]
    m1 = grouped(sum(depth.after_flip for depth in depths))
    derived = grouped(sum(tf.is_derived for tf in engine.tools.board.status.timeframes))
    anew = (
        saying("made_anew", derived, m1, served[0].generation.short)
        if len(symbols) == 1
        else saying("made_anew_many", derived, m1)
    )
    return Question((asked, anew, *_depth_said(depths)), radius)


def _touched(engine: Operable, symbol: Symbol) -> dict[str, object]:
    """What of one symbol is made anew, and what readers have meanwhile."""
    snapshot = engine.tools.store.tail(symbol)
    tails = {} if snapshot is None else snapshot.tails
    return {
        "bars": {tf.name: len(bars) for tf, bars in tails.items() if tf is not Timeframe.D1},
        "readers_stay_on": None if snapshot is None else str(snapshot.generation),
        "depth": _depth(engine, symbol)._asdict(),
    }


class _Depth(NamedTuple):
    """What a rebuild does to the depth of a symbol."""

    bars: int
    """M1 on disk, live ones and those of the depth."""
    after_flip: int
    """M1 that the calendar expects of the window which is fetched; no more than there are."""
    is_lost: bool
    """Whether many are older than `depth_bars` asks for, and so are not brought again."""


def _depth(engine: Operable, symbol: Symbol) -> _Depth:
    tools = engine.tools
    if tools.store.tail(symbol) is None:
        return _Depth(0, 0, False)
    market, now_ms = tools.markets[symbol], tools.clock.now_ms()
    bars, first_ms = tools.store.stored(SeriesKey(symbol, Timeframe.M1))
    from_ms = plan.warmup_from_ms(market, now_ms, tools.config.bootstrap.warmup_bars.M1)
    if first_ms is None or first_ms >= from_ms:
        return _Depth(bars, bars, False)
    targets = {tf: tools.config.bootstrap.depth_bars[tf] for tf in tools.config.timeframes}
    today_ms = bucket_open(now_ms, Timeframe.D1, market.anchors)
    again_ms = min(from_ms, plan.depth_from_ms(market, targets, Timeframe.M1, today_ms))
    lost = plan.expected_bars(market, Timeframe.M1, first_ms, again_ms)
    window = plan.expected_bars(market, Timeframe.M1, from_ms, now_ms)
    return _Depth(bars, min(bars, window), lost > bars * _LOST_SHARE)


def _depth_said(depths: list[_Depth]) -> tuple[Saying, ...]:
    """What becomes of history that is older than what a start fetches; empty without any."""
    before, after = sum(d.bars for d in depths), sum(d.after_flip for d in depths)
    if before == after:
        return ()
    if any(d.is_lost for d in depths):
        return (saying("depth_lost", grouped(before), grouped(after)),)
    return (saying("depth_again", grouped(before), grouped(after)),)


def _requests(engine: Operable, symbol: Symbol) -> int:
    """The broker requests that filling the symbol from nothing takes, if no answer is cut."""
    tools = engine.tools
    market, now_ms = tools.markets[symbol], tools.clock.now_ms()
    warmup = tools.config.bootstrap.warmup_bars
    from_ms = plan.warmup_from_ms(market, now_ms, warmup.M1)
    days_ms = plan.days_from_ms(market, now_ms, warmup.D1)
    return len(plan.pages(market, Timeframe.M1, Coverage(), from_ms, now_ms)) + len(
        plan.pages(market, Timeframe.D1, Coverage(), days_ms, now_ms)
    )


def _asked(symbols: tuple[Symbol, ...]) -> Saying:
    if len(symbols) > _NAMED_MAX:
        return saying("rebuild_many", grouped(len(symbols)))
    return saying("rebuild", ", ".join(symbols))
