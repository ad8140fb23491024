"""The tape of a replay: it runs, stands, steps and is sought in, by a clock that is held."""

from __future__ import annotations

import pytest

from console.tape import SPEEDS, Tape
from engine.boots.recording import Recording, Step
from engine.event_log import Posted
from engine.events import StoreOpened
from tests.console import scenes
from tests.console.scenes import OPENED_MS

TIMES_S = (0, 1, 1, 4, 10)


class Clock:
    """Seconds that pass when the test says so."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def a_recording() -> Recording:
    """Changes after 1, 1, 4 and 10 seconds; the token tells them apart."""
    status = scenes.cold(["XAU/USD"])
    steps = [Step(OPENED_MS, status)]
    for token, at_s in enumerate(TIMES_S[1:], start=1):
        at_ms = OPENED_MS + 1_000 * at_s
        steps.append(Step(at_ms, Posted(token, at_ms, StoreOpened(token))))
    return Recording({}, steps)


@pytest.fixture
def clock() -> Clock:
    """The time of the one who watches."""
    return Clock()


@pytest.fixture
def tape(clock: Clock) -> Tape:
    """At its beginning, standing."""
    return Tape(a_recording(), clock)


def since_s(tape: Tape) -> float:
    """Recorded seconds since the beginning."""
    return (tape.now_ms - OPENED_MS) / 1_000


def test_it_stands_until_it_is_played(tape: Tape, clock: Clock) -> None:
    """Whoever opens a record wants to see its beginning."""
    clock.now_s += 5

    assert (since_s(tape), tape.status.owner_token) == (0, None)
    assert tape.next_change_s is None


def test_it_runs_as_fast_as_it_was_recorded(tape: Tape, clock: Clock) -> None:
    """And says when to look again."""
    tape.play()
    assert tape.next_change_s == 1.0
    clock.now_s += 1.5
    assert (since_s(tape), tape.status.owner_token) == (1.5, 2)
    assert tape.next_change_s == 2.5

    tape.pause()
    clock.now_s += 60
    assert since_s(tape) == 1.5


def test_speed_counts_from_where_it_is_changed(tape: Tape, clock: Clock) -> None:
    """Faster must not leap."""
    tape.play()
    clock.now_s += 1
    tape.turn_speed(1)
    assert (since_s(tape), tape.speed) == (1.0, 2.0)
    clock.now_s += 1
    assert since_s(tape) == 3.0
    assert tape.next_change_s == 0.5

    tape.turn_speed(-99)
    assert SPEEDS[0] == tape.speed
    tape.turn_speed(99)
    assert SPEEDS[-1] == tape.speed


def test_it_stops_at_its_end_and_begins_again(tape: Tape, clock: Clock) -> None:
    """The last picture stays."""
    tape.play()
    clock.now_s += 1_000
    assert (since_s(tape), tape.status.owner_token, tape.is_running) == (10.0, 4, False)

    tape.play()
    assert (since_s(tape), tape.status.owner_token, tape.is_running) == (0.0, None, True)


def test_a_step_is_a_moment_and_stands(tape: Tape) -> None:
    """Two changes in one millisecond were never seen apart."""
    tape.play()
    seen = []
    for moments in (1, 1, 1, 1, -1, -1, -1, -1, 2):
        tape.step(moments)
        seen.append((since_s(tape), tape.status.owner_token))

    assert seen == [(1, 2), (4, 3), (10, 4), (10, 4), (4, 3), (1, 2), (0, None), (0, None), (4, 3)]
    assert not tape.is_running


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("3", 3.0),
        ("3.5s", 3.5),
        ("0:04", 4.0),
        ("0:00:02.5", 2.5),
        ("+1", 6.0),
        ("-1.5", 3.5),
        ("-99", 0.0),
        ("1:00", 10.0),
        (" 2 ", 2.0),
    ],
)
def test_a_place_is_sought_by_time(tape: Tape, text: str, expected_s: float) -> None:
    """Since the beginning, or from here with a sign; never past the ends."""
    tape.seek("5")

    assert tape.seek(text)
    assert expected_s == since_s(tape)


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "--1", "1e3", "٣"])
def test_what_is_no_time_moves_nothing(tape: Tape, text: str) -> None:
    """A typing mistake must not lose the place."""
    tape.seek("5")

    assert not tape.seek(text)
    assert since_s(tape) == 5.0


def test_seeking_while_it_runs_goes_on_from_there(tape: Tape, clock: Clock) -> None:
    """And the time it took to type is not added."""
    tape.play()
    clock.now_s += 3
    tape.seek("1")
    clock.now_s += 0.5

    assert (since_s(tape), tape.position) == (1.5, (3, 5))


def test_a_step_back_shows_what_was_there(tape: Tape) -> None:
    """The same value as on the way there."""
    tape.step(1)
    there = tape.status
    tape.step(1)
    tape.step(-1)

    assert there == tape.status
