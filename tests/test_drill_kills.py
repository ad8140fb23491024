"""kill -9 in the middle of live drills: the next boot takes out what was in, and says so.

`HYPOTHESIS_PROFILE=nightly` kills in each way of failing of each drill; `-s` shows a table.
"""

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
from engine.drills.choice import chosen
from tests.running import FAST, NO_DEPTH, Running, held
from uds.host_process import is_stopped, started

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
EVERY = [
    (drill.id, name) for drill in CATALOG.values() for name in chosen(drill, is_ours=True).names
]
FEW = [("F2", "stopped"), ("F5", "at a rebuild"), ("F8", "flipped bit, overlaid")]
"""A server that is stopped, a process that hangs, evidence that is made up."""
WAYS = EVERY if NIGHTLY else FEW
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

    def killed_in(self, drill_id: str, way: str) -> str:
        """Begin a live drill, kill the engine once this fault is in; which one then was."""
        arguments = {"drill": drill_id}
        self.ask("act", action="drill", arguments=arguments, phrase=drill_id, arm=True)
        until(lambda: self._is_in(way))
        self.engine.kill()
        journal = self.data / "drills/running.json"
        return str(json.loads(journal.read_text())["variant"]) if journal.exists() else ""

    def _is_in(self, way: str) -> bool:
        drill = self.ask("status")["drill"]
        is_here = drill["variant"] == way and drill["phase"] not in ("hypothesis", "inject")
        return is_here or drill["verdict"] is not None


def test_live_drills_are_killed_in_ways_that_there_are() -> None:
    """A name that was changed in the catalogue would be waited for in vain."""
    assert set(FEW) <= set(EVERY)
    assert {drill_id for drill_id, _ in EVERY} == {d.id for d in CATALOG.values() if d.can_live}


def test_a_kill_in_the_middle_of_a_live_drill_leaves_nothing_behind(here: Path) -> None:
    """Journal carried out, verdict INCONCLUSIVE, no evidence made up, no server stopped."""
    document = {
        "symbols": ["XAU/USD", "USD/JPY"],
        "bootstrap": NO_DEPTH,
        "poll": {"m1_settle_s": 1},
    }
    (here / "config.json").write_text(json.dumps(document))
    servers: list[int] = []
    was_cut_off = False
    left, interrupted, boots = [*WAYS], [], iter(range(60))
    while True:
        with held("--at", f"2026-01-14T12:{next(boots):02d}:48Z", cwd=here, env=FAST) as engine:
            began_s = time.monotonic()
            boot = Boot(engine)
            until(boot.is_well)
            until(lambda boot=boot: not (boot.data / "drills/running.json").exists())
            must_be_clean(boot, interrupted, servers)
            must_say_it(boot, interrupted[-1:] if was_cut_off else [])
            if interrupted:
                print(f"\n{' '.join(interrupted[-1]):32} well {time.monotonic() - began_s:4.1f} s")
            if not left:
                return
            drill_id, way = left[0]
            cut_off = boot.killed_in(drill_id, way)
            was_cut_off = bool(cut_off)
            if was_cut_off:
                interrupted.append((drill_id, cut_off))
            if cut_off == way:  # else it fell beside it: once more
                left.pop(0)


def must_say_it(boot: Boot, cut_off: list[tuple[str, str]]) -> None:
    """What a boot says of the drill that was cut off just before it."""
    events = boot.ask("events", limit=4_096)["events"]
    back = [event["event"]["drill"] for event in events if event["type"] == "DrillReverted"]
    assert cut_off == [(drill["id"], drill["variant"]) for drill in back]


def must_be_clean(boot: Boot, interrupted: list[tuple[str, str]], servers: list[int]) -> None:
    """What a boot must find of the drills that were cut off before it."""
    history = boot.ask("drills")["history"]
    cut_off = [outcome for outcome in history if "interrupted" in outcome["why"]]
    assert [drill_id for drill_id, _ in interrupted] == [outcome["id"] for outcome in cut_off]
    for (_, way), outcome in zip(interrupted, cut_off, strict=True):
        assert "INCONCLUSIVE" == outcome["verdict"]
        assert f"'{way}'" in outcome["why"]
    assert [] == list((boot.data / "quarantine").glob("*"))
    assert [""] * len(servers) == list(map(started, servers))
    servers.append(json.loads((boot.data / "embedded/server.json").read_text())["pid"])
    assert not is_stopped(servers[-1])
