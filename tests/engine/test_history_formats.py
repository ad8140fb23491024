"""Files of other programs: told apart, read to the same bars, and honest about bad lines."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import HistoryUnreadable
from engine.history.file_zone import file_zone
from engine.history.files import content, names_in
from engine.history.formats import NotHistory, read_lines, split_lines
from engine.history.names import other_kind, symbol_of
from engine.history.reading import FileRows, in_utc, timeframe_of
from tests.engine.history_files import FORMAT_OF, STAMPS, csv_text, minute_bars, text_of
from tests.engine.sample_markets import ANCHORS, FX, ms
from uds.model import MINUTE_MS, Bars, Timeframe

MONDAY = ms("2022-01-03T10:00")
KINDS = tuple(STAMPS)


def hour(count: int = 60) -> Bars:
    """Consecutive minutes of a Monday."""
    return minute_bars(MONDAY + np.arange(count) * MINUTE_MS)


def read(text: bytes, format_name: str | None = None, zone: str = "America/New_York") -> FileRows:
    """A file of a named clock, in UTC."""
    return in_utc(read_lines(text, format_name), FX, file_zone(zone))


EXAMPLES = [
    ("csv", "open_ms,o,h,l,c,v\n1641247200000,1.137,1.1371,1.1369,1.137,9"),
    ("histdata", "20220103 170000;1.13700;1.13710;1.13690;1.13700;0"),
    ("mt", "2022.01.03,17:00,1.137,1.1371,1.1369,1.137,0"),
    (
        "mt",
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2022.01.03\t17:00:00\t1.137\t1.1371\t1.1369\t1.137\t42\t0\t5",
    ),
    ("mt", "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n2022.01.03\t1\t2\t1\t2\t42"),
    (
        "dukascopy",
        "Gmt time,Open,High,Low,Close,Volume\n"
        "03.01.2022 00:00:00.000,1.137,1.1371,1.1369,1.137,12.5",
    ),
    (
        "dukascopy",
        "Local time,Open,High,Low,Close,Volume\n"
        "03.01.2022 00:00:00.000 GMT+0200,1.137,1.1371,1.1369,1.137,12.5",
    ),
]


@pytest.mark.parametrize(("format_name", "text"), EXAMPLES)
def test_each_format_is_known_by_its_first_lines(format_name: str, text: str) -> None:
    """Nobody remembers which program a file in a folder came from."""
    found = read_lines(text.encode())

    assert format_name == found.layout.format
    assert 1 == len(found.values)


@pytest.mark.parametrize(
    "text", ["", "time,open\n1,2", "ts_ms,bid,ask\n1,2,3", "1641247200000,1,1,1,1,1", "<html>"]
)
def test_what_is_none_of_ours_is_not_guessed(text: str) -> None:
    """Guessed columns would make bars of something else."""
    with pytest.raises(NotHistory, match="csv, histdata, mt, dukascopy"):
        read_lines(text.encode())


def test_a_named_format_must_be_the_file_s() -> None:
    """An operator's word does not turn one file into another; HistData has two layouts."""
    with pytest.raises(NotHistory, match="not dukascopy"):
        read_lines(text_of("mt4", hour()), "dukascopy")

    assert 60 == len(read_lines(text_of("mt4", hour()), "histdata").values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Athens", "UTC-5"])
def test_every_kind_of_file_gives_the_same_bars(kind: str, zone: str) -> None:
    """One market, six ways to write it down."""
    found = read(text_of(kind, hour(), zone), zone=zone)

    assert FORMAT_OF[kind] == found.format
    assert found.rows.fault is None
    assert hour().same_as(found.rows.bars(Timeframe.M1, ANCHORS))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "bad",
    [
        "",
        "garbage",
        "{stamp}",
        "{stamp}1,2",
        "{stamp}x{sep}2{sep}3{sep}4{sep}5",
        "99999999 999999;1;1;1;1;1",
    ],
)
def test_a_bad_line_costs_itself_alone_in_every_kind(kind: str, bad: str) -> None:
    """A torn line in the middle of a year must neither end it nor pass unnoticed."""
    lines = text_of(kind, hour()).decode().splitlines()
    at = len(lines) - 10
    separator = "\t" if kind == "mt5" else ";" if kind == "histdata" else ","
    stamp = lines[at].rsplit(separator, 7 if kind.startswith("mt5") else 5)[0] + separator
    lines.insert(at, bad.format(stamp=stamp, sep=separator))

    rows = read("\n".join(lines).encode(), zone="UTC").rows

    assert hour().same_as(rows.bars(Timeframe.M1, ANCHORS))
    assert (1 if bad else 0) == rows.bad_count
    assert (at + 1 if bad else None) == rows.first_fault_line


