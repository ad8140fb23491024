"""Which open mode an unowned folder holds: said by a commit, judged by old minutes, or unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.clock import ManualClock
from engine.config import Config
from engine.first_look import folder_open_mode, settled
from engine.history.import_sources import ImportRequest
from engine.history.importing import import_history
from tests.engine.builders import CAD, GOLD, YEN, small_config
from tests.engine.history_files import csv_text, minute_bars
from tests.engine.sample_markets import ms
from uds.legacy_codec import encode_records
from uds.model import MINUTE_MS, Bars, SeriesKey, Timeframe

NOW = ms("2026-01-15T12:00")


def config_at(folder: Path, *symbols: str, **changes: object) -> Config:
    """A configuration whose data go to a folder of the test."""
    found = small_config(*(symbols or (YEN,)), **changes)
    return found.model_copy(update={"data_root": folder})


def minutes(count: int, *, joined: bool) -> Bars:
    """Minutes on the 14th; joined ones open at the close before."""
    bars = minute_bars(ms("2026-01-14T00:00") + np.arange(count) * MINUTE_MS)
    if not joined:
        return bars
    ones = np.full(count, 1.0)
    return Bars.of(bars.open_time_ms, bars.close_time_ms, ones, ones, ones, ones, bars.v)


def put(folder: Path, symbol: str, bars: Bars) -> None:
    """The old platform's M1 of a symbol."""
    place = folder / symbol.replace("/", "_") / "tf_60"
    place.mkdir(parents=True)
    data = encode_records(SeriesKey(symbol, Timeframe.M1), bars)
    (place / "part-20260114.jsonl").write_bytes(data)


async def test_the_minutes_of_most_symbols_tell_the_mode(tmp_path: Path) -> None:
    """One odd symbol starts cold; that is better than all the others doing so."""
    put(tmp_path, GOLD, minutes(600, joined=False))
    put(tmp_path, YEN, minutes(600, joined=True))
    put(tmp_path, CAD, minutes(600, joined=True))

    assert "previous_close" == await folder_open_mode(tmp_path, (GOLD, YEN, CAD))
    assert "first_tick" == await folder_open_mode(tmp_path, (GOLD,))


@pytest.mark.parametrize("count", [0, 10])
async def test_too_few_minutes_tell_nothing(tmp_path: Path, count: int) -> None:
    """Then ours is the first tick, as brokers' history is."""
    put(tmp_path, YEN, minutes(count, joined=True))

    assert await folder_open_mode(tmp_path, (YEN,)) is None
    assert await folder_open_mode(tmp_path / "nowhere", (YEN,)) is None
    assert "first_tick" == (await settled(config_at(tmp_path))).bars_open_at()


async def test_auto_takes_the_mode_of_the_folder_and_a_word_of_the_operator_stands(
    tmp_path: Path,
) -> None:
    """Today's platform stores previous closes; whoever says otherwise knows why."""
    put(tmp_path, YEN, minutes(600, joined=True))

    assert "previous_close" == (await settled(config_at(tmp_path))).bars_open_at()
    stated = config_at(tmp_path, broker__open_mode="first_tick")
    assert "first_tick" == (await settled(stated)).bars_open_at()


async def test_a_commit_outweighs_old_minutes(tmp_path: Path) -> None:
    """What is committed is what the store goes on with."""
    put(tmp_path / "data", YEN, minutes(600, joined=True))
    stated = config_at(tmp_path / "data", broker__open_mode="first_tick")
    (tmp_path / "USDJPY_M1.csv").write_bytes(csv_text(minutes(600, joined=False)))
    request = ImportRequest(tmp_path / "USDJPY_M1.csv")
    await import_history(stated, request, ManualClock(NOW), lambda _: None)

    assert "first_tick" == await folder_open_mode(tmp_path / "data", (YEN,))


async def test_a_file_in_place_of_the_folder_is_left_to_whoever_opens_it(tmp_path: Path) -> None:
    """The sentence about it is the store's."""
    (tmp_path / "data").write_bytes(b"")

    assert await folder_open_mode(tmp_path / "data", (YEN,)) is None
