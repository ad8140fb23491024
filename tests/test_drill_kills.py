"""kill -9 in the middle of each live drill: the next boot takes out what was in, and says so."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import CATALOG, EngineError, call_engine
from tests.running import FAST, NO_DEPTH, Running, held
from uds.host_process import is_stopped

LIVE = [drill_id for drill_id, drill in CATALOG.items() if drill.can_live]
PATIENCE_S = 30.0


@pytest.fixture
def here() -> Iterator[Path]:
    """A working folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        yield Path(name)


def until(reached: Callable[[], Any]) -> Any:
    """Ask until it is so; what was answered."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            found = reached()
        except EngineError:
            found = None
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it never came")


class Boot:
    """One boot over the folder of all of them."""

    def __init__(self, engine: Running) -> None:
        self.engine = engine
        self.data = engine.cwd / "data_v3"

    def ask(self, op: str, **args: object) -> Any:
        """One operation of the control socket."""
        return call_engine(self.data, op, args, path=None, timeout_s=5.0)

    def is_well(self) -> Any:
        """Its status once the gate is open and nothing stands."""
        status = self.ask("status")
        return status if status["gate"]["state"] == "open" and not status["degraded"] else None

    def killed_in(self, drill_id: str) -> None:
        """Begin a live drill, and kill the engine as soon as its fault is in."""
        arguments = {"drill": drill_id}
        self.ask("act", action="drill", arguments=arguments, phrase=drill_id, arm=True)
        until(lambda: self.ask("status")["drill"]["phase"] not in ("hypothesis", "inject"))
        assert (self.data / "drills/running.json").exists(), drill_id
        self.engine.kill()


def test_a_kill_in_the_middle_of_each_live_drill_leaves_nothing_behind(here: Path) -> None:
    """Journal carried out, verdict INCONCLUSIVE, no evidence made up, no server stopped."""
    document = {
        "symbols": ["XAU/USD", "USD/JPY"],
        "bootstrap": NO_DEPTH,
        "poll": {"m1_settle_s": 1},
    }
    (here / "config.json").write_text(json.dumps(document))
    servers: list[int] = []
    for number, drill_id in enumerate([*LIVE, None]):
        with held("--at", f"2026-01-14T12:{number:02d}:48Z", cwd=here, env=FAST) as engine:
            boot = Boot(engine)
            until(boot.is_well)
            until(lambda boot=boot: not (boot.data / "drills/running.json").exists())
            told = boot.ask("drills")
            assert LIVE[:number] == [outcome["id"] for outcome in told["history"]]
            assert {"INCONCLUSIVE"} >= {outcome["verdict"] for outcome in told["history"]}
            assert all("interrupted" in outcome["why"] for outcome in told["history"])
            assert [] == list((boot.data / "quarantine").glob("*"))
            assert not any(os.path.exists(f"/proc/{pid}") for pid in servers)
            servers.append(json.loads((boot.data / "embedded/server.json").read_text())["pid"])
            assert not is_stopped(servers[-1])
            if drill_id is not None:
                boot.killed_in(drill_id)
