"""Reading history files: the good rows, and a true account of the bad ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.history.formats import NotHistory, read_lines, read_ticks
from engine.history.reading import in_utc
from engine.history.rows import Rows
from tests.engine.sample_markets import FX

HEADER = "open_ms,o,h,l,c,v"
GOOD = "60000,1.5,1.7,1.4,1.6,9"


def parse_bars(text: bytes) -> Rows:
    """The rows of a file in our own CSV."""
    return in_utc(read_lines(text, "csv"), FX).rows


def bars_text(*lines: str) -> bytes:
    """A bar file of these lines."""
    return "\n".join((HEADER, *lines, "")).encode()


def test_a_good_file_has_no_fault() -> None:
    """Silence is the answer to a good file, or the operator learns to ignore notes."""
    rows = parse_bars(bars_text(GOOD, "120000,1.6,1.6,1.5,1.5,3.0"))

    assert [[60000, 1.5, 1.7, 1.4, 1.6, 9], [120000, 1.6, 1.6, 1.5, 1.5, 3]] == rows.values.tolist()
    assert rows.fault is None


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("120000,1.5,high,1.4,1.6,9", id="not a number"),
        pytest.param("120000,1.5,1.7,1.4,1.6", id="too short"),
        pytest.param("120000,1.5,1.7,1.4,1.6,9,1", id="too long"),
        pytest.param("120000,nan,1.7,1.4,1.6,9", id="NaN"),
        pytest.param("120000,1.5,inf,1.4,1.6,9", id="infinite"),
        pytest.param("120000,1.5,1.55,1.4,1.6,9", id="high below close"),
        pytest.param("120000,1.5,1.7,1.55,1.6,9", id="low above open"),
        pytest.param("120000,1.5,1.7,0,1.6,9", id="price of zero"),
        pytest.param("120000,1.5,1.7,1.4,1.6,-1", id="negative volume"),
        pytest.param("120000,1.5,1.7,1.4,1.6,1e300", id="volume beyond counting"),
        pytest.param("120001,1.5,1.7,1.4,1.6,9", id="not a whole minute"),
        pytest.param("-60000,1.5,1.7,1.4,1.6,9", id="before 1970"),
        pytest.param("99999999960000,1.5,1.7,1.4,1.6,9", id="far future"),
        pytest.param("\ufffd\x00", id="not text"),
    ],
)
def test_a_bad_line_costs_itself_alone(bad: str) -> None:
    """One bad line must neither end the history nor pass unnoticed."""
    rows = parse_bars(bars_text(GOOD, bad, "180000,1.6,1.6,1.5,1.5,3"))

    assert [60000, 180000] == rows.times.tolist()
    assert (1, 0, 0) == (rows.bad_count, rows.repeated_count, rows.unordered_count)
    assert "lines 1 bad and dropped; the first is line 3" == rows.fault


def test_a_repeated_open_keeps_the_last_line() -> None:
    """A correction stands below what it corrects."""
    rows = parse_bars(bars_text(GOOD, GOOD.replace("1.7", "1.8"), "120000,2,2,2,2,1"))

    assert [1.8, 2.0] == rows.values[:, 2].tolist()
    assert "lines 1 repeated by a later line and dropped; the first is line 2" == rows.fault


def test_an_unsorted_file_is_sorted_and_told() -> None:
    """Today's platform writes unsorted parts; the bars are good, the order is not."""
    rows = parse_bars(bars_text("180000,1,1,1,1,1", GOOD, "120000,2,2,2,2,2", "60000,3,3,3,3,3"))

    assert [[60000, 3], [120000, 2], [180000, 1]] == rows.values[:, :2].tolist()
    assert (0, 1, 3) == (rows.bad_count, rows.repeated_count, rows.unordered_count)
    assert 3 == rows.first_fault_line


def test_the_last_line_of_a_long_unsorted_file_wins() -> None:
    """Only a sort that keeps equal times in order knows which line came last."""
    lines = [f"{60_000 * (7 * n % 10)},{n + 1},{n + 1},{n + 1},{n + 1},1" for n in range(500)]

    rows = parse_bars(bars_text(*lines))

    assert 490 == rows.repeated_count
    assert list(range(491, 501)) == sorted(rows.values[:, 1].tolist())


def test_line_numbers_count_blank_lines() -> None:
    """The operator opens the file at the line that we name."""
    rows = parse_bars(bars_text("", GOOD, "", "x"))

    assert [60000] == rows.times.tolist()
    assert 5 == rows.first_fault_line


def test_windows_line_ends_and_a_byte_order_mark_are_no_faults() -> None:
    """A spreadsheet writes both."""
    rows = parse_bars(b"\xef\xbb\xbf" + bars_text(GOOD).replace(b"\n", b"\r\n"))

    assert [60000] == rows.times.tolist()
    assert rows.fault is None


@pytest.mark.parametrize("text", [b"", b"time,open\n", GOOD.encode(), b"ts_ms,bid,ask\n"])
def test_another_header_is_refused(text: bytes) -> None:
    """Guessing the columns would make bars of something else."""
    with pytest.raises(NotHistory, match=HEADER):
        parse_bars(text)


def test_a_header_alone_is_an_empty_history() -> None:
    """No rows is not a fault of the file."""
    rows = parse_bars(bars_text())

    assert (0, 6) == rows.values.shape
    assert rows.fault is None


def test_ticks_keep_crossed_quotes_and_equal_times() -> None:
    """9 % of real ticks are crossed and several share a millisecond; all of them are quotes."""
    rows = read_ticks(b"ts_ms,bid,ask\n7,1.2,1.1\n7,1.1,1.2\n9,0,1\n8,1,2\n")

    assert [[7, 1.2, 1.1], [7, 1.1, 1.2], [8, 1.0, 2.0]] == rows.values.tolist()
    assert (1, 0, 0) == (rows.bad_count, rows.repeated_count, rows.unordered_count)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.floats(0.00001, 10**6), st.integers(0, 10**6)),
        unique_by=lambda row: row[0],
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=50, deadline=None)
def test_the_fast_and_the_careful_way_agree(rows: list[tuple[int, float, int]]) -> None:
    """One bad line switches the way of reading; it must not change any other row."""
    lines = [f"{minute * 60000},{p!r},{p!r},{p!r},{p!r},{v}" for minute, p, v in sorted(rows)]

    fast = parse_bars(bars_text(*lines))
    careful = parse_bars(bars_text(*lines, "x"))

    assert fast.fault is None
    assert 1 == careful.bad_count
    assert np.array_equal(fast.values, careful.values)
