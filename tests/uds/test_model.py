"""The vocabulary: bars that cannot be insane, coverage that obeys set laws, ordered generations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uds.model import (
    BadBars,
    Bars,
    Coverage,
    Generation,
    SeriesKey,
    Timeframe,
    joined,
)

from .samples import GOLD, any_bars, bars, minute, opens

TWO_BARS: dict[str, list[Any]] = {
    "open_time_ms": [minute(0), minute(1)],
    "close_time_ms": [minute(1), minute(2)],
    "o": [10.0, 11.0],
    "h": [12.0, 12.0],
    "low": [9.0, 10.0],
    "c": [11.0, 11.5],
    "v": [5, 6],
}

REFUSALS = [
    ("open_time_ms", [minute(0), minute(1) + 1], "its open is not a whole minute"),
    ("open_time_ms", [minute(1), minute(1)], "its close is not after its open"),
    ("close_time_ms", [minute(1), minute(0)], "its close is not after its open"),
    ("o", [10.0, float("nan")], "a price is not a finite number above zero"),
    ("h", [12.0, float("inf")], "a price is not a finite number above zero"),
    ("low", [9.0, 0.0], "a price is not a finite number above zero"),
    ("low", [9.0, -1.0], "a price is not a finite number above zero"),
    ("h", [12.0, 11.4], "its high is below another price"),
    ("low", [9.0, 11.1], "its low is above another price"),
    ("v", [5, -1], "its volume is negative"),
]


def test_sane_columns_become_bars() -> None:
    """The sample that every refusal below is one step away from."""
    assert 2 == len(Bars.of(**TWO_BARS))


@pytest.mark.parametrize(("column", "values", "sentence"), REFUSALS)
def test_an_insane_bar_is_refused_by_a_sentence(
    column: str, values: list[Any], sentence: str
) -> None:
    """Foreign numbers stop at this door, and the log says which and why."""
    with pytest.raises(BadBars, match=sentence):
        Bars.of(**TWO_BARS | {column: values})


def test_a_refusal_names_the_row() -> None:
    """A page has a thousand rows: which one the broker got wrong is what matters."""
    with pytest.raises(BadBars) as refused:
        Bars.of(**TWO_BARS | {"v": [5, -1]})

    assert f"bar 1 (open_time_ms {minute(1)}): its volume is negative" == str(refused.value)


@pytest.mark.parametrize("order", [(1, 0), (0, 0)], ids=["descending", "repeated"])
def test_bars_out_of_order_are_refused(order: tuple[int, int]) -> None:
    """An open is a bar's identity: it comes once, and later ones come later."""
    rows = {column: [values[i] for i in order] for column, values in TWO_BARS.items()}

    with pytest.raises(BadBars, match="it does not follow the bar before"):
        Bars.of(**rows)


def test_an_open_before_1970_is_refused() -> None:
    """A negative time is a decoding error somewhere else."""
    with pytest.raises(BadBars, match="it does not follow the bar before"):
        Bars.of([-60_000], [0], [1], [1], [1], [1], [1])


@pytest.mark.parametrize("column", TWO_BARS)
def test_columns_of_different_length_are_refused(column: str) -> None:
    """Half a row is no row."""
    with pytest.raises(BadBars, match="columns differ in length"):
        Bars.of(**TWO_BARS | {column: TWO_BARS[column][:1]})


def test_no_bars_have_no_bounds() -> None:
    """Empty is a value like any other, and None its first and last."""
    nothing = Bars.empty()

    assert 0 == len(nothing)
    assert (None, None, None) == (
        nothing.first_open_ms,
        nothing.last_open_ms,
        nothing.last_close_ms,
    )


def test_bounds_are_those_of_the_first_and_last_bar() -> None:
    """A watermark is the last open, a coverage ends at the last close."""
    found = bars(3)

    assert (minute(0), minute(2), minute(3)) == (
        found.first_open_ms,
        found.last_open_ms,
        found.last_close_ms,
    )


def test_a_newer_bar_replaces_and_never_merges() -> None:
    """If the older one had a higher high, the high goes down (I3)."""
    high = Bars.of([minute(1)], [minute(2)], [5.0], [9.0], [4.0], [5.0], [7])
    final = Bars.of([minute(1)], [minute(2)], [5.0], [6.0], [4.5], [5.0], [3])

    merged = bars(3).merged(high).merged(final)

    assert 3 == len(merged)
    assert (6.0, 4.5, 3) == (merged.h[1], merged.low[1], merged.v[1])


@given(any_bars(), any_bars())
def test_merging_is_a_dictionary_update(older: Bars, newer: Bars) -> None:
    """Whatever overlaps: every open once, ascending, with the newer one's content."""
    expected = {row[0]: row for row in rows_of(older)} | {row[0]: row for row in rows_of(newer)}

    assert [expected[open_ms] for open_ms in sorted(expected)] == rows_of(older.merged(newer))


@given(any_bars(), st.integers(0, 10**9), st.integers(0, 10**9))
def test_between_is_half_open(found: Bars, from_minute: int, until_minute: int) -> None:
    """An inclusive end would serve one bar too many."""
    from_ms, until_ms = from_minute * 60_000, until_minute * 60_000
    expected = [row for row in rows_of(found) if from_ms <= row[0] < until_ms]

    assert expected == rows_of(found.between(from_ms, until_ms))


