"""The control socket: private, patient with bad lines, and there again when it vanished."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine import control
from engine.clock import SystemClock
from engine.control import serve_control
from engine.control_client import LINE_BYTES_MAX, SOCKET_NAME, call_engine
from engine.errors import ActionRefused, EngineSilent, EngineUnreachable
from engine.runtime import Engine
from engine.supervisor import Supervisor
from engine.wire import StatusDocument
from tests.engine.builders import GOLD, NOON, build_house, market_broker, small_config

PATIENCE_S = 10.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


@dataclass
class Line:
    """One connection, a line at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, path: Path) -> Line:
        """Connect."""
        return cls(*await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX))

    async def say(self, line: bytes) -> Any:
        """Send a line, read the answer; None when the other end hung up."""
        self.writer.write(line + b"\n")
        answer = await asyncio.wait_for(self.reader.readline(), PATIENCE_S)
        return json.loads(answer) if answer else None

    async def ask(self, op: str, **args: str) -> Any:
        """A well-formed request."""
        return await self.say(json.dumps({"id": 7, "op": op, "args": args}).encode())


@dataclass
class Served:
    """An engine that answers on a socket."""

    engine: Engine
    path: Path
    task: asyncio.Task[None]


@pytest.fixture
async def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """Gold, no process running, the socket in its place in the data folder."""
    monkeypatch.setattr(control, "_RECREATE_S", 0.02)
    config = small_config(GOLD, data_root=str(folder))
    clock = SystemClock.started_at(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    await house.store.recover(GOLD)
    supervisor = Supervisor([], lambda name: house.tools, config.supervisor)
    engine = Engine(house.tools, supervisor)
    task = asyncio.create_task(serve_control(engine))
    path = folder.resolve() / "run" / SOCKET_NAME
    await there(path)
    try:
        yield Served(engine, path, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def there(path: Path) -> None:
    """Wait until something listens."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(path)
            except OSError:
                await asyncio.sleep(0.005)
            else:
                writer.close()
                return


async def test_only_this_user_can_reach_it(served: Served) -> None:
    """Whoever may connect may restart processes."""
    mode = stat.S_IMODE(served.path.stat().st_mode)
    folder_mode = stat.S_IMODE(served.path.parent.stat().st_mode)

    assert (0o600, 0o700) == (mode, folder_mode)


async def test_the_status_is_the_document_of_the_api(served: Served) -> None:
    """One model for HTTP, socket and --json; the id comes back."""
    line = await Line.to(served.path)

    answer = await line.ask("status")

    assert {"id", "result"} == set(answer)
    assert 7 == answer["id"]
    assert "b007" == StatusDocument.model_validate(answer["result"]).boot_id
    assert 1 == answer["result"]["schema"]


async def test_questions_and_actions_go_through_the_registry(served: Served) -> None:
    """The same sentences as on the screen."""
    line = await Line.to(served.path)

    question = await line.ask("question", action="shutdown")
    done = await line.ask("act", action="shutdown")
    await asyncio.wait_for(served.engine.stopped(), PATIENCE_S)

    assert question["result"].startswith("Stop the engine?")
    assert "The engine is stopping." == done["result"]


async def test_a_refused_action_is_an_error_and_not_the_end(served: Served) -> None:
    """The connection goes on."""
    line = await Line.to(served.path)

    refused = await line.ask("act", action="rebuild", target="EUR/USD")
    after = await line.ask("status")

    assert {"id": 7, "error": "There is no symbol 'EUR/USD'."} == refused
    assert "result" in after


BAD_LINES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"status"',
    b'{"op": 5}',
    b'{"id": 7}',
    b'{"id": {}, "op": "status"}',
    b'{"op": "status", "args": []}',
    b'{"op": "status", "args": {"action": 5}}',
    b'{"op": "status", "args": null}',
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("bad", BAD_LINES, ids=[str(line[:30]) for line in BAD_LINES])
async def test_a_malformed_line_is_answered_with_a_sentence(served: Served, bad: bytes) -> None:
    """Messages are hostile until parsed; the next good one is answered all the same."""
    line = await Line.to(served.path)

    answer = await line.say(bad)
    after = await line.ask("status")

    assert {"id", "error"} == set(answer)
    assert answer["error"].endswith(".")
    assert "result" in after


async def test_an_unknown_operation_names_those_there_are(served: Served) -> None:
    """Whoever writes a client reads this."""
    answer = await (await Line.to(served.path)).ask("explode")

    assert answer["error"].startswith("There is no operation 'explode'; there are status")


async def test_an_oversize_line_ends_its_connection_and_no_other(
    served: Served,
) -> None:
    """4 MiB without a newline would otherwise fill the memory."""
    other = await Line.to(served.path)
    line = await Line.to(served.path)
    try:
        answer = await line.say(b"x" * (LINE_BYTES_MAX + 10))
    except ConnectionError:
        answer = None

    assert answer is None
    assert "result" in await other.ask("status")
    assert not served.task.done()


async def test_a_client_that_leaves_in_the_middle_is_no_trouble(served: Served) -> None:
    """Half a line and gone."""
    line = await Line.to(served.path)
    line.writer.write(b'{"op": "sta')
    line.writer.close()

    assert "result" in await (await Line.to(served.path)).ask("status")


@pytest.mark.parametrize("what", ["socket", "folder"])
async def test_a_vanished_socket_is_made_again(served: Served, what: str) -> None:
    """A cleaner of temporary files must not cut the operator off for good."""
    if what == "socket":
        served.path.unlink()
    else:
        shutil.rmtree(served.path.parent)
    await there(served.path)

    assert "result" in await (await Line.to(served.path)).ask("status")
    assert 0o600 == stat.S_IMODE(served.path.stat().st_mode)


async def test_a_stale_socket_file_is_replaced(folder: Path, served: Served) -> None:
    """What a killed engine left behind must not stop the next."""
    served.task.cancel()
    await asyncio.gather(served.task, return_exceptions=True)
    assert not served.path.exists()
    served.path.write_text("left behind")
    task = asyncio.create_task(serve_control(served.engine))
    await there(served.path)

    assert "result" in await (await Line.to(served.path)).ask("status")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_command_line_asks_and_is_answered(folder: Path, served: Served) -> None:
    """The client of `status`, `restart` and the others, in a thread as it blocks."""
    status = await asyncio.to_thread(
        call_engine, folder, "status", {}, path=None, timeout_s=PATIENCE_S
    )
    with pytest.raises(ActionRefused, match=r"^There is no symbol 'X'\.$"):
        await asyncio.to_thread(
            call_engine,
            folder,
            "act",
            {"action": "rebuild", "target": "X"},
            path=served.path,
            timeout_s=PATIENCE_S,
        )

    assert "b007" == status["boot_id"]


def test_without_an_engine_the_client_says_how_to_start_one(folder: Path) -> None:
    """Exit code 3 and the remedy."""
    with pytest.raises(EngineUnreachable) as refused:
        call_engine(folder, "status", {}, path=None, timeout_s=PATIENCE_S)

    assert f"No engine answers at {folder.resolve()}/run/control.sock" in str(refused.value)
    assert "coldstart-console up" in str(refused.value)
    assert "--data" in str(refused.value)


async def serve_lines(path: Path, answer: bytes | None) -> asyncio.Server:
    """Something else on the socket: it sends this, or nothing for ever."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    return await asyncio.start_unix_server(talk, path)


async def test_an_engine_that_is_stopped_is_silent_and_not_absent(folder: Path) -> None:
    """A SIGSTOPped holder accepts connections and answers nothing: another remedy, exit 4."""
    path = folder / "x.sock"
    async with await serve_lines(path, None):
        with pytest.raises(EngineSilent, match=r"did not answer within 0\.05 s; see whether"):
            await asyncio.to_thread(call_engine, folder, "status", {}, path=path, timeout_s=0.05)


@pytest.mark.parametrize("answer", [b"", b"not json\n", b'{"id": 1, "resu'])
async def test_what_does_not_answer_like_an_engine_is_none(folder: Path, answer: bytes) -> None:
    """Hung up, or another program on that path."""
    path = folder / "x.sock"
    async with await serve_lines(path, answer):
        with pytest.raises(EngineUnreachable, match=f"^No engine answers at {path}"):
            await asyncio.to_thread(
                call_engine, folder, "status", {}, path=path, timeout_s=PATIENCE_S
            )
