"""Answers made once: the very bytes that would be made anew, and never one moment too long."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from functools import partial
from typing import Protocol

import pytest
import uvicorn

from engine.bootstrap import seal
from engine.clock import ManualClock
from engine.degraded import DegradedCode
from engine.events import ReasonRaised
from engine.serving import api
from engine.serving.api import Answer
from engine.serving.connections import serve
from engine.serving.http import build_app
from engine.serving.ready_answers import ReadyAnswers
from engine.status import Status
from tests.engine.builders import (
    GOLD,
    NOON,
    House,
    build_house,
    key,
    market_broker,
    minutes,
    small_config,
)
from uds import Snapshot
from uds.model import MINUTE_MS, Timeframe

QUERY = b"symbol=XAU%2FUSD&tf=M1&limit=2"
M1 = key(GOLD, Timeframe.M1)


class Talk(Protocol):
    """Requests in one packet, answered one by one."""

    def __call__(self, *requests: bytes) -> Awaitable[list[bytes]]: ...


@pytest.fixture
async def house() -> House:
    """Gold, with the same three bars in every series."""
    config = small_config(GOLD)
    clock = ManualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    await house.store.connect()
    await house.store.recover(GOLD)
    for timeframe in Timeframe:
        await house.store.append(key(GOLD, timeframe), minutes(NOON - 9 * MINUTE_MS, 3))
    await seal(house.tools, GOLD)
    return house


def made(house: House, now_ms: int = NOON) -> Answer:
    """The answer as the API makes it."""
    asked = {"symbol": GOLD, "tf": "M1", "limit": "2"}
    depth_bars = house.tools.config.bootstrap.depth_bars
    tails = {GOLD: house.store.tail(GOLD)}
    return api.answer_bars(asked, house.board.status, tails, depth_bars, now_ms)


def kept(house: House, bytes_max: int = 1 << 20) -> ReadyAnswers:
    """Answers of which one stands ready."""
    ready = ReadyAnswers(bytes_max)
    ready.keep(QUERY, house.board.status, GOLD, tail(house), made(house))
    return ready


def tail(house: House) -> Snapshot:
    """What readers of gold get."""
    snapshot = house.store.tail(GOLD)
    assert snapshot is not None
    return snapshot


def got(ready: ReadyAnswers, house: House, status: Status | None = None) -> bytes | None:
    """What stands ready a second later."""
    parts = ready.get(QUERY, status or house.board.status, house.store.tail, NOON + 1_000)
    return None if parts is None else b"".join(parts)


async def test_a_ready_answer_is_the_one_that_would_be_made_now(house: House) -> None:
    """Only the time differs, and it is the time of the question."""
    assert made(house, NOON + 1_000).body == got(kept(house), house)


async def test_another_question_has_no_ready_answer(house: House) -> None:
    """Whatever is spelled otherwise is read anew."""
    ready = kept(house)

    assert ready.get(QUERY + b"0", house.board.status, house.store.tail, NOON) is None


async def test_new_bars_end_an_answer(house: House) -> None:
    """A reader of the minute after must get it."""
    ready = kept(house)
    await house.store.append(M1, minutes(NOON, 1))
    await house.store.extend(GOLD)

    assert got(ready, house) is None


async def test_a_new_reason_ends_an_answer(house: House) -> None:
    """The reasons are part of it."""
    ready = kept(house)
    house.board.post(ReasonRaised(DegradedCode.GAP, M1, "3 M1 are missing."))

    assert got(ready, house) is None


async def test_a_gate_that_closes_ends_an_answer_for_good_or_for_a_while(house: House) -> None:
    """Bytes that were right once must not slip past the gate."""
    ready = kept(house)
    fenced = ReasonRaised(DegradedCode.FENCED, None, "Owner 43 took the data folder.")
    open_status = house.board.status
    house.board.post(fenced)

    assert got(ready, house) is None
    assert got(ready, house, replace(house.board.status, reasons=open_status.reasons)) is not None


async def test_old_bars_are_let_go_with_the_first_answer_about_newer_ones(house: House) -> None:
    """Charts that ask for a new range each minute would keep every minute's bars in RAM."""
    ready = kept(house)
    status, first, answer = house.board.status, tail(house), made(house)
    for number in (0, 1, 2, 3, 4, 4):
        ready.keep(b"%d" % number, status, GOLD, first, answer)
    assert 6 == len(ready)

    await house.store.append(M1, minutes(NOON, 1))
    await house.store.extend(GOLD)
    ready.keep(QUERY, house.board.status, GOLD, tail(house), made(house))

    assert 1 == len(ready)


