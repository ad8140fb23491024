"""Live drills where the server is not ours: it seems to fail, and never notices."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from engine.acts.seat import Seat
from engine.drills.sandbox import sandbox_config
from engine.drills.scripts import NOON_MS
from engine.drills.shape import Verdict
from engine.runtime import Engine, open_engine
from uds.embedded import find_server

PATIENCE_S = 40.0
OTHERS = 50
WAYS = {"F2": ["refused", "silent"], "F6": ["slow Redis, at a rebuild"]}
"""What is run of each drill."""
HARMFUL = ("flushall", "flushdb", "shutdown", "debug", "function|flush", "config|set", "keys")


@dataclass
class Foreign:
    """Somebody else's server on a loopback port, with keys and functions of others in it."""

    process: subprocess.Popen[bytes]
    client: Any

    @property
    def url(self) -> str:
        """For the configuration."""
        return f"redis://127.0.0.1:{self.client.connection_pool.connection_kwargs['port']}/0"

    def seen(self) -> dict[str, object]:
        """All that a drill must leave as it is."""
        names = sorted(self.client.scan_iter("other:*"))
        commands = self.client.info("commandstats")
        return {
            "pid": self.process.pid if self.process.poll() is None else None,
            "run_id": self.client.info()["run_id"],
            "others": {name: self.client.dump(name) for name in names},
            "settings": self.client.config_get("*"),
            "harm": [name for name in HARMFUL if f"cmdstat_{name}" in commands],
            "functions": b"others" in {library[1] for library in self.client.function_list()},
        }


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


@pytest.fixture
def foreign(folder: Path) -> Iterator[Foreign]:
    """It runs for the length of a test."""
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        port = asking.getsockname()[1]
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    process = subprocess.Popen([find_server(), *options], stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)
    try:
        until_it_answers(client, process)
        client.function_load(
            "#!lua name=others\nserver.register_function('others_own', function() return 1 end)"
        )
        for number in range(OTHERS):
            client.set(f"other:{number}", number)
        yield Foreign(process, client)
    finally:
        client.close()
        process.kill()
        process.wait()


def until_it_answers(client: Any, process: subprocess.Popen[bytes]) -> None:
    """A server that could not begin ends the test at once."""
    while process.poll() is None:
        with contextlib.suppress(redis.ConnectionError):
            client.ping()
            return
        time.sleep(0.02)
    raise AssertionError("the server ended")


async def reached(engine: Engine, is_so: Any) -> Any:
    """Wait for the status."""
    return await asyncio.wait_for(engine.board.until(is_so), PATIENCE_S)


async def test_a_server_that_is_not_ours_only_seems_to_fail(foreign: Foreign, folder: Path) -> None:
    """F2 and F6 at the seam in front of it: its process and the keys of others are as before."""
    before = foreign.seen()
    config = sandbox_config(folder / "d", {"redis.url": foreign.url})
    async with open_engine(config, NOON_MS) as engine:
        await reached(engine, lambda status: status.gate_state.value == "open")
        seat = Seat(engine, "the test")
        _, question = seat.ask("drill", {"drill": ("F2",)})
        assert "refused, silent?" in question.sentence
        assert "for the server is not ours: killed, stopped, emptied." in question.sentence
        assert ["refused", "silent"] == question.radius["runs"]
        for drill_id, ways in WAYS.items():
            seat.act("drill", {"drill": (drill_id,)}, drill_id, is_armed=True)
            status = await reached(engine, lambda s: s.drill is not None and not s.drill.is_running)
            assert (drill_id, Verdict.PASS) == (status.drill.id, status.drill.verdict), (
                status.drill.why
            )
            assert engine.drills is not None
            report: Any = engine.drills.report()
            variants = report["drills"][0]["facts"]["variants"]
            assert ways == [one["variant"] for one in variants]
            assert all(one["injected"] and one["reads_meanwhile"] for one in variants)
        assert engine.seams is not None
        assert () == engine.seams.plan.armed
        assert [] == [reason.code for reason in engine.board.status.reasons]
        assert not (folder / "d/drills/running.json").exists()
    after = foreign.seen()

    assert [] == after["harm"]
    assert before == after
