"""F2 against the real embedded server: killed, stopped, emptied; loud, healed, nobody hurt."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import redis

from engine.runtime import Engine, open_engine
from engine.status import Status
from tests.engine.builders import GOLD, NOON, YEN, is_open, small_config

PATIENCE_S = 20.0
LOUD_S = 0.8 + 1.0
"""Detectable after 0.8 s, and loud within a second of that."""
BACK_S = 1.5
WAIT_S = 0.6


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


@dataclass
class Reader:
    """Asks for bars again and again, and remembers the worst."""

    answers: int = 0
    empty: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    generations: set[str] = field(default_factory=set)

    async def read(self, port: int) -> None:
        """Until cancelled."""
        query = {"symbol": GOLD, "tf": "M1", "limit": "50"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            while True:
                asked_s = time.perf_counter()
                answer = await client.get("/api/bars", params=query, timeout=PATIENCE_S)
                self.slowest_s = max(self.slowest_s, time.perf_counter() - asked_s)
                self.answers += 1
                self.refused += answer.status_code != 200
                body = answer.json()
                self.empty += not body.get("bars")
                self.generations.add(body.get("generation", ""))
                await asyncio.sleep(0.02)


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[tuple[Engine, Reader]]:
    """An open engine over its own server, and a reader that never rests."""
    config = small_config(
        GOLD,
        YEN,
        data_root=str(folder),
        api__port=0,
        broker__sim={"login_s": 0.02, "latency_ms": 2, "publish_delay_s": 0},
    )
    async with open_engine(config, NOON) as engine:
        await asyncio.wait_for(
            engine.board.until(lambda status: is_open(status) and status.api_port is not None),
            PATIENCE_S,
        )
        reader = Reader()
        reading = asyncio.create_task(reader.read(engine.board.status.api_port or 0))
        await asyncio.sleep(0.2)
        try:
            yield engine, reader
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def pid_of(engine: Engine) -> int:
    """The server's process."""
    assert engine.store.server is not None
    pid = engine.store.server.pid
    assert pid is not None
    return pid


def stands(*codes: str) -> Callable[[Status], bool]:
    """Whether one of these reasons stands."""
    return lambda status: any(reason.code.value in codes for reason in status.reasons)


def is_well(status: Status) -> bool:
    """Whether no reason stands that is Redis's."""
    return not any(reason.code.value.startswith("REDIS_") for reason in status.reasons)


async def seconds_until(engine: Engine, reached: Callable[[Status], bool]) -> float:
    """How long it takes."""
    began_s = time.perf_counter()
    await asyncio.wait_for(engine.board.until(reached), PATIENCE_S)
    return time.perf_counter() - began_s


def must_not_have_hurt(engine: Engine, reader: Reader, before: Status) -> None:
    """Blast radius: readers got bars of one generation all the while; no process was restarted."""
    status = engine.board.status
    assert reader.answers >= 5
    assert (0, 0) == (reader.empty, reader.refused)
    assert 1 == len(reader.generations)
    assert reader.slowest_s <= WAIT_S
    assert before.generations == status.generations
    assert [p.restarts for p in before.processes] == [p.restarts for p in status.processes]
    assert [p.ready_after_s for p in before.processes] == [
        p.ready_after_s for p in status.processes
    ]


async def test_a_killed_server_is_started_again_and_gets_the_same_generation(folder: Path) -> None:
    """kill -9: said, started again, claimed, primed, flipped; readers do not notice."""
    async with living(folder) as (engine, reader):
        before = engine.board.status
        os.kill(pid_of(engine), signal.SIGKILL)
        said = ("REDIS_DOWN", "REDIS_TIMEOUT", "REDIS_REGRESSED")
        loud_s = await seconds_until(engine, stands(*said))
        back_s = await seconds_until(engine, is_well)
        await asyncio.sleep(0.2)

        assert loud_s <= LOUD_S
        assert back_s <= BACK_S
        must_not_have_hurt(engine, reader, before)


async def test_a_stopped_server_is_a_timeout_until_it_goes_on(folder: Path) -> None:
    """SIGSTOP: the listener would not notice, the heartbeat does; nobody waits for it."""
    async with living(folder) as (engine, reader):
        before, pid = engine.board.status, pid_of(engine)
        os.kill(pid, signal.SIGSTOP)
        try:
            loud_s = await seconds_until(engine, stands("REDIS_TIMEOUT"))
            await asyncio.sleep(1.0)
            assert stands("REDIS_TIMEOUT")(engine.board.status)
            assert "open_degraded" == engine.board.status.gate.state.value
        finally:
            os.kill(pid, signal.SIGCONT)
        back_s = await seconds_until(engine, is_well)
        await asyncio.sleep(0.2)

        assert loud_s <= LOUD_S
        assert back_s <= BACK_S
        assert pid == pid_of(engine)
        must_not_have_hurt(engine, reader, before)


async def test_an_emptied_server_is_regressed_and_filled_again(folder: Path) -> None:
    """FLUSHALL and without our functions: what it lost is put back, under the same name."""
    async with living(folder) as (engine, reader):
        assert engine.store.server is not None
        before = engine.board.status
        with redis.Redis.from_url(engine.store.server.url) as client:
            keys = client.dbsize()
            client.flushall()
            client.function_flush()
            loud_s = await seconds_until(engine, stands("REDIS_REGRESSED"))
            back_s = await seconds_until(engine, is_well)
            await asyncio.sleep(0.2)
            assert keys <= client.dbsize() + len(before.cells)  # previews come again with ticks
            assert client.dbsize() >= len(before.cells)

        assert loud_s <= LOUD_S
        assert back_s <= BACK_S
        must_not_have_hurt(engine, reader, before)
