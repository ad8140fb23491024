"""Recorded quotes as columns, and quotes made up from M1 bars where none were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from uds.model import F64, I64, MINUTE_MS, Bars, Symbol

from .port import Tick


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Quotes of one symbol as columns of equal length, ascending in time."""

    ts_ms: I64
    """When each was quoted, UTC ms; equal times are kept in the order of the source."""
    bid: F64
    """Price one can sell at."""
    ask: F64
    """Price one can buy at; below the bid in a crossed quote."""
    minute_volume: I64
    """Quotes of the minute so far, this one included."""

    @classmethod
    def counted(cls, ts_ms: I64, bid: F64, ask: F64) -> Quotes:
        """Recorded quotes, numbered within each minute."""
        minute = ts_ms // MINUTE_MS
        first = np.searchsorted(minute, minute, side="left")
        return cls(ts_ms, bid, ask, np.arange(1, len(ts_ms) + 1) - first)

    @classmethod
    def interpolated(cls, bars: Bars) -> Quotes:
        """Four quotes a minute: open, low and high (high first in a falling bar), close.

        They come every 15 s from the open on. The spread is not known, so the ask is the bid.
        The volume grows in quarters and ends as the bar's, so a preview ends as the bar.
        """
        rises = bars.c >= bars.o
        early, late = np.where(rises, bars.low, bars.h), np.where(rises, bars.h, bars.low)
        bid = np.stack((bars.o, early, late, bars.c), axis=1).ravel()
        quarters = np.arange(4)
        ts_ms = (bars.open_time_ms[:, None] + quarters * (MINUTE_MS // 4)).ravel()
        volume = (bars.v[:, None] * (quarters + 1) // 4).ravel()
        return cls(ts_ms, bid, bid, volume)

    def between(self, symbol: Symbol, from_ms: int, until_ms: int) -> Iterator[Tick]:
        """The quotes of [from_ms, until_ms) as ticks of the symbol."""
        first, last = (int(index) for index in np.searchsorted(self.ts_ms, (from_ms, until_ms)))
        columns = (self.ts_ms, self.bid, self.ask, self.minute_volume)
        for row in zip(*(column[first:last].tolist() for column in columns), strict=True):
            yield Tick(symbol, *row)
