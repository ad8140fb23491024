"""Open hours: from wall time of a place to instants, right through every clock change."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars.trading_calendar import (
    CalendarRules,
    DailyBreak,
    EarlyClose,
    Holiday,
    LateOpen,
    Outage,
    TradingCalendar,
)

MINUTE = 60_000
METAL = TradingCalendar(
    CalendarRules(
        "America/New_York",
        "Sun 18:00",
        "Fri 16:45",
        daily_breaks=(DailyBreak("17:00", "18:00"),),
        holidays=(Holiday("2025-12-25", "Christmas", "test"),),
        early_closes=(
            EarlyClose("2025-12-24", "13:52", "Christmas Eve", "test"),
            EarlyClose("2025-07-03", "13:00", "Eve of the fourth", "test", reopen="18:00"),
        ),
        late_opens=(LateOpen("2025-12-26", "01:31", "After Christmas", "test"),),
        outages=(Outage("2026-03-03T10:00", "2026-03-03T11:00", "Fire", "test"),),
    )
)
HONG_KONG = TradingCalendar(
    CalendarRules(
        "Asia/Hong_Kong",
        "Mon 09:15",
        "Sat 03:00",
        daily_breaks=(
            DailyBreak("03:00", "09:15"),
            DailyBreak("12:00", "13:00"),
            DailyBreak("16:30", "17:15"),
        ),
    )
)
NIGHTLY_BREAK = TradingCalendar(
    CalendarRules(
        "Europe/Berlin", "Mon 01:15", "Fri 22:00", daily_breaks=(DailyBreak("22:00", "01:15"),)
    )
)
ALWAYS = TradingCalendar(CalendarRules("UTC", "Mon 00:00", "Mon 00:00"))
CALENDARS = (METAL, HONG_KONG, NIGHTLY_BREAK, ALWAYS)

instants = st.integers(
    round(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * 1_000,
    round(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000,
)


def ms(iso: str) -> int:
    """UTC ms of a text such as `2025-12-24T13:52`."""
    return round(datetime.fromisoformat(iso + "+00:00").timestamp() * 1_000)


def test_christmas_of_a_metal_is_shut_as_it_was_measured() -> None:
    """Shut 2025-12-24 18:52Z to 12-26 06:31Z: early close, holiday and late open join up."""
    open_ms, close_ms = ms("2025-12-24T18:52"), ms("2025-12-26T06:31")

    assert close_ms == METAL.next_open(open_ms)
    assert open_ms == METAL.next_close(ms("2025-12-24T12:00"))
    assert 0 == METAL.open_duration_ms(open_ms, close_ms)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2025-12-23T20:00", None),
        ("2025-12-23T22:30", "session_break"),
        ("2025-12-24T19:00", "holiday"),
        ("2025-12-26T06:30", "holiday"),
        ("2025-12-26T06:31", None),
        ("2025-12-27T12:00", "weekend"),
        ("2026-03-03T15:30", "outage"),
        ("1969-12-31T23:59", "outage"),
        ("2200-01-01T00:00", "outage"),
    ],
)
def test_every_shut_minute_says_why(at: str, reason: str | None) -> None:
    """A hole is classified by this word, so it must be the most regular one that holds."""
    assert reason == METAL.why_shut(ms(at))


def test_an_early_close_may_reopen_the_same_evening() -> None:
    """On the eve of a US holiday metals pause at 13:00 and trade again at 18:00."""
    assert ms("2025-07-03T22:00") == METAL.next_open(ms("2025-07-03T17:00"))


@pytest.mark.parametrize(
    ("sunday", "open_at"),
    [
        ("2026-03-01T12:00", "2026-03-01T23:00"),
        ("2026-03-08T12:00", "2026-03-08T22:00"),
        ("2026-10-25T12:00", "2026-10-25T22:00"),
        ("2026-11-01T12:00", "2026-11-01T23:00"),
    ],
)
def test_a_clock_change_needs_no_edit(sunday: str, open_at: str) -> None:
    """18:00 in New York is 23:00Z in winter and 22:00Z in summer; Europe's dates play no part."""
    assert ms(open_at) == METAL.next_open(ms(sunday))


def test_a_break_over_midnight_ends_in_the_morning() -> None:
    """An index that pauses 22:00 to 01:15 is shut at midnight and open at 01:15 Berlin time."""
    assert ms("2026-02-04T00:15") == NIGHTLY_BREAK.next_open(ms("2026-02-03T22:00"))


def test_lunch_breaks_split_a_day_into_sessions() -> None:
    """Hong Kong has three sessions a day; one break a day would not describe it."""
    spans = HONG_KONG.open_intervals(ms("2026-02-03T01:15"), ms("2026-02-03T19:00"))

    assert [
        [ms("2026-02-03T01:15"), ms("2026-02-03T04:00")],
        [ms("2026-02-03T05:00"), ms("2026-02-03T08:30")],
        [ms("2026-02-03T09:15"), ms("2026-02-03T19:00")],
    ] == spans.tolist()


