"""What a history file is proof for: the time in which a minute without a row had no tick."""

from __future__ import annotations

import numpy as np

from uds.model import Bars, Coverage, Timeframe

from ..calendars.buckets import Anchors, bucket_closes, bucket_opens
from ..calendars.trading_calendar import TradingCalendar


def proved(bars: Bars, anchors: Anchors, calendar: TradingCalendar) -> Coverage:
    """The covered intervals of a file's bars, from its first open to its last close.

    A trading day with a row is covered whole, because a newer row was seen (07 §3). A day
    without one may as well be missing from the file: it is proof of nothing, unless the
    calendar says that nobody traded.
    """
    if not len(bars):
        return Coverage()
    days = np.unique(bucket_opens(bars.open_time_ms, Timeframe.D1, anchors))
    ends = bucket_closes(days, Timeframe.D1, anchors)
    torn = np.flatnonzero(calendar.expected_minutes(ends[:-1], days[1:]))
    from_ms, until_ms = days[np.append(0, torn + 1)], ends[np.append(torn, len(ends) - 1)]
    from_ms[0], until_ms[-1] = bars.open_time_ms[0], bars.close_time_ms[-1]
    return Coverage.of(zip(from_ms.tolist(), until_ms.tolist(), strict=True))
