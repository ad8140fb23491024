"""What stored history says against itself: its D1, its open mode, its calendar.

Each finding is a reason with its figures, cleared by the same check once it no longer holds.
Nothing is repaired here and nothing is fetched again: the broker's bars are served.
"""

from __future__ import annotations

from datetime import UTC, datetime

from uds.model import Coverage, SeriesKey, Symbol, Timeframe

from ..calendars.calendar_drift import Drift, calendar_drift
from ..degraded import DegradedCode, Scope
from ..events import ReasonCleared, ReasonRaised
from ..process import Tools
from ..sayings import Saying, saying
from ..witness import Mismatch, d1_witness, open_mode

_MINUTE_MS = 60_000
_DRIFTS_MIN = 2
"""One session off its hours is a holiday or an incident; two are a wrong calendar."""


def scrutinise(tools: Tools, symbol: Symbol) -> None:
    """Look at what is stored of a symbol and say, or unsay, what is wrong with it."""
    d1 = SeriesKey(symbol, Timeframe.D1)
    mismatches = _mismatches(tools, symbol)
    _judge(tools, DegradedCode.D1_MISMATCH, d1, _mismatch_saying(mismatches))
    _judge(tools, DegradedCode.OPEN_MODE_MIXED, symbol, _open_mode_saying(tools, symbol))
    _judge(tools, DegradedCode.CALENDAR_DRIFT, symbol, _drift_saying(_drifts(tools, symbol)))


def _judge(tools: Tools, code: DegradedCode, scope: Scope, found: Saying | None) -> None:
    """Raise what is newly wrong, clear what no longer is; the same finding is not counted up."""
    standing = next(
        (r for r in tools.board.status.reasons if (r.code, r.scope) == (code, scope)), None
    )
    if found is None and standing is not None:
        tools.board.post(ReasonCleared(code, scope))
    elif found is not None and (standing is None or standing.said != (found,)):
        tools.board.post(ReasonRaised.told(code, scope, found))


def _mismatches(tools: Tools, symbol: Symbol) -> tuple[Mismatch, ...]:
    market, store = tools.markets[symbol], tools.store
    m1 = SeriesKey(symbol, Timeframe.M1)
    return d1_witness(
        store.load(SeriesKey(symbol, Timeframe.D1)),
        store.load(m1),
        market.anchors,
        market.calendar,
        _resident_coverage(tools, m1),
        tools.clock.now_ms(),
        market.settle_ms,
        10.0 ** -tools.config.digits(symbol),
    )


def _mismatch_saying(mismatches: tuple[Mismatch, ...]) -> Saying | None:
    if not mismatches:
        return None
    worst = max(mismatches, key=lambda m: abs(m.broker - m.derived))
    figures = f"{worst.broker:g}", f"{worst.derived:g}"
    day = _day(worst.open_time_ms)
    return saying("days_differ", len(mismatches), worst.price, day, *figures)


def _open_mode_saying(tools: Tools, symbol: Symbol) -> Saying | None:
    found = open_mode(tools.store.load(SeriesKey(symbol, Timeframe.M1)))
    wanted = tools.store.terms.open_mode
    if found is None or found == wanted:
        return None
    return saying("mode_unlike", symbol, found, wanted)


def _drifts(tools: Tools, symbol: Symbol) -> tuple[Drift, ...]:
    m1 = SeriesKey(symbol, Timeframe.M1)
    bars = tools.store.load(m1)
    if not len(bars):
        return ()
    return calendar_drift(
        bars.open_time_ms,
        _resident_coverage(tools, m1),
        tools.markets[symbol].calendar,
        int(bars.open_time_ms[0]),
        int(bars.close_time_ms[-1]),
    )


def _drift_saying(drifts: tuple[Drift, ...]) -> Saying | None:
    if len(drifts) < _DRIFTS_MIN:
        return None
    last = drifts[-1]
    if last.opens_late_ms is None or last.closes_late_ms is None:
        return saying("session_empty", len(drifts), _day(last.session_open_ms))
    late_ms = last.opens_late_ms, last.closes_late_ms
    late = (f"{ms // _MINUTE_MS:+d}" for ms in late_ms)
    return saying("session_moved", len(drifts), _day(last.session_open_ms), *late)


def _resident_coverage(tools: Tools, key: SeriesKey) -> Coverage:
    """What was fetched, less what has left the RAM: half a day testifies nothing."""
    return tools.store.coverage(key).without(0, tools.store.resident_from_ms(key))


def _day(ts_ms: int) -> str:
    return datetime.fromtimestamp(ts_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%MZ")
