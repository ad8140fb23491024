"""A boot that is long over: its record says the same as the engine said while it ran."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from engine.boots import records
from engine.boots.boot_times import timeline_document, waterfall
from engine.boots.past_boots import boot_of
from engine.boots.records import BootRecord, read_boot, record_boot, recorded_boots
from engine.boots.timeline import Span
from engine.boots.waterfall import waterfall_json, waterfalls_of
from engine.broker.port import BarsRequest
from engine.broker.session import Answered
from engine.clock import ManualClock
from engine.errors import RecordUnreadable
from engine.process import Tools
from tests.engine.builders import GOLD, NOON, build_house, market_broker, small_config
from tests.engine.test_records import SERVED
from uds.model import Timeframe

WHO = {"record": 1, "boot_id": "b1", "owner_token": 7, "opened_ms": NOON}


async def a_booted_engine(folder: Path) -> Tools:
    """The tools of an engine that fetched, derived and opened its gate."""
    config, clock = small_config(GOLD, data_root=str(folder)), ManualClock(NOON)
    tools = (await build_house(config, market_broker(config, clock), clock)).tools
    request = BarsRequest(GOLD, Timeframe.M1, 0, 60_000)
    tools.session.answered.append(
        Answered(request, 0.0, tools.opened_s + 0.2, tools.opened_s + 0.5, 0.3)
    )
    for span in (
        Span("login", None, 0.0, 0.1),
        Span("store", GOLD, 0.4, 0.6, of="M1"),
        Span("M1", GOLD, 0.0, 0.7),
        Span("derive", GOLD, 0.7, 0.8),
        Span("flip", GOLD, 0.8, 0.9),
    ):
        tools.timeline.note(span)
    await clock.sleep(0.9)
    tools.board.post(SERVED)
    return tools


async def test_a_record_tells_what_the_engine_told(tmp_path: Path) -> None:
    """Wait and work are told apart in a record as they were in the live answer."""
    tools = await a_booted_engine(tmp_path)
    await BootRecord(tools).end()

    (path,) = recorded_boots(tmp_path)
    assert waterfall_json(waterfall(tools)) == waterfall_json(read_boot(path))
    m1 = next(stage for stage in read_boot(path).phases if stage.name == "M1")
    assert [0.3, 0.4] == [round(m1.wait_s, 6), round(m1.work_s, 6)]


async def test_the_boot_before_is_read_once_the_gate_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a screen can say what was slower than last time."""
    monkeypatch.setattr(records, "_FLUSH_S", 0.01)
    tools = await a_booted_engine(tmp_path)
    (tmp_path / "boots").mkdir()
    line = json.dumps({**WHO, "owner_token": 0}) + "\n"
    (tmp_path / "boots" / "00000000.jsonl").write_text(line)
    writing = asyncio.create_task(record_boot(tools))
    async with asyncio.timeout(5):
        while tools.earlier.boot is None:
            await asyncio.sleep(0.01)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)

    told = waterfalls_of(json.loads(json.dumps(timeline_document(tools))))
    assert tools.earlier.boot == told.before
    assert "b1" == tools.earlier.boot.boot_id


def test_a_record_cut_short_tells_what_it_has() -> None:
    """A killed engine leaves half a line behind."""
    span = {"name": "login", "symbol": None, "start_s": 0.0, "end_s": 0.5}
    whole = [json.dumps(WHO) + "\n", json.dumps({"span": span}) + "\n"]
    found = boot_of([*whole, '{"span": {"name": "M'])

    assert ["login"] == [stage.name for stage in found.phases]
    assert (7, None, None) == (found.owner_token, found.opened_gate_after_s, found.ready_budget_s)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ['{"span": {"name": "login", "symbol": null, "start_s": 0.0, "end_s": 0.5}}\n'],
        [json.dumps(WHO) + "\n", '{"span": {"name": 7}}\n'],
        [json.dumps(WHO) + "\n", '{"gate": 3}\n'],
        [json.dumps(WHO) + "\n", '{"span"\n'],
        [json.dumps({**WHO, "opened_ms": "yesterday"}) + "\n"],
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(lines: list[str]) -> None:
    """Any file may lie in that folder."""
    with pytest.raises(RecordUnreadable, match=r"record"):
        boot_of(lines)


@pytest.mark.parametrize(
    "line",
    [
        '{"span":' + "[" * 100_000,
        '{"span":{"name":"login","symbol":null,"start_s":NaN,"end_s":1.0}}',
        '{"gate":{"opened_after_s":Infinity}}',
    ],
    ids=["too deep", "not a number", "infinite"],
)
def test_a_line_that_no_engine_wrote_makes_a_record_unreadable_and_no_more(line: str) -> None:
    """An engine reads the boot before its own: whatever lies there must not stop it."""
    with pytest.raises(RecordUnreadable):
        boot_of([json.dumps(WHO) + "\n", line + "\n"])
