"""A boot on paper: it can be walked again, it stays small, and it never costs the engine."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from engine.apply import apply
from engine.boots import records
from engine.boots.records import BootRecord, record_boot
from engine.boots.timeline import Span
from engine.broker.port import Broker
from engine.cell import Cell, CellState
from engine.clock import ManualClock
from engine.degraded import DegradedCode
from engine.events import CellsChanged, ReasonRaised
from engine.process import Tools
from engine.replica import posted_of, status_of
from engine.status import Status
from tests.engine.builders import GOLD, NOON, build_house, market_broker, small_config
from uds.model import Generation, Timeframe

SERVED = CellsChanged(
    GOLD, dict.fromkeys(Timeframe, Cell(CellState.SEALED, 1.0, serving=Generation(1, 1)))
)


async def some_tools(folder: Path) -> Tools:
    """The tools of an engine of one symbol over a folder."""
    config, clock = small_config(GOLD, data_root=str(folder)), ManualClock(NOON)
    broker: Broker = market_broker(config, clock)
    return (await build_house(config, broker, clock)).tools


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """The one record in a folder."""
    (path,) = (folder / "boots").iterdir()
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def walked(lines: list[dict[str, Any]]) -> Status:
    """The status a record ends with."""
    found: Status | None = None
    for line in lines:
        if "snapshot" in line:
            found = status_of(line["snapshot"])
        elif "seq" in line:
            posted = posted_of(line)
            assert found is not None
            found = apply(found, posted.event, posted.at_ms)
    assert found is not None
    return found


async def test_a_boot_can_be_walked_again(tmp_path: Path) -> None:
    """From who it was to the last step, spans and all: what a replay draws."""
    tools = await some_tools(tmp_path)
    record = BootRecord(tools)
    tools.board.post(ReasonRaised(DegradedCode.GAP, GOLD, "before"))
    assert await record.flush() is None
    tools.timeline.note(Span("login", None, 0.0, 0.5))
    tools.board.post(SERVED)
    await record.end()

    lines = lines_of(tmp_path)
    assert (1, "b007", 1) == tuple(lines[0][name] for name in ("record", "boot_id", "owner_token"))
    assert tools.board.status == walked(lines)
    assert [{"name": "login"}] == [{"name": x["span"]["name"]} for x in lines if "span" in x]
    assert {"end": {"at_ms": NOON}} == lines[-1]


async def test_a_disk_that_fills_up_leaves_no_half_line_in_the_midst(tmp_path: Path) -> None:
    """What did not fit is written again when there is room: then every line can be read."""
    tools = await some_tools(tmp_path)
    record = BootRecord(tools)
    tools.board.post(SERVED)
    await record.flush()
    tools.board.post(ReasonRaised(DegradedCode.GAP, GOLD, "x" * 5_000))
    (path,) = (tmp_path / "boots").iterdir()
    size = path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
    try:
        assert await record.flush() is not None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    await record.end()

    assert tools.board.status == walked(lines_of(tmp_path))


async def test_it_is_private_and_named_after_the_owner(tmp_path: Path) -> None:
    """Broker errors stand in it; and a name that only grows needs no clock."""
    await BootRecord(await some_tools(tmp_path)).end()

    path = tmp_path / "boots" / "00000001.jsonl"
    assert (0o600, 0o700) == (
        stat.S_IMODE(path.stat().st_mode),
        stat.S_IMODE(path.parent.stat().st_mode),
    )


async def test_everyday_events_are_written_until_the_gate_opens(tmp_path: Path) -> None:
    """A healthy engine says the same every minute for months."""
    tools = await some_tools(tmp_path)
    record = BootRecord(tools)
    tools.board.post(SERVED)
    await record.flush()
    await tools.clock.sleep(1)
    for _ in range(3):
        tools.board.post(SERVED)
        tools.board.post(ReasonRaised(DegradedCode.GAP, GOLD, "after"))
    await record.end()

    kinds = [line["type"] for line in lines_of(tmp_path) if "type" in line]
    assert 3 == kinds.count("ReasonRaised")
    assert 1 == kinds.count("CellsChanged")


async def test_a_record_has_a_largest_size_and_says_that_it_was_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason that flaps for a month must not fill the disk."""
    monkeypatch.setattr(records, "RECORD_BYTES_MAX", 30_000)
    tools = await some_tools(tmp_path)
    record = BootRecord(tools)
    for number in range(2_000):
        tools.board.post(ReasonRaised(DegradedCode.GAP, GOLD, f"number {number}"))
        if number % 50 == 0:
            await record.flush()
    await record.end()

    lines = lines_of(tmp_path)
    size = (tmp_path / "boots" / "00000001.jsonl").stat().st_size
    assert size < 30_000 + 200
    assert ["cut", "end"] == [next(iter(line)) for line in lines[-2:]]


async def test_only_the_newest_boots_are_kept(tmp_path: Path) -> None:
    """Fifty are enough to compare with."""
    folder = tmp_path / "boots"
    folder.mkdir()
    for token in range(100, 170):
        (folder / f"{token:08d}.jsonl").write_text("{}\n")
    (folder / "notes.txt").write_text("the operator's own")
    await BootRecord(await some_tools(tmp_path)).end()

    kept = sorted(path.name for path in folder.iterdir())
    assert records.BOOTS_KEPT + 1 == len(kept)
    assert "00000169.jsonl" in kept
    assert "notes.txt" in kept


async def test_a_record_that_cannot_be_written_is_a_reason_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data are what matters; and nothing of the boot is lost when the disk is back."""
    monkeypatch.setattr(records, "_FLUSH_S", 0.01)
    (tmp_path / "boots").write_text("in the way")
    tools = await some_tools(tmp_path)
    writing = asyncio.create_task(record_boot(tools))
    async with asyncio.timeout(5):
        status = await tools.board.until(lambda now: bool(now.reasons))
        assert [(DegradedCode.DISK_ERROR, "boots")] == [(r.code, r.scope) for r in status.reasons]
        (tmp_path / "boots").unlink()
        await tools.board.until(lambda now: not now.reasons)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)

    assert tools.board.status == walked(lines_of(tmp_path))
