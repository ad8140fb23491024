"""A folder opened again: lock, token, and every symbol recovered from its newest commit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from engine.config import Config
from uds import StoreTerms
from uds.model import Bars, SeriesKey, Symbol, Timeframe

from .disk_floor import read_and_sum
from .session import Row, Watch, print_table
from .turns import Step, take_turns
from .waist_case import COLD_START_BARS, YEAR_MINUTES, history
from .waist_store import bench_folder, commit_all, opened, terms_of

_D1_BARS = 180
_D1_OF_YEAR = 365
_FLOOR = "floor: the same files read whole, one CRC-32 each"
_OPEN = "open, 13 symbols recovered, every resident line proved"
_YEAR_ROUNDS = 3


def measure(config: Config, rounds: int, with_year: bool) -> None:
    """Write a folder of each size, time its opening, print the tables."""
    _measure("3 days", config, COLD_START_BARS, _D1_BARS, rounds)
    if with_year:
        _measure("1 year", config, YEAR_MINUTES, _D1_OF_YEAR, min(rounds, _YEAR_ROUNDS))


def _measure(title: str, config: Config, minutes: int, d1_count: int, rounds: int) -> None:
    data = history(config, config.symbols, minutes, d1_count)
    lines = sum(len(bars) for series in data.values() for bars in series.values())
    with bench_folder() as (folder, asked):
        terms = terms_of(config)
        begun_s = time.perf_counter()
        asked(_written(terms, folder, data))
        written_s = time.perf_counter() - begun_s
        paths = sorted(folder.glob("*/tf_*/*.jsonl"))
        wanted = {symbol: _resident(terms, series) for symbol, series in data.items()}
        resident = asked(_opened_and_compared(terms, folder, wanted))
        data.clear()
        steps = {
            _OPEN: Step(lambda: asked(_opened(terms, folder))),
            _FLOOR: Step(lambda: read_and_sum(paths)),
        }
        watch = Watch()
        turns = take_turns(steps, rounds)
        size = sum(path.stat().st_size for path in paths)
    heading = watch.heading(
        f"{title}: {lines:,} lines in {len(paths):,} files of {size / 1e6:,.0f} MB, "
        f"{resident:,} bars resident, {rounds} rounds"
    )
    rows = [Row(name, turns.pass_s(name), turns.ratio(name, _FLOOR)) for name in steps]
    print_table(heading, rows, "x floor")
    print(f"(written in {written_s:.1f} s: {lines / written_s / 1e3:,.0f} k lines/s, all durable)")


async def _written(
    terms: StoreTerms, folder: Path, data: Mapping[Symbol, Mapping[Timeframe, Bars]]
) -> None:
    async with opened(terms, folder) as store:
        await commit_all(store, data)


async def _opened(terms: StoreTerms, folder: Path) -> None:
    async with opened(terms, folder) as store:
        for symbol in terms.symbols:
            await store.recover(symbol)


async def _opened_and_compared(
    terms: StoreTerms, folder: Path, wanted: Mapping[Symbol, Mapping[Timeframe, Bars]]
) -> int:
    """How many bars are resident; all must be those that were written."""
    count = 0
    async with opened(terms, folder) as store:
        for symbol in terms.symbols:
            recovered = await store.recover(symbol)
            for timeframe, bars in wanted[symbol].items():
                found = store.load(SeriesKey(symbol, timeframe))
                count += len(found)
                if recovered.drops or not found.tail(len(bars)).same_as(bars):
                    raise SystemExit(f"{symbol} {timeframe.name} came back as something else")
    return count


def _resident(terms: StoreTerms, series: Mapping[Timeframe, Bars]) -> dict[Timeframe, Bars]:
    return {timeframe: bars.tail(terms.tail_bars[timeframe]) for timeframe, bars in series.items()}