async def test_ready_answers_never_take_more_than_they_may(house: House) -> None:
    """Nobody limits how many questions there are."""
    answer = made(house)
    ready = ReadyAnswers(3 * (len(answer.body) + 8))
    most = 0
    for number in range(20):
        ready.keep(b"%d" % number, house.board.status, GOLD, tail(house), answer)
        most = max(most, len(ready))

    assert 3 == most


@pytest.fixture
async def talk(house: House) -> AsyncIterator[Talk]:
    """Says bytes on a fresh connection to its API and hears all answers until it is closed."""
    depth_bars = house.tools.config.bootstrap.depth_bars
    app = build_app(house.board, house.store, house.tools.clock, depth_bars)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    serving = asyncio.create_task(serve(app, listening))

    async def said(*requests: bytes) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(requests))
        heard = re.split(rb"(?=HTTP/1\.1 )", await reader.read(-1))
        writer.close()
        return [re.sub(rb"date: [^\r]+\r\n", b"", one) for one in heard if one]

    yield said
    serving.cancel()
    await asyncio.wait((serving,))


def asked(query: bytes, *headers: bytes, method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    """A request as it goes over the wire."""
    lines = (b"%b /api/bars?%b HTTP/%b" % (method, query, version), b"Host: engine", *headers)
    return b"\r\n".join((*lines, b"", b""))


CLOSE = b"Connection: close"
BARS = b"symbol=XAU%2FUSD&tf=M1"


async def test_what_stands_ready_is_what_would_be_made(talk: Talk) -> None:
    """Byte for byte, head and all: nobody can tell which road an answer took."""
    (made_now,) = await talk(asked(BARS, CLOSE))
    first, second, last = await talk(asked(BARS), asked(BARS), asked(BARS, CLOSE))

    assert first == second
    assert made_now == last == first.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)


async def test_requests_in_one_packet_are_answered_in_their_order(talk: Talk) -> None:
    """A ready answer must not overtake one that is still being made."""
    await talk(asked(BARS, CLOSE))
    fresh = b"symbol=XAU%2FUSD&tf=M5"
    words = [b'"tf":"M1"', b'"tf":"M5"', b'"tf":"M1"', b'"tf":"M1"']
    found = await talk(asked(BARS), asked(fresh), asked(BARS), asked(BARS, CLOSE))

    assert [True] * 4 == [word in answer for word, answer in zip(words, found, strict=True)]


async def test_only_a_plain_question_is_answered_from_what_stands_ready(talk: Talk) -> None:
    """Other methods, bodies and versions go the road that knows them."""
    await talk(asked(BARS, CLOSE))
    (head,) = await talk(asked(BARS, CLOSE, method=b"HEAD"))
    (post,) = await talk(asked(BARS, CLOSE, method=b"POST"))
    (old,) = await talk(asked(BARS, version=b"1.0"))
    got_first, got_second = await talk(
        asked(BARS, b"Content-Length: 2") + b"{}", asked(BARS, CLOSE)
    )

    assert head.startswith(b"HTTP/1.1 200")
    assert head.endswith(b"\r\n\r\n")
    assert post.startswith(b"HTTP/1.1 405")
    assert old.startswith(b"HTTP/1.1 200")
    assert got_first.partition(b"\r\n\r\n")[2] == got_second.partition(b"\r\n\r\n")[2]


async def test_a_connection_on_which_nobody_asks_any_more_is_closed(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers who went to sleep would hold sockets for ever, whichever road answered them last."""
    impatient = partial(uvicorn.Config, timeout_keep_alive=0.05)
    monkeypatch.setattr("engine.serving.connections.uvicorn.Config", impatient)
    async with asyncio.timeout(20.0):
        (made_now,) = await talk(asked(BARS))
        found = await talk(asked(BARS), asked(BARS))
        mixed = await talk(asked(BARS), asked(BARS + b"&limit=7"), asked(BARS))

    assert [made_now] * 2 == found
    assert 3 == len(mixed)


async def test_a_preview_is_made_each_time(talk: Talk) -> None:
    """It changes with every tick, and nothing tells."""
    final, forming = [(await talk(asked(BARS + more, CLOSE)))[0] for more in (b"", b"&preview=1")]

    assert final == forming


@pytest.mark.parametrize(
    "said",
    [b"FOO /livez HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"\0\0\0\0"],
)
async def test_what_is_no_http_is_a_problem_document_too(talk: Talk, said: bytes) -> None:
    """Below the routes the server answers by itself, and would answer in plain text."""
    (heard,) = await talk(said)

    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert 400 == json.loads(body)["status"]
