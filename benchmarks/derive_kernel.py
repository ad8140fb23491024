"""How fast M1 become M3 to H4, ours against polars, pandas, duckdb and plain Python.

Every variant starts from its library's own table of M1 in memory and ends with its own six
tables per symbol. Before anything is timed each answer is compared, bar for bar, with one
made directly from M1 on the published wall-clock grid; the report counts what is wrong.
Run it as `python -m benchmarks.derive_kernel`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import NamedTuple

import numpy as np

from engine.aggregate import aggregate_all
from engine.config import Config
from engine.derive import derive
from uds.model import DERIVED_TIMEFRAMES, Bars, Timeframe

from . import derive_plain
from .derive_case import (
    Case,
    Columns,
    Derived,
    Score,
    Series,
    Variant,
    case_of,
    load_configuration,
    one_by_one,
    right_answer,
    score,
)
from .machine import (
    OTHER_LOAD_MAX,
    Usage,
    description,
    in_words,
    load_before,
    other_load,
    settle_allocator,
)
from .rounds import Timed, in_turn

REFUSED = 5
KERNEL = "ours: aggregate_all"
_SETTLE_MS = 15_000
_RIVALS = ("polars", "pandas", "duckdb")
_LEAST_S = 0.03
"""A fast variant is repeated within its turn until this has passed."""


class _Size(NamedTuple):
    """A length of history and how often it is measured."""

    name: str
    minutes: int
    """Least open minutes of each symbol."""
    until: datetime
    """End of the history; a change of New York's clock lies inside."""
    series_count: int | None
    """How many of the symbols; None is all."""
    plain_count: int
    """How many of the series plain Python derives."""
    rounds: int
    targets: tuple[tuple[str, float], ...]
    """How many times faster than the best right variant of a library we mean to be."""


_WEEK_OF_CHANGE = datetime(2026, 3, 10, 22, tzinfo=UTC)
_LAST_OF_MAY = datetime(2026, 5, 31, tzinfo=UTC)
_QUICK = _Size("3 days", 4_320, _WEEK_OF_CHANGE, None, 13, 3, (("polars", 3.5),))
_FULL = (
    _QUICK._replace(rounds=21),
    _Size(
        "1 year",
        365_000,
        _LAST_OF_MAY,
        None,
        1,
        7,
        (("polars", 1.2), ("pandas", 4.0), ("duckdb", 4.0)),
    ),
    _Size("5 years", 1_825_000, _LAST_OF_MAY, 1, 1, 5, ()),
)
_LONGEST_SYMBOL = "USD/CAD"
"""Where one series stands for all: the longest, as currency pairs have no daily break."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.derive_kernel", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 days only, in a few rounds")
    parser.add_argument("--force", action="store_true", help="run beside other load, and say so")
    chosen = parser.parse_args(arguments)
    load = load_before(watch_s=1 if chosen.quick else 5)
    is_quiet = load is not None and load <= OTHER_LOAD_MAX
    if not is_quiet and not chosen.force:
        print(
            f"Refused: other load on this machine is {in_words(load)}, the limit is "
            f"{OTHER_LOAD_MAX:.0%}. Wait, or label the run with --force.",
            file=sys.stderr,
        )
        return REFUSED
    config = load_configuration()
    print(f"derive M1 -> M3 M5 M15 M30 H1 H4; {description()}, numpy {np.__version__}")
    print(f"other load before: {in_words(load)}{'' if is_quiet else '   NOT QUIET, forced'}")
    settle_allocator()
    for size in (_QUICK,) if chosen.quick else _FULL:
        _measure(size, config)
    return 0


def _measure(size: _Size, config: Config) -> None:
    symbols = config.symbols if size.series_count is None else (_LONGEST_SYMBOL,)
    until_ms = round(size.until.timestamp()) * 1_000
    case = case_of(size.name, config, symbols, until_ms, size.minutes)
    variants = [*_ours(case), *_rivals(case), *derive_plain.variants(case, size.plain_count)]
    expected = [right_answer(one.m1, case.anchors) for one in case.series]
    scores = {variant.name: score(variant.answer(), expected) for variant in variants}
    since = Usage.now()
    timed = in_turn(
        {variant.name: (variant.derive, variant.m1_count) for variant in variants},
        KERNEL,
        size.rounds,
        _LEAST_S,
    )
    load = other_load(since, Usage.now())
    loud = "" if load is not None and load <= OTHER_LOAD_MAX else "   NOT QUIET"
    print(
        f"\n{size.name}: {len(case.series)} series, {case.m1_count:,} M1, {size.rounds} rounds, "
        f"other load meanwhile {in_words(load)}{loud}"
    )
    _print_table(variants, timed, scores)
    _print_targets(size, timed, scores)


def _ours(case: Case) -> list[Variant]:
    now_ms = case.until_ms + _SETTLE_MS

    def aggregated(one: Series) -> dict[Timeframe, Bars]:
        made = aggregate_all(one.m1, DERIVED_TIMEFRAMES, case.anchors)
        return {timeframe: found.bars for timeframe, found in made.items()}

    def final(one: Series) -> dict[Timeframe, Bars]:
        return derive(one.m1, case.anchors, one.calendar, one.coverage, now_ms, _SETTLE_MS)

    def variant(name: str, kernel: Callable[[Series], dict[Timeframe, Bars]]) -> Variant:
        def answer(one: Series) -> Derived:
            return {timeframe: _columns(bars) for timeframe, bars in kernel(one).items()}

        return one_by_one(name, case, case.series, kernel, answer)

    return [variant(KERNEL, aggregated), variant("ours: derive, finality and reasons too", final)]


def _columns(bars: Bars) -> Columns:
    return Columns(bars.open_time_ms, bars.o, bars.h, bars.low, bars.c, bars.v)


def _rivals(case: Case) -> list[Variant]:
    """The variants of every library that is installed; the others are named as missing."""
    found: list[Variant] = []
    for library in _RIVALS:
        try:
            room = import_module(f".derive_{library}", __package__)
        except ModuleNotFoundError as error:
            if error.name != library:
                raise
            print(f"{library} is not installed; pip install -c constraints.txt -e '.[bench]'")
            continue
        found += room.variants(case)
    return found


def _print_table(
    variants: Sequence[Variant], timed: dict[str, Timed], scores: dict[str, Score]
) -> None:
    print(
        f"{'':52}{'M M1/s':>8}{'x ours':>8}{'H4 right':>10}{'wrong':>7}{'missing':>9}{'other':>7}"
    )
    for variant in variants:
        found, result = timed[variant.name], scores[variant.name]
        speed = variant.m1_count / found.pass_s / 1e6
        print(
            f"{variant.name:52}{speed:8.2f}{found.ratio:8.2f}{result.h4_right:10,}"
            f"{result.h4_wrong:7,}{result.h4_missing:9,}{result.others_wrong:7,}"
        )


def _print_targets(size: _Size, timed: dict[str, Timed], scores: dict[str, Score]) -> None:
    """The best variant of each library whose keys are all right, against the target."""
    targets = dict(size.targets)
    for library in _RIVALS:
        right = [name for name in timed if name.startswith(library) and scores[name].is_right]
        if not right:
            continue
        best = min(right, key=lambda name: timed[name].ratio)
        verdict = ""
        if library in targets:
            reached = "reached" if timed[best].ratio >= targets[library] else "MISSED"
            verdict = f"   target {targets[library]:.1f} x: {reached}"
        print(f"best right {best}: {timed[best].ratio:.2f} x our time{verdict}")


if __name__ == "__main__":
    sys.exit(main())
