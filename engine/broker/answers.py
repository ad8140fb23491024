"""An answer as it should have been: ascending, unique, inside its range, without forming bars."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from uds.model import BadBars, Bars

from ..sayings import Saying, saying
from .port import BarsAnswer, BarsRequest, FetchFailed


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer, mended."""

    bars: Bars
    """Closed bars of the range, ascending."""
    latency_s: float
    """The broker's own time."""
    outside_count: int = 0
    """Bars that were dropped because nobody had asked for them."""
    flaw: tuple[Saying, ...] = ()
    """What was wrong with it, in a row; empty when it was as the port wants it."""
    row_count: int = 0
    """Rows of the range that came, forming ones included: a full page is told by them."""


def mended(request: BarsRequest, answer: BarsAnswer, now_ms: int) -> Fetched:
    """Sort, keep the last of each open, trim, drop what is still forming.

    Raises FetchFailed for bars that cannot be mended. A forming bar is no flaw: it is every
    broker's newest row.
    """
    bars = answer.bars
    faults: list[Saying] = []
    if _is_faultless(bars, request, now_ms):
        return Fetched(bars, answer.latency_s)
    steps = np.diff(bars.open_time_ms)
    if (steps < 0).any():
        faults.append(saying("came_unordered"))
        bars = bars.take(np.argsort(bars.open_time_ms, kind="stable"))
        steps = np.diff(bars.open_time_ms)
    repeated = int((steps == 0).sum())
    if repeated:
        faults.append(saying("came_twice", repeated))
        bars = bars.take(np.append(steps > 0, True))
    inside = bars.between(request.from_ms, request.until_ms)
    outside_count = len(bars) - len(inside)
    if outside_count:
        faults.append(saying("came_outside", outside_count))
    name = request.symbol, request.timeframe.name
    if faults:
        try:
            Bars.of(*inside.columns)
        except BadBars as error:
            raise FetchFailed(saying("answer_no_history", *name, error)) from error
    closed = inside.take(inside.close_time_ms <= now_ms)
    flaw = (saying("answer_came", *name), *_listed(faults)) if faults else ()
    return Fetched(closed, answer.latency_s, outside_count, flaw, len(inside))


def _listed(faults: list[Saying]) -> list[Saying]:
    """Each but the last is followed by `and`."""
    return [*(replace(one, code=f"{one.code}_and") for one in faults[:-1]), faults[-1]]


def _is_faultless(bars: Bars, request: BarsRequest, now_ms: int) -> bool:
    """Whether there is nothing to sort, to trim or to drop, as in nearly every answer."""
    opens = bars.open_time_ms
    if not len(opens):
        return True
    is_inside = request.from_ms <= opens[0] and opens[-1] < request.until_ms
    is_closed = bars.close_time_ms[-1] <= now_ms
    return bool(is_inside and is_closed and (opens[1:] > opens[:-1]).all())
