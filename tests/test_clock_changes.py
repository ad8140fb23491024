"""Whole starts at awkward instants: shut markets, clock changes, year ends; keys must be right."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engine import Open, load_config, open_engine
from engine.calendars.buckets import bucket_opens
from uds.model import I64, Timeframe

CONFIG = Path(__file__).resolve().parent.parent / "config.json"
ONE_OF_EACH_GROUP = ["XAU/USD", "NGAS", "SPX500", "GER30", "EUSTX50", "HKG33", "USD/CAD", "GBP/CAD"]
NEW_YORK = ZoneInfo("America/New_York")
H4_HOURS = {17, 21, 1, 5, 9, 13}

AWKWARD = {
    "christmas": "2026-12-25T12:00:00+00:00",
    "new year": "2027-01-01T12:00:00+00:00",
    "us spring forward": "2026-03-08T22:30:00+00:00",
    "us fall back": "2026-11-01T23:30:00+00:00",
    "eu spring forward": "2026-03-29T22:00:00+00:00",
    "eu fall back": "2026-10-25T23:00:00+00:00",
    "saturday noon": "2026-11-21T12:00:00+00:00",
    "daily break": "2026-11-18T22:30:00+00:00",
}


@pytest.mark.parametrize("instant", AWKWARD.values(), ids=AWKWARD.keys())
async def test_a_start_at_an_awkward_instant(tmp_path: Path, instant: str) -> None:
    """It opens, H4 and D1 stand on New York's wall clock, no M1 lies outside its bucket."""
    at_ms = round(datetime.fromisoformat(instant).timestamp() * 1_000)
    overrides = {
        "symbols": ONE_OF_EACH_GROUP,
        "data_root": str(tmp_path / "data"),
        "api.port": 0,
        "broker.sim.login_s": 0.01,
        "broker.sim.latency_ms": 1,
    }
    config = load_config(CONFIG, {}, overrides, tmp_path)
    async with open_engine(config, at_ms) as engine:
        status = await engine.board.until(lambda now: isinstance(now.gate, Open))
        tails = {s: engine.store.tail(s) for s in ONE_OF_EACH_GROUP}

    assert "open" == status.gate.state.value, status.reasons
    for symbol, snapshot in tails.items():
        assert snapshot is not None, symbol
        assert H4_HOURS >= _new_york_hours(snapshot.tails[Timeframe.H4].open_time_ms)
        assert {17} == _new_york_hours(snapshot.tails[Timeframe.D1].open_time_ms)
        for timeframe, bars in snapshot.tails.items():
            anchors = config.anchors.anchors()
            again = bucket_opens(bars.open_time_ms, timeframe, anchors)
            assert np.array_equal(again, bars.open_time_ms), (symbol, timeframe)
            assert (bars.close_time_ms <= at_ms + 60_000).all()


def _new_york_hours(opens: I64) -> set[int]:
    return {
        datetime.fromtimestamp(open_ms / 1_000, UTC).astimezone(NEW_YORK).hour
        for open_ms in opens.tolist()
    }
