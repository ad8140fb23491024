"""Imports into a real folder: inherit, append, derive all, commit; never lose, never overwrite."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.aggregate import aggregate
from engine.clock import ManualClock
from engine.config import Config
from engine.derive import derive
from engine.errors import BadImport, HistoryUnreadable
from engine.history.import_report import ImportReport, SeriesImported
from engine.history.import_sources import ImportRequest
from engine.history.importing import import_history
from engine.plan import Market
from engine.sources import markets, store_terms
from tests.engine.builders import CAD, GOLD, YEN, small_config
from tests.engine.history_files import HOUR_MS, csv_text, minute_bars, text_of
from tests.engine.real_history import bars as real_bars
from tests.engine.real_history import needs_real_history
from tests.engine.sample_markets import ANCHORS, ms
from uds import FolderLocked, Store, new_boot_id, open_store
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, SeriesKey, Timeframe

NOW = ms("2026-01-15T12:00")
DAY_MS = 86_400_000


def config_at(folder: Path, *symbols: str, **changes: object) -> Config:
    """Symbols whose bars go to a folder of the test; RAM holds a few hours."""
    tails = dict.fromkeys((tf.name for tf in Timeframe), 100)
    found = small_config(*(symbols or (YEN,)), redis__tail_bars=tails, **changes)
    return found.model_copy(update={"data_root": folder / "data"})


async def run(config: Config, path: Path, at_ms: int = NOW, **asked: object) -> ImportReport:
    """An import at a known time."""
    request = ImportRequest(path, **asked)  # type: ignore[arg-type]
    return await import_history(config, request, ManualClock(at_ms), lambda _: None)


@asynccontextmanager
async def stored(config: Config, **changes: int) -> AsyncIterator[Store]:
    """The folder as the next owner finds it, all of it in RAM."""
    terms = store_terms(
        config.model_copy(
            update={
                "redis": config.redis.model_copy(
                    update={"tail_bars": dict.fromkeys(Timeframe, 10**9)}
                )
            }
        )
    )
    async with open_store(terms, config.data_root, new_boot_id(), NOW, None, "test") as store:
        for symbol in config.symbols:
            await store.recover(symbol)
        yield store


def key(timeframe: Timeframe, symbol: str = YEN) -> SeriesKey:
    """A series of the yen unless told otherwise."""
    return SeriesKey(symbol, timeframe)


def market(config: Config, symbol: str = YEN) -> Market:
    """Calendar and anchors of a symbol."""
    return markets(config)[symbol]


def history(config: Config, from_iso: str, until_iso: str, price: float = 100.0) -> Bars:
    """Every open minute of the yen's calendar, but one in thirteen."""
    opens = market(config).calendar.minutes(ms(from_iso), ms(until_iso))
    return minute_bars(opens[opens // MINUTE_MS % 13 != 5], price)


def counts(series: SeriesImported) -> tuple[int, int, int]:
    """(new, repeated, conflicting)."""
    return series.new, series.repeated, series.conflicting


def expected(store: Store, config: Config, timeframe: Timeframe) -> Bars:
    """What deriving the stored M1 at once gives."""
    place = market(config)
    return derive(
        store.load(key(Timeframe.M1)),
        place.anchors,
        place.calendar,
        store.coverage(key(Timeframe.M1)),
        NOW,
        place.settle_ms,
        (timeframe,),
    )[timeframe]


async def test_a_history_longer_than_the_tail_is_derived_whole(tmp_path: Path) -> None:
    """What leaves the RAM must have been derived before: ten weeks, a tail of 100 bars."""
    config = config_at(tmp_path)
    whole = history(config, "2025-10-01T00:00", "2025-12-10T00:00")
    (tmp_path / "USDJPY_M1.csv").write_bytes(csv_text(whole))

    report = await run(config, tmp_path / "USDJPY_M1.csv")

    async with stored(config) as store:
        assert whole.same_as(store.load(key(Timeframe.M1)))
        for timeframe in DERIVED_TIMEFRAMES:
            assert expected(store, config, timeframe).same_as(store.load(key(timeframe)))
        derived = sum(len(store.load(key(timeframe))) for timeframe in DERIVED_TIMEFRAMES)
    assert [(len(whole), 0, 0)] == [counts(series) for series in report.symbols[0].series]
    assert derived == report.symbols[0].derived
    assert not (config.data_root / "embedded").exists()


async def test_holes_between_rows_are_no_tick_and_hold_nothing_back(tmp_path: Path) -> None:
    """Each bucket with a minute is final, save the two that the file's ends cut."""
    config = config_at(tmp_path)
    whole = history(config, "2025-12-01T00:07", "2025-12-04T09:53")
    (tmp_path / "USDJPY.txt").write_bytes(csv_text(whole))

    await run(config, tmp_path)

    async with stored(config) as store:
        h4 = store.load(key(Timeframe.H4))
        made = aggregate(whole, Timeframe.H4, market(config).anchors)
        covered = store.coverage(key(Timeframe.M1))
    assert np.array_equal(made.open_time_ms[1:-1], h4.open_time_ms)
    assert ((whole.first_open_ms, whole.last_close_ms),) == covered.intervals


async def test_a_second_import_writes_nothing_and_says_so(tmp_path: Path) -> None:
    """Whoever is not sure whether it worked does it again."""
    config = config_at(tmp_path)
    path = tmp_path / "USDJPY_M1.csv"
    path.write_bytes(csv_text(history(config, "2025-12-01T00:00", "2025-12-05T00:00")))

    first = await run(config, path)
    before = {p: p.stat().st_size for p in config.data_root.rglob("seg-*.jsonl")}
    second = await run(config, path)

    new = first.symbols[0].series[0].new
    assert (0, new, 0) == counts(second.symbols[0].series[0])
    assert before == {p: p.stat().st_size for p in config.data_root.rglob("seg-*.jsonl")}
    assert first.symbols[0].generation < second.symbols[0].generation


@pytest.mark.parametrize("is_replacing", [False, True])
async def test_a_conflict_is_counted_and_the_stored_bar_stays_unless_asked(
    tmp_path: Path, is_replacing: bool
) -> None:
    """Two sources, one minute: nobody but the operator may say which is right."""
    config = config_at(tmp_path)
    path = tmp_path / "USDJPY_M1.csv"
    old = history(config, "2025-12-01T00:00", "2025-12-05T00:00")
    path.write_bytes(csv_text(old))
    await run(config, path)
    other = history(config, "2025-12-04T00:00", "2025-12-08T12:00", price=100.5)
    path.write_bytes(csv_text(other))

    report = await run(config, path, is_replacing=is_replacing)

    overlap = int((other.open_time_ms < ms("2025-12-05T00:00")).sum())
    series = report.symbols[0].series[0]
    assert (len(other) - overlap, 0, overlap) == counts(series)
    assert other.first_open_ms == series.first_conflict_ms
    merged = old.merged(other) if is_replacing else other.merged(old)
    async with stored(config) as store:
        assert merged.same_as(store.load(key(Timeframe.M1)))
        for timeframe in DERIVED_TIMEFRAMES:
            assert expected(store, config, timeframe).same_as(store.load(key(timeframe)))


async def test_older_and_newer_files_join_without_a_seam(tmp_path: Path) -> None:
    """A file a year, imported in any order: the buckets at the seam are made of both."""
    config = config_at(tmp_path)
    whole = history(config, "2025-12-01T00:00", "2025-12-12T00:00")
    seam_ms = ms("2025-12-04T10:07")
    for name, part in (
        ("USDJPY_late.csv", whole.between(seam_ms, NOW)),
        ("USDJPY_early.csv", whole.between(0, seam_ms)),
    ):
        (tmp_path / name).write_bytes(csv_text(part))
        await run(config, tmp_path / name)

    async with stored(config) as store:
        assert 1 == len(store.coverage(key(Timeframe.M1)).intervals)
        for timeframe in DERIVED_TIMEFRAMES:
            assert expected(store, config, timeframe).same_as(store.load(key(timeframe)))
            assert ms("2025-12-04T10:07") // timeframe.ms in (
                store.load(key(timeframe)).open_time_ms // timeframe.ms
            )


async def test_a_folder_brings_each_symbol_its_files_and_leaves_the_rest(tmp_path: Path) -> None:
    """What was not used must be named, or it looks as if it was."""
    config = config_at(tmp_path, YEN, CAD)
    folder = tmp_path / "files"
    folder.mkdir()
    days = history(config, "2025-10-10T00:00", "2025-12-06T00:00")
    half = ms("2025-11-25T00:00")
    (folder / "DAT_MT_USDJPY_M1_1.csv").write_bytes(
        text_of("mt4", days.between(0, half), "America/New_York")
    )
    (folder / "DAT_MT_USDJPY_M1_2.csv").write_bytes(
        text_of("mt4", days.between(half, NOW), "America/New_York")
    )
    (folder / "USDCAD_M1.csv.gz").write_bytes(gzip.compress(csv_text(days)))
    (folder / "USDCAD_M1_ask.csv").write_bytes(csv_text(days))
    (folder / "USDJPY_H1.csv").write_bytes(
        csv_text(minute_bars(days.open_time_ms[:1] + np.arange(90) * HOUR_MS))
    )
    (folder / "GBPUSD_M1.csv").write_bytes(csv_text(days))
    (folder / "notes.pdf").write_bytes(b"")

    report = await run(config, folder)

    assert [YEN, CAD] == [symbol.symbol for symbol in report.symbols]
    assert len(days) == report.symbols[0].series[0].new
    assert report.is_whole
    assert {
        "GBPUSD_M1.csv was left alone: it names no configured symbol.",
        "USDCAD_M1_ask.csv was left alone: it holds ask prices.",
        "USDJPY_H1.csv was left alone: its rows are neither a minute nor a day apart.",
    } == {skipped.why for skipped in report.skipped}
    yen = report.symbols[0].files
    assert ["America/New_York", "America/New_York"] == [file.zone for file in yen]
    assert "8 pauses" not in yen[1].evidence
    assert "another file of the market" in yen[1].evidence


async def test_files_that_overlap_are_two_sources_too(tmp_path: Path) -> None:
    """What the first file brought is as good as stored when the second disagrees."""
    config = config_at(tmp_path)
    first = history(config, "2025-12-01T00:00", "2025-12-03T00:00")
    second = history(config, "2025-12-02T00:00", "2025-12-04T00:00", price=100.5)
    (tmp_path / "USDJPY_1.csv").write_bytes(csv_text(first))
    (tmp_path / "USDJPY_2.csv").write_bytes(csv_text(second))

    report = await run(config, tmp_path)

    overlap = int((second.open_time_ms < ms("2025-12-03T00:00")).sum())
    series = report.symbols[0].series[0]
    assert (len(first) + len(second) - overlap, 0, overlap) == counts(series)
    async with stored(config) as store:
        assert second.merged(first).same_as(store.load(key(Timeframe.M1)))


async def test_d1_is_taken_only_on_the_anchor(tmp_path: Path) -> None:
    """A day that opens elsewhere is another day."""
    config = config_at(tmp_path)
    opens = ms("2025-12-01T22:00") + np.arange(3) * DAY_MS
    days = Bars.of(opens, opens + DAY_MS, *([[1.0] * 3] * 4), [9] * 3)
    (tmp_path / "USDJPY_D1.csv").write_bytes(csv_text(days))
    report = await run(config, tmp_path / "USDJPY_D1.csv")
    async with stored(config) as store:
        assert days.same_as(store.load(key(Timeframe.D1)))
        assert ((opens[0], opens[-1] + DAY_MS),) == store.coverage(key(Timeframe.D1)).intervals
    assert ("D1", 0) == (report.symbols[0].series[0].timeframe, report.symbols[0].derived)

    (tmp_path / "USDJPY_D1.csv").write_bytes(
        csv_text(Bars.of(opens + HOUR_MS, opens + DAY_MS, *([[1.0] * 3] * 4), [9] * 3))
    )
    with pytest.raises(BadImport, match="do not open at 17:00 America/New_York"):
        await run(config, tmp_path / "USDJPY_D1.csv")


async def test_the_minute_that_is_still_forming_is_not_taken(tmp_path: Path) -> None:
    """A program exports while the market trades; only final bars go to disk."""
    config = config_at(tmp_path)
    whole = history(config, "2026-01-13T00:00", "2026-01-15T12:00")
    (tmp_path / "USDJPY_M1.csv").write_bytes(csv_text(whole))

    at_ms = int(whole.close_time_ms[-1]) + 14_000
    report = await run(config, tmp_path / "USDJPY_M1.csv", at_ms=at_ms)

    assert 1 == report.symbols[0].files[0].unfinished
    assert whole.close_time_ms[-2] == report.symbols[0].series[0].until_ms


async def test_bad_rows_and_a_strange_open_mode_are_told(tmp_path: Path) -> None:
    """Dropping quietly makes holes; mixing modes makes wrong highs."""
    config = config_at(tmp_path)
    bars = minute_bars(ms("2025-12-02T10:00") + np.arange(400) * MINUTE_MS)
    joined = Bars.of(bars.open_time_ms, bars.close_time_ms, *([[1.0] * 400] * 4), [1] * 400)
    (tmp_path / "USDJPY_M1.csv").write_bytes(csv_text(joined) + b"garbage\n")

    report = await run(config, tmp_path / "USDJPY_M1.csv")

    read = report.symbols[0].files[0]
    assert (401, 1) == (read.rows, read.dropped)
    assert "the first is line 402" in (read.fault or "")
    assert "open in mode previous_close" in report.symbols[0].notes[0]


async def test_bad_requests_are_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    """One sentence with the remedy each, and nothing on the disk."""
    config = config_at(tmp_path)
    winter = text_of("mt4", history(config, "2026-01-02T00:00", "2026-01-14T00:00"), "UTC")
    (tmp_path / "USDJPY_M1.csv").write_bytes(winter)
    (tmp_path / "odd.csv").write_bytes(b"time;open\n")
    (tmp_path / "empty").mkdir()
    for name, asked, words in (
        ("USDJPY_M1.csv", {}, "UTC and Europe/London alike; name its clock with --zone"),
        ("USDJPY_M1.csv", {"zone": "EST"}, "UTC-5"),
        ("USDJPY_M1.csv", {"format": "xls"}, "name one of csv, histdata, mt, dukascopy"),
        ("USDJPY_M1.csv", {"format": "dukascopy"}, "which is not dukascopy"),
        ("USDJPY_M1.csv", {"symbol": GOLD}, "not a configured symbol"),
        ("odd.csv", {}, "say which with --symbol"),
        ("odd.csv", {"symbol": YEN}, "which is not csv, histdata, mt, dukascopy"),
        ("empty", {}, "USDJPY_M1.csv"),
    ):
        with pytest.raises(BadImport, match=words):
            await run(config, tmp_path / name, **asked)
    with pytest.raises(HistoryUnreadable, match="nowhere cannot be read"):
        await run(config, tmp_path / "nowhere")

    assert not config.data_root.exists()


async def test_one_bad_file_does_not_keep_the_others_out(tmp_path: Path) -> None:
    """But the report is not whole, and the exit code says so."""
    config = config_at(tmp_path, YEN, CAD)
    (tmp_path / "USDCAD.csv").write_bytes(b"time;open\n")
    (tmp_path / "USDJPY.csv").write_bytes(
        csv_text(history(config, "2025-12-01T00:00", "2025-12-02T00:00"))
    )

    report = await run(config, tmp_path)

    assert [YEN] == [symbol.symbol for symbol in report.symbols]
    assert not report.is_whole


async def test_bars_cut_by_other_anchors_are_not_mixed(tmp_path: Path) -> None:
    """H4 of two grids in one series would be split brain."""
    config = config_at(tmp_path)
    path = tmp_path / "USDJPY_M1.csv"
    path.write_bytes(csv_text(history(config, "2025-12-01T00:00", "2025-12-03T00:00")))
    await run(config, path)

    moved = config_at(tmp_path, anchors__d1="16:00")
    with pytest.raises(BadImport, match="cut by other anchors"):
        await run(moved, path)


async def test_an_owned_folder_is_refused(tmp_path: Path) -> None:
    """Two writers on one folder would be split brain."""
    config = config_at(tmp_path)
    path = tmp_path / "USDJPY_M1.csv"
    path.write_bytes(csv_text(history(config, "2025-12-01T00:00", "2025-12-03T00:00")))

    async with stored(config):
        with pytest.raises(FolderLocked):
            await run(config, path)


@given(st.data())
@settings(max_examples=12, deadline=None)
async def test_any_cut_and_order_of_files_gives_the_same_bars(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The law of derive holds for imports too: pieces, overlaps and repetitions change nothing."""
    tmp_path = tmp_path_factory.mktemp("import")
    config = config_at(tmp_path)
    whole = history(config, "2025-12-04T12:00", "2025-12-09T00:00")
    cuts = st.integers(0, len(whole) - 30)
    pieces = data.draw(st.lists(st.tuples(cuts, cuts), min_size=1, max_size=4))
    spans = [slice(0, len(whole)), *(slice(min(p), max(p) + 30) for p in pieces)]
    for number, span in enumerate(data.draw(st.permutations(spans))):
        (tmp_path / "USDJPY.csv").write_bytes(csv_text(whole.take(span)))
        await run(config, tmp_path / "USDJPY.csv", at_ms=NOW + number)

    async with stored(config) as store:
        assert whole.same_as(store.load(key(Timeframe.M1)))
        for timeframe in DERIVED_TIMEFRAMES:
            assert expected(store, config, timeframe).same_as(store.load(key(timeframe)))


@needs_real_history
async def test_a_real_export_gives_the_vendor_s_own_m5(tmp_path: Path) -> None:
    """MetaTrader's 60 000 minutes in its own clock, no hint: every M5 as it drew it itself."""
    config = config_at(tmp_path)
    real = real_bars("mt5_2022q4/USDJPY_M1", Timeframe.M1, ANCHORS)
    vendor = real_bars("mt5_2022q4/USDJPY_M5", Timeframe.M5, ANCHORS)
    (tmp_path / "USDJPY_M1.csv").write_bytes(text_of("mt5", real, "Europe/Athens"))

    report = await run(config, tmp_path / "USDJPY_M1.csv")

    async with stored(config) as store:
        m5 = store.load(key(Timeframe.M5))
    ours = vendor.between(int(m5.open_time_ms[0]), int(m5.open_time_ms[-1]) + 1)
    assert "Europe/Athens" == report.symbols[0].files[0].zone
    assert len(ours) == len(m5) > 11_900
    for name in ("open_time_ms", "o", "h", "low", "c", "v"):
        assert np.array_equal(getattr(ours, name), getattr(m5, name))
