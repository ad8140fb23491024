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
from ..witness import Mismatch, d1_witness, open_mode

_MINUTE_MS = 60_000
_DRIFTS_MIN = 2
"""One session off its hours is a holiday or an incident; two are a wrong calendar."""


def scrutinise(tools: Tools, symbol: Symbol) -> None:
    """Look at what is stored of a symbol and say, or unsay, what is wrong with it."""
    d1 = SeriesKey(symbol, Timeframe.D1)
    mismatches = _mismatches(tools, symbol)
    _judge(tools, DegradedCode.D1_MISMATCH, d1, _mismatch_sentence(mismatches))
    _judge(tools, DegradedCode.OPEN_MODE_MIXED, symbol, _open_mode_sentence(tools, symbol))
    _judge(tools, DegradedCode.CALENDAR_DRIFT, symbol, _drift_sentence(_drifts(tools, symbol)))


def _judge(tools: Tools, code: DegradedCode, scope: Scope, sentence: str | None) -> None:
    """Raise what is newly wrong, clear what no longer is; the same finding is not counted up."""
    standing = next(
        (r for r in tools.board.status.reasons if (r.code, r.scope) == (code, scope)), None
    )
    if sentence is None and standing is not None:
        tools.board.post(ReasonCleared(code, scope))
    elif sentence is not None and (standing is None or standing.detail != sentence):
        tools.board.post(ReasonRaised(code, scope, sentence))


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


def _mismatch_sentence(mismatches: tuple[Mismatch, ...]) -> str | None:
    if not mismatches:
        return None
    worst = max(mismatches, key=lambda m: abs(m.broker - m.derived))
    return (
        f"{len(mismatches)} prices of D1 differ from M1; the worst is {worst.price} of "
        f"{_day(worst.open_time_ms)}: the broker says {worst.broker:g}, M1 {worst.derived:g}."
    )


def _open_mode_sentence(tools: Tools, symbol: Symbol) -> str | None:
    found = open_mode(tools.store.load(SeriesKey(symbol, Timeframe.M1)))
    wanted = tools.store.terms.open_mode
    if found is None or found == wanted:
        return None
    return f"The M1 of {symbol} are {found} where {wanted} is expected."


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


def _drift_sentence(drifts: tuple[Drift, ...]) -> str | None:
    if len(drifts) < _DRIFTS_MIN:
        return None
    last = drifts[-1]
    if last.opens_late_ms is None or last.closes_late_ms is None:
        seen = "had no bar at all"
    else:
        seen = (
            f"opened {last.opens_late_ms // _MINUTE_MS:+d} min and "
            f"closed {last.closes_late_ms // _MINUTE_MS:+d} min off its calendar"
        )
    return f"{len(drifts)} sessions; the one of {_day(last.session_open_ms)} {seen}."


def _resident_coverage(tools: Tools, key: SeriesKey) -> Coverage:
    """What was fetched, less what has left the RAM: half a day testifies nothing."""
    return tools.store.coverage(key).without(0, tools.store.resident_from_ms(key))


def _day(ts_ms: int) -> str:
    return datetime.fromtimestamp(ts_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%MZ")
