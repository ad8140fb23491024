"""SIGKILL at every step of a real process, on the real file system and with the real server.

A child opens a folder in which one owner has lived before, recovers, fills, commits, serves,
follows live minutes, rebuilds a symbol, keeps house, and dies: before a step, with half of it
done, or after it. The next owner must find every acknowledged bar and none that nobody wrote,
and live on, under the eyes of one reader who never forgets. `HYPOTHESIS_PROFILE=nightly` kills
at every step in each manner, else at some.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import redis

from uds.embedded import EmbeddedServer
from uds.host_process import started

from ..running import ROOT
from .killed_child import MANNERS, Order, ToldWorld, as_line

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
POINTS = 7
"""So many of each manner when it must be quick."""
STARTS = 4
"""So many kills around the start of a server of its own."""
PATIENCE_S = 5.0


@dataclass
class Nursery:
    """Where the children come from."""

    process: subprocess.Popen[str]

    def dies(self, order: Order) -> int:
        """Let a child live and die; its exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(as_line(order))
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for all children, as its imports take longer than their lives."""
    command = [sys.executable, "-m", "tests.uds.killed_child"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        yield Nursery(process)


@dataclass
class Scene:
    """A folder and a namespace in which one owner has lived and ended in good order."""

    folder: Path
    """Holds the data folder, the accounts and the steps."""
    server: EmbeddedServer
    namespace: str

    def order(self) -> Order:
        """A second life in it, to its end."""
        return Order(
            str(self.folder / "data"),
            self.server.url,
            self.namespace,
            str(self.folder / "accounts"),
            str(self.folder / "steps"),
        )

    def again(self, number: int) -> Scene:
        """The same scene once more, to be played in."""
        copy = replace(
            self, folder=self.folder.parent / str(number), namespace=f"{self.namespace}{number}"
        )
        subprocess.run(["cp", "-a", self.folder, copy.folder], check=True)  # keeps links
        with redis.Redis.from_url(self.server.url) as client:
            for key in client.scan_iter(f"{self.namespace}:*"):
                client.copy(key, key.replace(self.namespace.encode(), copy.namespace.encode(), 1))
        return copy

    def clear(self) -> None:
        """Leave nothing of it."""
        shutil.rmtree(self.folder)
        with redis.Redis.from_url(self.server.url) as client:
            for key in client.scan_iter(f"{self.namespace}:*"):
                client.delete(key)

    def world(self) -> ToldWorld:
        """What is known of it."""
        return ToldWorld(self.folder / "accounts")

    async def survives(self) -> list[str]:
        """What the next owner found wrong, living a life of its own."""
        world = self.world()
        lives = world.lives
        order = self.order()
        await world.live_once(Path(order.root), order.redis_url, order.namespace, dict)
        assert lives + 1 == world.lives
        return world.violations


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, shared_server: EmbeddedServer
) -> Iterator[Scene]:
    """One owner's whole life, to be copied for each run."""
    folder = tmp_path_factory.mktemp("k") / "first"
    folder.mkdir()
    scene = Scene(folder, shared_server, "kill")
    assert [] == asyncio.run(scene.survives())
    yield scene
    scene.clear()


@pytest.fixture(scope="module")
def steps(nursery: Nursery, scene: Scene) -> list[str]:
    """Names of all steps of a second life."""
    whole = scene.again(0)
    assert -signal.SIGKILL == nursery.dies(whole.order())
    names = (whole.folder / "steps").read_text("utf-8").splitlines()
    whole.clear()
    return names


def test_a_life_passes_through_every_kind_of_step(steps: list[str]) -> None:
    """Else the kills below would prove nothing about what is missing."""
    wanted = {"Write", "Sync", "SyncFolder", "MakeFolder", "Rename", "Link", "Remove"}
    wanted |= {f"cache.{call}" for call in ("claim", "write", "flip", "extend", "holds", "forget")}

    assert set() == wanted - set(steps)
    assert 60 <= len(steps)


