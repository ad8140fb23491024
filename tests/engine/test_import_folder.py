"""Another data folder as a source: of an import, and of a replay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.broker.replay import ReplayBroker, ReplayFolderIncomplete
from engine.clock import ManualClock
from engine.config import Config
from engine.errors import BadImport, HistoryUnreadable
from engine.history.import_report import ImportReport
from engine.history.import_sources import ImportRequest
from engine.history.importing import import_history
from engine.sources import open_source
from tests.engine.builders import CAD, YEN, simulated_market
from tests.engine.history_files import csv_text
from tests.engine.old_folders import parts
from tests.engine.sample_markets import ms
from tests.engine.test_importing import NOW, config_at, counts, expected, key, run, stored
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Bars, SeriesKey, Timeframe

FROM, UNTIL = ms("2026-01-05T00:00"), ms("2026-01-14T00:00")
M1, D1 = Timeframe.M1, Timeframe.D1


def other(tmp_path: Path, *symbols: str, **changes: object) -> Config:
    """The configuration of another folder."""
    folder = tmp_path / "other"
    folder.mkdir(exist_ok=True)
    return config_at(folder, *(symbols or (YEN,)), **changes)


def market_bars(config: Config, timeframe: Timeframe, symbol: str = YEN) -> Bars:
    """Nine days of the simulated market."""
    market = simulated_market(config)
    draw = market.m1 if timeframe is M1 else market.d1
    bars = draw(symbol, FROM, UNTIL)
    return bars.take(bars.close_time_ms <= UNTIL)


async def fill(config: Config, symbol: str = YEN) -> Path:
    """Import the market's files into a folder."""
    files = config.data_root.parent / "files"
    files.mkdir(exist_ok=True)
    for timeframe in (M1, D1):
        name = f"{symbol.replace('/', '')}_{timeframe.name}.csv"
        (files / name).write_bytes(csv_text(market_bars(config, timeframe, symbol)))
    await run(config, files)
    return config.data_root


def put_parts(folder: Path, config: Config, *timeframes: Timeframe) -> Path:
    """The old platform's files of the yen."""
    for timeframe in timeframes:
        for path, data in parts(YEN, timeframe, market_bars(config, timeframe)).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    return folder


async def test_a_folder_with_commits_is_brought_whole(tmp_path: Path) -> None:
    """M1, D1 and what was fetched; M3 to H4 are derived here."""
    source, config = await fill(other(tmp_path)), config_at(tmp_path)
    report = await run(config, source, format="v3")

    (symbol,) = report.symbols
    bars = market_bars(config, M1)
    assert [(len(bars), 0, 0), (6, 0, 0)] == [counts(series) for series in symbol.series]
    assert ["USD/JPY/M1", "USD/JPY/D1"] == [file.name for file in symbol.files]
    assert "generation 1-1 of the folder" in symbol.files[0].evidence
    assert () == symbol.notes
    async with stored(config) as mine, stored(other(tmp_path)) as theirs:
        for timeframe in Timeframe:
            series = SeriesKey(YEN, timeframe)
            assert theirs.load(series).same_as(mine.load(series))
            assert theirs.coverage(series) == mine.coverage(series)


async def test_old_parts_are_brought_with_the_proof_they_can_give(tmp_path: Path) -> None:
    """The format is told by what lies at the path; a hole of an hour stays a gap."""
    config = config_at(tmp_path)
    folder = put_parts(tmp_path / "old", config, M1, D1)
    path = folder / "USD_JPY/tf_60/part-20260107.jsonl"
    lines = path.read_bytes().splitlines(True)
    path.write_bytes(b"".join([*lines[:600], *lines[660:]]))
    report = await run(config, folder)

    (symbol,) = report.symbols
    assert "v3" == symbol.files[0].format
    assert "files of the platform of before" in symbol.files[0].evidence
    async with stored(config) as store:
        assert 2 == len(store.coverage(key(M1)).intervals)
        for timeframe in DERIVED_TIMEFRAMES:
            assert expected(store, config, timeframe).same_as(store.load(key(timeframe)))
        assert market_bars(config, D1).same_as(store.load(key(D1)))


async def test_a_folder_of_several_symbols_brings_those_that_it_has(tmp_path: Path) -> None:
    """And `--symbol` one of them."""
    source = other(tmp_path, YEN, CAD)
    await fill(source)
    await fill(source, CAD)
    report = await run(config_at(tmp_path, YEN, CAD), source.data_root)
    assert [YEN, CAD] == [symbol.symbol for symbol in report.symbols]

    one = await run(config_at(tmp_path, YEN, CAD), source.data_root, symbol=CAD)
    assert [CAD] == [symbol.symbol for symbol in one.symbols]
    assert {0} == {series.new for series in one.symbols[0].series}


