"""What was fetched and what that proves: the live edge, holes, bucket states, drift."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars.calendar_drift import Drift, calendar_drift
from engine.calendars.trading_calendar import CalendarRules, DailyBreak, Holiday, TradingCalendar
from engine.coverage import BucketState, Hole, LiveEdge, bucket_states, classify_holes
from uds.model import MINUTE_MS, Coverage

SETTLE_MS = 15_000
METAL = TradingCalendar(
    CalendarRules(
        "America/New_York",
        "Sun 18:00",
        "Fri 16:45",
        daily_breaks=(DailyBreak("17:00", "18:00"),),
        holidays=(Holiday("2026-01-01", "New Year", "test"),),
    )
)


def ms(iso: str) -> int:
    """UTC ms of a text such as `2026-01-09T21:44`."""
    return round(datetime.fromisoformat(iso + "+00:00").timestamp() * 1_000)


NOON = ms("2026-01-07T12:00")


def after(minutes: float) -> int:
    """UTC ms so many minutes after noon of a trading day."""
    return NOON + round(minutes * MINUTE_MS)


def test_coverage_advances_only_to_the_close_of_the_newest_row() -> None:
    """What was asked beyond it may only be late, not empty."""
    edge, proved = LiveEdge().answered(after(0), after(10), after(7), after(10.1), SETTLE_MS)

    assert ((after(0), after(7)),) == proved.intervals
    assert after(7) == edge.newest_close_ms


def test_a_closed_minute_that_appears_late_is_never_lost() -> None:
    """Minute 7 closes at 8:00 and shows up 8 s later; asked before that it must stay open."""
    edge, _ = LiveEdge().answered(after(0), after(7), after(7), after(7.2), SETTLE_MS)

    edge, early = edge.answered(after(7), after(8), None, after(8) + 2_000, SETTLE_MS)
    edge, late = edge.answered(after(7), after(9), after(8), after(8) + 9_000, SETTLE_MS)

    assert () == early.intervals
    assert ((after(7), after(8)),) == late.intervals


def test_a_newer_row_turns_silence_into_evidence() -> None:
    """The broker sent nothing for three minutes and then minute 10: the three had no tick."""
    edge, _ = LiveEdge().answered(after(0), after(7), after(7), after(7.2), SETTLE_MS)
    edge, silence = edge.answered(after(7), after(10), None, after(10.5), SETTLE_MS)

    edge, proved = edge.answered(after(10), after(11), after(11), after(11.2), SETTLE_MS)

    assert () == silence.intervals
    assert ((after(7), after(11)),) == proved.intervals


def test_two_empty_answers_a_minute_apart_prove_silence() -> None:
    """Else Friday's last minutes would stay a gap until Sunday, asked for again and again."""
    edge, _ = LiveEdge().answered(after(0), after(7), after(7), after(7.2), SETTLE_MS)

    edge, first = edge.answered(after(7), after(8), None, after(8) + SETTLE_MS, SETTLE_MS)
    edge, soon = edge.answered(after(7), after(9), None, after(8) + SETTLE_MS + 59_999, SETTLE_MS)
    edge, enough = edge.answered(after(7), after(9), None, after(9) + SETTLE_MS, SETTLE_MS)

    assert () == first.intervals
    assert () == soon.intervals
    assert ((after(7), after(8)),) == enough.intervals


def test_an_empty_answer_before_the_minute_settled_does_not_count() -> None:
    """The first of the two may not come before close + settle: the row could still be due."""
    edge, _ = LiveEdge().answered(after(0), after(7), after(7), after(7.2), SETTLE_MS)

    edge, _ = edge.answered(after(7), after(8), None, after(8) + SETTLE_MS - 1, SETTLE_MS)
    edge, proved = edge.answered(after(7), after(8), None, after(9) + SETTLE_MS, SETTLE_MS)

    assert () == proved.intervals


def test_silence_that_was_told_under_a_clock_ahead_counts_no_more() -> None:
    """The clock was set back: what was empty then had not been published, and still may come."""
    edge, _ = LiveEdge().answered(after(0), after(7), after(7), after(7.2), SETTLE_MS)

    edge, _ = edge.answered(after(7), after(60), None, after(60) + SETTLE_MS, SETTLE_MS)
    edge, first = edge.answered(after(7), after(8), None, after(8) + SETTLE_MS, SETTLE_MS)
    edge, second = edge.answered(after(7), after(9), None, after(9) + SETTLE_MS, SETTLE_MS)

    assert () == first.intervals
    assert ((after(7), after(8)),) == second.intervals


