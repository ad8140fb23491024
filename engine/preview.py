"""Bars that are still forming, made of ticks: the minute from quotes, the rest from minutes.

A preview is its own type and has no road into the store's bars (I3). The minute's open, high,
low and close are bids; its volume is the broker's own cumulative count, so that ticks we never
saw are in it. Every wider timeframe is the same derive kernel over the day's final M1, the
minutes that closed on the clock but are not yet confirmed, and the one that is forming.

A tick of a minute that closed already changes nothing and is counted. When history confirms a
minute, its preview goes: the final bar replaces it and may well have a lower high.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from uds.model import MINUTE_MS, Bars, Preview, SeriesKey, Symbol, Timeframe, joined

from .aggregate import aggregate_all
from .broker.port import Tick
from .calendars.buckets import Anchors, bucket_open
from .witness import OpenMode

WAITING_MINUTES_MAX = 30
"""Minutes that history never confirms are forgotten, oldest first."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute as the ticks drew it."""

    open_time_ms: int
    """Its open, UTC ms."""
    o: float
    """First bid, or the close before it in the mode `previous_close`."""
    h: float
    """Highest bid."""
    low: float
    """Lowest bid."""
    c: float
    """Last bid."""
    v: int
    """The broker's count of its ticks."""


@dataclass(frozen=True, slots=True)
class Forming:
    """What the ticks of one symbol have drawn and history has not yet confirmed."""

    minutes: tuple[Minute, ...] = ()
    """Ascending; the last one may still change."""
    late_count: int = 0
    """Ticks that came after their minute had closed; they changed nothing."""
    crossed_count: int = 0
    """Ticks whose ask was below their bid; they were kept."""


def absorb_tick(
    forming: Forming, tick: Tick, final_until_ms: int, last_close: float | None, mode: OpenMode
) -> Forming:
    """One tick more.

    `final_until_ms` is the close of the newest final M1 and `last_close` its price, 0 and None
    when there is none.
    """
    crossed = forming.crossed_count + (tick.ask < tick.bid)
    open_ms = tick.ts_ms // MINUTE_MS * MINUTE_MS
    newest_ms = forming.minutes[-1].open_time_ms if forming.minutes else 0
    if open_ms < max(newest_ms, final_until_ms):
        return replace(forming, crossed_count=crossed, late_count=forming.late_count + 1)
    bid, volume = tick.bid, tick.minute_volume
    if forming.minutes and forming.minutes[-1].open_time_ms == open_ms:
        *before, now = forming.minutes
        grown = replace(
            now, h=max(now.h, bid), low=min(now.low, bid), c=bid, v=max(now.v + 1, volume)
        )
        return replace(forming, minutes=(*before, grown), crossed_count=crossed)
    opened = _opening(forming, bid, last_close, mode)
    begun = Minute(open_ms, opened, max(opened, bid), min(opened, bid), bid, max(1, volume))
    kept = (*forming.minutes, begun)[-WAITING_MINUTES_MAX:]
    return replace(forming, minutes=kept, crossed_count=crossed)


def confirmed(forming: Forming, final_until_ms: int) -> Forming:
    """Without the minutes that history has answered for: those that open before it."""
    kept = tuple(m for m in forming.minutes if m.open_time_ms >= final_until_ms)
    return forming if len(kept) == len(forming.minutes) else replace(forming, minutes=kept)


def previews(
    symbol: Symbol,
    forming: Forming,
    final_m1: Bars,
    timeframes: tuple[Timeframe, ...],
    anchors: Anchors,
) -> dict[Timeframe, Preview]:
    """The forming bar of each timeframe; none when no tick waits for confirmation.

    `final_m1` reaches back at least to the open of the day that the newest minute is in.
    """
    if not forming.minutes:
        return {}
    newest_ms = forming.minutes[-1].open_time_ms
    day_ms = bucket_open(newest_ms, Timeframe.D1, anchors)
    minutes = joined((final_m1, _bars(forming.minutes))).between(day_ms, newest_ms + 1)
    wider = tuple(tf for tf in timeframes if tf is not Timeframe.M1)
    made = {tf: found.bars for tf, found in aggregate_all(minutes, wider, anchors).items()}
    made[Timeframe.M1] = minutes
    return {tf: _last(SeriesKey(symbol, tf), made[tf]) for tf in timeframes}


def _opening(forming: Forming, bid: float, last_close: float | None, mode: OpenMode) -> float:
    if mode == "first_tick":
        return bid
    before = forming.minutes[-1].c if forming.minutes else last_close
    return bid if before is None else before


def _bars(minutes: tuple[Minute, ...]) -> Bars:
    opens = np.array([m.open_time_ms for m in minutes], dtype=np.int64)
    return Bars.of(
        opens,
        opens + MINUTE_MS,
        [m.o for m in minutes],
        [m.h for m in minutes],
        [m.low for m in minutes],
        [m.c for m in minutes],
        [m.v for m in minutes],
    )


def _last(key: SeriesKey, bars: Bars) -> Preview:
    return Preview(
        key,
        int(bars.open_time_ms[-1]),
        int(bars.close_time_ms[-1]),
        float(bars.o[-1]),
        float(bars.h[-1]),
        float(bars.low[-1]),
        float(bars.c[-1]),
        int(bars.v[-1]),
    )