@pytest.mark.parametrize("manner", MANNERS)
async def test_a_kill_at_any_step_loses_nothing(
    manner: str, nursery: Nursery, scene: Scene, steps: list[str]
) -> None:
    """And its successor lives on, whatever half-done thing it finds."""
    stride, part = len(steps) / POINTS, MANNERS.index(manner) / len(MANNERS)
    points = range(len(steps)) if NIGHTLY else [int((n + part) * stride) for n in range(POINTS)]
    begun_s, found = time.perf_counter(), Counter[str]()
    for run, at in enumerate(points):
        played = scene.again(1 + run)
        order = replace(played.order(), at=at, manner=manner, seed=run)
        assert -signal.SIGKILL == nursery.dies(order)
        died_at = (played.folder / "steps").read_text("utf-8").count("\n") - 1
        assert at == died_at or manner == "midst"
        found.update(f"{manner} {at} {steps[at]}: {one}" for one in await played.survives())
        played.clear()
    print(f"{manner}: {len(points)} of {len(steps)} points, {time.perf_counter() - begun_s:.0f} s")

    assert Counter() == found


async def test_the_same_kill_catches_a_disk_that_forgets(nursery: Nursery, scene: Scene) -> None:
    """Else finding nothing would mean nothing: its live bars were acknowledged, not written."""
    played = scene.again(1)
    nursery.dies(replace(played.order(), bug="forgetful"))
    violations = await played.survives()
    played.clear()

    assert any("acknowledged bars are lost" in one for one in violations)


linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere the kernel ends no orphans"
)


@pytest.fixture
def empty_scene(
    tmp_path_factory: pytest.TempPathFactory, shared_server: EmbeddedServer
) -> Iterator[Scene]:
    """A scene in which nobody has lived yet."""
    scene = Scene(tmp_path_factory.mktemp("e"), shared_server, "own")
    yield scene
    shutil.rmtree(scene.folder)


@linux_only
async def test_a_server_ends_with_the_process_that_hosts_it(
    nursery: Nursery, empty_scene: Scene
) -> None:
    """kill -9 of the engine leaves no orphan; the next owner finds everything, with a new one."""
    order = replace(empty_scene.order(), redis_url=None)
    assert -signal.SIGKILL == nursery.dies(order)
    world = empty_scene.world()
    assert world.server_pid is not None
    await none_left_of(empty_scene)
    first = world.token, world.server_pid
    await world.live_once(Path(order.root), None, order.namespace, dict)

    assert [] == world.violations
    assert (1, 2) == (first[0], world.token)
    assert first[1] != world.server_pid
    await none_left_of(empty_scene)


@linux_only
async def test_a_kill_around_the_start_of_a_server_leaves_none(
    nursery: Nursery, empty_scene: Scene
) -> None:
    """Started and not yet recorded, recorded and not yet bound: the next owner starts its own."""
    order = replace(empty_scene.order(), redis_url=None)
    nursery.dies(order)
    names = (empty_scene.folder / "steps").read_text("utf-8").splitlines()
    before = names.index("cache.claim") + 1
    points = range(0 if NIGHTLY else before - STARTS, before)
    for at in points:
        shutil.rmtree(empty_scene.folder)
        empty_scene.folder.mkdir()
        assert -signal.SIGKILL == nursery.dies(replace(order, at=at))
        await none_left_of(empty_scene)
        world = empty_scene.world()
        await world.live_once(Path(order.root), None, order.namespace, dict)
        assert [] == world.violations, f"killed before step {at}, {names[at]}"
    print(f"start of a server: {len(points)} points")


async def none_left_of(scene: Scene) -> None:
    """Wait until no process has anything to do with a folder; fail when one stays."""
    deadline_s = time.monotonic() + PATIENCE_S
    while found := [pid for pid in pids() if str(scene.folder) in said_by(pid) and started(pid)]:
        assert time.monotonic() < deadline_s, f"{found} are still there"
        await asyncio.sleep(0.01)


def pids() -> list[int]:
    """Of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def said_by(pid: int) -> str:
    """The command line of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except OSError:
        return ""
