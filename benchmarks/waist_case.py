"""The bars that benchmarks of the waist write, read and show: simulated, the same anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from engine.broker.market import SimulatedMarket
from engine.config import Config
from engine.derive import derive
from uds.model import Bars, SeriesKey, Symbol, Timeframe

from .derive_case import case_of, load_configuration

COLD_START_BARS = 4_320
"""M1 of three days; thirteen symbols have 56 160."""
YEAR_MINUTES = 365_000
_UNTIL = datetime(2026, 5, 31, tzinfo=UTC)
_SETTLE_MS = 15_000
_MINUTES_FOR_TAIL = 4_330
"""So many open minutes hold `COLD_START_BARS` with some to spare for those without a tick."""


def configuration() -> Config:
    """The configuration of this checkout: 13 symbols, eight timeframes."""
    return load_configuration()


def cold_start_m1(config: Config) -> dict[SeriesKey, Bars]:
    """The newest 4 320 M1 of each symbol."""
    case = case_of("3 days", config, config.symbols, _until_ms(), _MINUTES_FOR_TAIL * 2)
    return {
        SeriesKey(one.symbol, Timeframe.M1): one.m1.tail(COLD_START_BARS) for one in case.series
    }


def long_m1(config: Config, symbol: Symbol, count: int) -> Bars:
    """The newest `count` M1 of one symbol."""
    case = case_of("long", config, (symbol,), _until_ms(), count + count // 50)
    return case.series[0].m1.tail(count)


def history(
    config: Config, symbols: Sequence[Symbol], minutes: int, d1_count: int
) -> dict[Symbol, Mapping[Timeframe, Bars]]:
    """All eight timeframes: M1 of so many minutes, what is derived from them, and D1."""
    case = case_of("history", config, symbols, _until_ms(), minutes)
    calendars = config.trading_calendars()
    digits = {symbol: config.digits(symbol) for symbol in symbols}
    chosen = {symbol: calendars[symbol] for symbol in symbols}
    market = SimulatedMarket(config.broker.sim.seed, chosen, digits, case.anchors)
    now_ms = case.until_ms + _SETTLE_MS
    found: dict[Symbol, Mapping[Timeframe, Bars]] = {}
    for one in case.series:
        derived = derive(one.m1, case.anchors, one.calendar, one.coverage, now_ms, _SETTLE_MS)
        d1 = market.d1(one.symbol, case.until_ms - 2 * d1_count * Timeframe.D1.ms, case.until_ms)
        found[one.symbol] = {Timeframe.M1: one.m1, **derived, Timeframe.D1: d1.tail(d1_count)}
    return found


def cells(config: Config, count: int) -> dict[Symbol, Mapping[Timeframe, Bars]]:
    """The newest `count` bars of every cell, 104 in all; H4 decides how many M1 that takes."""
    minutes = round(count * Timeframe.H4.minutes * 1.15)
    whole = history(config, config.symbols, minutes, count)
    tails: dict[Symbol, Mapping[Timeframe, Bars]] = {
        symbol: {timeframe: bars.tail(count) for timeframe, bars in series.items()}
        for symbol, series in whole.items()
    }
    short = [f"{s} {tf.name}" for s, each in tails.items() for tf in each if len(each[tf]) < count]
    assert not short, f"fewer than {count} bars in {short}"
    return tails


def _until_ms() -> int:
    return round(_UNTIL.timestamp()) * 1_000
