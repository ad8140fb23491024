"""Bucket keys: one rule, scalar and vector, held to published vectors and to a slow oracle."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars.buckets import (
    Anchors,
    bucket_close,
    bucket_closes,
    bucket_edges,
    bucket_open,
    bucket_opens,
)
from uds.model import Timeframe

from . import market_oracle

NEW_YORK = Anchors()
DOCUMENT = Path(__file__).parents[2] / "docs" / "buckets.md"
PLACES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC")

anchors = st.builds(
    Anchors,
    st.sampled_from(PLACES),
    st.sampled_from(("17:00", "00:00", "02:30")),
    st.sampled_from(("17:00", "01:30", "02:00")),
)
hours = st.integers(0, 130 * 365 * 24)


def ms(text: str) -> int:
    """UTC ms of a text such as `2025-12-24 13:52`."""
    return round(datetime.fromisoformat(text + "+00:00").timestamp() * 1_000)


def text(ts_ms: int) -> str:
    """The inverse of `ms`."""
    return f"{datetime.fromtimestamp(ts_ms / 1_000, UTC):%Y-%m-%d %H:%M}"


def published(instant: str) -> str:
    """A line of the table in the document, from the code."""
    ts_ms = ms(instant)
    local = datetime.fromtimestamp(ts_ms / 1_000, ZoneInfo("America/New_York"))
    floors = [text(bucket_open(ts_ms, tf, NEW_YORK))[11:] for tf in Timeframe if tf < Timeframe.H4]
    walls = [
        text(edge(ts_ms, tf, NEW_YORK))
        for tf in (Timeframe.H4, Timeframe.D1)
        for edge in (bucket_open, bucket_close)
    ]
    return "| " + " | ".join([instant, f"{local:%a %H:%M %Z}", *floors, *walls]) + " |"


def test_the_published_vectors_are_what_the_code_gives() -> None:
    """Other programs check themselves against this table, so it may not drift from the code."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| 2")]

    assert [published(line.split(" | ")[0].strip("| ")) for line in lines] == lines
    assert 40 < len(lines)


def test_six_h4_fill_every_new_york_trading_day() -> None:
    """17 21 01 05 09 13 in New York: the same wall times in winter and in summer."""
    for first_open in ("2026-01-07 22:00", "2026-07-08 21:00"):
        edges = bucket_edges(ms(first_open), ms(first_open) + 86_400_000, Timeframe.H4, NEW_YORK)

        assert [ms(first_open) + k * 4 * 3_600_000 for k in range(7)] == edges.tolist()


@pytest.mark.parametrize(
    ("saturday", "h4_hours", "d1_hours"),
    [("2026-03-07 22:00", 3, 23), ("2026-10-31 21:00", 5, 25), ("2026-06-06 21:00", 4, 24)],
)
def test_a_clock_change_makes_one_bucket_shorter_or_longer(
    saturday: str, h4_hours: int, d1_hours: int
) -> None:
    """The grid is wall time, so the night of the change, when nobody trades, takes it up."""
    edges = bucket_edges(ms(saturday), ms(saturday) + 86_400_000, Timeframe.H4, NEW_YORK)
    lasts_h = [int(width) // 3_600_000 for width in np.diff(edges)]
    d1_ms = bucket_close(ms(saturday), Timeframe.D1, NEW_YORK) - ms(saturday)

    assert h4_hours in lasts_h
    assert {4, h4_hours} == set(lasts_h)
    assert d1_hours * 3_600_000 == d1_ms


def test_a_million_bars_have_as_many_days_as_the_calendar() -> None:
    """A cursor into the offset table loses its place on unsorted times; a pure function cannot."""
    from_ms, until_ms = ms("2021-01-03 22:00"), ms("2022-12-01 22:00")
    times = np.arange(from_ms, until_ms, 60_000)
    shuffled = np.random.default_rng(7).permutation(times)

    days = np.unique(bucket_opens(shuffled, Timeframe.D1, NEW_YORK))

    assert 697 == len(days)


@given(
    anchor=anchors, timeframe=st.sampled_from(Timeframe), hour=hours, second=st.integers(0, 3599)
)
def test_scalar_vector_and_oracle_agree(
    anchor: Anchors, timeframe: Timeframe, hour: int, second: int
) -> None:
    """Keys are identities: two roads to a key must never differ by a bucket."""
    ts_ms = (hour * 3_600 + second + 40 * 86_400) * 1_000
    wall = anchor.d1 if timeframe is Timeframe.D1 else anchor.h4
    column = np.array([ts_ms], dtype=np.int64)

    expected = market_oracle.bucket(ts_ms, timeframe, anchor.zone, wall)

    assert expected == (
        bucket_open(ts_ms, timeframe, anchor),
        bucket_close(ts_ms, timeframe, anchor),
    )
    assert expected == (
        bucket_opens(column, timeframe, anchor)[0],
        bucket_closes(column, timeframe, anchor)[0],
    )


@given(
    anchor=anchors,
    timeframe=st.sampled_from((Timeframe.H4, Timeframe.D1)),
    year=st.integers(1990, 2099),
    month=st.sampled_from((3, 4, 10, 11)),
    minute=st.integers(0, 30 * 1_440),
)
def test_oracle_agrees_in_the_months_of_clock_changes(
    anchor: Anchors, timeframe: Timeframe, year: int, month: int, minute: int
) -> None:
    """Chance alone seldom hits the two nights a year that matter."""
    ts_ms = ms(f"{year}-{month:02}-01 00:00") + minute * 60_000
    wall = anchor.d1 if timeframe is Timeframe.D1 else anchor.h4

    assert market_oracle.bucket(ts_ms, timeframe, anchor.zone, wall) == (
        bucket_open(ts_ms, timeframe, anchor),
        bucket_close(ts_ms, timeframe, anchor),
    )


def test_times_of_no_known_year_are_refused() -> None:
    """A corrupt timestamp must be loud, not filed under the nearest year."""
    with pytest.raises(ValueError, match="1970 to 2199"):
        bucket_open(2**60, Timeframe.D1, NEW_YORK)


def test_an_anchor_in_a_fixed_offset_zone_is_refused() -> None:
    """It would be right for half of the year."""
    with pytest.raises(ValueError, match="fixed offset"):
        Anchors("EST")
