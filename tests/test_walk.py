"""One M1 chunk walks the whole house: broker → disk → Redis → cell on the grid → /api/bars.

Every part is the real one: simulated broker, file system, embedded server, HTTP over a socket.
At each station the same bars must be found.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import redis.asyncio as redis

from console.app import ConsoleApp
from console.client import LocalClient
from engine import CellState, Engine, Open, load_config, open_engine
from engine.broker.port import BarsRequest
from uds import codec, layout
from uds.model import Bars, SeriesKey, Timeframe, joined

XAU_M1 = SeriesKey("XAU/USD", Timeframe.M1)
WEDNESDAY_AFTERNOON_MS = 1_795_014_030_000
"""2026-11-18 15:00:30 UTC: gold trades, whatever day the tests run on."""
CONFIG = Path(__file__).resolve().parent.parent / "config.json"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """A whole engine of one symbol that has just opened its gate."""
    overrides = {
        "symbols": ["XAU/USD"],
        "data_root": str(tmp_path / "data"),
        "api.port": 0,
        "broker.sim.login_s": 0.01,
        "broker.sim.latency_ms": 1,
    }
    config = load_config(CONFIG, {}, overrides, tmp_path)
    async with open_engine(config, at_ms=WEDNESDAY_AFTERNOON_MS) as opened:
        await opened.board.until(lambda status: isinstance(status.gate, Open))
        yield opened


async def test_one_chunk_walks_the_house(engine: Engine) -> None:
    """If any station held other bars than the broker sent, readers would be lied to."""
    sent = await _from_broker(engine)
    status, snapshot = engine.board.status, engine.store.tail("XAU/USD")
    assert snapshot is not None

    assert CellState.SEALED is status.cells[XAU_M1].state
    assert _same(sent, _on_disk(engine))
    assert _same(sent.tail(4_320), await _in_redis(engine))
    assert _same(sent.tail(4_320), snapshot.tails[Timeframe.M1])
    assert _same(sent.tail(4_320), await _from_api(engine))


async def test_the_chunk_ends_on_the_grid(engine: Engine) -> None:
    """The operator's cell says ready and how many bars there are."""
    app = ConsoleApp(LocalClient(engine), engine.clock.now_ms, ascii_only=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.3)
        rows = [strip.text for strip in app.screen._compositor.render_strips()]

    row = next(row for row in rows if "XAU/USD" in row)
    assert "●4320" in row
    assert any("gate OPEN" in row for row in rows)


async def test_every_derived_bar_is_made_of_the_chunk(engine: Engine) -> None:
    """A derived bar's open, high, low, close and volume are those of its M1, nothing else."""
    sent = await _from_broker(engine)
    snapshot = engine.store.tail("XAU/USD")
    assert snapshot is not None

    for timeframe, bars in snapshot.tails.items():
        if not timeframe.is_derived:
            continue
        newest = bars.tail(1)
        inside = sent.between(int(newest.open_time_ms[0]), int(newest.close_time_ms[0]))
        assert float(inside.o[0]) == float(newest.o[0])
        assert float(inside.h.max()) == float(newest.h[0])
        assert float(inside.low.min()) == float(newest.low[0])
        assert float(inside.c[-1]) == float(newest.c[0])
        assert int(inside.v.sum()) == int(newest.v[0])


async def test_a_forming_bar_stands_behind_the_final_ones(engine: Engine) -> None:
    """Ticks walk beside: publisher → preview → Redis → API, never into the final bars (I3)."""
    async with asyncio.timeout(20):
        while not (forming := engine.store.previews("XAU/USD")):
            await asyncio.sleep(0.05)
    port = engine.tools.listener.port
    query = {"symbol": "XAU/USD", "tf": "H4", "limit": 2, "preview": 1}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        *final, last = (await client.get("/api/bars", params=query)).json()["bars"]

    assert (False, "preview") == (last["complete"], last["src"])
    assert forming[Timeframe.H4].open_time_ms == last["open_time_ms"]
    assert [True, True] == [bar["complete"] for bar in final]
    assert final[-1]["close_time_ms"] <= last["open_time_ms"]


async def _from_broker(engine: Engine) -> Bars:
    """The whole stored span, asked of the broker once more."""
    stored = _on_disk(engine)
    first_ms, last_ms = stored.first_open_ms, stored.last_open_ms
    assert first_ms is not None
    assert last_ms is not None
    parts: list[Bars] = []
    until_ms = last_ms + 1
    while until_ms > first_ms:
        request = BarsRequest("XAU/USD", Timeframe.M1, first_ms, until_ms)
        page = (await engine.session.broker.fetch_bars(request)).bars
        parts.insert(0, page)
        until_ms = page.first_open_ms or first_ms
    return joined(parts)


def _on_disk(engine: Engine) -> Bars:
    folder = engine.tools.config.data_root / layout.series_folder(XAU_M1)
    found = Bars.empty()
    for file in sorted(folder.glob("seg-*.jsonl")):
        decoded = codec.decode_segment(XAU_M1, file.read_bytes())
        assert () == decoded.drops
        found = found.merged(decoded.bars)
    return found


async def _in_redis(engine: Engine) -> Bars:
    server = engine.store.server
    assert server is not None
    client = redis.Redis.from_url(server.url)
    live = await client.hgetall(layout.live_key("coldstart", "XAU/USD"))
    generation = engine.board.status.generations["XAU/USD"]
    assert str(generation).encode() == live[b"generation"]
    value = await client.get(layout.tail_key("coldstart", XAU_M1, generation))
    await client.aclose()
    return codec.unpack_tail(XAU_M1, value)


async def _from_api(engine: Engine) -> Bars:
    port = engine.tools.listener.port
    query = {"symbol": "XAU/USD", "tf": "M1", "limit": 4_320}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = (await client.get("/api/bars", params=query)).json()
    names = ("open_time_ms", "close_time_ms", "o", "h", "low", "c", "v")
    return Bars.of(*([bar[name] for bar in answer["bars"]] for name in names))


def _same(expected: Bars, found: Bars) -> bool:
    return len(expected) > 0 and expected.same_as(found)
