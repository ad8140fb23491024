"""The control socket: private, patient with bad lines, and there again when it vanished."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.acts.actions import ACTIONS
from engine.apply import apply
from engine.clock import SystemClock
from engine.control import serving as control
from engine.control.client import SOCKET_NAME, call_engine
from engine.control.operations import OPERATIONS
from engine.control.protocol import LINE_BYTES_MAX
from engine.control.serving import serve_control
from engine.degraded import DegradedCode
from engine.errors import ActionRefused, EngineSilent, EngineUnreachable, SocketUnusable
from engine.event_log import KEPT_EVENTS
from engine.events import ReasonRaised
from engine.replica import posted_of, status_of
from engine.runtime import Engine
from engine.serving.documents import StatusDocument
from engine.subscription import LAG_EVENTS_MAX
from engine.supervisor import Supervisor
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

    async def ask(self, op: str, **args: object) -> Any:
        """A well-formed request."""
        return await self.say(json.dumps({"id": 7, "op": op, "args": args}).encode())

    async def heard(self) -> Any:
        """The next line that was pushed."""
        return json.loads(await asyncio.wait_for(self.reader.readline(), PATIENCE_S))


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

    assert {"id", "ok", "result"} == set(answer)
    assert (7, True) == (answer["id"], answer["ok"])
    assert "b007" == StatusDocument.model_validate(answer["result"]).boot_id
    assert 1 == answer["result"]["schema"]


async def test_hello_says_who_answers_and_what_may_be_asked(served: Served) -> None:
    """What a client must know before anything else."""
    hello = (await (await Line.to(served.path)).ask("hello"))["result"]

    assert (1, os.getpid(), "view", False) == tuple(
        hello[name] for name in ("protocol", "pid", "scope", "read_only")
    )
    assert {"status", "subscribe", "question", "act", "arm", "events"} <= set(hello["ops"])


@pytest.mark.parametrize("op", ["hello", "status", "reasons", "timeline", "actions", "events"])
async def test_whatever_only_looks_is_answered(served: Served, op: str) -> None:
    """From every seat, and an argument it does not know is refused rather than ignored."""
    line = await Line.to(served.path)

    assert (await line.ask(op))["ok"]
    wrong = await line.ask(op, sincee=1)
    assert ("bad_args", "There is no argument 'sincee' here.") == (
        wrong["error"]["code"],
        wrong["error"]["sentence"],
    )


async def test_questions_and_actions_go_through_the_registry(served: Served) -> None:
    """The same sentences as on the screen, and the blast radius as data."""
    line = await Line.to(served.path)

    question = (await line.ask("question", action="shutdown"))["result"]
    done = await line.ask("act", action="shutdown", arm=True)
    await asyncio.wait_for(served.engine.stopped(), PATIENCE_S)

    assert question["sentence"].startswith("Stop the engine?")
    assert ("act", None) == (question["danger"], question["phrase"])
    assert {
        "said": "The engine is stopping.",
        "said_codes": [{"code": "stopping", "args": []}],
    } == done["result"]
    assert [{"code": "shutdown", "args": []}] == question["said"]


async def test_a_refused_action_is_an_error_and_not_the_end(served: Served) -> None:
    """The connection goes on."""
    line = await Line.to(served.path)

    refused = await line.ask("act", action="rebuild", arguments={"symbols": ["EUR/USD"]}, arm=True)
    after = await line.ask("status")

    assert {
        "id": 7,
        "ok": False,
        "error": {
            "sentence": "There is no symbol 'EUR/USD'.",
            "code": "unknown",
            "hint": "",
            "said": [{"code": "no_symbol", "args": ["EUR/USD"]}],
        },
    } == refused
    assert after["ok"]


async def test_arming_belongs_to_one_connection(served: Served) -> None:
    """The neighbour's countdown is not ours, and a new connection only looks."""
    armed, other = await Line.to(served.path), await Line.to(served.path)

    scope = (await armed.ask("arm", for_s=60))["result"]
    refused = await other.ask("act", action="shutdown")
    seen = (await other.ask("hello"))["result"]
    done = await armed.ask("act", action="shutdown")

    assert "act" == scope["scope"]
    assert 59 < scope["armed_left_s"] <= 60
    assert "not_armed" == refused["error"]["code"]
    assert ("view", 0) == (seen["scope"], seen["armed_left_s"])
    assert done["ok"]


