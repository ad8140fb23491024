"""Which pages to ask the broker for: gaps cut into ranges that one answer can hold.

Ranges are computed beforehand from the calendar, because paging by cursor makes a chain of
answers where slots could work side by side. Within a gap the newest page comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from uds.model import I64, Bars, Coverage, Symbol, Timeframe

from .broker.port import BarsRequest, BrokerTimeframe
from .buckets import Anchors, bucket_edges, bucket_open
from .trading_calendar import TradingCalendar

_DAY_MS = Timeframe.D1.ms
_CALENDAR_DAYS_PER_TRADING_DAY = 7 / 5
_HOLIDAYS_SPARE = 14


@dataclass(frozen=True, slots=True)
class Market:
    """What planning must know of one symbol."""

    symbol: Symbol
    calendar: TradingCalendar
    """When it trades."""
    anchors: Anchors
    """What cuts its H4 and D1."""
    page_bars_max: int
    """The most bars one answer holds."""
    settle_ms: int
    """How long after its close a bar counts as final."""


def warmup_from_ms(market: Market, now_ms: int, m1_bars: int) -> int:
    """The D1 open before the last `m1_bars` open-market minutes: no bucket starts half-way."""
    from_ms = market.calendar.back(now_ms, m1_bars)
    return bucket_open(from_ms, Timeframe.D1, market.anchors)


def days_from_ms(market: Market, now_ms: int, d1_bars: int) -> int:
    """The open of the D1 bucket that is `d1_bars` trading days back."""
    span_days = round(d1_bars * _CALENDAR_DAYS_PER_TRADING_DAY) + _HOLIDAYS_SPARE
    days = _trading_days(market, now_ms - span_days * _DAY_MS, now_ms)
    wanted = days[-d1_bars:] if len(days) else [now_ms]
    return bucket_open(int(wanted[0]), Timeframe.D1, market.anchors)


def pages(
    market: Market, timeframe: BrokerTimeframe, coverage: Coverage, from_ms: int, now_ms: int
) -> tuple[BarsRequest, ...]:
    """The requests that cover what `coverage` leaves of [from_ms, now_ms), newest first.

    A gap in which the market was shut, or whose only bar is not yet final, needs none.
    """
    until_ms = now_ms - market.settle_ms
    requests: list[BarsRequest] = []
    for gap_from_ms, gap_until_ms in reversed(tuple(coverage.gaps(from_ms, until_ms))):
        opens = _expected(market, timeframe, gap_from_ms, gap_until_ms)
        edges = [gap_from_ms, *_cuts(opens, market.page_bars_max), gap_until_ms]
        if len(opens):
            pairs = pairwise(edges)
            requests.extend(
                BarsRequest(market.symbol, timeframe, a, b) for a, b in reversed(tuple(pairs))
            )
    return tuple(requests)


def _expected(market: Market, timeframe: BrokerTimeframe, from_ms: int, until_ms: int) -> I64:
    """Opens of the bars a complete answer would hold and that are closed by then."""
    if timeframe is Timeframe.M1:
        opens = market.calendar.minutes(from_ms, until_ms)
        return opens[opens + Timeframe.M1.ms <= until_ms]
    return _trading_days(market, from_ms, until_ms)


def _trading_days(market: Market, from_ms: int, until_ms: int) -> I64:
    """Opens of closed D1 buckets that begin in the range and have open minutes."""
    edges = bucket_edges(from_ms, until_ms, Timeframe.D1, market.anchors)
    opens, closes = edges[:-1], edges[1:]
    picked = (opens >= from_ms) & (closes <= until_ms)
    opens, closes = opens[picked], closes[picked]
    return opens[market.calendar.expected_minutes(opens, closes) > 0]


def _cuts(opens: I64, page_bars_max: int) -> list[int]:
    """Where pages begin, oldest first: full pages counted from the newest bar back."""
    first = len(opens) % page_bars_max or page_bars_max
    return [int(opens[index]) for index in np.arange(first, len(opens), page_bars_max)]


def remainder(request: BarsRequest, bars: Bars, page_bars_max: int) -> BarsRequest | None:
    """What to ask next when an answer was cut short by its size; None when it was not.

    The answer holds the newest bars of the range, so each remainder ends earlier than the
    request before it: the chain cannot go on without progress.
    """
    first_ms = bars.first_open_ms
    if len(bars) < page_bars_max or first_ms is None or first_ms <= request.from_ms:
        return None
    return BarsRequest(request.symbol, request.timeframe, request.from_ms, first_ms)
