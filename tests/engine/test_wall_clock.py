"""Wall time is resolved by one rule, and places without known clock changes are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars.wall_clock import offsets
from engine.calendars.wall_time import check_zone, parse_local

from . import market_oracle

PLACES = ("America/New_York", "Europe/Berlin", "Asia/Hong_Kong", "UTC", "Australia/Lord_Howe")


@pytest.mark.parametrize(
    "zone",
    ["EST", "Etc/GMT+5", "UTC+2", "GMT", "EST5EDT", "CET", "posix/EST", "+02:00", "", "../x/y"],
)
def test_a_zone_that_is_not_a_place_is_refused_with_its_remedy(zone: str) -> None:
    """A fixed offset is right for half a year: that class of incident must be impossible."""
    with pytest.raises(ValueError, match="name a place such as America/New_York"):
        check_zone(zone)


def test_a_place_nobody_knows_is_refused() -> None:
    """A typing error must not become UTC."""
    with pytest.raises(ValueError, match="not in the time zone database"):
        check_zone("America/New_Yrok")


def test_an_hour_that_happens_twice_counts_from_its_first_pass() -> None:
    """01:30 in New York on 2022-11-06 is first 05:30 UTC, an hour later 06:30 UTC."""
    clock = offsets("America/New_York", 2022, 2022)

    found = clock.to_utc(np.array([parse_local("2022-11-06T01:30")]))

    assert [parse_local("2022-11-06T05:30")] == found.tolist()


def test_the_end_of_the_hour_that_happens_twice_is_after_its_second_pass() -> None:
    """At the change the clock shows 01:00 again; 02:00 comes an hour later, at 07:00 UTC."""
    clock = offsets("America/New_York", 2022, 2022)

    found = clock.to_utc(np.array([parse_local("2022-11-06T02:00")]))

    assert [parse_local("2022-11-06T07:00")] == found.tolist()


def test_a_time_the_clock_skips_is_the_instant_of_the_change() -> None:
    """02:30 on 2022-03-13 never happened in New York; the clock jumped at 07:00 UTC."""
    clock = offsets("America/New_York", 2022, 2022)

    found = clock.to_utc(np.array([parse_local("2022-03-13T02:30")]))

    assert [parse_local("2022-03-13T07:00")] == found.tolist()


@given(
    zone=st.sampled_from(PLACES),
    minute=st.integers(0, 130 * 365 * 1_440),
    day=st.integers(-3, 3),
)
def test_wall_time_is_the_first_instant_the_clock_shows_it(
    zone: str, minute: int, day: int
) -> None:
    """The fast form must find what walking minute by minute finds, near changes above all."""
    near = (datetime(1975, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)).astimezone(ZoneInfo(zone))
    changes = offsets(zone, near.year - 1, near.year + 1).from_ms[1:]
    wall = near.replace(tzinfo=None, fold=0)
    if len(changes):
        at = datetime.fromtimestamp(int(changes[-1]) / 1_000, UTC).replace(tzinfo=None)
        wall = at + timedelta(days=day, minutes=minute % 1_440)
    clock = offsets(zone, wall.year - 1, wall.year + 1)

    found = clock.to_utc(np.array([round(wall.replace(tzinfo=UTC).timestamp() * 1_000)]))

    assert [market_oracle.first_instant(wall, ZoneInfo(zone))] == found.tolist()


@given(zone=st.sampled_from(PLACES), ts_s=st.integers(0, 7_258_118_399))
def test_offsets_are_those_of_the_time_zone_database(zone: str, ts_s: int) -> None:
    """Changes are found by probing each day; every second of 1970 to 2199 must come out right."""
    year = datetime.fromtimestamp(ts_s, UTC).year
    offset = datetime.fromtimestamp(ts_s, ZoneInfo(zone)).utcoffset()
    found = offsets(zone, year, year)

    in_force = found.offset_ms[found.from_ms.searchsorted(ts_s * 1_000, side="right") - 1]

    assert offset == timedelta(milliseconds=int(in_force))
