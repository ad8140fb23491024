"""Five ways to derive with duckdb, from the one in its manual to the fastest we found.

The first buckets instants by 4 h from 17:00 in New York as a user would write it. The others
take the H4 key from wall time without a zone, turned back into UTC, which is right on every
day of the year. `arg_min(o, t)` is right by its definition; "row order" uses `first(o)`,
which costs less and is right only while rows arrive in the order of time. One thread mostly
keeps that order, on long histories not always; the report then counts wrong bars. "All
symbols" puts the series into one table, so that a query's overhead is paid once instead of
thirteen times. On two cores one thread is often faster than two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import numpy as np

from uds.model import DERIVED_TIMEFRAMES, Timeframe

from .derive_case import CHAIN, Case, Columns, Derived, Variant

_BY_DEFINITION = "arg_min(o, t) o, max(h) h, min(low) low, arg_max(c, t) c, sum(v)::BIGINT v"
_BY_ORDER = "first(o) o, max(h) h, min(low) low, last(c) c, sum(v)::BIGINT v"
_INSTANT = "make_timestamptz(t * 1000)"
_INTEGER_KEY = "t // {ms} * {ms}"
_INSTANT_KEY = f"epoch_ms(time_bucket(INTERVAL '{{ms}} ms', {_INSTANT}))"
_ZONE_AWARE = (
    f"epoch_ms(time_bucket(INTERVAL 4 HOUR, {_INSTANT}, "
    "TIMESTAMPTZ '2000-01-01 17:00:00 {zone}'))"
)
_WALL_CLOCK = (
    "epoch_ms(timezone('{zone}', time_bucket(INTERVAL 4 HOUR, "
    f"timezone('{{zone}}', {_INSTANT}), TIMESTAMP '2000-01-01 01:00:00')))"
)


@dataclass(frozen=True, slots=True)
class _Idiom:
    """How the queries are written."""

    name: str
    """As the report says it."""
    aggregates: str
    """The columns of a bar but its open."""
    key: str
    """SQL of the open of M3 to H1; {ms} is their width."""
    h4_key: str
    """SQL of the open of H4; {zone} is the place whose clock it follows."""
    threads: int | None = None
    """Threads of the connection; None leaves the choice to duckdb."""
    all_symbols: bool = False
    """Whether the series share a table."""


_IDIOMS = (
    _Idiom("time_bucket, zone-aware 4h", _BY_DEFINITION, _INSTANT_KEY, _ZONE_AWARE),
    _Idiom("integers, one thread", _BY_DEFINITION, _INTEGER_KEY, _WALL_CLOCK, 1),
    _Idiom("integers, one thread, row order", _BY_ORDER, _INTEGER_KEY, _WALL_CLOCK, 1),
    _Idiom("integers, all symbols", _BY_DEFINITION, _INTEGER_KEY, _WALL_CLOCK, None, True),
    _Idiom("integers, one thread, all symbols", _BY_DEFINITION, _INTEGER_KEY, _WALL_CLOCK, 1, True),
)


def variants(case: Case) -> list[Variant]:
    """All idioms over the case, each with a connection of its own."""
    return [_variant(case, idiom) for idiom in _IDIOMS]


def _variant(case: Case, idiom: _Idiom) -> Variant:
    connection = duckdb.connect(config={} if idiom.threads is None else {"threads": idiom.threads})
    _load(connection, case, together=idiom.all_symbols)
    tables = 1 if idiom.all_symbols else len(case.series)
    queries = [
        query for number in range(tables) for query in _queries(idiom, number, case.anchors.zone)
    ]

    def derive() -> None:
        for query in queries:
            connection.execute(query)

    return Variant(
        f"duckdb {duckdb.__version__}: {idiom.name}",
        derive,
        _answer(connection, derive, len(case.series), together=idiom.all_symbols),
        case.m1_count,
    )


def _load(connection: duckdb.DuckDBPyConnection, case: Case, *, together: bool) -> None:
    """The M1 as native tables: `M1_0` to `M1_12`, or all in `M1_0`."""
    for number, one in enumerate(case.series):
        m1 = one.m1
        columns = {"t": m1.open_time_ms, "o": m1.o, "h": m1.h, "low": m1.low, "c": m1.c, "v": m1.v}
        connection.register("given", columns)
        if not together:
            connection.execute(f"CREATE TABLE M1_{number} AS FROM given")
        elif number == 0:
            connection.execute("CREATE TABLE M1_0 AS SELECT 0 s, * FROM given")
        else:
            connection.execute(f"INSERT INTO M1_0 SELECT {number} s, * FROM given")
        connection.unregister("given")


def _queries(idiom: _Idiom, number: int, zone: str) -> list[str]:
    """One query per timeframe, each into a table of its own."""
    steps = [(tf, parent, idiom.key.format(ms=tf.ms)) for tf, parent in CHAIN]
    steps.append((Timeframe.H4, Timeframe.H1, idiom.h4_key.format(zone=zone)))
    symbol, group = ("s, ", "1, 2") if idiom.all_symbols else ("", "1")
    return [
        f"CREATE OR REPLACE TEMP TABLE {timeframe.name}_{number} AS "
        f"SELECT {symbol}{key} AS t, {_unambiguous(idiom.aggregates)} "
        f"FROM {parent.name}_{number} AS source GROUP BY {group}"
        for timeframe, parent, key in steps
    ]


def _unambiguous(aggregates: str) -> str:
    """Inside the aggregates `t` is the row's own open, not the key of the same name."""
    return aggregates.replace(", t)", ", source.t)")


def _answer(
    connection: duckdb.DuckDBPyConnection,
    derive: Callable[[], None],
    series_count: int,
    *,
    together: bool,
) -> Callable[[], list[Derived]]:
    def columns(timeframe: Timeframe, number: int) -> Columns:
        mine = f"0 WHERE s = {number}" if together else str(number)
        found = connection.execute(
            f"SELECT t, o, h, low, c, v FROM {timeframe.name}_{mine} ORDER BY t"
        ).fetchnumpy()
        open_ms, o, h, low, c, v = (np.asarray(found[name]) for name in found)
        return Columns(open_ms, o, h, low, c, v)

    def answer() -> list[Derived]:
        derive()
        return [
            {timeframe: columns(timeframe, number) for timeframe in DERIVED_TIMEFRAMES}
            for number in range(series_count)
        ]

    return answer
