"""A market drawn from a seed: every bar and tick is a function of (seed, symbol, minute).

Theory of operation. Prices are made from the top down, in integer points, so that a D1 bar
is cheap and yet equals the sum of its minutes exactly.

1. The outline of a trading day needs no minutes. Its open and close are two neighbouring
   steps of a slow walk over trading days, its high and low lie a hashed distance beyond
   them, and its volume is the day's open minutes times a hashed pace. `d1` stops here.
2. The minutes are drawn inside the outline. The open minutes are the calendar's; one in 200
   has no tick and so no row, never the first. A random walk is pinned to the outline at four
   points (open, both extremes, close) and folded back where it would leave [low, high]. The
   two extreme minutes touch the day's high and low, the last minute closes at its close, and
   the volumes are differences of one rounded running total, so they sum to the day's.
3. The ticks of a minute are drawn inside its bar the same way: first, both extremes, last,
   and as many as its volume says.

A day of the outline is New York's, whatever the configured anchors: else they would change the
minutes. Where D1 are cut elsewhere they are made of the minutes, which costs more.

No step looks at its neighbours, so any chunking of requests gives the same bars. Walks are
summed as integers and everything else is plain IEEE arithmetic, so any process agrees too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from uds.model import I64, MINUTE_MS, Bars, Symbol, Timeframe, joined

from ..aggregate import aggregate
from ..calendars.buckets import Anchors, bucket_edges
from ..calendars.trading_calendar import TradingCalendar
from .market_day import Character, Outline, Quote, minutes_of_day, ticks_within
from .noise import bits, key_of, mixed, unit, wander

DAY_MS = Timeframe.D1.ms
_OWN_DAYS = Anchors()
_NO_TICK_ONE_IN = 200
_PACE_MIN = 18
"""Least mean ticks of a day's minutes."""
_PACES = 22
"""How many paces from the least upwards a day may have."""
CACHED_DAYS = 96
"""Days of minutes that are remembered, of all symbols together."""
_STREAMS = np.arange(5, dtype=np.uint64)[:, None]
_BASES: Mapping[Symbol, tuple[float, float]] = {
    "XAU/USD": (2_650.0, 0.008),
    "XAG/USD": (31.0, 0.014),
    "NGAS": (3.2, 0.024),
    "SPX500": (5_900.0, 0.008),
    "NAS100": (20_800.0, 0.011),
    "US30": (43_000.0, 0.007),
    "GER30": (19_500.0, 0.008),
    "EUSTX50": (4_900.0, 0.008),
    "HKG33": (19_800.0, 0.012),
    "GBP/CAD": (1.78, 0.004),
    "NZD/CAD": (0.82, 0.004),
    "USD/CAD": (1.40, 0.004),
    "USD/JPY": (152.0, 0.006),
    "EUR/USD": (1.08, 0.005),
    "GBP/USD": (1.27, 0.005),
}
"""Price in the middle of a symbol's wanderings, and its daily movement as a share of it."""


