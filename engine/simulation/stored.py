"""Holds what a boot has stored in the end against the market, also what has left the RAM.

The law has two halves. Stored M1 and D1 are the market's; M3 to H4 are what deriving once from
those M1 gives. A broker that leaves out a few minutes is believed, as it must be; where it did,
the market less what is not stored is what M1 are held against and what derived bars are made of.
How many minutes that may be is bounded.

What deepening brought lies on disk only. It is read through the store's own door, so that nothing
is excused because it is old. Damage on the medium is the scrub's business, which may not have
come by yet: of a symbol whose files somebody changed, what lies in RAM is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from uds.model import Bars, SeriesKey, Symbol, Timeframe

from ..derive import derive
from ..plan import warmup_from_ms
from .ground import SETTLE_MS
from .node import SimNode
from .world import World

_LATE_MAX = 2
"""Minutes that may be on their way when a run is judged."""
_POLL_SPARE_MS = 10_000
_FAR_MS = 1 << 62
_BELIEVED_MAX, _BELIEVED_SHARE = 12, 0.04
"""Minutes that a broker may leave out before it must have been seen: a few of each page."""


@dataclass(frozen=True, slots=True)
class _Held:
    """All bars of a symbol that can be looked at."""

    bars: Mapping[Timeframe, Bars]
    """Of each series, ascending."""
    from_ms: Mapping[Timeframe, int]
    """From when on each of them must be whole."""


async def judge_stored(world: World, node: SimNode, symbol: Symbol) -> None:
    """What is stored of a symbol is what the market says, and all of it is there."""
    held = await _held(world, node, symbol)
    for timeframe, wanted in _wanted(world, node, symbol, held).items():
        from_ms, bars = held.from_ms[timeframe], held.bars[timeframe]
        if world.oracles.clock_early_ms:  # a host that is ahead closes a shut market's bars early
            bars = bars.take(bars.close_time_ms <= world.true_ms() - SETTLE_MS)
        bars, wanted = bars.between(from_ms, _FAR_MS), wanted.between(from_ms, _FAR_MS)
        if not bars.same_as(wanted):
            sentence = f"is not what the market says: {_difference(bars, wanted)}"
            world.oracles.violated(f"{symbol}/{timeframe.name} {sentence}")


async def _held(world: World, node: SimNode, symbol: Symbol) -> _Held:
    """From disk where RAM does not have all; from RAM where the medium was damaged."""
    assert node.engine is not None
    store, bars, from_ms = node.engine.store, {}, {}
    covered = store.coverage(m1 := SeriesKey(symbol, Timeframe.M1))
    # What a stretch of history covers is noted last: behind it bars may lie that nobody needs.
    begins_ms = min((a for a, _ in covered), default=0)
    is_damaged = symbol in world.oracles.damaged
    for timeframe in world.config.timeframes:
        key = SeriesKey(symbol, timeframe)
        resident_ms = store.resident_from_ms(key)
        bars[timeframe] = store.load(key)
        from_ms[timeframe] = begins_ms if timeframe is not Timeframe.D1 else 0
        if is_damaged:
            proof_ms = store.resident_from_ms(m1) if timeframe is not Timeframe.D1 else 0
            from_ms[timeframe] = max(from_ms[timeframe], resident_ms, proof_ms)
        elif resident_ms:
            bars[timeframe] = await store.read(key, 0, _FAR_MS)
    return _Held(bars, from_ms)


def _wanted(world: World, node: SimNode, symbol: Symbol, held: _Held) -> Mapping[Timeframe, Bars]:
    """All of each series that must be there now."""
    assert node.engine is not None
    tools, now_ms = node.engine.tools, world.true_ms()
    market = tools.markets[symbol]
    covered = tools.store.coverage(SeriesKey(symbol, Timeframe.M1))
    minutes = _wanted_minutes(world, node, symbol, held)
    derived = derive(minutes, market.anchors, market.calendar, covered, now_ms, market.settle_ms)
    wanted = {tf: derived[tf] for tf in world.config.timeframes if tf.is_derived}
    days = _wanted_days(world, node, symbol, held.bars[Timeframe.D1])
    return {Timeframe.M1: minutes, **wanted, Timeframe.D1: days}


def _wanted_days(world: World, node: SimNode, symbol: Symbol, days: Bars) -> Bars:
    assert node.engine is not None
    tools = node.engine.tools
    last_ms = world.true_ms() - tools.markets[symbol].settle_ms
    polled_ms = last_ms - round(tools.config.poll.d1_s * 1_000) - _POLL_SPARE_MS
    last_ms = min(last_ms, max(days.last_close_ms or 0, polled_ms))
    true = world.truth.series(symbol, Timeframe.D1, node.revisions[symbol])
    from_ms = days.first_open_ms or 0
    return true.take((true.open_time_ms >= from_ms) & (true.close_time_ms <= last_ms))


def _wanted_minutes(world: World, node: SimNode, symbol: Symbol, held: _Held) -> Bars:
    """All that closed, less a few that are on their way, less what a broker left out."""
    assert node.engine is not None
    tools, now_ms = node.engine.tools, world.true_ms()
    market, stored = tools.markets[symbol], held.bars[Timeframe.M1]
    warmup_ms = warmup_from_ms(market, now_ms, tools.config.bootstrap.warmup_bars.M1)
    covered = tools.store.coverage(SeriesKey(symbol, Timeframe.M1))
    from_ms = min(warmup_ms, *(a for a, _ in covered), now_ms)
    true = world.truth.series(symbol, Timeframe.M1, node.revisions[symbol])
    is_due = true.close_time_ms <= now_ms - market.settle_ms
    minutes = true.take((true.open_time_ms >= from_ms) & is_due)
    late = len(minutes.between((stored.last_open_ms or 0) + 1, _FAR_MS))
    if late > _LATE_MAX:
        world.oracles.violated(f"{symbol}/M1 lacks its newest {late} minutes")
    minutes = minutes.take(slice(0, len(minutes) - late))
    if not world.oracles.has_broker_lied:
        return minutes
    is_seen = minutes.open_time_ms >= held.from_ms[Timeframe.M1]
    left_out = np.isin(minutes.open_time_ms, stored.open_time_ms, invert=True) & is_seen
    lacking = int(left_out.sum())
    is_doubt_kept = len(world.nodes) == 1  # a boot forgets what it doubted
    if is_doubt_kept and lacking > _BELIEVED_MAX + _BELIEVED_SHARE * len(minutes):
        world.oracles.violated(f"{symbol}/M1: {lacking} minutes were left out and believed")
    return minutes.take(~left_out)


def _difference(bars: Bars, wanted: Bars) -> str:
    found = set(bars.open_time_ms.tolist())
    true = set(wanted.open_time_ms.tolist())
    missing, foreign = sorted(true - found), sorted(found - true)
    if missing or foreign:
        return (
            f"{len(missing)} of {len(true)} missing {missing[:2]}, {len(foreign)} foreign "
            f"{foreign[:2]}"
        )
    for name in ("close_time_ms", "o", "h", "low", "c", "v", "source_count", "expected_count"):
        one, other = getattr(bars, name), getattr(wanted, name)
        differing = (one != other).nonzero()[0]
        if len(differing):
            at = int(differing[0])
            first_ms = bars.open_time_ms[at]
            return f"{name} of {len(differing)} bars, {one[at]} for {other[at]} at {first_ms}"
    return "only in its partial reasons"