async def test_what_does_not_fit_is_refused_in_words(tmp_path: Path) -> None:
    """Bars of another open mode, days of another anchor, and places that are no folder."""
    source = await fill(other(tmp_path))
    config = config_at(tmp_path, broker__open_mode="previous_close")
    with pytest.raises(BadImport, match=r"open in mode first_tick, those of the folder in prev"):
        await run(config, source, format="v3")

    moved = config_at(tmp_path / "moved", anchors__d1="16:00")
    report = await run(moved, source, format="v3")
    assert ["M1"] == [series.timeframe for series in report.symbols[0].series]
    assert ["USD/JPY D1 was left alone: its days do not open at 16:00 America/New_York."] == [
        skipped.why for skipped in report.skipped
    ]

    (tmp_path / "empty").mkdir()
    (tmp_path / "x.csv").write_bytes(b"")
    for path, error, words in (
        (tmp_path / "empty", BadImport, "neither commits nor part files of USD/JPY"),
        (tmp_path / "x.csv", BadImport, "'v3' is the format of a data folder, and x.csv is a"),
        (tmp_path / "nowhere", HistoryUnreadable, "nowhere cannot be read: nothing is there"),
        (source, BadImport, "is the data folder itself"),
    ):
        with pytest.raises(error, match=words):
            await run(other(tmp_path), path, format="v3")


async def test_damage_in_the_other_folder_is_told_and_not_covered(tmp_path: Path) -> None:
    """What was lost there must be fetched here."""
    source, config = await fill(other(tmp_path)), config_at(tmp_path)
    path = sorted((source / "USD_JPY/tf_60").glob("seg-*"))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    report = await run(config, source, format="v3")

    (symbol,) = report.symbols
    assert "seg-00000001-0001.jsonl" in (symbol.files[0].fault or "")
    assert len(market_bars(config, M1)) - 1 == symbol.series[0].new
    async with stored(config) as store:
        lost = np.setdiff1d(market_bars(config, M1).open_time_ms, store.load(key(M1)).open_time_ms)
        (lost_ms,) = lost.tolist()
        assert ((lost_ms, lost_ms + MINUTE_MS),) == (
            store.coverage(key(M1)).gaps(lost_ms, lost_ms + MINUTE_MS).intervals
        )


async def test_the_minute_that_is_still_forming_is_not_taken(tmp_path: Path) -> None:
    """An import beside a running platform."""
    config = config_at(tmp_path)
    folder = put_parts(tmp_path / "old", config, M1)
    bars = market_bars(config, M1)
    request = ImportRequest(folder)
    clock = ManualClock(int(bars.close_time_ms[-1]) + 14_000)
    report: ImportReport = await import_history(config, request, clock, lambda _: None)

    assert 1 == report.symbols[0].files[0].unfinished
    async with stored(config) as store:
        assert bars.close_time_ms[-2] == store.coverage(key(M1)).until_ms


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_data_folder_is_replayed(tmp_path: Path, is_ours: bool) -> None:
    """Of generations or of old parts: its M1 and D1, from a day before their end."""
    found = config_at(tmp_path)
    folder = await fill(other(tmp_path)) if is_ours else put_parts(tmp_path / "old", found, M1, D1)
    replay = {"broker__kind": "replay", "broker__replay__path": str(folder)}
    broker, clock = await open_source(config_at(tmp_path, **replay), None)

    assert isinstance(broker, ReplayBroker)
    assert () == broker.notes()
    assert 0 <= clock.now_ms() - ms("2026-01-13T00:00") < 60_000
    assert NOW > clock.now_ms()
    with pytest.raises(ReplayFolderIncomplete, match="has no M1 of USD/CAD: neither a commit"):
        await open_source(config_at(tmp_path, YEN, CAD, **replay), None)


async def test_days_that_the_folder_lacks_are_made_of_its_minutes(tmp_path: Path) -> None:
    """As for a folder of files."""
    folder = put_parts(tmp_path / "old", config_at(tmp_path), M1)
    replay = {"broker__kind": "replay", "broker__replay__path": str(folder)}
    broker, _ = await open_source(config_at(tmp_path, **replay), None)

    ((code, symbol, said),) = broker.notes()
    sentence = str(said)
    assert ("D1_FROM_M1", YEN) == (code, symbol)
    assert "has no D1 of USD/JPY on the anchor; D1 is made of its M1." in sentence
