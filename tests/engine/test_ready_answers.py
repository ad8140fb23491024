"""Answers made once: the very bytes that would be made anew, and never one moment too long."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from engine import api
from engine.api import Answer
from engine.bootstrap import seal
from engine.clock import ManualClock
from engine.degraded import DegradedCode
from engine.events import ReasonRaised
from engine.http import build_app
from engine.ready_answers import ReadyAnswers
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


def got(ready: ReadyAnswers, house: House, status: Status | None = None) -> Answer | None:
    """What stands ready a second later."""
    return ready.get(QUERY, status or house.board.status, house.store.tail, NOON + 1_000)


async def test_a_ready_answer_is_the_one_that_would_be_made_now(house: House) -> None:
    """Only the time differs, and it is the time of the question."""
    assert made(house, NOON + 1_000) == got(kept(house), house)


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


async def test_the_api_answers_twice_alike_and_a_preview_is_made_each_time(house: House) -> None:
    """Through the real route: the second answer stood ready, and nobody can tell."""
    depth_bars = house.tools.config.bootstrap.depth_bars
    app = build_app(house.board, house.store, house.tools.clock, depth_bars)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as reader:
        asked = {"symbol": GOLD, "tf": "M1"}
        answers = [await reader.get("/api/bars", params=asked) for _ in range(2)]
        forming = [await reader.get("/api/bars", params={**asked, "preview": 1}) for _ in range(2)]

    assert answers[0].content == answers[1].content == forming[0].content == forming[1].content
    assert answers[0].headers == answers[1].headers
