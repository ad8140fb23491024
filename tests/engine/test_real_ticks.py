"""Real FXCM ticks drawn minute by minute must give the broker's own M1."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from engine.broker.port import Tick
from engine.calendars.buckets import Anchors
from engine.preview import Forming, Minute, absorb_tick
from uds.model import Timeframe

from .real_history import FOLDER, bars, needs_real_history

NEW_YORK = Anchors("America/New_York", "17:00", "17:00")


@needs_real_history
def test_ticks_draw_every_minute_the_broker_has() -> None:
    """3 388 minutes, a tenth of the quotes crossed: open, high, low and close to the last digit."""
    ticks = _ticks("lean_fxcm_2014/EURUSD_TICK")
    m1 = bars("lean_fxcm_2014/EURUSD_M1", Timeframe.M1, NEW_YORK)
    drawn, crossed_count = _drawn(ticks)

    first_ms, last_ms = min(drawn), max(drawn)
    theirs = m1.between(first_ms, last_ms + 1)
    prices = zip(theirs.o, theirs.h, theirs.low, theirs.c, strict=True)
    equal = [
        prices_of(drawn[open_ms]) == tuple(map(float, row))
        for open_ms, row in zip(theirs.open_time_ms.tolist(), prices, strict=True)
        if open_ms in drawn
    ]

    assert 3_388 == len(equal)
    assert all(equal)
    assert 0.05 < crossed_count / len(ticks) < 0.15


def prices_of(minute: Minute) -> tuple[float, float, float, float]:
    """As a bar has them."""
    return minute.o, minute.h, minute.low, minute.c


def _drawn(ticks: list[Tick]) -> tuple[dict[int, Minute], int]:
    forming = Forming()
    minutes: dict[int, Minute] = {}
    for tick in ticks:
        forming = absorb_tick(forming, tick, 0, None, "first_tick")
        newest = forming.minutes[-1]
        minutes[newest.open_time_ms] = newest
    assert 0 == forming.late_count
    return minutes, forming.crossed_count


def _ticks(file: str) -> list[Tick]:
    with gzip.open(Path(FOLDER) / f"{file}.csv.gz", "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", skiprows=1)
    return [Tick("EUR/USD", int(ts), float(bid), float(ask), 1) for ts, bid, ask in table.tolist()]