def test_a_weekend_is_not_a_long_pause() -> None:
    """Pauses are measured in open-market time: Friday 16:00 to Sunday 18:30 is 75 minutes."""
    assert 75 * MINUTE == METAL.open_duration_ms(ms("2026-01-09T21:00"), ms("2026-01-11T23:30"))


def test_warm_up_steps_back_over_closed_hours() -> None:
    """4 320 open minutes are three days and more; the answer must hold exactly that many."""
    until_ms = ms("2026-01-05T12:00")
    from_ms = METAL.back(until_ms, 4_320)

    assert 4_320 == METAL.expected_minutes(from_ms, until_ms)
    assert 4_319 == METAL.expected_minutes(from_ms + 1, until_ms)


def test_stepping_back_beyond_all_time_ends() -> None:
    """A wrong number in a configuration must not hang the start."""
    assert 0 == METAL.back(ms("2026-01-05T12:00"), 10**9)


def test_no_known_time_is_left_after_2199() -> None:
    """A question without an answer is an error, not a search for ever."""
    with pytest.raises(ValueError, match="never opens after"):
        METAL.next_open(ms("2200-01-01T00:00"))


def test_a_calendar_that_never_opens_is_refused() -> None:
    """Two breaks that fill the day would make every cell final and empty."""
    breaks = (DailyBreak("00:00", "12:00"), DailyBreak("12:00", "00:00"))
    with pytest.raises(ValueError, match="never opens"):
        TradingCalendar(CalendarRules("UTC", "Mon 00:00", "Sat 00:00", daily_breaks=breaks))


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: CalendarRules("EST", "Sun 18:00", "Fri 16:45"), "fixed offset"),
        (lambda: CalendarRules("UTC", "Sunday 18:00", "Fri 16:45"), "begin with a day"),
        (lambda: CalendarRules("UTC", "Sun 24:00", "Fri 16:45"), "not a wall time"),
        (lambda: DailyBreak("17:00", "17:00"), "no length"),
        (lambda: Holiday("25.12.2025", "Christmas", "test"), "isoformat"),
        (lambda: EarlyClose("2025-12-24", "13:00", "x", "test", reopen="12:00"), "reopens"),
        (lambda: Outage("2025-01-02T00:00", "2025-01-01T00:00", "x", "test"), "ends before"),
        (lambda: Outage("2025-01-01T00:00Z", "2025-01-02T00:00", "x", "test"), "offset"),
    ],
)
def test_rules_that_mean_nothing_are_refused(build: object, sentence: str) -> None:
    """A calendar is read once at the start; what is wrong in it must be said there."""
    assert callable(build)
    with pytest.raises(ValueError, match=sentence):
        build()


@given(calendar=st.sampled_from(CALENDARS), at=instants, minutes=st.integers(1, 30_000))
def test_every_question_agrees_with_every_other(
    calendar: TradingCalendar, at: int, minutes: int
) -> None:
    """All answers come from one table; asked in different words they must not differ."""
    until = at + minutes * MINUTE
    opens = calendar.minutes(at, until)
    grid = np.arange(-(-at // MINUTE) * MINUTE, until, MINUTE)
    mask = calendar.are_open(grid)
    spans = calendar.open_intervals(at, until)
    next_open = calendar.next_open(at)

    assert grid[mask].tolist() == opens.tolist()
    assert len(opens) == calendar.expected_minutes(at, until)
    assert int((spans[:, 1] - spans[:, 0]).sum()) == calendar.open_duration_ms(at, until)
    assert calendar.is_open(next_open)
    assert 0 == calendar.open_duration_ms(at, next_open)
    if calendar is not ALWAYS:
        next_close = calendar.next_close(next_open)
        assert not calendar.is_open(next_close)
        assert next_close - next_open == calendar.open_duration_ms(next_open, next_close)
    shut = calendar.shut_intervals(at, until)
    assert until - at == calendar.open_duration_ms(at, until) + sum(b - a for a, b, _ in shut)
    assert all(calendar.why_shut(start) == reason for start, _, reason in shut)


@given(calendar=st.sampled_from(CALENDARS), until=instants, count=st.integers(0, 20_000))
def test_stepping_back_is_exact_and_latest(
    calendar: TradingCalendar, until: int, count: int
) -> None:
    """One minute less would miss a bar of the warm-up, one more would fetch a page too much."""
    from_ms = calendar.back(until, count)

    assert count == calendar.expected_minutes(from_ms, until)
    assert count == 0 or count - 1 == calendar.expected_minutes(from_ms + 1, until)


@given(st.lists(instants, max_size=20), st.integers(0, 10_000))
def test_expected_minutes_of_many_ranges_are_those_of_each(starts: list[int], width: int) -> None:
    """The vector form decides finality, the scalar form explains it to the operator."""
    from_ms = np.array(starts, dtype=np.int64)

    counts = HONG_KONG.expected_minutes(from_ms, from_ms + width * MINUTE)

    assert [HONG_KONG.expected_minutes(at, at + width * MINUTE) for at in starts] == counts.tolist()