def test_between_counts_the_open_and_not_the_close() -> None:
    """The bar that opens at the end of a range belongs to the next range."""
    assert [2, 3] == opens(bars(10).between(minute(2), minute(4)))


@pytest.mark.parametrize(("count", "expected"), [(0, []), (2, [3, 4]), (9, [0, 1, 2, 3, 4])])
def test_a_tail_is_the_newest(count: int, expected: list[int]) -> None:
    """Asking for more than there is gives what there is."""
    assert expected == opens(bars(5).tail(count))


def test_equal_bars_are_equal_in_every_column() -> None:
    """One extension, one tick of volume: another bar."""
    found = bars(3)
    columns = {name: getattr(found, name) for name in Bars.__slots__}

    assert found.same_as(bars(3))
    assert not found.same_as(bars(2))
    for name, column in columns.items():
        changed = column.copy()
        changed[-1] += 1
        assert not found.same_as(Bars(**columns | {name: changed}))


def test_nothing_joined_is_nothing() -> None:
    """An answer of no pages is empty, not an error."""
    assert 0 == len(joined([]))
    assert [0, 1, 2] == opens(joined([bars(1), bars(2, 1)]))


# -- coverage -----------------------------------------------------------------------------------

_SPAN = st.tuples(st.integers(0, 30), st.integers(0, 30))
_SPANS = st.lists(_SPAN, max_size=6)


def points(intervals: Any) -> set[int]:
    """The whole numbers in half-open intervals: the model that the laws are checked against."""
    return {n for from_ms, until_ms in intervals for n in range(from_ms, until_ms)}


@given(_SPANS)
def test_coverage_is_the_union_of_its_intervals(spans: list[tuple[int, int]]) -> None:
    """Merged and ascending, with daylight between any two; empty ones leave no trace."""
    covered = Coverage.of(spans)

    assert points(spans) == points(covered)
    assert all(a < b for a, b in covered)
    assert all(
        b < c for (_, b), (c, _) in zip(covered.intervals, covered.intervals[1:], strict=False)
    )


@given(_SPANS, _SPAN)
def test_adding_is_union_and_cutting_is_difference(
    spans: list[tuple[int, int]], span: tuple[int, int]
) -> None:
    """A ledger that loses a minute loses a bar; one that invents a minute hides a gap."""
    covered = Coverage.of(spans)

    assert points(spans) | points([span]) == points(covered.add(*span))
    if span[0] <= span[1]:
        assert points(spans) - points([span]) == points(covered.without(*span))


@given(_SPANS, _SPAN)
def test_gaps_and_coverage_make_the_whole(
    spans: list[tuple[int, int]], span: tuple[int, int]
) -> None:
    """What is to be fetched is exactly what was asked less what is covered."""
    covered = Coverage.of(spans)

    assert points([span]) - points(spans) == points(covered.gaps(*span))


@given(_SPANS)
def test_coverage_ends_where_its_newest_interval_ends(spans: list[tuple[int, int]]) -> None:
    """The live edge; None when nothing was ever fetched."""
    known = points(spans)

    assert (max(known) + 1 if known else None) == Coverage.of(spans).until_ms


# -- names --------------------------------------------------------------------------------------


def test_a_generation_is_spelled_with_eight_and_four_digits() -> None:
    """The wire, the file names and the screen have one spelling each."""
    assert "00000042-0003" == str(Generation(42, 3))
    assert "42-3" == Generation(42, 3).short


@given(st.integers(0, 99_999_999), st.integers(0, 9_999))
def test_a_generation_survives_its_spelling(owner: int, n: int) -> None:
    """A manifest's name is the only thing a restart has."""
    assert Generation(owner, n) == Generation.parse(str(Generation(owner, n)))


_GENERATIONS = st.builds(Generation, st.integers(0, 99_999_999), st.integers(0, 9_999))


@given(_GENERATIONS, _GENERATIONS)
def test_generations_sort_as_their_names_do(one: Generation, other: Generation) -> None:
    """The server compares text, the engine numbers: they must agree on what is newer."""
    assert (one < other) == (str(one) < str(other))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42-3",
        "00000042-00003",
        "0000042-0003",
        "00000042_0003",
        "00000042-0003\n",
        "٠" * 8 + "-0001",
    ],
)
def test_anything_else_is_no_generation(text: str) -> None:
    """Redis values and file names are foreign text until they parse."""
    with pytest.raises(ValueError, match="is not a generation"):
        Generation.parse(text)


def test_timeframes_sort_by_width() -> None:
    """The chain of derivation is their order."""
    assert ["M1", "M3", "M5", "M15", "M30", "H1", "H4", "D1"] == [
        tf.name for tf in sorted(Timeframe)
    ]
    assert (300_000, 5) == (Timeframe.M5.ms, Timeframe.M5.minutes)


def test_only_m1_and_d1_come_from_the_broker() -> None:
    """The broker port takes no others (I1), and `src` says so on every line."""
    assert {"M1", "D1"} == {tf.name for tf in Timeframe if tf.src == "history"}


def test_a_series_prints_as_the_operator_calls_it() -> None:
    """Reasons and logs name cells this way."""
    assert "XAU/USD/M5" == str(SeriesKey(GOLD, Timeframe.M5))


def rows_of(found: Bars) -> list[tuple[float, ...]]:
    """Bars as tuples, to be compared with plain Python."""
    return list(zip(*(np.asarray(column).tolist() for column in found.columns), strict=True))
