"""F10: two boots in one moment, and a stopped owner who comes back after a successor began."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engine.builders import GOLD, NOON, YEN
from tests.running import FAST, Running, coldstart, get, held
from uds import FolderLocked
from uds.model import Timeframe

from .stage import FACTS, Fact, stage_config, staged

PATIENCE_S = 20.0
LOUD_S = 1.0
"""A process that was paused asks at once."""
MINUTE_DUE_S = 3.5
"""By then a minute has closed that the stopped owner wants to write when it wakes."""


async def test_two_boots_of_one_moment_have_greater_tokens_and_names_of_their_own(
    folder: Path,
) -> None:
    """The market's clock stands still between them; a reader still sees that there was a boot."""
    config = stage_config(folder)
    seen: list[tuple[int, str]] = []
    for _ in range(2):
        async with staged(config, NOON) as stage:
            with pytest.raises(FolderLocked, match=str(os.getpid())):
                async with staged(config, NOON):
                    pass
            await stage.opened()
            assert stage.status.owner_token is not None
            seen.append((stage.status.owner_token, stage.status.boot_id))
            assert all(
                g.token == stage.status.owner_token for g in stage.status.generations.values()
            )

    assert [1, 2] == [token for token, _ in seen]
    assert seen[0][1] != seen[1][1]


@contextmanager
def stopped(engine: Running) -> Iterator[None]:
    """SIGSTOP for the length of the block."""
    engine.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        engine.process.send_signal(signal.SIGCONT)


def until(reached: Callable[[], Any]) -> Any:
    """Ask until it is so; what was answered."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        found = reached()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it never came")


def belongings(folder: Path) -> tuple[str, int]:
    """Whose server runs, and whose control socket is there."""
    return (folder / "embedded/server.json").read_text(), (
        folder / "run/control.sock"
    ).stat().st_ino


def written(folder: Path, token: int) -> dict[str, tuple[int, int]]:
    """Size and time of every file that names this owner."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob(f"*{token:08d}*")
        if path.is_file() and "boots" not in path.parts
    }


def test_a_zombie_writes_nothing_serves_nothing_and_does_not_hurt_its_successor(
    folder: Path,
) -> None:
    """Somebody removed LOCK while the owner was stopped: the fence holds all the same."""
    document = {
        "symbols": [GOLD, YEN],
        "bootstrap": {"depth_bars": dict.fromkeys((tf.name for tf in Timeframe), 0)},
        "poll": {"m1_settle_s": 1},
    }
    (folder / "config.json").write_text(json.dumps(document))
    data = folder / "data_v3"
    arguments = ("--at", "2026-01-14T12:00:57Z")
    query = "/api/bars?symbol=XAU/USD&tf=H1&limit=10"
    with held(*arguments, cwd=folder) as zombie:
        first_port = zombie.port()
        until(lambda: get(first_port, "/readyz")[0] == 200)
        with stopped(zombie):
            stopped_s = time.monotonic()
            (data / "LOCK").unlink()
            with held(*arguments, cwd=folder) as successor:
                port = successor.port()
                until(lambda: get(port, "/readyz")[0] == 200)
                mine = get(port, "/api/status")[1]
                time.sleep(max(0.0, stopped_s + MINUTE_DUE_S - time.monotonic()))
                its_own = belongings(data)
                before = written(data, 1)
                woken_s = time.monotonic()
                zombie.process.send_signal(signal.SIGCONT)
                fenced = until(lambda: _fenced(first_port))
                loud_s = time.monotonic() - woken_s
                code, refusal = get(first_port, query)
                time.sleep(2.5)
                again = successor.ask().json
                served = get(port, query)

                assert {"OWNER_CHANGED", "FENCED"} <= {r["code"] for r in fenced["reasons"]}
                assert "fenced" == fenced["gate"]["state"]
                assert (503, True) == (code, bool(refusal["reasons"]))
                assert before == written(data, 1)
                assert its_own == belongings(data)
                assert (1, 2) == (fenced["owner_token"], mine["owner_token"])
                assert fenced["boot_id"] != mine["boot_id"]
                assert [] == [r["code"] for r in again["reasons"] if r["severity"] == "degraded"]
                assert mine["generations"] == again["generations"]
                assert [0] * 5 == [p["restarts"] for p in again["processes"]]
                assert (200, 10) == (served[0], len(served[1]["bars"]))
                assert loud_s <= LOUD_S
    radius = "successor: no reason, no restart, its server untouched"
    fact = Fact("F10", "zombie resumed", "FENCED", 0.0, loud_s, 0.0, "open fenced", "", radius)
    FACTS.append(fact)


def _fenced(port: int) -> Any:
    status = get(port, "/api/status")[1]
    return status if status["gate"]["state"] == "fenced" else None


def test_of_two_starts_at_once_one_owns_the_folder(folder: Path) -> None:
    """The other says whose it is and leaves with 5."""
    (folder / "config.json").write_text(json.dumps({"symbols": [GOLD]}))
    with held(cwd=folder) as first:
        first.port()
        refused = coldstart("up", "--headless", "--port", "0", cwd=folder, env=FAST)

    assert 5 == refused.code
    assert str(first.process.pid) in refused.err