def test_old_history_without_rows_is_covered_at_once() -> None:
    """A newer row was seen long ago, so an empty page of last year is proof."""
    edge = LiveEdge(newest_close_ms=NOON)

    _, proved = edge.answered(after(-900), after(-600), None, after(1), SETTLE_MS)

    assert ((after(-900), after(-600)),) == proved.intervals


@given(
    st.lists(st.tuples(st.integers(0, 20), st.floats(0, 4)), min_size=1, max_size=30),
    st.sets(st.integers(0, 90)),
)
def test_no_row_that_will_come_is_ever_covered_unseen(
    polls: list[tuple[int, float]], ticked: set[int]
) -> None:
    """Rows appear 8 s after their close; whatever is covered must have been seen by then."""
    edge, seen, at_ms, covered = LiveEdge(), set[int](), after(0), Coverage()
    for back, wait in polls:
        at_ms += round(wait * MINUTE_MS)
        from_ms = at_ms // MINUTE_MS * MINUTE_MS - back * MINUTE_MS
        visible = {
            after(m) for m in ticked if after(m) >= from_ms and after(m + 1) + 8_000 <= at_ms
        }
        seen |= visible
        last_ms = max(visible) + MINUTE_MS if visible else None
        edge, proved = edge.answered(from_ms, at_ms, last_ms, at_ms, SETTLE_MS)
        covered = Coverage.of((*covered, *proved))

    rows_inside = {after(m) for m in ticked if not covered.gaps(after(m), after(m + 1)).intervals}
    assert rows_inside <= seen


def test_every_hole_has_its_kind() -> None:
    """Only a gap is fetched; repairing a break, a holiday or a silence would never end."""
    from_ms, until_ms = ms("2026-01-09T21:00"), ms("2026-01-12T00:00")
    opens = np.setdiff1d(METAL.minutes(from_ms, until_ms), [ms("2026-01-09T21:30")])
    covered = Coverage.of([(from_ms, ms("2026-01-11T23:30"))])
    present = opens[opens < ms("2026-01-11T23:30")]

    assert (
        Hole(ms("2026-01-09T21:30"), ms("2026-01-09T21:31"), "no_tick"),
        Hole(ms("2026-01-09T21:45"), ms("2026-01-11T23:00"), "weekend"),
        Hole(ms("2026-01-11T23:30"), until_ms, "gap"),
    ) == classify_holes(present, covered, METAL, from_ms, until_ms)


def test_breaks_and_holidays_are_told_apart() -> None:
    """A break comes every day; a holiday is a line in the configuration that can be wrong."""
    from_ms, until_ms = ms("2026-01-01T04:59"), ms("2026-01-02T06:00")
    opens = METAL.minutes(from_ms, until_ms)

    holes = classify_holes(opens, Coverage.of([(from_ms, until_ms)]), METAL, from_ms, until_ms)

    assert ["holiday", "session_break", "holiday"] == [hole.kind for hole in holes]


@pytest.mark.parametrize(
    ("covered", "now", "state"),
    [
        ([("14:00", "18:00")], "18:00:14.999", BucketState.FORMING),
        ([("14:00", "18:00")], "18:00:15", BucketState.FINAL),
        ([("10:00", "17:00")], "18:00:15", BucketState.CLOSED_UNCOVERED),
        ([("15:00", "18:00")], "18:00:15", BucketState.PARTIAL_HEAD),
        ([("15:00", "17:00")], "18:00:15", BucketState.CLOSED_UNCOVERED),
        ([("14:00", "15:00"), ("15:01", "18:00")], "18:00:15", BucketState.CLOSED_UNCOVERED),
        ([], "18:00:15", BucketState.CLOSED_UNCOVERED),
    ],
)
def test_a_bucket_has_four_states(
    covered: list[tuple[str, str]], now: str, state: BucketState
) -> None:
    """An H4 of a full trading day is final when settled and fetched from end to end."""
    today = "2026-01-07T"
    spans = Coverage.of([(ms(today + a), ms(today + b)) for a, b in covered])
    open_ms = np.array([ms(today + "14:00")])

    states = bucket_states(
        open_ms, open_ms + 4 * 3_600_000, spans, METAL, ms(today + now), SETTLE_MS
    )

    assert [state] == states.tolist()


