"""Replaying recorded files: nothing before its time, and a clear word when files are missing."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from engine.broker.port import BarsRequest, FetchFailed, Tick
from engine.broker.quotes import Quotes
from engine.broker.replay import (
    History,
    ReplayBroker,
    ReplayFolderIncomplete,
    load_history,
    start_ms,
)
from engine.clock import ManualClock
from engine.history.file_zone import FileZone, file_zone
from tests.engine.history_files import minute_bars, text_of
from tests.engine.real_history import FOLDER, needs_real_history
from tests.engine.sample_markets import ANCHORS, FX, HONG_KONG, ms
from uds.model import MINUTE_MS, Bars, Timeframe

DAY_MS = 86_400_000
WEDNESDAY = ms("2024-11-19T22:00")
"""17:00 in New York: a D1 opens."""


def write_bars(folder: Path, file_name: str, opens_ms: list[int], price: float = 100.0) -> None:
    """A bar file of equal bars."""
    rows = "".join(f"{t},{price},{price + 2},{price - 1},{price + 1},8\n" for t in opens_ms)
    text = f"open_ms,o,h,l,c,v\n{rows}".encode()
    (folder / file_name).write_bytes(gzip.compress(text) if file_name.endswith("gz") else text)


def minutes(from_ms: int, count: int) -> list[int]:
    """Opens of consecutive minutes."""
    return [from_ms + index * MINUTE_MS for index in range(count)]


def load(
    folder: Path | str, *symbols: str, zone: FileZone | None = None, **instruments: str
) -> History:
    """The history of symbols that all trade around the clock."""
    return load_history(
        str(folder),
        symbols,
        anchors=ANCHORS,
        calendars=dict.fromkeys(symbols, FX),
        instruments=instruments,
        zone=zone,
    )


def test_files_are_found_by_symbol_or_by_instrument_name(tmp_path: Path) -> None:
    """A folder names files in the broker's words, packed or not."""
    write_bars(tmp_path, "EURUSD_M1.csv.gz", minutes(WEDNESDAY, 2))
    write_bars(tmp_path, "DE30_M1.csv", minutes(WEDNESDAY, 3))

    history = load(tmp_path, "EUR/USD", "GER30", GER30="DE30")

    assert [2, 3] == [len(history.m1[symbol]) for symbol in ("EUR/USD", "GER30")]
    assert WEDNESDAY + 2 * MINUTE_MS == history.last_common_m1_ms
    assert MINUTE_MS == int(np.ptp(history.m1["EUR/USD"].close_time_ms))


@pytest.mark.parametrize(
    ("kind", "name", "zone"),
    [
        ("histdata", "EURUSD.csv.gz", "America/New_York"),
        ("mt4", "EURUSD.txt", "Europe/Athens"),
        ("mt5", "EURUSD_M1.csv", "America/New_York+7"),
        ("dukascopy local", "EURUSD_M1.txt", "Europe/Berlin"),
    ],
)
def test_files_of_other_programs_are_replayed_at_their_own_clock(
    tmp_path: Path, kind: str, name: str, zone: str
) -> None:
    """What an archive offers for download is played as it is; its clock is told by its pauses."""
    bars = minute_bars(FX.minutes(ms("2022-10-20T00:00"), ms("2022-11-18T00:00")))
    text = text_of(kind, bars, zone)
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)

    assert bars.same_as(load(tmp_path, "EUR/USD").m1["EUR/USD"])


def test_a_clock_that_cannot_be_told_must_be_named(tmp_path: Path) -> None:
    """A guess would be right until the next clock change."""
    bars = minute_bars(FX.minutes(ms("2022-01-03T00:00"), ms("2022-01-20T00:00")))
    (tmp_path / "EURUSD.txt").write_bytes(text_of("histdata", bars, "UTC-5"))

    with pytest.raises(ReplayFolderIncomplete) as refused:
        load(tmp_path, "EUR/USD")
    named = load(tmp_path, "EUR/USD", zone=file_zone("EST5"))

    for words in ("EURUSD.txt", "America/New_York and UTC-5 alike", "broker.replay.zone"):
        assert words in str(refused.value)
    assert bars.same_as(named.m1["EUR/USD"])


