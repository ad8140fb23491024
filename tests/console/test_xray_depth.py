"""What an x-ray read anew, as rows: a plot that is to scale, and words for what does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.lines import Look, text_of, width_of
from console.widgets.candles import candle_plot, candle_table
from console.widgets.xray_depth import depth_rows
from console.words import Words
from engine.xray import Candle
from uds.model import Timeframe

from .xrays import xray_of_a_cell

WORDS = Words()
SOUND = xray_of_a_cell("NGAS", Timeframe.H4)
prices = st.floats(0.0001, 1e6)


@given(st.lists(st.tuples(prices, prices, prices, prices), max_size=60), st.integers(0, 120))
def test_every_bar_has_its_column_and_no_row_is_too_long(
    drawn: list[tuple[float, ...]], width: int
) -> None:
    """However wild the prices, the plot is a rectangle."""
    bars = [
        Candle(at, at + 1, o, max(o, c, x, y), min(o, c, x, y), c, 1, 0, 0, (), None)
        for at, (o, c, x, y) in enumerate(drawn)
    ]
    rows = candle_plot(bars, 2, width, 8)

    shown = min(len(bars), max(0, width - 12))
    assert (8 if shown else 0) == len(rows)
    assert {shown} == {len(row[0].text) for row in rows} or not rows
    assert all(any(row[0].text[at] != " " for row in rows) for at in range(shown))


def test_a_bar_that_fell_is_solid_and_one_that_rose_is_light() -> None:
    """Told by shade and not by colour."""
    fell = Candle(0, 1, 9.0, 10.0, 1.0, 2.0, 1, 0, 0, (), None)
    rose = replace(fell, o=2.0, c=9.0)
    rows = candle_plot([fell, rose], 1, 40, 9)

    assert "││" == rows[0][0].text
    assert "█░" == rows[4][0].text
    assert ("10.0", "1.0") == (rows[0][1].text.strip(), rows[-1][1].text.strip())


@pytest.mark.parametrize("width", [30, 44, 80, 200])
def test_the_newest_bar_is_the_first_row_of_the_table(width: int) -> None:
    """With its file, and of a partial one what it was made of."""
    head, first, *rest = candle_table(SOUND.candles, 2, 12, width, WORDS)

    assert "FILE" in text_of(head)
    assert f"{SOUND.candles[-1].c:.2f}" in text_of(first)
    assert "42-1" in text_of(first)
    assert "179/240 M1 market shut" in text_of(rest[1])
    assert 11 == len(rest)


def test_what_does_not_fit_is_said_in_words() -> None:
    """A checksum that fails, a tail that differs, bars that fail their digest, Redis away."""
    assert SOUND.derive is not None
    derive = replace(SOUND.derive, is_altered=True)
    bad = replace(SOUND, is_sound=False, derive=derive, held=None, cache_error="Redis is\x1b gone.")
    rows = list(depth_rows(bad, 80, WORDS))
    failed = " ".join(span.text for row in rows for span in row if span.look is Look.FAILED)

    assert "NOT as recorded" in failed
    assert "fail their digest" in failed
    assert "gone." in failed
    assert "\x1b" not in failed


def test_rows_keep_to_their_width() -> None:
    """Facts are wrapped; the table is cropped by whoever draws it."""
    rows = list(depth_rows(replace(SOUND, candles=()), 50, WORDS))

    assert 50 >= max(map(width_of, rows))
    assert list(depth_rows(replace(SOUND, candles=(), files=(), held=None), 50, WORDS))
