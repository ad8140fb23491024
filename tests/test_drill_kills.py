"""kill -9 in the middle of each live drill: the next boot takes out what was in, and says so."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import CATALOG, EngineError, call_engine
from tests.running import FAST, NO_DEPTH, Running, held
from uds.host_process import is_stopped, started

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

    def killed_in(self, drill_id: str) -> bool:
        """Begin a live drill, kill the engine once its fault is in; whether it still was."""
        arguments = {"drill": drill_id}
        self.ask("act", action="drill", arguments=arguments, phrase=drill_id, arm=True)
        until(lambda: self.ask("status")["drill"]["phase"] not in ("hypothesis", "inject"))
        self.engine.kill()
        return (self.data / "drills/running.json").exists()


def test_a_kill_in_the_middle_of_each_live_drill_leaves_nothing_behind(here: Path) -> None:
    """Journal carried out, verdict INCONCLUSIVE, no evidence made up, no server stopped."""
    document = {
        "symbols": ["XAU/USD", "USD/JPY"],
        "bootstrap": NO_DEPTH,
        "poll": {"m1_settle_s": 1},
    }
    (here / "config.json").write_text(json.dumps(document))
    servers: list[int] = []
    left, interrupted, boots = [*LIVE], [], iter(range(60))
    cut_off: list[str] = []
    while True:
        with held("--at", f"2026-01-14T12:{next(boots):02d}:48Z", cwd=here, env=FAST) as engine:
            boot = Boot(engine)
            until(boot.is_well)
            until(lambda boot=boot: not (boot.data / "drills/running.json").exists())
            must_be_clean(boot, interrupted, cut_off, servers)
            if not left:
                return
            # a kill that fell between two ways of failing leaves nothing: once more
            cut_off = [left.pop(0)] if boot.killed_in(left[0]) else []
            interrupted += cut_off


def must_be_clean(
    boot: Boot, interrupted: list[str], cut_off: list[str], servers: list[int]
) -> None:
    """What a boot must find of the drills that were cut off before it, and say of the last."""
    history = boot.ask("drills")["history"]
    assert interrupted == [outcome["id"] for outcome in history]
    assert {"INCONCLUSIVE"} >= {outcome["verdict"] for outcome in history}
    assert all("interrupted" in outcome["why"] for outcome in history)
    events = boot.ask("events", limit=4_096)["events"]
    back = [event["event"]["drill"]["id"] for event in events if event["type"] == "DrillReverted"]
    assert cut_off == back
    assert [] == list((boot.data / "quarantine").glob("*"))
    assert [""] * len(servers) == list(map(started, servers))
    servers.append(json.loads((boot.data / "embedded/server.json").read_text())["pid"])
    assert not is_stopped(servers[-1])
