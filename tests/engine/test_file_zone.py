"""Clocks of files: their names, and wall times that come twice or never."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.history.file_zone import file_zone
from engine.history.zone_detection import CANDIDATES
from tests.engine.history_files import HOUR_MS, wall_ms
from tests.engine.sample_markets import ms
from uds.model import MINUTE_MS


@pytest.mark.parametrize(
    ("name", "place", "hours"),
    [
        ("UTC", "UTC", 0),
        ("EST5", "UTC", -5),
        ("UTC-5", "UTC", -5),
        ("UTC+05:30", "UTC", 5.5),
        ("Europe/Athens", "Europe/Athens", 0),
        ("America/Port-au-Prince", "America/Port-au-Prince", 0),
        ("America/New_York+7", "America/New_York", 7),
    ],
)
def test_a_clock_is_a_place_or_hours_from_one(name: str, place: str, hours: float) -> None:
    """Servers follow New York from seven hours ahead; no place in the world does."""
    zone = file_zone(name)

    assert (name, place, hours * HOUR_MS) == (zone.name, zone.place, zone.ahead_ms)


@pytest.mark.parametrize("name", ["EST", "", "CET", "Etc/GMT+5", "Europe/Nowhere", "UTC+15", "-5"])
def test_a_name_that_may_mean_two_clocks_is_refused(name: str) -> None:
    """EST is a fixed offset to one program and New York to the next."""
    with pytest.raises(ValueError, match=r"UTC-5 \(or EST5"):
        file_zone(name)


@given(
    st.sampled_from(CANDIDATES),
    st.lists(st.integers(946_684_800, 4_102_444_799), min_size=1, max_size=30, unique=True),
    st.booleans(),
)
@settings(deadline=None)
def test_the_way_to_wall_time_and_back(
    name: str, instants_s: list[int], is_newest_first: bool
) -> None:
    """Against the time zone database itself, a century long, whichever row comes first."""
    instants = np.array(sorted(instants_s, reverse=is_newest_first), dtype=np.int64)
    ts_ms = instants // 60 * MINUTE_MS

    found = file_zone(name).to_utc(wall_ms(ts_ms, name))

    sure = ~found.is_ambiguous
    assert np.array_equal(ts_ms[sure], found.ts_ms[sure])
    assert not found.is_skipped.any()


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("America/New_York", "2022-11-06T06:00"),
        ("Europe/Athens", "2022-10-30T01:00"),
        ("America/New_York+7", "2022-11-06T06:00"),
    ],
)
@pytest.mark.parametrize("step", [1, -1])
def test_an_hour_that_comes_twice_is_read_in_the_order_of_the_file(
    zone: str, around: str, step: int
) -> None:
    """A market that never shuts trades through it; both hours must survive, in their order."""
    ts_ms = (ms(around) + np.arange(-120, 120) * MINUTE_MS)[::step]

    found = file_zone(zone).to_utc(wall_ms(ts_ms, zone))

    assert np.array_equal(ts_ms, found.ts_ms)
    assert 120 == found.is_ambiguous.sum()
    assert not found.is_skipped.any()


def test_a_time_that_never_was_is_told() -> None:
    """A row at 02:30 on the night of the jump says that the clock is another one."""
    wall = ms("2022-03-13T02:30") + np.arange(-60, 60, 30) * MINUTE_MS

    found = file_zone("America/New_York").to_utc(wall)

    assert [False, True, True, False] == found.is_skipped.tolist()
    assert ms("2022-03-13T06:30") == found.ts_ms[0]
    assert ms("2022-03-13T07:00") == found.ts_ms[3]


def test_no_rows_are_no_question() -> None:
    """An empty file is converted like any other."""
    assert 0 == len(file_zone("Europe/Athens").to_utc(np.zeros(0, dtype=np.int64)).ts_ms)