def test_d1_follows_the_clock_of_its_m1(tmp_path: Path) -> None:
    """Days have no pauses to tell a clock by; those of one program are of one clock."""
    bars = minute_bars(FX.minutes(ms("2022-10-20T00:00"), ms("2022-11-18T00:00")))
    opens = np.array([ms("2022-10-24T21:00"), ms("2022-11-08T22:00"), ms("2022-11-09T22:00")])
    days = Bars.of(opens, opens + DAY_MS, *([[2.0] * 3] * 4), [8] * 3)
    for kind, part in (("M1", bars), ("D1", days)):
        text = text_of("mt4", part, "America/New_York+7")
        (tmp_path / f"EURUSD_{kind}.csv").write_bytes(text)

    history = load(tmp_path, "EUR/USD")

    assert opens.tolist() == history.d1["EUR/USD"].open_time_ms.tolist()
    assert () == history.notes


def test_a_symbol_without_m1_names_folder_symbol_and_files(tmp_path: Path) -> None:
    """The operator must see at once which file to put where."""
    write_bars(tmp_path, "EURUSD_M1_ask.csv.gz", minutes(WEDNESDAY, 2))

    with pytest.raises(ReplayFolderIncomplete) as refused:
        load(tmp_path, "EUR/USD")

    for words in (str(tmp_path), "EUR/USD", "EURUSD_M1.csv.gz", "EURUSD_M1.csv"):
        assert words in str(refused.value)