def test_impossible_dates_and_times_are_bad_lines() -> None:
    """30 February is a damaged line, not 2 March."""
    stamps = ["20220230 100000", "20221301 100000", "20220103 240000", "20220103 106000"]
    text = "\n".join(f"{stamp};1;1;1;1;0" for stamp in [*stamps, "20220103 100000"])

    rows = read(text.encode(), zone="UTC").rows

    assert [MONDAY] == rows.times.tolist()
    assert (4, 1) == (rows.bad_count, rows.first_fault_line)


def test_a_bad_first_line_does_not_hide_the_format() -> None:
    """A file torn at its head is still of its format."""
    rows = read(b"30;1.1;1;1\n" + text_of("histdata", hour()), zone="UTC").rows

    assert (60, 1) == (len(rows.times), rows.first_fault_line)


def test_bars_without_a_tick_are_dropped_where_they_are_padding() -> None:
    """Dukascopy fills weekends with flat bars: no data, no bar. HistData's volume is always 0."""
    line = "{}1.1{s}1.1{s}1.1{s}1.1{s}0\n"
    padded = "Gmt time,Open,High,Low,Close,Volume\n" + "".join(
        line.format(f"08.01.2022 10:0{minute}:00.000,", s=",") for minute in range(5)
    )
    silent = "".join(line.format(f"20220103 10000{0};", s=";") for _ in range(1))

    assert (0, 5) == (len((rows := read(padded.encode()).rows).times), rows.flat_count)
    assert "5 without a tick and dropped" in (rows.fault or "")
    assert 1 == len(read(silent.encode()).rows.times)


def test_a_fractional_volume_is_rounded() -> None:
    """Dukascopy counts in lots, we in ticks; 0 is a true count there."""
    text = "Gmt time,Open,High,Low,Close,Volume\n03.01.2022 10:00:00.000,1,2,1,2,12.7\n"

    assert [13] == read(text.encode()).rows.bars(Timeframe.M1, ANCHORS).v.tolist()