async def test_an_engine_to_look_at_refuses_every_act_of_a_hostile_client(served: Served) -> None:
    """Whatever is claimed: scopes, phrases, arms; and it is still there to be looked at."""
    served.engine.is_read_only = True
    line = await Line.to(served.path)
    answers = [await line.ask("arm"), await line.ask("acknowledge", code="GAP", arm=True)]
    for action in ACTIONS:
        for extra in ({}, {"arm": True}, {"arm": True, "phrase": "all"}):
            answers.append(await line.ask("act", action=action, **extra))

    assert {"read_only"} == {answer["error"]["code"] for answer in answers}
    assert (await line.ask("question", action="shutdown"))["ok"]
    assert (await line.ask("status"))["ok"]


async def test_without_arming_a_hostile_client_gets_nothing_done(served: Served) -> None:
    """Every act, with every phrase, is refused; the engine is as it was."""
    line = await Line.to(served.path)
    before = served.engine.board.status
    for action in ACTIONS:
        for phrase in ("", "yes", "all", "gate", "ui"):
            refused = await line.ask("act", action=action, phrase=phrase)
            assert "not_armed" == refused["error"]["code"]

    assert before is served.engine.board.status


async def test_a_subscriber_gets_the_state_and_then_what_happens(served: Served) -> None:
    """No gap and no overlap, and the copy is the engine's own value."""
    line, board = await Line.to(served.path), served.engine.board
    answer = (await line.ask("subscribe"))["result"]
    copy = status_of(answer["snapshot"])
    assert board.status == copy
    assert answer["seq"] == copy.seq

    for code in (DegradedCode.GAP, DegradedCode.CELL_STALE):
        board.post(ReasonRaised(code, GOLD, "it happened"))
    heard = [posted_of(await line.heard()) for _ in range(2)]

    assert [copy.seq + 1, copy.seq + 2] == [posted.seq for posted in heard]
    for posted in heard:
        copy = apply(copy, posted.event, posted.at_ms)
    assert board.status == copy


async def test_several_subscribers_hear_the_same(served: Served) -> None:
    """Two consoles and a script, none the wiser of the others; one leaves, nobody notices."""
    lines = [await Line.to(served.path) for _ in range(3)]
    for line in lines:
        await line.ask("subscribe")
    lines[1].writer.close()
    served.engine.board.post(ReasonRaised(DegradedCode.GAP, GOLD, "it happened"))

    assert await lines[0].heard() == await lines[2].heard()


async def test_whoever_unsubscribes_hears_nothing_more(served: Served) -> None:
    """And may still ask."""
    line = await Line.to(served.path)
    await line.ask("subscribe")
    await line.ask("unsubscribe")
    served.engine.board.post(ReasonRaised(DegradedCode.GAP, GOLD, "it happened"))
    await asyncio.sleep(0.1)

    assert 7 == (await line.ask("hello"))["id"]


async def test_a_subscriber_that_does_not_read_costs_no_memory_and_catches_up(
    served: Served,
) -> None:
    """A stalled terminal: thousands of events later it gets one fresh state, and goes on."""
    line, board = await Line.to(served.path), served.engine.board
    line.writer.get_extra_info("socket")
    await line.ask("subscribe")
    line.reader._transport.pause_reading()  # type: ignore[attr-defined]
    word = "x" * 2_000
    for number in range(3 * LAG_EVENTS_MAX):
        board.post(ReasonRaised(DegradedCode.GAP, GOLD, f"{number} {word}"))
        if number % 50 == 0:
            await asyncio.sleep(0)
            assert KEPT_EVENTS >= len(board.log)
    other = await Line.to(served.path)
    assert (await other.ask("hello"))["ok"]
    line.reader._transport.resume_reading()  # type: ignore[attr-defined]

    copy, resets = 0, 0
    while copy < board.status.seq:
        pushed = await line.heard()
        resets += pushed["push"] == "reset"
        assert pushed["push"] == "reset" or not copy or pushed["seq"] == copy + 1
        copy = pushed["seq"]
    assert 1 <= resets <= 2


