"""A replay moved by whole weeks, so that recorded history happens in these days.

What is moved is wall time: Monday 09:31 of a market's own place stays Monday 09:31 there, also
where its clock was changed in between; so sessions, daily breaks and the D1 grid fit. Minutes
that the place's clock does not have in the new week fall away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from uds.model import I64, MINUTE_MS, Bars, Symbol

from ..calendars.buckets import Anchors
from ..calendars.trading_calendar import TradingCalendar
from ..calendars.wall_clock import offsets
from ..calendars.wall_time import year_of
from .quotes import Quotes
from .replay import History

WEEK_MS = 7 * 86_400_000


def weeks_to(began_ms: int, now_ms: int, at_ms: int | None) -> int:
    """How far a replay that began at `began_ms` is moved.

    As near to now as it goes without being in the future; where the clock is set to `at_ms`
    instead, so that the replay begins there or next after: what the clock lives through then
    still lies ahead of it.
    """
    if at_ms is None:
        return (now_ms - began_ms) // WEEK_MS
    return -((began_ms - at_ms) // WEEK_MS)


def retimed(
    history: History, weeks: int, calendars: Mapping[Symbol, TradingCalendar], anchors: Anchors
) -> History:
    """The same history `weeks` later, in the wall time of each calendar, D1 in the anchor's."""
    zones = {symbol: calendars[symbol].rules.zone for symbol in history.m1}
    m1 = {symbol: _minutes(bars, zones[symbol], weeks) for symbol, bars in history.m1.items()}
    d1 = {symbol: _days(bars, anchors.zone, weeks) for symbol, bars in history.d1.items()}
    quotes = {symbol: _quotes(q, zones[symbol], weeks) for symbol, q in history.quotes.items()}
    ends = (bars.last_close_ms or 0 for bars in m1.values())
    return replace(history, m1=m1, d1=d1, quotes=quotes, last_common_m1_ms=min(ends))


def _moved(ts_ms: I64, zone: str, weeks: int) -> I64:
    if not len(ts_ms):
        return ts_ms
    first_ms, last_ms = int(ts_ms.min()), int(ts_ms.max())
    years = [year_of(t + shift) for t in (first_ms, last_ms) for shift in (0, weeks * WEEK_MS)]
    clock = offsets(zone, min(years) - 1, max(years) + 1)
    return clock.to_utc(clock.to_local(ts_ms) + weeks * WEEK_MS)


def _minutes(bars: Bars, zone: str, weeks: int) -> Bars:
    opens_ms = _moved(bars.open_time_ms, zone, weeks)
    is_own = np.append(np.diff(opens_ms) > 0, np.ones(len(opens_ms[:1]), bool))
    return _at(bars.take(is_own), opens_ms[is_own], opens_ms[is_own] + MINUTE_MS)


def _days(bars: Bars, zone: str, weeks: int) -> Bars:
    return _at(
        bars, _moved(bars.open_time_ms, zone, weeks), _moved(bars.close_time_ms, zone, weeks)
    )


def _at(bars: Bars, opens_ms: I64, closes_ms: I64) -> Bars:
    return Bars.of(opens_ms, closes_ms, bars.o, bars.h, bars.low, bars.c, bars.v)


def _quotes(quotes: Quotes, zone: str, weeks: int) -> Quotes:
    return replace(quotes, ts_ms=_moved(quotes.ts_ms, zone, weeks))