def test_utf_16_and_packed_files_are_read(tmp_path: Path) -> None:
    """MetaTrader's scripts write UTF-16, archives are packed whatever their name says."""
    text = text_of("mt5", hour())
    (tmp_path / "a.csv").write_bytes(text.decode().encode("utf-16"))
    (tmp_path / "b.txt").write_bytes(gzip.compress(text))

    assert split_lines(text) == split_lines(content(str(tmp_path / "a.csv")))
    assert text == content(str(tmp_path / "b.txt"))
    assert ("a.csv", "b.txt") == names_in(str(tmp_path))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The operator must see which path it was, and why."""
    (tmp_path / "a.csv.gz").write_bytes(b"not gzip")
    for path, words in (("a.csv.gz", "gzip"), ("b.csv", "No such file"), ("", "directory")):
        with pytest.raises(HistoryUnreadable, match=words):
            content(str(tmp_path / path))
    with pytest.raises(HistoryUnreadable, match="nowhere cannot be read"):
        names_in(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("step_ms", "count", "timeframe"),
    [
        (MINUTE_MS, 60, Timeframe.M1),
        (Timeframe.D1.ms, 9, Timeframe.D1),
        (Timeframe.H1.ms, 60, None),
        (5 * MINUTE_MS, 60, None),
        (MINUTE_MS, 1, None),
    ],
)
def test_the_timeframe_is_told_by_the_rows(
    step_ms: int, count: int, timeframe: Timeframe | None
) -> None:
    """An H1 file taken for M1 would pass every other check."""
    bars = minute_bars(MONDAY + np.arange(count) * step_ms)

    assert timeframe is timeframe_of(read_lines(csv_text(bars)))
    assert timeframe is timeframe_of(read_lines(text_of("histdata", bars)))


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("EURUSD_M1.csv.gz", "EUR/USD"),
        ("DAT_ASCII_EURUSD_M1_2022.csv", "EUR/USD"),
        ("EURUSD1.csv", "EUR/USD"),
        ("eurusd1440.csv", "EUR/USD"),
        ("EUR_USD-M1.txt", "EUR/USD"),
        ("EURUSD_Candlestick_1_m_BID_01.01.2022-31.12.2022.csv", "EUR/USD"),
        ("DE30_M1.csv", "GER30"),
        ("US30_M1.csv", "US30"),
        ("EURUSDX.csv", None),
        ("US300_M1.csv", None),
        ("readme.csv", None),
    ],
)
def test_the_symbol_stands_in_the_name(name: str, symbol: str | None) -> None:
    """Programs pack it into longer names; a name that only begins alike is another market."""
    assert symbol == symbol_of(name, ("EUR/USD", "GER30", "US30"), {"GER30": "DE30"})


def test_ask_and_tick_files_are_told_by_their_names() -> None:
    """Nothing inside an ask file says that it is not the bid."""
    assert "it holds ask prices" == other_kind("EURUSD_M1_ask.csv.gz")
    assert "it holds ticks" == other_kind("EURUSD_TICK.csv")
    assert other_kind("EURUSD_M1.csv") is None


@given(
    st.sampled_from(KINDS),
    st.lists(
        st.tuples(st.integers(0, 20_000_000), st.integers(1, 10**7), st.integers(1, 10**6)),
        unique_by=lambda row: row[0],
        min_size=1,
        max_size=20,
    ),
)
@settings(deadline=None)
def test_what_was_written_is_read_back_the_fast_and_the_careful_way(
    kind: str, rows: list[tuple[int, int, int]]
) -> None:
    """Any minute of forty years, any price: one bad line must not change any other row."""
    minutes, prices, volumes = zip(*sorted(rows), strict=True)
    opens = np.array(minutes, dtype=np.int64) * MINUTE_MS
    price = np.array(prices) / 1_000
    bars = Bars.of(opens, opens + MINUTE_MS, price, price * 2, price / 2, price, volumes)
    text = text_of(kind, bars)

    fast, careful = read(text, zone="UTC").rows, read(text + b"x\n", zone="UTC").rows

    assert bars.same_as(fast.bars(Timeframe.M1, ANCHORS))
    assert (None, 1) == (fast.fault, careful.bad_count)
    assert np.array_equal(fast.values, careful.values)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([text.encode().splitlines()[-1] for _, text in EXAMPLES]),
            st.sampled_from([text.encode().splitlines()[0] for _, text in EXAMPLES]),
            st.from_regex(rb"[0-9]{8} [0-9]{6};(1e|nan|inf|[0-9.;-]){0,20}", fullmatch=True),
            st.from_regex(rb"(1e|[0-9]){0,9},1,2,1,1,(1e)?[0-9]{0,4}", fullmatch=True),
        ),
        max_size=6,
    ),
    st.sampled_from(["UTC", "America/New_York", "UTC-5"]),
)
@settings(deadline=None)
def test_no_bytes_are_a_crash(lines: list[bytes], zone: str) -> None:
    """Whatever lies in a folder is either refused or read to bars that may be stored."""
    try:
        rows = read(b"\n".join(lines), zone=zone).rows
    except NotHistory:
        return

    counted = rows.dropped_count + len(rows.times)
    assert len(rows.times) == len(rows.bars(Timeframe.M1, ANCHORS))
    assert counted <= len(b"\n".join(lines).splitlines())
    assert (rows.fault is None) == (rows.first_fault_line is None)
