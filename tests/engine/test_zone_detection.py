"""Which clock a file follows: told by its pauses, or said to be untold."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from engine.calendars.trading_calendar import CalendarRules, TradingCalendar
from engine.history.formats import read_lines
from engine.history.reading import in_utc
from engine.history.zone_detection import CANDIDATES, Detected, Undecided, detect_zone
from tests.engine.history_files import FORMAT_OF, HOUR_MS, text_of, wall_ms
from tests.engine.real_history import bars, needs_real_history
from tests.engine.sample_markets import ANCHORS, FX, METAL, ms
from uds.model import I64, MINUTE_MS, Timeframe

CURRENCIES = TradingCalendar(CalendarRules("America/New_York", "Sun 17:00", "Fri 16:55"))


def minutes(calendar: TradingCalendar, from_iso: str, until_iso: str) -> I64:
    """Every open minute, less the sparse ones of a quiet night."""
    opens = calendar.minutes(ms(from_iso), ms(until_iso))
    return opens[(opens // MINUTE_MS) % 17 != 3]


def detected(found: Detected | Undecided) -> str | None:
    """The clock's name; None when the file does not tell."""
    return found.zone.name if isinstance(found, Detected) else None


@pytest.mark.parametrize("zone", CANDIDATES)
@pytest.mark.parametrize("calendar", [FX, METAL], ids=["weeks", "weeks and daily breaks"])
def test_two_months_around_both_clock_changes_tell_the_clock(
    calendar: TradingCalendar, zone: str
) -> None:
    """EST5 and New York, Athens and New York+7 differ in one or four of these weeks only."""
    opens = minutes(calendar, "2022-10-10T00:00", "2022-12-06T00:00")

    assert zone == detected(detect_zone(wall_ms(opens, zone), calendar))


def test_histdata_is_new_york_although_its_makers_say_est() -> None:
    """Believing them would shift half of every year by an hour."""
    opens = minutes(FX, "2022-01-02T00:00", "2022-12-30T00:00")

    assert "America/New_York" == detected(detect_zone(wall_ms(opens, "America/New_York"), FX))
    assert "UTC-5" == detected(detect_zone(wall_ms(opens, "UTC-5"), FX))


@pytest.mark.parametrize(
    ("zone", "rivals"),
    [
        ("America/New_York", ("America/New_York", "UTC-5")),
        ("UTC", ("UTC", "Europe/London")),
        ("Europe/Athens", ("Europe/Athens", "America/New_York+7", "UTC+2")),
    ],
)
def test_a_winter_without_a_clock_change_is_a_tie_that_names_the_rivals(
    zone: str, rivals: tuple[str, ...]
) -> None:
    """To guess would be right until the next file of the same folder."""
    opens = minutes(FX, "2022-01-03T00:00", "2022-02-20T00:00")
    found = detect_zone(wall_ms(opens, zone), FX)

    assert isinstance(found, Undecided)
    assert [] == [name for name in rivals if name not in found.why]
    assert "6 pauses of 2022-01-0" in found.why


def test_a_late_open_alone_decides_nothing() -> None:
    """Servers of Athens begin an hour late after New York's change; nobody closes late."""
    opens = minutes(CURRENCIES, "2022-02-20T00:00", "2022-03-17T00:00")
    late = (opens >= ms("2022-03-13T21:00")) & (opens < ms("2022-03-13T22:00"))

    assert detected(detect_zone(wall_ms(opens[~late], "Europe/Athens"), CURRENCIES)) is None


def test_indicative_quotes_before_the_open_do_not_move_the_clock() -> None:
    """FXCM quotes from 15:00 on Sundays; the close is what is sharp."""
    opens = minutes(FX, "2022-10-10T00:00", "2022-12-06T00:00")
    sundays = ms("2022-10-16T18:00") + np.arange(8) * 7 * 24 * HOUR_MS
    early = (sundays[:, None] + np.arange(180) * MINUTE_MS).ravel()
    found = detect_zone(wall_ms(np.union1d(opens, early), "America/New_York"), FX)

    assert "America/New_York" == detected(found)


def test_unknown_holidays_cost_every_clock_alike() -> None:
    """No calendar knows all of them; four days without a row must not drown eight weeks."""
    opens = minutes(FX, "2022-10-10T00:00", "2022-12-06T00:00")
    shut = (opens > ms("2022-11-21T06:00")) & (opens < ms("2022-11-25T12:00"))

    found = detect_zone(wall_ms(opens[~shut], "Europe/Athens"), FX)

    assert "Europe/Athens" == detected(found)