async def test_events_can_be_read_again_as_far_as_they_are_kept(served: Served) -> None:
    """After a lost connection a script asks for what it missed, and is told if that is gone."""
    line, board = await Line.to(served.path), served.engine.board
    since = board.status.seq
    for number in range(5):
        board.post(ReasonRaised(DegradedCode.GAP, GOLD, str(number)))
    page = (await line.ask("events", since=since, limit=3))["result"]
    rest = (await line.ask("events", since=page["events"][-1]["seq"]))["result"]
    for number in range(KEPT_EVENTS):
        board.post(ReasonRaised(DegradedCode.GAP, GOLD, str(number)))
    late = (await line.ask("events", since=since, limit=1))["result"]

    assert [since + 1, since + 2, since + 3] == [event["seq"] for event in page["events"]]
    assert [since + 4, since + 5] == [event["seq"] for event in rest["events"]]
    assert (False, True) == (page["lost"], late["lost"])
    assert late["oldest_seq"] == late["events"][0]["seq"] > since + 1


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
    b'{"op": "act", "args": {"action": 5}}',
    b'{"op": "arm", "args": {"for_s": true}}',
    b'{"op": "arm", "args": {"for_s": NaN}}',
    b'{"op": "act", "args": {"action": "restart", "arguments": {"process": [["ui"]]}}}',
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

    assert {"id", "ok", "error"} == set(answer)
    assert answer["error"]["sentence"].endswith(".")
    assert after["ok"]


async def test_two_thousand_hostile_lines_are_two_thousand_sentences(served: Served) -> None:
    """Truncated, spliced and shuffled requests, sent in one breath on one connection."""
    chance, line = Random(11), await Line.to(served.path)
    good = [json.dumps({"id": 1, "op": op, "args": {"a": [1, {}]}}).encode() for op in OPERATIONS]
    sent = [mutated(chance, good) for _ in range(2_200)]
    line.writer.write(b"\n".join(sent) + b"\n")
    answers = [json.loads(await asyncio.wait_for(line.reader.readline(), PATIENCE_S)) for _ in sent]

    assert all(a["ok"] or a["error"]["sentence"].endswith(".") for a in answers)
    assert (await line.ask("status"))["ok"]
    assert not served.task.done()


def mutated(chance: Random, good: list[bytes]) -> bytes:
    """A request with something done to it; never a line break."""
    line = bytearray(chance.choice(good))
    match chance.randrange(5):
        case 0:
            del line[chance.randrange(len(line)) :]
        case 1:
            line[chance.randrange(len(line))] = chance.randrange(256)
        case 2:
            line += chance.choice(good)
        case 3:
            at = chance.randrange(len(line))
            line[at:at] = chance.randbytes(chance.randrange(1, 9))
        case 4:
            line = bytearray(b'{"op":"hello","args":' + b'{"a":' * chance.randrange(1, 3_000))
    return bytes(line).replace(b"\n", b" ")


async def test_ten_thousand_requests_at_once_leave_room_for_others(served: Served) -> None:
    """One client that floods is still one client."""
    flood, other = await Line.to(served.path), await Line.to(served.path)
    flood.writer.write(b'{"id": 1, "op": "disarm"}\n' * 10_000)
    begin_s = asyncio.get_running_loop().time()
    assert (await other.ask("hello"))["ok"]
    waited_s = asyncio.get_running_loop().time() - begin_s
    for _ in range(10_000):
        assert b'"ok":true' in await asyncio.wait_for(flood.reader.readline(), PATIENCE_S)

    assert waited_s < 1


async def test_an_unknown_operation_names_those_there_are(served: Served) -> None:
    """Whoever writes a client reads this."""
    answer = await (await Line.to(served.path)).ask("explode")

    assert "unknown_op" == answer["error"]["code"]
    assert answer["error"]["sentence"].startswith("There is no operation 'explode'; there are ")


async def test_an_oversize_line_is_refused_and_ends_its_connection_and_no_other(
    served: Served,
) -> None:
    """4 MiB without a newline would otherwise fill the memory."""
    other, line = await Line.to(served.path), await Line.to(served.path)
    answer = await line.say(b"x" * (LINE_BYTES_MAX + 10))
    after = await asyncio.wait_for(line.reader.read(), PATIENCE_S)

    assert ("too_long", b"") == (answer["error"]["code"], after)
    assert (await other.ask("status"))["ok"]
    assert not served.task.done()


async def test_a_long_line_that_is_a_request_is_answered(served: Served) -> None:
    """The limit is where it is said to be."""
    line = await Line.to(served.path)
    padded = b'{"id": 7, "op": "hello"' + b" " * (LINE_BYTES_MAX - 100) + b"}"

    assert (await line.say(padded))["ok"]


