"""A copy of an engine behind a socket: it follows, it is lost loudly, and it can begin again."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.control.remote import RemoteEngine, attached
from engine.control.serving import serve_control
from engine.degraded import DegradedCode
from engine.errors import ActionRefused, EngineSilent, EngineUnreachable
from engine.event_log import Posted
from engine.events import ReasonRaised
from engine.replica import posted_json, status_json
from engine.runtime import Engine
from engine.subscription import LAG_EVENTS_MAX
from engine.supervisor import Supervisor
from tests.engine.builders import GOLD, NOON, a_status, build_house, market_broker, small_config

PATIENCE_S = 10.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Engine, Path]]:
    """An engine in which nothing runs, on a socket."""
    config = small_config(GOLD, data_root=str(folder))
    clock = SystemClock.started_at(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    engine = Engine(house.tools, Supervisor([], lambda name: house.tools, config.supervisor))
    path = folder / "c.sock"
    task = asyncio.create_task(serve_control(engine, path))
    while not path.exists():
        await asyncio.sleep(0.005)
    try:
        yield engine, path
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def caught_up(remote: RemoteEngine, engine: Engine) -> None:
    """Until the copy is as far as the engine."""
    async with asyncio.timeout(PATIENCE_S):
        while remote.status.seq < engine.board.status.seq:
            await remote.changed()


def happen(engine: Engine, count: int) -> None:
    """So many events."""
    for number in range(count):
        engine.board.post(ReasonRaised(DegradedCode.GAP, GOLD, f"number {number}"))


async def test_a_copy_is_equal_to_the_engine_and_stays_so(folder: Path) -> None:
    """What a screen behind the socket draws is what a screen in the engine would draw."""
    async with serving(folder) as (engine, path), attached(path) as remote:
        assert engine.board.status == remote.status
        for count in (1, 300, LAG_EVENTS_MAX + 500):
            happen(engine, count)
            await caught_up(remote, engine)
            assert engine.board.status == remote.status
        assert abs(remote.now_ms() - engine.clock.now_ms()) < 1_000


async def test_questions_can_be_asked_while_it_follows(folder: Path) -> None:
    """Answers and events share one line and are not taken for one another."""
    async with serving(folder) as (engine, path), attached(path) as remote:
        happen(engine, 50)
        answers = await asyncio.gather(*(remote.ask("hello", {}) for _ in range(20)))
        with pytest.raises(ActionRefused) as refused:
            await remote.ask("act", {"action": "shutdown"})
        await caught_up(remote, engine)

        assert {remote.pid} == {answer["pid"] for answer in answers}
        assert "not_armed" == refused.value.code
        assert engine.board.status == remote.status


async def test_a_lost_engine_is_told_to_whoever_waits_and_the_picture_stays(folder: Path) -> None:
    """The console dims what it has; it must not wait for ever and not fall."""
    async with serving(folder) as (engine, path):
        async with attached(path) as remote:
            waiting = asyncio.create_task(remote.changed())
            asking = asyncio.create_task(remote.ask("hello", {}))
            await asking
            last = remote.status
            for guest in asyncio.all_tasks():
                if guest.get_name() == "control connection":
                    guest.cancel()
            with pytest.raises(EngineUnreachable, match="No engine answers at"):
                await asyncio.wait_for(waiting, PATIENCE_S)
            with pytest.raises(EngineUnreachable):
                await remote.ask("hello", {})

            assert remote.is_lost
            assert last is remote.status

        happen(engine, 3)
        async with attached(path) as again:
            assert engine.board.status == again.status


async def test_without_an_engine_the_remedy_is_said(folder: Path) -> None:
    """The same words as the command line's."""
    with pytest.raises(EngineUnreachable, match="start one with"):
        async with attached(folder / "c.sock"):
            pass


@asynccontextmanager
async def another_program(path: Path, *lines: bytes) -> AsyncIterator[None]:
    """Something else on that path: it answers each request with the next of these lines."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            await reader.readline()
            writer.write(line)
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(talk, path):
        yield


def snapshot(**changes: object) -> bytes:
    """The answer to `subscribe`."""
    status = {**status_json(a_status(small_config(GOLD))), **changes}
    result = {"seq": 0, "now_ms": NOON, "pid": 1, "snapshot": status}
    return json.dumps({"id": 1, "ok": True, "result": result}).encode() + b"\n"


async def test_a_silent_engine_is_told_from_an_absent_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the lock: another remedy, another exit code."""
    monkeypatch.setattr("engine.control.remote._ANSWER_TIMEOUT_S", 0.05)
    async with another_program(folder / "c.sock"):
        with pytest.raises(EngineSilent, match="see whether its process is stopped"):
            async with attached(folder / "c.sock"):
                pass


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[]\n",
        b'{"id": 1, "ok": true, "result": {"snapshot": 5}}\n',
        b'{"id": 1, "ok": false}\n',
        snapshot(cells={"XAU/USD/M9": {}}),
    ],
    ids=lambda line: line[:40].decode(),
)
async def test_what_does_not_speak_our_language_is_refused(folder: Path, line: bytes) -> None:
    """Another program, or another version."""
    async with another_program(folder / "c.sock", line):
        with pytest.raises(EngineUnreachable, match=r"\.$"):
            async with attached(folder / "c.sock"):
                pass


async def test_a_step_that_does_not_follow_ends_the_copy(folder: Path) -> None:
    """A hole in the events would make a picture that looks true and is not."""
    raised = ReasonRaised(DegradedCode.GAP, GOLD, "it happened")
    event = {"push": "event", **posted_json(Posted(2, NOON, raised))}
    line = snapshot() + json.dumps(event).encode() + b"\n"
    async with another_program(folder / "c.sock", line), attached(folder / "c.sock") as remote:
        with pytest.raises(EngineUnreachable, match="Event 2 does not follow 0"):
            await asyncio.wait_for(remote.changed(), PATIENCE_S)


async def test_an_event_of_a_newer_version_ends_the_copy(folder: Path) -> None:
    """A step that cannot be taken is no step that can be left out."""
    raised = ReasonRaised(DegradedCode.GAP, GOLD, "it happened")
    event = {"push": "event", **posted_json(Posted(1, NOON, raised)), "type": "Invented"}
    line = snapshot() + json.dumps(event).encode() + b"\n"
    async with another_program(folder / "c.sock", line), attached(folder / "c.sock") as remote:
        with pytest.raises(EngineUnreachable, match="no event 'Invented' in this version"):
            await asyncio.wait_for(remote.changed(), PATIENCE_S)