class SimulatedMarket:
    """History and ticks of symbols under their calendars; the same for the same seed."""

    def __init__(
        self,
        seed: int,
        calendars: Mapping[Symbol, TradingCalendar],
        digits: Mapping[Symbol, int],
        anchors: Anchors,
    ) -> None:
        """`calendars` names the symbols; `digits` are the decimals of each one's prices."""
        self.calendars = calendars
        self._anchors = anchors
        self.is_cut_elsewhere = (anchors.zone, anchors.d1) != (_OWN_DAYS.zone, _OWN_DAYS.d1)
        """Whether D1 are made of minutes, which takes a millisecond a day."""
        self._characters = {
            symbol: _character(seed, symbol, digits[symbol]) for symbol in calendars
        }
        self._days: dict[tuple[Symbol, int], Bars] = {}

    def d1(self, symbol: Symbol, from_ms: int, until_ms: int) -> Bars:
        """Trading days that open in [from_ms, until_ms), the forming one included."""
        if from_ms >= until_ms:
            return Bars.empty()
        edges = bucket_edges(from_ms, until_ms, Timeframe.D1, self._anchors)
        edges = edges[edges >= from_ms]
        if self.is_cut_elsewhere:
            return self._cut_elsewhere(symbol, edges)
        outline = self._outline(symbol, edges)
        point = 10.0 ** self._characters[symbol].digits
        return Bars.of(
            outline.open_ms,
            outline.close_ms,
            outline.o / point,
            outline.h / point,
            outline.low / point,
            outline.c / point,
            outline.v,
        )

    def m1(self, symbol: Symbol, from_ms: int, until_ms: int) -> Bars:
        """Minutes that open in [from_ms, until_ms), those of the future included."""
        if from_ms >= until_ms:
            return Bars.empty()
        edges = bucket_edges(from_ms, until_ms, Timeframe.D1, _OWN_DAYS)
        days = [self._day(symbol, edges[index : index + 2]) for index in range(len(edges) - 1)]
        return joined(days).between(from_ms, until_ms)

    def ticks_of_minute(self, symbol: Symbol, open_ms: int) -> tuple[Quote, ...]:
        """All ticks of one minute, ascending; none when its M1 bar does not exist."""
        bars = self.m1(symbol, open_ms, open_ms + MINUTE_MS)
        if not len(bars):
            return ()
        return ticks_within(bars, self._characters[symbol])

    def _cut_elsewhere(self, symbol: Symbol, edges: I64) -> Bars:
        """The days between these edges, made of their minutes."""
        if len(edges) < 2:
            return Bars.empty()
        minutes = self.m1(symbol, int(edges[0]), int(edges[-1]))
        return aggregate(minutes, Timeframe.D1, self._anchors)

    def _outline(self, symbol: Symbol, edges: I64) -> Outline:
        """The days between these edges of the D1 grid on which the market trades at all."""
        character = self._characters[symbol]
        opens, closes = edges[:-1], edges[1:]
        counts = self.calendars[symbol].expected_minutes(opens, closes)
        opens, closes, counts = opens[counts > 0], closes[counts > 0], counts[counts > 0]
        date = opens // DAY_MS
        days = _trading_days(np.stack((date, date + 1)))
        level, after = character.middle + character.stride * wander(days, character.key)
        words = mixed(date, character.key)
        gap, reach_1, reach_2, reach_3, reach_4 = unit(mixed(words + _STREAMS, character.key))
        o = np.rint(level + character.stride * 0.06 * (gap - 0.5)).astype(np.int64)
        c = np.rint(after).astype(np.int64)
        above = character.stride * (0.1 + 0.7 * reach_1 * reach_2)
        beneath = character.stride * (0.1 + 0.7 * reach_3 * reach_4)
        return Outline(
            open_ms=opens,
            close_ms=closes,
            o=o,
            h=np.maximum(o, c) + 1 + above.astype(np.int64),
            low=np.minimum(o, c) - 1 - beneath.astype(np.int64),
            c=c,
            v=counts * (_PACE_MIN + bits(words, 0, 16) % _PACES),
        )

    def _day(self, symbol: Symbol, edges: I64) -> Bars:
        """M1 bars of one trading day [open, close); the newest asked for are remembered."""
        key = (symbol, int(edges[0]))
        bars = self._days.pop(key, None)
        if bars is None:
            bars = self._drawn_day(symbol, edges)
        self._days[key] = bars
        if len(self._days) > CACHED_DAYS:
            del self._days[next(iter(self._days))]
        return bars

    def _drawn_day(self, symbol: Symbol, edges: I64) -> Bars:
        minutes = self.calendars[symbol].minutes(*edges.tolist())
        if not len(minutes):
            return Bars.empty()
        character = self._characters[symbol]
        words = mixed(minutes // MINUTE_MS, character.key)
        ticking = words % np.uint64(_NO_TICK_ONE_IN) != 0
        ticking[0] = True
        outline = self._outline(symbol, edges)
        return minutes_of_day(minutes[ticking], words[ticking], outline, character)


def _character(seed: int, symbol: Symbol, digits: int) -> Character:
    """A known symbol's price and temper, or plausible ones for the number of its decimals."""
    key = key_of(seed, symbol)
    share = float(unit(mixed(np.arange(1), key_of(0, symbol)))[0])
    size = {0: 10_000.0, 1: 10_000.0, 2: 1_000.0, 3: 100.0}.get(digits, 1.0)
    price, temper = _BASES.get(symbol, (size * (0.6 + share), 0.005 + 0.01 * share))
    middle = max(1_000, round(price * 10**digits))
    return Character(key, digits, middle, stride=middle * temper)


def _trading_days(date: I64) -> I64:
    """Number of each UTC date with weekends left out, so that none opens with a leap."""
    week, weekday_from_sunday = np.divmod(date + 4, 7)
    return np.asarray(week * 5 + np.minimum(weekday_from_sunday, 5), dtype=np.int64)
