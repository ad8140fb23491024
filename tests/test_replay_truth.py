"""A whole start on real history: every vendor bar inside the resident span must be ours too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import Open, load_config, open_engine
from engine.calendars.buckets import Anchors
from uds.model import Bars, Timeframe

from .engine.real_history import bars, needs_real_history

CONFIG = Path(__file__).resolve().parent.parent / "config.json"
VENDOR = {
    "EUR/USD": (Timeframe.M5,),
    "GBP/USD": (Timeframe.M5,),
    "USD/JPY": (Timeframe.M5, Timeframe.M15, Timeframe.H1),
    "USD/CAD": (),
}
NEW_YORK = Anchors("America/New_York", "17:00", "17:00")
DEEP = {
    "bootstrap.warmup_bars.M1": 54_000,
    "redis.tail_bars": {timeframe.name: 60_000 for timeframe in Timeframe},
    "bootstrap.prime_budget_per_symbol_s": 60.0,
    "bootstrap.redis_priming_budget_s": 600.0,
}


@needs_real_history
@pytest.mark.parametrize("depth", [{}, DEEP], ids=["three days", "eight weeks"])
async def test_a_replayed_start_reproduces_the_vendor(
    tmp_path: Path, depth: dict[str, object]
) -> None:
    """Broker, disk, derive, Redis and snapshot in between: not one bar may be lost or bent."""
    overrides = {
        "symbols": list(VENDOR),
        "data_root": str(tmp_path / "data"),
        "api.port": 0,
        "broker.kind": "replay",
        "broker.replay.path": str(Path(os.environ["COLDSTART_REAL_DATA"]) / "mt5_2022q4"),
        **depth,
    }
    async with open_engine(load_config(CONFIG, {}, overrides, tmp_path)) as engine:
        status = await engine.board.until(lambda now: isinstance(now.gate, Open))
        tails = {symbol: engine.store.tail(symbol) for symbol in VENDOR}

    assert "open" == status.gate.state.value, status.reasons
    assert status.ready_cells == len(status.cells)
    for symbol, timeframes in VENDOR.items():
        snapshot = tails[symbol]
        assert snapshot is not None
        for timeframe in timeframes:
            vendor = _inside(snapshot.tails[Timeframe.M1], symbol, timeframe)
            assert len(vendor) > 0
            assert _same_prices(vendor, snapshot.tails[timeframe])


def _inside(m1: Bars, symbol: str, timeframe: Timeframe) -> Bars:
    """The vendor's bars whose buckets lie wholly inside the resident M1."""
    vendor = bars(f"mt5_2022q4/{symbol.replace('/', '')}_{timeframe.name}", timeframe, NEW_YORK)
    first_ms, until_ms = m1.open_time_ms[0], m1.close_time_ms[-1]
    return vendor.take((vendor.open_time_ms >= first_ms) & (vendor.close_time_ms <= until_ms))


def _same_prices(vendor: Bars, ours: Bars) -> bool:
    first_ms, last_ms = vendor.first_open_ms, vendor.last_open_ms
    assert first_ms is not None
    assert last_ms is not None
    found = ours.between(first_ms, last_ms + 1)
    pairs = zip(vendor.columns[:7], found.columns[:7], strict=True)
    return len(vendor) == len(found) and all((a == b).all() for a, b in pairs)