def test_an_unreadable_folder_or_file_is_told_apart_from_a_missing_one(tmp_path: Path) -> None:
    """A wrong path and a half copied file need different hands."""
    write_bars(tmp_path, "EURUSD_M1.csv.gz", minutes(WEDNESDAY, 500))
    whole = (tmp_path / "EURUSD_M1.csv.gz").read_bytes()

    with pytest.raises(ReplayFolderIncomplete, match="cannot be read"):
        load(tmp_path / "nowhere", "EUR/USD")
    for broken in (whole[: len(whole) // 2], b"not gzip", gzip.compress(b"time;open\n")):
        (tmp_path / "EURUSD_M1.csv.gz").write_bytes(broken)
        with pytest.raises(ReplayFolderIncomplete, match="unreadable EURUSD_M1"):
            load(tmp_path, "EUR/USD")


def test_a_file_without_a_usable_row_is_a_missing_symbol(tmp_path: Path) -> None:
    """A symbol that can never become ready must be refused at the door."""
    write_bars(tmp_path, "EURUSD_M1.csv", [])

    with pytest.raises(ReplayFolderIncomplete, match="no usable row"):
        load(tmp_path, "EUR/USD")


def test_bad_lines_are_told_by_file_count_and_line(tmp_path: Path) -> None:
    """Dropping quietly would turn a damaged file into a hole nobody knows of."""
    write_bars(tmp_path, "EURUSD_M1.csv", minutes(WEDNESDAY, 3))
    write_bars(tmp_path, "EURUSD_D1.csv", [WEDNESDAY - DAY_MS])
    with (tmp_path / "EURUSD_M1.csv").open("a") as file:
        file.write("garbage\n1,2\n")

    history = load(tmp_path, "EUR/USD")

    sentence = "EURUSD_M1.csv has lines 2 bad and dropped; the first is line 5."
    ((code, symbol, said),) = history.notes
    assert ("CORRUPT_JSONL", "EUR/USD", sentence) == (code, symbol, str(said))
    assert 3 == len(history.m1["EUR/USD"])


def test_d1_on_the_anchor_is_taken_from_its_file(tmp_path: Path) -> None:
    """The broker's own D1 is the truth; ours is only a witness."""
    write_bars(tmp_path, "EURUSD_M1.csv", minutes(WEDNESDAY, 3))
    write_bars(tmp_path, "EURUSD_D1.csv", [WEDNESDAY - DAY_MS, WEDNESDAY], price=50)

    history = load(tmp_path, "EUR/USD")

    assert [50.0, 50.0] == history.d1["EUR/USD"].o.tolist()
    assert [WEDNESDAY, WEDNESDAY + DAY_MS] == history.d1["EUR/USD"].close_time_ms.tolist()
    assert () == history.notes


@pytest.mark.parametrize("off_grid", [True, False])
def test_d1_off_the_anchor_or_missing_is_made_of_whole_days_of_m1(
    tmp_path: Path, off_grid: bool
) -> None:
    """A day that opens elsewhere is another day; half a day is not a D1."""
    write_bars(tmp_path, "EURUSD_M1.csv", minutes(WEDNESDAY - 6 * 3_600_000, 48 * 60))
    if off_grid:
        write_bars(tmp_path, "EURUSD_D1.csv", [WEDNESDAY + 2 * 3_600_000])

    history = load(tmp_path, "EUR/USD")

    days = history.d1["EUR/USD"]
    assert [WEDNESDAY] == days.open_time_ms.tolist()
    assert 1_440 * 8 == int(days.v[0])
    assert [("D1_FROM_M1", "EUR/USD")] == [note[:2] for note in history.notes]


def test_the_clock_starts_24_open_hours_before_the_common_end(tmp_path: Path) -> None:
    """Shut hours are no history to live through, and the shortest file ends the replay."""
    monday_ms = ms("2024-11-18T06:00")
    write_bars(tmp_path, "EURUSD_M1.csv", [monday_ms - MINUTE_MS])
    write_bars(tmp_path, "HKG33_M1.csv", minutes(WEDNESDAY, 2))

    history = load(tmp_path, "EUR/USD", "HKG33")

    friday_ms = ms("2024-11-15T05:50")
    assert friday_ms == start_ms(history, {"EUR/USD": FX, "HKG33": FX})
    assert friday_ms > start_ms(history, {"EUR/USD": FX, "HKG33": HONG_KONG})


@pytest.mark.asyncio
async def test_only_what_has_closed_is_served_newest_page_first(tmp_path: Path) -> None:
    """A replay that showed tomorrow would make every proof worthless."""
    write_bars(tmp_path, "EURUSD_M1.csv", minutes(WEDNESDAY, 100))
    write_bars(tmp_path, "EURUSD_D1.csv", [WEDNESDAY - DAY_MS, WEDNESDAY])
    clock = ManualClock(WEDNESDAY + 50 * MINUTE_MS - 1)
    broker = ReplayBroker(
        history=load(tmp_path, "EUR/USD"), clock=clock, page_bars_max=10, latency_ms=0
    )
    request = BarsRequest("EUR/USD", Timeframe.M1, WEDNESDAY, WEDNESDAY + DAY_MS)

    early = (await broker.fetch_bars(request)).bars
    clock.advance(0.001)
    page = (await broker.fetch_bars(request)).bars
    head = (await broker.fetch_bars(BarsRequest("EUR/USD", Timeframe.M1, 0, WEDNESDAY + 1))).bars
    days = await broker.fetch_bars(BarsRequest("EUR/USD", Timeframe.D1, 0, WEDNESDAY + DAY_MS))

    assert minutes(WEDNESDAY + 39 * MINUTE_MS, 10) == early.open_time_ms.tolist()
    assert minutes(WEDNESDAY + 40 * MINUTE_MS, 10) == page.open_time_ms.tolist()
    assert [WEDNESDAY] == head.open_time_ms.tolist()
    assert [WEDNESDAY - DAY_MS] == days.bars.open_time_ms.tolist()


@pytest.mark.asyncio
async def test_a_request_takes_the_latency_it_reports(tmp_path: Path) -> None:
    """A replay may be slowed down to a broker's pace; the floor must know by how much."""
    write_bars(tmp_path, "EURUSD_M1.csv", minutes(WEDNESDAY, 3))
    clock = ManualClock(WEDNESDAY)
    broker = ReplayBroker(history=load(tmp_path, "EUR/USD"), clock=clock, latency_ms=30)

    answer = await broker.fetch_bars(BarsRequest("EUR/USD", Timeframe.M1, 0, WEDNESDAY))

    assert 0.03 == answer.latency_s
    assert pytest.approx(0.03) == clock.monotonic_s()


@pytest.mark.asyncio
async def test_a_symbol_that_was_not_loaded_is_a_failed_fetch(tmp_path: Path) -> None:
    """Files for it may lie in the folder, but nobody has checked them."""
    write_bars(tmp_path, "EURUSD_M1.csv", minutes(WEDNESDAY, 3))
    broker = ReplayBroker(history=load(tmp_path, "EUR/USD"), clock=ManualClock(WEDNESDAY))

    with pytest.raises(FetchFailed, match="GBP/USD"):
        await broker.fetch_bars(BarsRequest("GBP/USD", Timeframe.M1, 0, WEDNESDAY))


async def _ticks_of(broker: ReplayBroker, until_ms: int) -> list[Tick]:
    ticks: list[Tick] = []
    async for tick in broker.ticks(("EUR/USD",)):
        if tick.ts_ms >= until_ms:
            break
        ticks.append(tick)
    return ticks


@pytest.mark.asyncio
async def test_recorded_ticks_are_replayed_as_quoted(tmp_path: Path) -> None:
    """Crossed quotes and bursts are part of the record; only their number is added."""
    write_bars(tmp_path, "EURUSD_M1.csv", minutes(WEDNESDAY, 3))
    quotes = ((500, 2, 3), (500, 3, 2), (59_999, 1, 2), (60_000, 4, 5), (70_000, 6, 7))
    lines = "".join(f"{WEDNESDAY + at},{bid},{ask}\n" for at, bid, ask in quotes)
    (tmp_path / "EURUSD_TICK.csv").write_text(f"ts_ms,bid,ask\n{lines}")
    broker = ReplayBroker(history=load(tmp_path, "EUR/USD"), clock=ManualClock(WEDNESDAY))

    ticks = await _ticks_of(broker, WEDNESDAY + 70_000)

    assert [(2.0, 3.0, 1), (3.0, 2.0, 2), (1.0, 2.0, 3), (4.0, 5.0, 1)] == [
        (tick.bid, tick.ask, tick.minute_volume) for tick in ticks
    ]


@pytest.mark.asyncio
async def test_without_recorded_ticks_each_bar_makes_four(tmp_path: Path) -> None:
    """Previews must move in a replay of bars too, and end as the bar does."""
    write_bars(tmp_path, "EURUSD_M1.csv", minutes(WEDNESDAY, 3))
    broker = ReplayBroker(history=load(tmp_path, "EUR/USD"), clock=ManualClock(WEDNESDAY))

    ticks = await _ticks_of(broker, WEDNESDAY + MINUTE_MS)

    assert [(0, 100.0, 2), (15_000, 99.0, 4), (30_000, 102.0, 6), (45_000, 101.0, 8)] == [
        (tick.ts_ms - WEDNESDAY, tick.bid, tick.minute_volume) for tick in ticks
    ]


def test_a_falling_bar_shows_its_high_first() -> None:
    """Up then down is the likelier way to a lower close."""
    bar = Bars.of([0], [MINUTE_MS], [5.0], [6.0], [2.0], [3.0], [7])

    assert [5.0, 6.0, 2.0, 3.0] == Quotes.interpolated(bar).bid.tolist()
    assert [1, 3, 5, 7] == Quotes.interpolated(bar).minute_volume.tolist()


@needs_real_history
def test_the_main_set_loads_whole() -> None:
    """60 000 real minutes a symbol: whatever the parser drops here is a bug of ours."""
    symbols = ("EUR/USD", "USD/JPY")

    history = load(Path(FOLDER) / "mt5_2022q4", *symbols)

    assert [60_000, 60_000] == [len(history.m1[symbol]) for symbol in symbols]
    assert ["D1_FROM_M1", "D1_FROM_M1"] == [code for code, _, _ in history.notes]
    assert ms("2022-10-10T21:00") == history.d1["EUR/USD"].first_open_ms
    assert ms("2022-12-04T22:00") == history.d1["EUR/USD"].last_open_ms


@needs_real_history
def test_real_ticks_are_counted_within_their_minutes() -> None:
    """The recorded FXCM ticks: 9 % are crossed, and none may be lost for it."""
    history = load(Path(FOLDER) / "lean_fxcm_2014", "EUR/USD")

    quotes = history.quotes["EUR/USD"]
    crossed = np.mean(quotes.ask < quotes.bid)
    begins = np.diff(quotes.ts_ms // MINUTE_MS, prepend=-1) > 0
    assert 168_850 == len(quotes.ts_ms)
    assert 0.08 < crossed < 0.10
    assert np.array_equal(begins, quotes.minute_volume == 1)
