"""Six ways to derive with polars, from the one in its manual to the fastest we found.

The first uses windows of 4 h on New York's clock as a user would write them. The others
take the H4 key from wall time without a zone, turned back into UTC, which is right on every
day of the year. "All symbols" puts the series into one frame, so that a call's overhead is
paid once instead of thirteen times; "integers" replaces instants by minutes, shifted apart
per symbol, which spares polars its calendar arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import polars as pl

from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Timeframe

from .derive_case import CHAIN, Case, Columns, Derived, Series, Variant, one_by_one

_AGG = (
    pl.col("o").first(),
    pl.col("h").max(),
    pl.col("low").min(),
    pl.col("c").last(),
    pl.col("v").sum(),
)
_APART = 60 * 2**24
"""Minutes between two symbols of the integer keys: whole hours, and 1 900 years."""

_Frames = Mapping[Timeframe, pl.DataFrame]


def variants(case: Case) -> list[Variant]:
    """All idioms over the case."""
    single = [_frame(one).drop("s") for one in case.series]
    together = pl.concat([_frame(one, number) for number, one in enumerate(case.series)])
    integers = pl.concat([_integers(one, number) for number, one in enumerate(case.series)])
    name = f"polars {pl.__version__}"
    per_symbol = partial(_per_symbol, case, single)
    all_symbols = partial(_all_symbols, case)
    return [
        per_symbol(f"{name}: windows, zone-aware 4h", _zone_aware),
        per_symbol(f"{name}: windows, lazy", _lazy_windows),
        all_symbols(f"{name}: truncated keys, all symbols", _truncated, together, _split),
        all_symbols(f"{name}: integers, all symbols", _integer_chain, integers, _split_integers),
        all_symbols(f"{name}: integers, all symbols, lazy", _lazy_chain, integers, _split_integers),
        all_symbols(
            f"{name}: integers, all symbols, lazy, no chain",
            _lazy_direct,
            integers,
            _split_integers,
        ),
    ]


def _frame(one: Series, number: int = 0) -> pl.DataFrame:
    m1 = one.m1
    return pl.DataFrame(
        {"t": m1.open_time_ms, "o": m1.o, "h": m1.h, "low": m1.low, "c": m1.c, "v": m1.v}
    ).select(
        pl.lit(number, dtype=pl.Int32).alias("s"),
        pl.col("t").cast(pl.Datetime("ms", "UTC")).set_sorted(),
        pl.exclude("t"),
    )


def _integers(one: Series, number: int) -> pl.DataFrame:
    """The same with a key that ascends over all symbols."""
    minute = pl.col("t").to_physical() // MINUTE_MS
    return _frame(one).select(
        (minute + number * _APART).set_sorted().alias("k"), pl.exclude("s", "t")
    )


def _wall_key(instant: pl.Expr, zone: str) -> pl.Expr:
    """Open of the H4 by the wall clock; no H4 opens in an hour that a clock change skips."""
    wall = instant.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    opened = wall.dt.offset_by("-1h").dt.truncate("4h").dt.offset_by("1h")
    return opened.dt.replace_time_zone(zone, ambiguous="earliest").dt.convert_time_zone("UTC")


def _every(timeframe: Timeframe, unit: str = "m") -> str:
    return f"{timeframe.minutes}{unit}"


def _zone_aware(frame: pl.DataFrame, zone: str) -> _Frames:
    frames = {Timeframe.M1: frame}
    for timeframe, parent in CHAIN:
        frames[timeframe] = frames[parent].group_by_dynamic("t", every=_every(timeframe)).agg(_AGG)
    hours = frames[Timeframe.H1].with_columns(pl.col("t").dt.convert_time_zone(zone))
    frames[Timeframe.H4] = hours.group_by_dynamic("t", every="4h", offset="1h").agg(_AGG)
    return frames


def _lazy_windows(frame: pl.DataFrame, zone: str) -> _Frames:
    plans = {Timeframe.M1: frame.lazy()}
    for timeframe, parent in CHAIN:
        plans[timeframe] = plans[parent].group_by_dynamic("t", every=_every(timeframe)).agg(_AGG)
    key = _wall_key(pl.col("t"), zone).alias("t")
    plans[Timeframe.H4] = plans[Timeframe.H1].group_by(key, maintain_order=True).agg(_AGG)
    return _collected(plans)


def _truncated(frame: pl.DataFrame, zone: str) -> _Frames:
    frames = {Timeframe.M1: frame}
    for timeframe, parent in CHAIN:
        key = pl.col("t").dt.truncate(_every(timeframe))
        frames[timeframe] = frames[parent].group_by("s", key, maintain_order=True).agg(_AGG)
    key = _wall_key(pl.col("t"), zone)
    frames[Timeframe.H4] = frames[Timeframe.H1].group_by("s", key, maintain_order=True).agg(_AGG)
    return frames


def _integer_chain(frame: pl.DataFrame, zone: str) -> _Frames:
    frames = {Timeframe.M1: frame}
    for timeframe, parent in CHAIN:
        windows = frames[parent].group_by_dynamic("k", every=_every(timeframe, "i"))
        frames[timeframe] = windows.agg(_AGG)
    frames[Timeframe.H4] = _h4_of_integers(frames[Timeframe.H1].lazy(), zone).collect()
    return frames


def _lazy_chain(frame: pl.DataFrame, zone: str) -> _Frames:
    return _collected(_integer_plans(frame, zone, is_chained=True))


def _lazy_direct(frame: pl.DataFrame, zone: str) -> _Frames:
    return _collected(_integer_plans(frame, zone, is_chained=False))


def _integer_plans(
    frame: pl.DataFrame, zone: str, *, is_chained: bool
) -> dict[Timeframe, pl.LazyFrame]:
    plans = {Timeframe.M1: frame.lazy()}
    for timeframe, parent in CHAIN:
        source = plans[parent if is_chained else Timeframe.M1]
        plans[timeframe] = source.group_by_dynamic("k", every=_every(timeframe, "i")).agg(_AGG)
    plans[Timeframe.H4] = _h4_of_integers(plans[Timeframe.H1], zone)
    return plans


def _h4_of_integers(hours: pl.LazyFrame, zone: str) -> pl.LazyFrame:
    symbol, minute = pl.col("k") // _APART, pl.col("k") % _APART
    instant = (minute * MINUTE_MS).cast(pl.Datetime("ms", "UTC"))
    opened = _wall_key(instant, zone).to_physical() // MINUTE_MS
    key = (opened + symbol * _APART).set_sorted().alias("k")
    return hours.group_by(key, maintain_order=True).agg(_AGG)


def _collected(plans: Mapping[Timeframe, pl.LazyFrame]) -> _Frames:
    found = pl.collect_all([plans[timeframe] for timeframe in DERIVED_TIMEFRAMES])
    return dict(zip(DERIVED_TIMEFRAMES, found, strict=True))


def _per_symbol(
    case: Case,
    frames: Sequence[pl.DataFrame],
    name: str,
    idiom: Callable[[pl.DataFrame, str], _Frames],
) -> Variant:
    def derive(frame: pl.DataFrame) -> _Frames:
        return idiom(frame, case.anchors.zone)

    def answer(frame: pl.DataFrame) -> Derived:
        made = derive(frame)
        return {timeframe: _columns(made[timeframe]) for timeframe in DERIVED_TIMEFRAMES}

    return one_by_one(name, case, frames, derive, answer)


def _all_symbols(
    case: Case,
    name: str,
    idiom: Callable[[pl.DataFrame, str], _Frames],
    frame: pl.DataFrame,
    split: Callable[[pl.DataFrame, int], pl.DataFrame],
) -> Variant:
    def derive() -> _Frames:
        return idiom(frame, case.anchors.zone)

    def answer() -> list[Derived]:
        made = derive()
        return [
            {tf: _columns(split(made[tf], number)) for tf in DERIVED_TIMEFRAMES}
            for number in range(len(case.series))
        ]

    return Variant(name, derive, answer, case.m1_count)


def _split(frame: pl.DataFrame, number: int) -> pl.DataFrame:
    return frame.filter(pl.col("s") == number)


def _split_integers(frame: pl.DataFrame, number: int) -> pl.DataFrame:
    open_ms = (pl.col("k") % _APART * MINUTE_MS).cast(pl.Datetime("ms", "UTC"))
    return frame.filter(pl.col("k") // _APART == number).with_columns(open_ms.alias("t"))


def _columns(frame: pl.DataFrame) -> Columns:
    o, h, low, c = (frame[name].to_numpy() for name in ("o", "h", "low", "c"))
    open_ms = frame["t"].dt.epoch("ms").to_numpy().astype(np.int64)
    return Columns(open_ms, o, h, low, c, frame["v"].to_numpy().astype(np.int64))
