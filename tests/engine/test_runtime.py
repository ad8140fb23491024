"""A whole engine in this process: real disk, real embedded server, real sockets, a small market."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.boots.report import bootstrap_report
from engine.boots.timeline import replay_floor_s
from engine.config import Config
from engine.control.client import call_engine
from engine.errors import ProbeFailed, StoredLater
from engine.gate import GateState
from engine.runtime import open_engine
from engine.serving.probe import first_candles_ms
from engine.status import ProcessState
from tests.engine.builders import GOLD, NOON, YEN, is_open, key, small_config
from uds import FolderLocked
from uds.model import Timeframe

PATIENCE_S = 30.0
HOUR_MS = 3_600_000


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


def quick_config(folder: Path) -> Config:
    """Two symbols, a broker that answers in 2 ms, any free port."""
    return small_config(
        GOLD,
        YEN,
        data_root=str(folder),
        api__port=0,
        broker__sim={"login_s": 0.02, "latency_ms": 2, "publish_delay_s": 0},
    )


async def test_a_small_engine_opens_reports_and_restarts_with_what_it_stored(
    folder: Path,
) -> None:
    """One walk through everything that runs together, twice over the same folder."""
    config = quick_config(folder)
    async with open_engine(config, NOON) as engine:
        await asyncio.wait_for(engine.board.until(is_open), PATIENCE_S)
        await asyncio.wait_for(
            engine.board.until(lambda s: all(p.state is ProcessState.READY for p in s.processes)),
            PATIENCE_S,
        )
        report = await bootstrap_report(engine, 0.25)
        port = engine.board.status.api_port or 0
        url = f"http://127.0.0.1:{port}"
        query = {"symbol": GOLD, "tf": "H1", "limit": "3"}
        async with httpx.AsyncClient(base_url=url) as reader:
            bars = await reader.get("/api/bars", params=query)
            engine.supervisor.restart("ui")
            await asyncio.wait_for(
                engine.board.until(lambda s: s.processes[-1].restarts == 1), PATIENCE_S
            )
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as reader:
            again = await reader.get("/api/bars", params=query)
        status = await asyncio.to_thread(
            call_engine, folder, "status", {}, path=None, timeout_s=PATIENCE_S
        )
        with pytest.raises(FolderLocked):
            async with open_engine(config, NOON):
                pass

        check_report(report, engine.session.answered)
        assert (200, 200) == (bars.status_code, again.status_code)
        assert bars.json()["bars"] == again.json()["bars"]
        assert 1 == status["owner_token"]
        assert port == engine.board.status.api_port
        assert GateState.OPEN is engine.board.status.gate.state
        newest = engine.store.load(key(GOLD, Timeframe.M1)).last_open_ms

    async with open_engine(config, NOON + HOUR_MS) as engine:
        second = await asyncio.wait_for(engine.board.until(is_open), PATIENCE_S)
        assert ("catch_up", 2) == (second.mode.value if second.mode else "", second.owner_token)
        assert newest == engine.session.answered[0].request.from_ms - 60_000

    async with open_engine(config, NOON - HOUR_MS) as engine:
        with pytest.raises(StoredLater) as refused:
            await asyncio.wait_for(engine.stopped(), PATIENCE_S)
    assert "2026-01-14 12:59:00 UTC" in str(refused.value)
    assert "choose a later --at" in str(refused.value)


def check_report(report: dict[str, Any], answered: list[Any]) -> None:
    """Every promised figure is there, and those that can be recomputed agree."""
    promised = """schema boot_id mode mode_reason modes gate readiness elapsed_s launch_s
        broker_floor_s ratio_to_floor first_symbol_ready_s first_candle_ms cells owner_token
        generations broker_requests rebuild prime degraded reasons healed phases"""
    assert set(promised.split()) <= set(report)
    assert ("cold", "open", True) == (report["mode"], report["gate"], report["readiness"])
    assert {"ready": 16, "total": 16} == report["cells"]
    assert 0.25 == report["launch_s"]
    assert {GOLD: "00000001-0001", YEN: "00000001-0001"} == report["generations"]
    counted = report["broker_requests"]
    assert (2, 0) == (counted["D1"], counted["other"])
    assert len(answered) == counted["D1"] + counted["M1"]
    floor_s = replay_floor_s(0.02, [0.002] * len(answered), 4)
    assert pytest.approx(floor_s, abs=1e-3) == report["broker_floor_s"]
    assert (
        pytest.approx(report["elapsed_s"] / report["broker_floor_s"], rel=0.01)
        == (report["ratio_to_floor"])
    )
    assert {"p50", "p95", "max"} == set(report["first_candle_ms"])
    assert report["first_candle_ms"]["p50"] <= report["first_candle_ms"]["max"]
    assert report["probe_error"] is None
    assert (16, 30.0) == (report["prime"]["cells"], report["prime"]["budget_s"])
    assert {GOLD, YEN} == set(report["prime"]["per_symbol"])
    assert report["rebuild"]["bars_in"] > 600
    assert report["rebuild"]["bars_out"] > 200
    stages = [(phase["name"], phase["symbol"]) for phase in report["phases"]]
    assert 13 == len(set(stages)) == len(stages)
    for phase in report["phases"]:
        length_s = phase["end_s"] - phase["start_s"]
        assert pytest.approx(length_s, abs=2e-4) == phase["wait_s"] + phase["work_s"]
        assert min(phase["wait_s"], phase["work_s"]) >= -1e-4


async def test_a_busy_port_is_waited_for_while_everything_else_opens(folder: Path) -> None:
    """`ui` says so and takes the port as soon as it is free; the gate is not its business."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        config = quick_config(folder)
        api = config.api.model_copy(update={"port": other.getsockname()[1]})
        async with open_engine(config.model_copy(update={"api": api}), NOON) as engine:
            status = await asyncio.wait_for(engine.board.until(is_open), PATIENCE_S)
            assert GateState.OPEN_DEGRADED is status.gate.state
            assert ["API_PORT_BUSY"] == [reason.code.value for reason in status.reasons]
            assert status.api_port is None
            report = await bootstrap_report(engine, 0.0)
            assert report["first_candle_ms"] is None

            other.close()
            freed = await asyncio.wait_for(
                engine.board.until(lambda now: now.api_port is not None), PATIENCE_S
            )
            assert api.port == freed.api_port
            assert 0 == freed.processes[-1].restarts


async def test_a_probe_names_the_cell_that_was_not_answered(folder: Path) -> None:
    """A figure made of refusals would look splendid."""
    config = quick_config(folder)
    cell = key("EUR/USD", Timeframe.H4)
    async with open_engine(config, NOON) as engine:
        status = await asyncio.wait_for(
            engine.board.until(lambda now: now.api_port is not None), PATIENCE_S
        )
        with pytest.raises(ProbeFailed, match=r"EUR/USD/H4 was answered 'HTTP/1\.1 404"):
            await first_candles_ms("127.0.0.1", status.api_port or 0, [cell], engine.clock)
    with pytest.raises(ProbeFailed, match="EUR/USD/H4 was not answered"):
        await first_candles_ms("127.0.0.1", 1, [cell], engine.clock)
