"""The law of derive: step by step equals at once equals a plain oracle, bar for bar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.absorb import absorb
from engine.aggregate import aggregate, aggregate_all
from engine.calendars.buckets import Anchors, bucket_open
from engine.calendars.trading_calendar import CalendarRules, DailyBreak, TradingCalendar
from engine.derive import derive, derive_touched, dirty_buckets
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, Coverage, PartialReason, Timeframe

from . import market_oracle

SETTLE_MS = 15_000
NEW_YORK = Anchors()
METAL = TradingCalendar(
    CalendarRules(
        "America/New_York",
        "Sun 18:00",
        "Fri 16:45",
        daily_breaks=(DailyBreak("17:00", "18:00"),),
    )
)
HONG_KONG = TradingCalendar(
    CalendarRules(
        "Asia/Hong_Kong",
        "Mon 09:15",
        "Sat 03:00",
        daily_breaks=(DailyBreak("03:00", "09:15"), DailyBreak("12:00", "13:00")),
    )
)
ALWAYS = TradingCalendar(CalendarRules("UTC", "Mon 00:00", "Mon 00:00"))
AT_THE_LAW = settings(max_examples=max(500, settings().max_examples))


def ms(iso: str) -> int:
    """UTC ms of a text such as `2022-11-04T20:54`."""
    return round(datetime.fromisoformat(iso + "+00:00").timestamp() * 1_000)


STARTS = [
    ms(iso)
    for iso in (
        "2022-03-13T05:10",
        "2022-11-06T04:50",
        "2022-11-04T17:30",
        "2022-11-06T22:40",
        "2022-10-30T00:00",
        "2025-12-31T21:30",
        "2026-06-10T20:20",
        "2026-06-11T03:30",
    )
]


def m1_of(opens: np.ndarray, rng: np.random.Generator) -> Bars:
    """M1 with prices of two decimals drawn for these opens."""
    o, c = rng.integers(9_000, 11_000, (2, len(opens)))
    h, low = np.maximum(o, c) + 30, np.minimum(o, c) - rng.integers(0, 40, len(opens))
    o, h, low, c = (column / 100 for column in (o, h, low, c))
    return Bars.of(opens, opens + MINUTE_MS, o, h, low, c, rng.integers(1, 99, len(opens)))


def rows(bars: Bars) -> list[tuple[float, ...]]:
    """The bars as tuples of plain numbers, as the oracle gives them."""
    return list(zip(*(column.tolist() for column in bars.columns), strict=True))


@cache
def tradable_around(calendar: TradingCalendar, start_ms: int) -> set[int]:
    """Opens of the open minutes from a bucket before a start until well after its M1."""
    minutes = range(start_ms - 6 * 60 * MINUTE_MS, start_ms + 14 * 60 * MINUTE_MS, MINUTE_MS)
    return {minute for minute in minutes if market_oracle.is_open(minute, calendar.rules)}


@AT_THE_LAW
@given(
    seed=st.integers(0, 2**32 - 1),
    start_ms=st.sampled_from(STARTS),
    minutes=st.integers(1, 420),
    density=st.sampled_from((0.05, 0.5, 0.97, 1.0)),
    calendar=st.sampled_from((METAL, HONG_KONG, ALWAYS)),
    anchor=st.sampled_from((NEW_YORK, Anchors("UTC", "00:00", "00:00"), Anchors(h4="17:30"))),
    revised=st.booleans(),
)
def test_step_by_step_equals_at_once_equals_oracle(
    seed: int,
    start_ms: int,
    minutes: int,
    density: float,
    calendar: TradingCalendar,
    anchor: Anchors,
    revised: bool,
) -> None:
    """Any set of M1 in any chunks, order and repetition; a revision wins by its fetch number."""
    rng = np.random.default_rng(seed)
    opens = start_ms + np.flatnonzero(rng.random(minutes) < density) * MINUTE_MS
    market = m1_of(opens, rng)
    m1, coverage, settled_ms = Bars.empty(), Coverage(), start_ms
    stored = dict.fromkeys(DERIVED_TIMEFRAMES, Bars.empty())
    for _ in range(int(rng.integers(1, 6))):
        first, last = np.sort(rng.integers(0, minutes + 1, 2)) * MINUTE_MS + start_ms
        if revised:
            market = m1_of(opens, rng)
        m1 = absorb(m1, market.between(int(first), int(last))).bars
        coverage = coverage.add(int(first), int(last))
        now_ms = settled_ms + SETTLE_MS + int(rng.integers(0, 300)) * MINUTE_MS
        for from_ms, until_ms in ((int(first), int(last)), (settled_ms, now_ms - SETTLE_MS)):
            if from_ms < until_ms:
                made = derive_touched(
                    m1, from_ms, until_ms, anchor, calendar, coverage, now_ms, SETTLE_MS
                )
                stored = {tf: bars.merged(made[tf]) for tf, bars in stored.items()}
        settled_ms = now_ms - SETTLE_MS

    at_once = derive(m1, anchor, calendar, coverage, settled_ms + SETTLE_MS, SETTLE_MS)
    plain = {
        open_ms: (o, h, low, c, v)
        for open_ms, o, h, low, c, v in zip(
            *(column.tolist() for column in (m1.open_time_ms, m1.o, m1.h, m1.low, m1.c, m1.v)),
            strict=True,
        )
    }
    tradable = tradable_around(calendar, start_ms)
    covered = {minute for a, b in coverage for minute in range(a, b, MINUTE_MS)}
    for timeframe in DERIVED_TIMEFRAMES:
        oracle = market_oracle.derive(
            plain, timeframe, anchor.zone, anchor.h4, tradable, covered, settled_ms
        )
        assert oracle == rows(at_once[timeframe])
        assert at_once[timeframe].same_as(stored[timeframe])


@given(
    seed=st.integers(0, 2**32 - 1),
    anchor=st.sampled_from((NEW_YORK, Anchors("Europe/Berlin", "00:00", "02:30"))),
)
def test_the_cascade_equals_direct_aggregation(seed: int, anchor: Anchors) -> None:
    """M1→M5→…→H4 must be M1→H4, also for a grid whose edges stand on half hours."""
    rng = np.random.default_rng(seed)
    opens = STARTS[1] + np.flatnonzero(rng.random(700) < rng.random()) * MINUTE_MS
    m1 = m1_of(opens, rng)

    together = aggregate_all(m1, (*DERIVED_TIMEFRAMES, Timeframe.D1), anchor)

    for timeframe, (bars, count) in together.items():
        assert bars.same_as(aggregate(m1, timeframe, anchor))
        keys = [bucket_open(int(at), timeframe, anchor) for at in opens]
        assert [keys.count(key) for key in sorted(set(keys))] == count.tolist()


@pytest.mark.parametrize("anchor", [NEW_YORK, Anchors(h4="17:30")])
def test_long_history_in_blocks_equals_its_parts(anchor: Anchors) -> None:
    """History is cut into blocks for the cache; a bar across a cut would be two halves."""
    rng = np.random.default_rng(3)
    opens = STARTS[0] + np.flatnonzero(rng.random(200_000) < 0.8) * MINUTE_MS
    m1 = m1_of(opens, rng)

    together = aggregate_all(m1, DERIVED_TIMEFRAMES, anchor)

    for timeframe, (bars, count) in together.items():
        middle_ms = int(bars.open_time_ms[len(bars) // 2])
        halves = (m1.between(0, middle_ms), m1.between(middle_ms, 2**53))
        older, newer = (aggregate(half, timeframe, anchor) for half in halves)
        assert older.merged(newer).same_as(bars)
        assert len(m1) == count.sum()


def day(minutes: int = 240, hole: slice = slice(0, 0)) -> tuple[Bars, Coverage, int]:
    """One H4 of New York from 2026-06-10 13:00 UTC, with a hole; covered; and its close."""
    from_ms = ms("2026-06-10T13:00")
    opens = np.delete(from_ms + np.arange(minutes) * MINUTE_MS, hole)
    m1 = m1_of(opens, np.random.default_rng(5))
    return m1, Coverage.of([(from_ms, from_ms + 240 * MINUTE_MS)]), from_ms + 240 * MINUTE_MS


def test_a_whole_bar_has_no_extensions() -> None:
    """Readers take zeros for `nothing to explain`."""
    m1, coverage, close_ms = day()

    h4 = derive(m1, NEW_YORK, METAL, coverage, close_ms + SETTLE_MS, SETTLE_MS)[Timeframe.H4]

    assert [(0, 0, 0)] == [row[7:] for row in rows(h4)]


def test_missing_minutes_are_counted_and_do_not_hold_a_bar_back() -> None:
    """Brokers send nothing for a silent minute; counting N of N would starve the bar for ever."""
    m1, coverage, close_ms = day(hole=slice(100, 107))

    made = derive(m1, NEW_YORK, METAL, coverage, close_ms + SETTLE_MS, SETTLE_MS)

    assert [(233, 240, PartialReason.NO_TICK)] == [row[7:] for row in rows(made[Timeframe.H4])]
    assert 47 == len(made[Timeframe.M5])


def test_a_bucket_without_m1_has_no_bar() -> None:
    """A flat bar would be an invention; whitespace is a view."""
    m1, coverage, close_ms = day(hole=slice(60, 120))

    h1 = derive(m1, NEW_YORK, METAL, coverage, close_ms + SETTLE_MS, SETTLE_MS)[Timeframe.H1]

    assert [13, 15, 16] == [
        datetime.fromtimestamp(at / 1_000, UTC).hour for at in h1.open_time_ms.tolist()
    ]


def test_a_bar_is_final_only_when_its_close_has_settled() -> None:
    """A closed minute appears 5 to 8 s late; one millisecond early is too early."""
    m1, coverage, close_ms = day()

    early = derive(m1, NEW_YORK, METAL, coverage, close_ms + SETTLE_MS - 1, SETTLE_MS)

    assert 0 == len(early[Timeframe.H4])
    assert 3 == len(early[Timeframe.H1])


def test_fridays_last_h4_is_final_on_friday_evening() -> None:
    """The week ends 16:45 and the bucket 17:00; waiting for Sunday would starve every weekend."""
    from_ms, shut_ms = ms("2026-01-09T18:00"), ms("2026-01-09T21:45")
    m1 = m1_of(np.arange(from_ms, shut_ms, MINUTE_MS), np.random.default_rng(5))
    now_ms = ms("2026-01-09T22:00") + SETTLE_MS

    h4 = derive(m1, NEW_YORK, METAL, Coverage.of([(from_ms, shut_ms)]), now_ms, SETTLE_MS)

    assert [(225, 240, PartialReason.CALENDAR_PAUSE)] == [row[7:] for row in rows(h4[Timeframe.H4])]


def test_a_bucket_whose_head_was_not_fetched_is_held_back() -> None:
    """Serving it would show a wrong open, and correct it later without a word."""
    m1, coverage, close_ms = day()
    begins_ms = close_ms - 200 * MINUTE_MS
    coverage = Coverage.of([(begins_ms, close_ms)])
    m1 = m1.between(begins_ms, close_ms)

    made = derive(m1, NEW_YORK, METAL, coverage, close_ms + SETTLE_MS, SETTLE_MS)

    assert 0 == len(made[Timeframe.H4])
    assert 3 == len(made[Timeframe.H1])


def test_where_history_itself_begins_the_first_bucket_is_final_and_says_so() -> None:
    """Nothing older will ever come, so the bar is as whole as it can be: BOUNDARY."""
    m1, _, close_ms = day()
    begins_ms = close_ms - 200 * MINUTE_MS
    coverage = Coverage.of([(begins_ms, close_ms)])
    m1 = m1.between(begins_ms, close_ms)

    made = derive(
        m1,
        NEW_YORK,
        METAL,
        coverage,
        close_ms + SETTLE_MS,
        SETTLE_MS,
        history_begins_ms=begins_ms,
    )

    assert [(200, 240, PartialReason.BOUNDARY)] == [row[7:] for row in rows(made[Timeframe.H4])]


def test_final_replaces_so_a_revised_high_may_go_down() -> None:
    """Merging would keep a high that never was (I3)."""
    m1, coverage, close_ms = day()
    spike = replace(m1.take(slice(9, 10)), h=np.array([999.0]))
    with_spike = absorb(m1, spike).bars
    mended = absorb(with_spike, m1.take(slice(9, 10))).bars

    before, after = (
        derive(bars, NEW_YORK, METAL, coverage, close_ms + SETTLE_MS, SETTLE_MS)[Timeframe.H4]
        for bars in (with_spike, mended)
    )

    assert 999.0 == before.h[0]
    assert m1.h.max() == before.merged(after).h[0]


def test_arrivals_are_counted_as_new_repeated_and_revised() -> None:
    """A revision is normal but never silent; a repetition must cost nothing."""
    m1, _, _ = day()
    stored = m1.take(slice(0, 10))
    arrived = absorb(
        m1.take(slice(5, 15)), replace(m1.take(slice(6, 8)), v=np.array([7_000, 7_001]))
    )

    absorbed = absorb(stored, arrived.bars)

    assert (5, 3, 2) == (
        absorbed.new_count,
        absorbed.repeated_count,
        absorbed.revision_count,
    )
    assert 15 == len(absorbed.bars)
    assert [6, 7, 10, 11, 12, 13, 14] == (
        (absorbed.changed_open_ms - m1.open_time_ms[0]) // MINUTE_MS
    ).tolist()


def test_dirty_buckets_are_those_a_late_minute_belongs_to() -> None:
    """A repair recomputes these and nothing else."""
    late = np.array([ms("2026-06-10T13:07"), ms("2026-06-10T13:01"), ms("2026-06-10T13:09")])

    assert [ms("2026-06-10T13:00"), ms("2026-06-10T13:05")] == dirty_buckets(
        late, Timeframe.M5, NEW_YORK
    ).tolist()


def test_a_live_minute_derives_only_the_buckets_it_touches() -> None:
    """The end is exclusive: the minute that ends at 14:00 is no part of the hour that begins."""
    m1, coverage, close_ms = day()
    last_ms = ms("2026-06-10T13:59")

    made = derive_touched(
        m1,
        last_ms,
        last_ms + MINUTE_MS,
        NEW_YORK,
        METAL,
        coverage,
        close_ms + SETTLE_MS,
        SETTLE_MS,
    )

    assert dict.fromkeys(DERIVED_TIMEFRAMES, 1) == {tf: len(bars) for tf, bars in made.items()}
    assert ms("2026-06-10T13:00") == made[Timeframe.H1].last_open_ms


@pytest.mark.parametrize("timeframe", DERIVED_TIMEFRAMES)
def test_no_m1_gives_no_bars(timeframe: Timeframe) -> None:
    """An empty symbol is an answer, not an error."""
    made = derive(Bars.empty(), NEW_YORK, METAL, Coverage(), 0, SETTLE_MS, (timeframe,))

    assert 0 == len(made[timeframe])