async def test_too_many_clients_are_turned_away_in_a_sentence(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that forgets to close must not take all descriptors."""
    monkeypatch.setattr(control, "CONNECTIONS_MAX", 2)
    lines = [await Line.to(served.path) for _ in range(2)]
    for line in lines:
        assert (await line.ask("hello"))["ok"]
    turned_away = await (await Line.to(served.path)).heard()
    lines[0].writer.close()
    await asyncio.sleep(0.05)

    assert "too_many" == turned_away["error"]["code"]
    assert (await (await Line.to(served.path)).ask("hello"))["ok"]


async def test_whoever_never_speaks_makes_room_for_whoever_does(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred connections that say nothing must not shut the operator out."""
    monkeypatch.setattr(control, "CONNECTIONS_MAX", 2)
    honest = await Line.to(served.path)
    assert (await honest.ask("hello"))["ok"]
    silent = [await Line.to(served.path) for _ in range(200)]
    newcomer = await Line.to(served.path)

    assert (await newcomer.ask("hello"))["ok"]
    assert "too_many" == (await silent[0].heard())["error"]["code"]
    assert (await honest.ask("hello"))["ok"]
    assert "too_many" == (await (await Line.to(served.path)).heard())["error"]["code"]


async def test_another_users_process_is_turned_away(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mode of the file is one lock, the kernel's word on the peer the second."""
    monkeypatch.setattr(os, "getuid", lambda: 4_711)
    monkeypatch.setattr(control, "_ROOT", 4_712)
    answer = await (await Line.to(served.path)).heard()

    assert "foreign_user" == answer["error"]["code"]


async def test_a_client_that_leaves_in_the_middle_is_no_trouble(served: Served) -> None:
    """Half a line and gone."""
    line = await Line.to(served.path)
    line.writer.write(b'{"op": "sta')
    line.writer.close()

    assert (await (await Line.to(served.path)).ask("status"))["ok"]


@pytest.mark.parametrize("what", ["socket", "folder", "replaced"])
async def test_a_vanished_socket_is_made_again(served: Served, what: str) -> None:
    """A cleaner of temporary files must not cut the operator off for good; who is connected
    stays so."""
    line = await Line.to(served.path)
    if what == "folder":
        shutil.rmtree(served.path.parent)
    else:
        served.path.unlink()
    if what == "replaced":
        served.path.write_text("somebody's")
    await there(served.path)

    assert (await (await Line.to(served.path)).ask("status"))["ok"]
    assert (await line.ask("status"))["ok"]
    assert 0o600 == stat.S_IMODE(served.path.stat().st_mode)


async def test_a_socket_that_cannot_be_made_again_is_a_reason_until_it_is(served: Served) -> None:
    """The engine and its readers must not suffer for the operator's socket."""
    parent = served.path.parent
    shutil.rmtree(parent)
    parent.write_text("in the way")
    board = served.engine.board
    async with asyncio.timeout(PATIENCE_S):
        status = await board.until(lambda now: bool(now.reasons))
    assert [(DegradedCode.DISK_ERROR, "control")] == [(r.code, r.scope) for r in status.reasons]

    parent.unlink()
    async with asyncio.timeout(PATIENCE_S):
        await board.until(lambda now: not now.reasons)
    assert (await (await Line.to(served.path)).ask("status"))["ok"]


async def test_a_stale_socket_file_is_replaced(folder: Path, served: Served) -> None:
    """What a killed engine left behind must not stop the next."""
    await ended(served.task)
    assert not served.path.exists()
    served.path.write_text("left behind")
    task = asyncio.create_task(serve_control(served.engine))
    await there(served.path)

    assert (await (await Line.to(served.path)).ask("status"))["ok"]
    await ended(task)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel it and wait."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_socket_elsewhere_replaces_a_dead_one_and_nothing_else(
    folder: Path, served: Served
) -> None:
    """`--socket` may name somebody's file, or the socket of an engine that lives."""
    elsewhere = folder / "my.sock"
    elsewhere.write_text("my thesis")
    with pytest.raises(SocketUnusable, match="is there and no socket"):
        await serve_control(served.engine, elsewhere)
    assert "my thesis" == elsewhere.read_text()
    with pytest.raises(SocketUnusable, match="Another engine answers"):
        await serve_control(served.engine, served.path)
    with pytest.raises(SocketUnusable, match=r"cannot be at .*No such file"):
        await serve_control(served.engine, folder / "nowhere" / "my.sock")

    elsewhere.unlink()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(elsewhere))
    dead.close()
    task = asyncio.create_task(serve_control(served.engine, elsewhere))
    await there(elsewhere)
    await ended(task)
    assert not elsewhere.exists()


async def test_the_end_of_the_engine_ends_every_conversation(served: Served) -> None:
    """Whoever waits for events must learn that there will be none."""
    line = await Line.to(served.path)
    await line.ask("subscribe")
    await ended(served.task)

    assert b"" == await asyncio.wait_for(line.reader.read(), PATIENCE_S)


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
            {"action": "rebuild", "arguments": {"symbols": "X"}, "arm": True},
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
