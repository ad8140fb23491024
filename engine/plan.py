"""Which pages to ask the broker for: gaps cut into ranges that one answer can hold.

Ranges are computed beforehand from the calendar, because paging by cursor makes a chain of
answers where slots could work side by side. Within a gap the newest page comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from uds.model import DERIVED_TIMEFRAMES, I64, Bars, Coverage, Symbol, Timeframe

from .broker.port import BarsRequest, BrokerTimeframe
from .calendars.buckets import Anchors, bucket_close, bucket_edges, bucket_open
from .calendars.trading_calendar import TradingCalendar
from .calendars.wall_time import FIRST_MS

_DAY_MS = Timeframe.D1.ms
_CALENDAR_DAYS_PER_TRADING_DAY = 7 / 5
_HOLIDAYS_SPARE = 14
_CHANCE_MIN = 1e-6
"""A silence less probable than this is taken for an answer cut short."""


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


def warmup_from_ms(market: Market, now_ms: int, m1_bars: int, begins_ms: int | None = None) -> int:
    """The D1 open before the last `m1_bars` open-market minutes: no bucket starts half-way.

    `begins_ms` is where stored M1 begin that were cut by another anchor: when that is inside
    the day, a few buckets less are no reason to ask the broker. None means nowhere.
    """
    from_ms = market.calendar.back(now_ms, m1_bars)
    open_ms = bucket_open(from_ms, Timeframe.D1, market.anchors)
    if begins_ms is not None and open_ms < begins_ms <= from_ms:
        return begins_ms
    return open_ms


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


def expected_bars(market: Market, timeframe: BrokerTimeframe, from_ms: int, until_ms: int) -> int:
    """How many bars the calendar expects to open in [from_ms, until_ms)."""
    if timeframe is Timeframe.M1:
        return market.calendar.expected_minutes(from_ms, until_ms)
    return len(_trading_days(market, from_ms, until_ms))


def remainder(
    market: Market,
    request: BarsRequest,
    bars: Bars,
    largest_answer: int,
    came_before: int = 0,
    row_count: int = 0,
) -> BarsRequest | None:
    """What to ask next when an answer was cut short; None when there was no more.

    A broker's own page may be smaller than ours, and nobody tells. So an answer that lacks the
    head of its range counts as cut when it holds our page or as many bars as the largest
    answer so far, or when so long a silence is improbable beside the rows that came: in this
    part, and `came_before` in the newer parts of the same page. Without those a broker that
    always sends the newer half would be believed as soon as the halves are small. `row_count`
    is what the answer held before a forming bar was dropped, which took an older one's place.

    The answer holds the newest bars of the range, so each remainder ends earlier than the
    request before it: the chain cannot go on without progress.
    """
    first_ms = bars.first_open_ms
    if first_ms is None or first_ms <= request.from_ms:
        return None
    missing = expected_bars(market, request.timeframe, request.from_ms, first_ms)
    came_count = max(len(bars), row_count)
    is_full = came_count >= market.page_bars_max or (missing and len(bars) >= largest_answer)
    if not is_full:
        present = expected_bars(market, request.timeframe, first_ms, request.until_ms)
        came, expected = came_before + len(bars), came_before + max(present, len(bars))
        if not _is_improbable(missing, came, expected):
            return None
    return BarsRequest(request.symbol, request.timeframe, request.from_ms, first_ms)


def _is_improbable(silent: int, came: int, expected: int) -> bool:
    """Whether so many silent bars in a row are no chance, given how many came of those expected."""
    silence = 1 - came / (expected + 1)
    return bool(silence**silent < _CHANCE_MIN)


def shown(ts_ms: int) -> str:
    """An instant in a sentence: `2026-01-14 12:00Z`."""
    return datetime.fromtimestamp(ts_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%MZ")


def history_from_ms(market: Market, timeframe: Timeframe, now_ms: int, bars: int) -> int:
    """The D1 open from which on so many closed bars of a timeframe, one at least, are due."""
    span_ms = (
        round(bars * timeframe.ms * _CALENDAR_DAYS_PER_TRADING_DAY) + _HOLIDAYS_SPARE * _DAY_MS
    )
    while True:
        from_ms = max(FIRST_MS, now_ms - span_ms)
        edges = bucket_edges(from_ms, now_ms, timeframe, market.anchors)
        opens, closes = edges[:-1], edges[1:]
        is_closed = (closes <= now_ms) & (opens >= from_ms)
        opens, closes = opens[is_closed], closes[is_closed]
        opens = opens[market.calendar.expected_minutes(opens, closes) > 0]
        if len(opens) >= bars or from_ms == FIRST_MS:
            oldest_ms = int(opens[-bars:][0]) if len(opens) else now_ms
            return bucket_open(oldest_ms, Timeframe.D1, market.anchors)
        span_ms *= 2


def depth_from_ms(
    market: Market, targets: Mapping[Timeframe, int], timeframe: BrokerTimeframe, now_ms: int
) -> int:
    """Where the deepest of the targets begins that M1, or D1, feeds; now when all are nothing."""
    is_days = timeframe is Timeframe.D1
    begins = (
        history_from_ms(market, tf, now_ms, count)
        for tf, count in targets.items()
        if count and (tf is Timeframe.D1) is is_days
    )
    return min(begins, default=now_ms)


def stretch(market: Market, from_ms: int, until_ms: int, bars_max: int) -> tuple[int, int]:
    """The newest whole trading days of [from_ms, until_ms) whose M1 are at most so many.

    One day at least. The stretch begins at a D1 open and reaches past `until_ms` to where every
    bucket that holds it is closed, so that all it touches can be derived from its M1 alone.
    """
    edges = bucket_edges(from_ms, until_ms, Timeframe.D1, market.anchors)[:-1]
    counts = market.calendar.expected_minutes(edges, until_ms)
    fitting = edges[(counts <= bars_max) & (counts > 0)]
    opening = edges[counts > 0]
    first_ms = int(fitting[0]) if len(fitting) else int(opening[-1] if len(opening) else edges[0])
    last_ms = max(
        bucket_close(until_ms - 1, timeframe, market.anchors) for timeframe in DERIVED_TIMEFRAMES
    )
    return first_ms, last_ms
