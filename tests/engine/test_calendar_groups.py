"""The calendars of the built-in configuration, against a slow reference and against history.

CI looks at the days around every clock change of 2020 to 2030; the nightly profile at every
minute of ten years.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import settings

from engine.calendars.calendar_drift import calendar_drift
from engine.calendars.trading_calendar import (
    CalendarRules,
    DailyBreak,
    EarlyClose,
    Holiday,
    LateOpen,
    Outage,
    TradingCalendar,
)
from engine.calendars.wall_clock import offsets
from uds.model import MINUTE_MS, Coverage, Timeframe

from . import market_oracle
from .real_history import bars, needs_real_history
from .test_real_history import NEW_YORK, UTC_DAY

CONFIG = json.loads((Path(__file__).parents[2] / "config.json").read_text())
GROUPS = sorted(CONFIG["calendars"])
IS_NIGHTLY = settings().max_examples > 1_000


def calendar_of(group: str) -> TradingCalendar:
    """The calendar a group of the configuration describes."""
    raw = CONFIG["calendars"][group]
    return TradingCalendar(
        CalendarRules(
            raw["zone"],
            raw["week_open"],
            raw["week_close"],
            tuple(DailyBreak(b["from"], b["until"], b["evidence"]) for b in raw["daily_breaks"]),
            tuple(Holiday(**holiday) for holiday in raw["holidays"]),
            tuple(EarlyClose(**early) for early in raw["early_closes"]),
            tuple(LateOpen(**late) for late in raw["late_opens"]),
            tuple(
                Outage(o["from"], o["until"], o["reason"], o["evidence"]) for o in raw["outages"]
            ),
        )
    )


def ms(iso: str) -> int:
    """UTC ms of a text such as `2022-10-30T21:00`."""
    return round(datetime.fromisoformat(iso + "+00:00").timestamp() * 1_000)


def sampled() -> list[range]:
    """Minutes to compare: all of ten years at night, else the days that can go wrong."""
    if IS_NIGHTLY:
        years = [ms(f"{year}-01-01") for year in range(2020, 2031)]
        return [range(first, last, MINUTE_MS) for first, last in pairwise(years)]
    day = 86_400_000
    changes = [
        int(at)
        for zone in ("America/New_York", "Europe/Berlin")
        for at in offsets(zone, 2020, 2030).from_ms[1:]
    ]
    holidays = [ms("2025-12-25"), ms("2026-01-01"), ms("2026-12-25"), ms("2027-01-01")]
    step = 17 * MINUTE_MS
    return [range(at - 3 * day, at + 3 * day, step) for at in (*changes, *holidays)]


@pytest.mark.parametrize("group", GROUPS)
def test_open_hours_equal_a_slow_reference(group: str) -> None:
    """The reference reads the local clock for each minute and knows no tables."""
    calendar = calendar_of(group)
    for span in sampled():
        minutes = np.array(span, dtype=np.int64)
        expected = [market_oracle.is_open(minute, calendar.rules) for minute in span]
        assert expected == calendar.are_open(minutes).tolist()


@pytest.mark.parametrize("group", GROUPS)
def test_a_full_week_has_the_same_wall_clock_hours_all_year(group: str) -> None:
    """2020 to 2030 without one edit: clock changes fall into closed hours, so no week differs."""
    calendar = calendar_of(group)
    place = ZoneInfo(calendar.rules.zone)
    shut = calendar.shut_intervals(ms("2020-01-08T12:00"), ms("2030-12-30T00:00"))
    weekends = [(start, end) for start, end, reason in shut if reason == "weekend"]
    holidays = [start for start, _, reason in shut if reason == "holiday"]
    hours, lengths = set(), set()
    for (shut_ms, open_ms), (next_shut_ms, _) in pairwise(weekends):
        moments = [datetime.fromtimestamp(at / 1_000, place) for at in (shut_ms, open_ms)]
        hours.add(tuple(f"{moment:%a %H:%M}" for moment in moments))
        if not any(open_ms <= holiday < next_shut_ms for holiday in holidays):
            lengths.add(calendar.open_duration_ms(open_ms, next_shut_ms))

    assert {(calendar.rules.week_close, calendar.rules.week_open)} == hours
    assert 1 == len(lengths)


def test_every_symbol_has_a_calendar_that_says_what_is_assumed() -> None:
    """A hard-coded calendar lies; it must at least say which of its lines are evidence."""
    assert 13 == len(CONFIG["symbol_calendars"])
    assert set(GROUPS) == set(CONFIG["symbol_calendars"].values())
    assert all(CONFIG["calendars"][g]["evidence"] for g in GROUPS)
    assert all(CONFIG["calendars"][g]["assumption"] for g in GROUPS)


def test_the_measured_end_of_2025_is_in_the_calendar_of_metals() -> None:
    """Shut 2025-12-24 18:52Z to 12-26 06:31Z and 2025-12-31 19:03Z to 2026-01-02 06:31Z."""
    metals = calendar_of("metals")

    for shut, opens in (
        ("2025-12-24T18:52", "2025-12-26T06:31"),
        ("2025-12-31T19:03", "2026-01-02T06:31"),
    ):
        assert ms(shut) == metals.next_close(ms(shut) - 3_600_000)
        assert ms(opens) == metals.next_open(ms(shut))


@needs_real_history
@pytest.mark.parametrize("pair", ["USDCAD", "USDJPY", "EURUSD", "GBPUSD"])
def test_real_currencies_keep_the_calendar_but_for_one_sunday(pair: str) -> None:
    """Eight weeks over both clock changes; the broker opened an hour late on 2022-10-30."""
    m1 = bars(f"mt5_2022q4/{pair}_M1", Timeframe.M1, NEW_YORK)
    from_ms, until_ms = int(m1.open_time_ms[0]), int(m1.close_time_ms[-1])

    drifts = calendar_drift(
        m1.open_time_ms, Coverage.of([(from_ms, until_ms)]), calendar_of("fx"), from_ms, until_ms
    )

    assert [ms("2022-10-30T21:00")] == [drift.session_open_ms for drift in drifts]
    assert [3_600_000] == [drift.opens_late_ms for drift in drifts]


@needs_real_history
def test_the_real_german_index_keeps_its_calendar() -> None:
    """Three days of 2019: from 00:15Z to 21:00Z, which is 01:15 to 22:00 in Berlin."""
    m1 = bars("lean_oanda_de30_2019/GER30_M1", Timeframe.M1, UTC_DAY)
    from_ms, until_ms = ms("2019-02-20T00:00"), ms("2019-02-22T23:00")
    calendar = calendar_of("ger_index")

    assert () == calendar_drift(
        m1.open_time_ms, Coverage.of([(from_ms, until_ms)]), calendar, from_ms, until_ms
    )
    assert calendar.are_open(m1.open_time_ms).all()
    assert 3 == len(calendar.open_intervals(from_ms, until_ms))


def test_the_week_of_each_zone_is_right_today() -> None:
    """The first open after noon of 2026-01-10 UTC, a Saturday, for each group."""
    saturday = ms("2026-01-10T12:00")
    opens = {
        group: datetime.fromtimestamp(calendar_of(group).next_open(saturday) / 1_000, UTC)
        for group in GROUPS
    }

    assert {
        "energy": "Sun 23:00",
        "eu_index": "Mon 07:00",
        "fx": "Sun 22:00",
        "fx_cross": "Sun 22:15",
        "ger_index": "Mon 00:15",
        "hk_index": "Mon 01:15",
        "metals": "Sun 23:01",
        "us_index": "Sun 23:00",
    } == {group: f"{moment:%a %H:%M}" for group, moment in opens.items()}
