"""F2: the embedded server killed, stopped, emptied, and stopped before anything was ready."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from engine.gate import GateState
from tests.engine.builders import GOLD, YEN

from .stage import Stage, stage_config, staged

CODES = ("REDIS_DOWN", "REDIS_TIMEOUT", "REDIS_REGRESSED")
DETECTABLE_S = 0.8
BACK_S = 1.5
HELD_S = 0.5


def pid_of(stage: Stage) -> int:
    """The server's process."""
    server = stage.engine.store.server
    assert server is not None
    assert server.pid is not None
    return server.pid


def kill(stage: Stage) -> None:
    """kill -9."""
    os.kill(pid_of(stage), signal.SIGKILL)


def empty(stage: Stage) -> None:
    """Another owner's FLUSHALL, our functions included."""
    server = stage.engine.store.server
    assert server is not None
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        client.function_flush()


@contextmanager
def stopped(stage: Stage) -> Iterator[None]:
    """SIGSTOP for the length of the block."""
    pid = pid_of(stage)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("inject", [kill, empty])
async def test_a_server_that_was_lost_is_filled_again_and_readers_do_not_notice(
    folder: Path, inject: Callable[[Stage], None]
) -> None:
    """Started, claimed, primed and flipped again, under the same generations."""
    async with staged(stage_config(folder)) as stage:
        await stage.opened()
        served = stage.answers.refused
        mark = stage.mark()
        inject(stage)
        loud_s = await stage.said(mark, *CODES)
        code = next(code for code in CODES if code in stage.codes)
        healed_s = await stage.healed(mark, *CODES)
        await asyncio.sleep(0.2)

        assert healed_s - loud_s <= BACK_S
        assert served == stage.answers.refused
        assert mark.status.generations == stage.status.generations
        radius = stage.untouched(mark, (GOLD, YEN))
        what = f"server {'killed' if inject is kill else 'emptied'}"
        stage.note("F2", what, code, DETECTABLE_S, loud_s, healed_s - loud_s, radius)


async def test_a_stopped_server_costs_no_reader_a_wait(folder: Path) -> None:
    """Open and degraded while it is silent; the last complete generation goes on being served."""
    async with staged(stage_config(folder)) as stage:
        await stage.opened()
        served = stage.answers.refused
        mark = stage.mark()
        with stopped(stage):
            loud_s = await stage.said(mark, "REDIS_TIMEOUT")
            await asyncio.sleep(HELD_S)
            assert GateState.OPEN_DEGRADED is stage.status.gate_state
        healed_s = await stage.healed(stage.mark(), *CODES)

        assert healed_s <= BACK_S
        assert served == stage.answers.refused
        radius = stage.untouched(mark, (GOLD, YEN))
        stage.note("F2", "server stopped", "REDIS_TIMEOUT", DETECTABLE_S, loud_s, healed_s, radius)


async def test_a_server_stopped_before_the_gate_opened_keeps_it_closed(folder: Path) -> None:
    """Refused with the reason, never an empty array."""
    sim = {"seed": 3, "login_s": 0.5, "latency_ms": 2, "publish_delay_s": 0}
    async with staged(stage_config(folder, broker__sim=sim)) as stage:
        server = stage.engine.store.server
        assert server is not None
        await stage.until(lambda status: status.mode is not None and server.pid is not None)
        await asyncio.sleep(0.2)
        mark = stage.mark()
        with stopped(stage):
            loud_s = await stage.said(mark, "REDIS_TIMEOUT")
            await asyncio.sleep(HELD_S)
            assert GateState.CLOSED is stage.status.gate_state
            assert "redis" in [why.subject for why in stage.status.gate.why]  # type: ignore[union-attr]
        healed_s = await stage.healed(stage.mark(), *CODES)

        assert 0 == stage.answers.given or GateState.OPEN.value in stage.gates
        assert healed_s <= BACK_S
        radius = stage.untouched(mark, ())
        what = "server stopped before ready"
        stage.note("F2", what, "REDIS_TIMEOUT", DETECTABLE_S, loud_s, healed_s, radius)
