"""The schedule of restarts: its exact delays, its spread, when it holds and when it forgives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intensity import Backoff, RestartWindow, is_forgiven

SCHEDULE = Backoff(0.1, 10.0)


def failed_at(*moments_s: float, period_s: float = 30.0, intensity: int = 5) -> RestartWindow:
    """A child that failed at these moments."""
    window = RestartWindow()
    for at_s in moments_s:
        window = window.failed(at_s, period_s, intensity)
    return window


def test_the_delays_are_those_the_operator_was_promised() -> None:
    """The screen prints them; seven steps from a tenth of a second to ten."""
    delays = [round(SCHEDULE.delay_s(attempt), 2) for attempt in range(1, 8)]

    assert [0.10, 0.22, 0.46, 1.0, 2.15, 4.64, 10.0] == delays


def test_the_longest_delay_stays() -> None:
    """Never giving up also means never waiting longer than announced."""
    assert pytest.approx(10.0) == SCHEDULE.delay_s(1_000)


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_chance_spreads_a_delay_by_a_fifth_at_most(attempt: int, chance: float) -> None:
    """Children that fell together must not come back together, nor far from the schedule."""
    plain_s = SCHEDULE.delay_s(attempt)

    assert pytest.approx(plain_s, rel=0.2 + 1e-9) == SCHEDULE.delay_s(attempt, chance)


def test_five_failures_in_the_period_are_within_the_intensity() -> None:
    """The sixth is one too many."""
    assert not failed_at(0, 1, 2, 3, 4).is_held
    assert failed_at(0, 1, 2, 3, 4, 5).is_held


def test_failures_older_than_the_period_are_forgotten() -> None:
    """One failure a minute for a year is no crash loop."""
    window = failed_at(*(60.0 * minute for minute in range(100)))

    assert not window.is_held
    assert (99 * 60.0,) == window.failed_at_s


def test_a_held_child_stays_held_although_it_is_tried_once_a_period() -> None:
    """Each try empties the window; without memory five quick restarts would follow each."""
    assert failed_at(0, 1, 2, 3, 4, 5, 35.0, 65.0, 95.0).is_held


def test_a_second_bug_holds_and_failures_of_the_world_do_not_count_as_bugs() -> None:
    """One restart, because many bugs are rare."""
    once = RestartWindow().failed(0, 30, 5, is_bug=True)
    mixed = once.failed(1, 30, 5).failed(2, 30, 5)

    assert (False, False) == (once.is_held, mixed.is_held)
    assert mixed.failed(60, 30, 5, is_bug=True).is_held


@pytest.mark.parametrize(
    ("ready_for_s", "last_delay_s", "forgiven"),
    [(59.9, 0.1, False), (60.0, 0.1, True), (60.0, 31.0, False), (62.0, 31.0, True)],
)
def test_being_ready_for_a_minute_or_twice_the_delay_forgives(
    ready_for_s: float, last_delay_s: float, forgiven: bool
) -> None:
    """Saying ready is not enough: a child may crash right after it, again and again."""
    assert forgiven is is_forgiven(ready_for_s, last_delay_s)
