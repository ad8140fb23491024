"""Four ways to derive with pandas, from the one in its manual to the fastest we found.

The first resamples by 4 h on New York's clock as a user would write it. The others take
the H4 key from wall time without a zone, turned back into UTC, which is right on every day
of the year. "Keys" groups by integers, which spares pandas the empty windows of a weekend;
"all symbols" puts the series into one frame, so that a call's overhead is paid once instead
of thirteen times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from uds.model import DERIVED_TIMEFRAMES, I64, MINUTE_MS, Timeframe

from .derive_case import CHAIN, Case, Columns, Derived, Series, Variant, one_by_one

_AGG = {"o": "first", "h": "max", "low": "min", "c": "last", "v": "sum"}
_APART = 60 * 2**24
"""Minutes between two symbols of the integer keys: whole hours, and 1 900 years."""

_Frames = Mapping[Timeframe, pd.DataFrame]


def variants(case: Case) -> list[Variant]:
    """All idioms over the case."""
    instants = [_frame(one) for one in case.series]
    keys = [_keyed(one, 0) for one in case.series]
    together = pd.concat([_keyed(one, number) for number, one in enumerate(case.series)])
    name = f"pandas {pd.__version__}"
    return [
        _per_symbol(case, f"{name}: resample, zone-aware 4h", instants, _zone_aware),
        _per_symbol(case, f"{name}: resample, wall-clock 4h", instants, _wall_clock),
        _per_symbol(case, f"{name}: keys", keys, _keys),
        _all_symbols(case, f"{name}: keys, all symbols", together),
    ]


def _frame(one: Series) -> pd.DataFrame:
    m1 = one.m1
    columns = {"o": m1.o, "h": m1.h, "low": m1.low, "c": m1.c, "v": m1.v}
    return pd.DataFrame(columns, index=pd.to_datetime(m1.open_time_ms, unit="ms", utc=True))


def _keyed(one: Series, number: int) -> pd.DataFrame:
    """The same under whole minutes that ascend over all symbols."""
    return _frame(one).set_axis(
        pd.Index(one.m1.open_time_ms // MINUTE_MS + number * _APART, dtype="int64")
    )


def _resampled(frame: pd.DataFrame) -> dict[Timeframe, pd.DataFrame]:
    frames = {Timeframe.M1: frame}
    for timeframe, parent in CHAIN:
        made = frames[parent].resample(f"{timeframe.minutes}min").agg(_AGG)
        frames[timeframe] = made[made["o"].notna()]
    return frames


def _zone_aware(frame: pd.DataFrame, zone: str) -> _Frames:
    frames = _resampled(frame)
    hours = frames[Timeframe.H1].tz_convert(zone)
    made = hours.resample("4h", offset="1h").agg(_AGG)
    frames[Timeframe.H4] = made[made["o"].notna()]
    return frames


def _wall_clock(frame: pd.DataFrame, zone: str) -> _Frames:
    frames = _resampled(frame)
    hours = frames[Timeframe.H1]
    made = hours.set_axis(_wall(hours.index, zone)).resample("4h", offset="1h").agg(_AGG)
    made = made[made["o"].notna()]
    frames[Timeframe.H4] = made.set_axis(_instants(made.index, zone))
    return frames


def _keys(frame: pd.DataFrame, zone: str) -> _Frames:
    frames = {Timeframe.M1: frame}
    for timeframe, parent in CHAIN:
        minute = frames[parent].index.to_numpy()
        key = minute // timeframe.minutes * timeframe.minutes
        frames[timeframe] = frames[parent].groupby(key, sort=False).agg(_AGG)
    hours = frames[Timeframe.H1]
    key = _h4_keys(hours.index.to_numpy(), zone)
    frames[Timeframe.H4] = hours.groupby(key, sort=False).agg(_AGG)
    return frames


def _h4_keys(minute: I64, zone: str) -> I64:
    symbol, minute = np.divmod(minute, _APART)
    instant = pd.to_datetime(minute * MINUTE_MS, unit="ms", utc=True)
    hour = pd.Timedelta(hours=1)
    opened = _instants((_wall(instant, zone) - hour).floor("4h") + hour, zone)
    key: I64 = _epoch_ms(opened) // MINUTE_MS + symbol * _APART
    return key


def _wall(instant: pd.Index, zone: str) -> pd.DatetimeIndex:
    """What the clock of the zone shows."""
    return pd.DatetimeIndex(instant).tz_convert(zone).tz_localize(None)


def _instants(wall: pd.Index, zone: str) -> pd.DatetimeIndex:
    """When the clock shows it first; no H4 opens in an hour that a clock change skips."""
    first = np.ones(len(wall), dtype=np.bool_)
    return pd.DatetimeIndex(wall).tz_localize(zone, ambiguous=first).tz_convert("UTC")


def _epoch_ms(instant: pd.Index) -> I64:
    return np.asarray(pd.DatetimeIndex(instant).as_unit("ms").asi8, dtype=np.int64)


def _per_symbol(
    case: Case,
    name: str,
    frames: Sequence[pd.DataFrame],
    idiom: Callable[[pd.DataFrame, str], _Frames],
) -> Variant:
    def derive(frame: pd.DataFrame) -> _Frames:
        return idiom(frame, case.anchors.zone)

    def answer(frame: pd.DataFrame) -> Derived:
        return _tables(derive(frame))

    return one_by_one(name, case, frames, derive, answer)


def _all_symbols(case: Case, name: str, frame: pd.DataFrame) -> Variant:
    def derive() -> _Frames:
        return _keys(frame, case.anchors.zone)

    def answer() -> list[Derived]:
        tables = _tables(derive())
        return [
            {timeframe: _of_symbol(columns, number) for timeframe, columns in tables.items()}
            for number in range(len(case.series))
        ]

    return Variant(name, derive, answer, case.m1_count)


def _tables(frames: _Frames) -> Derived:
    return {timeframe: _columns(frames[timeframe]) for timeframe in DERIVED_TIMEFRAMES}


def _of_symbol(columns: Columns, number: int) -> Columns:
    symbol, open_ms = np.divmod(columns.open_ms, _APART * MINUTE_MS)
    mine = symbol == number
    o, h, low, c, v = (column[mine] for column in columns[1:])
    return Columns(open_ms[mine], o, h, low, c, v)


def _columns(frame: pd.DataFrame) -> Columns:
    is_keyed = not isinstance(frame.index, pd.DatetimeIndex)
    open_ms = frame.index.to_numpy() * MINUTE_MS if is_keyed else _epoch_ms(frame.index)
    o, h, low, c = (frame[name].to_numpy() for name in ("o", "h", "low", "c"))
    return Columns(open_ms, o, h, low, c, frame["v"].to_numpy().astype(np.int64))