def test_the_hours_after_the_bell_need_not_be_fetched() -> None:
    """Friday 13:00-17:00 New York ends at 16:45; nobody can fetch what is not traded."""
    open_ms = np.array([ms("2026-01-09T18:00")])
    covered = Coverage.of([(ms("2026-01-09T10:00"), ms("2026-01-09T21:45"))])
    now_ms = ms("2026-01-09T22:00") + SETTLE_MS

    states = bucket_states(open_ms, open_ms + 4 * 3_600_000, covered, METAL, now_ms, SETTLE_MS)

    assert [BucketState.FINAL] == states.tolist()


def test_a_bucket_the_calendar_denies_must_be_covered_whole() -> None:
    """If bars come while the calendar says shut, it lies, and only coverage can be believed."""
    open_ms = np.array([ms("2026-01-10T12:00")])
    spans = (open_ms, open_ms + 300_000)
    half = Coverage.of([(ms("2026-01-10T12:00"), ms("2026-01-10T12:03"))])
    whole = half.add(ms("2026-01-10T12:00"), ms("2026-01-10T12:05"))
    now_ms = ms("2026-01-10T13:00")

    assert [BucketState.CLOSED_UNCOVERED] == bucket_states(
        *spans, half, METAL, now_ms, SETTLE_MS
    ).tolist()
    assert [BucketState.FINAL] == bucket_states(*spans, whole, METAL, now_ms, SETTLE_MS).tolist()


def test_a_session_that_keeps_its_hours_does_not_drift() -> None:
    """A minute more or less at the bell is no news."""
    from_ms, until_ms = ms("2026-01-06T22:30"), ms("2026-01-08T22:30")
    opens = METAL.minutes(from_ms, until_ms)

    assert () == calendar_drift(
        opens[opens != ms("2026-01-06T23:00")],
        Coverage.of([(from_ms, until_ms)]),
        METAL,
        from_ms,
        until_ms,
    )


def test_a_session_with_other_hours_is_told_with_evidence() -> None:
    """The calendar opens at 18:00 New York, the market an hour later: the operator must know."""
    from_ms, until_ms = ms("2026-01-06T22:30"), ms("2026-01-08T22:30")
    opens = METAL.minutes(from_ms, until_ms)
    late = opens[(opens < ms("2026-01-07T23:00")) | (opens >= ms("2026-01-08T00:00"))]

    drifts = calendar_drift(late, Coverage.of([(from_ms, until_ms)]), METAL, from_ms, until_ms)

    assert (
        Drift(
            ms("2026-01-07T23:00"),
            ms("2026-01-08T22:00"),
            ms("2026-01-08T00:00"),
            ms("2026-01-08T22:00"),
        ),
    ) == drifts
    assert (3_600_000, 0) == (drifts[0].opens_late_ms, drifts[0].closes_late_ms)


def test_a_session_that_the_question_cuts_is_not_judged() -> None:
    """Its first minute lies before the range, so the first one in it says nothing."""
    from_ms, until_ms = ms("2026-01-07T12:00"), ms("2026-01-07T22:30")
    opens = METAL.minutes(ms("2026-01-07T13:00"), until_ms)

    assert () == calendar_drift(opens, Coverage.of([(from_ms, until_ms)]), METAL, from_ms, until_ms)


def test_an_unknown_holiday_drifts_once_it_is_covered() -> None:
    """A covered session without any row is the calendar's error, a session not fetched is not."""
    from_ms, until_ms = ms("2026-01-06T22:30"), ms("2026-01-07T22:30")
    none = np.zeros(0, dtype=np.int64)

    fetched = calendar_drift(none, Coverage.of([(from_ms, until_ms)]), METAL, from_ms, until_ms)
    unfetched = calendar_drift(none, Coverage(), METAL, from_ms, until_ms)

    assert [None] == [drift.first_ms for drift in fetched]
    assert () == unfetched