def test_evidence_says_what_was_counted() -> None:
    """The operator must be able to doubt it."""
    opens = minutes(FX, "2022-10-10T00:00", "2022-12-06T00:00")
    found = detect_zone(wall_ms(opens, "Europe/Athens"), FX)

    assert isinstance(found, Detected)
    assert "8 pauses of 2022-10-10 to 2022-12-06" in found.evidence
    assert "next best, America/New_York+7" in found.evidence


@pytest.mark.parametrize(
    ("opens", "words"),
    [
        (np.arange(100) * HOUR_MS, "not a minute apart"),
        (np.zeros(0, dtype=np.int64), "not a minute apart"),
        (ms("2022-01-04T10:00") + np.arange(600) * MINUTE_MS, "no pause"),
        (minutes(FX, "2022-10-10T00:00", "2022-12-06T00:00") + 60 * HOUR_MS, "no known clock"),
    ],
    ids=["hours", "nothing", "one session", "another market"],
)
def test_a_file_that_tells_nothing_is_not_guessed(opens: I64, words: str) -> None:
    """Each way of telling nothing has its own sentence."""
    found = detect_zone(opens, FX)

    assert isinstance(found, Undecided)
    assert words in found.why


@needs_real_history
@pytest.mark.parametrize("zone", CANDIDATES)
@pytest.mark.parametrize("pair", ["EURUSD", "GBPUSD", "USDCAD", "USDJPY"])
def test_the_real_autumn_of_2022_tells_every_clock(pair: str, zone: str) -> None:
    """Eight real weeks over both clock changes, one of them opening an hour late."""
    opens = bars(f"mt5_2022q4/{pair}_M1", Timeframe.M1, ANCHORS).open_time_ms

    assert zone == detected(detect_zone(wall_ms(opens, zone), CURRENCIES))


@needs_real_history
@pytest.mark.parametrize(
    ("kind", "zone"),
    [
        ("histdata", "America/New_York"),
        ("histdata", "UTC-5"),
        ("mt4", "Europe/Athens"),
        ("mt5", "America/New_York+7"),
        ("dukascopy", "UTC"),
        ("dukascopy local", "Europe/Berlin"),
    ],
)
def test_real_minutes_survive_every_format_and_clock(kind: str, zone: str) -> None:
    """Written as that program would, read without a hint: the same 60 000 bars."""
    real = bars("mt5_2022q4/EURUSD_M1", Timeframe.M1, ANCHORS)

    found = in_utc(read_lines(text_of(kind, real, zone)), CURRENCIES)

    assert FORMAT_OF[kind] == found.format
    assert ("UTC" if kind.startswith("dukascopy") else zone) == found.zone.name
    assert real.same_as(found.rows.bars(Timeframe.M1, ANCHORS))


@needs_real_history
@pytest.mark.parametrize(
    ("file", "zone", "name"),
    [
        ("lean_fxcm_2014/EURUSD_M1", "UTC-5", "UTC-5"),
        ("lean_fxcm_2014/EURUSD_M1", "Europe/Athens", None),
        ("lean_oanda_2014/EURUSD_M1", "UTC", "UTC"),
        ("lean_oanda_2014/EURUSD_M1", "UTC+2", None),
        ("forexsb_eur_2020/EURUSD_M1", "UTC", "UTC"),
    ],
)
def test_real_fortnights_in_summer(file: str, zone: str, name: str | None) -> None:
    """In summer UTC-5 and UTC are no place's time but their own; Athens is UTC+3."""
    opens = bars(file, Timeframe.M1, ANCHORS).open_time_ms
    found = detect_zone(wall_ms(opens, zone), CURRENCIES)

    assert name == detected(found)
    assert name is not None or zone in str(found)


@needs_real_history
def test_a_real_file_of_gold_tells_by_its_daily_breaks() -> None:
    """OANDA pauses at other minutes than FXCM, yet at the same hour."""
    folder = Path(os.environ["COLDSTART_REAL_DATA"])
    lines = read_lines(gzip.decompress((folder / "lean_oanda_2014/XAUUSD_M1.csv.gz").read_bytes()))
    opens = lines.values[:, 0].astype(np.int64)

    found = detect_zone(wall_ms(opens, "America/New_York"), METAL)

    assert "America/New_York" == detected(found)
