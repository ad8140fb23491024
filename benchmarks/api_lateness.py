"""How late answers come: the server alone, and with a console and a rebuild beside it.

Two engines live side by side: one has no screen, the other the real console on a terminal of its
own, drawing in the engine's process at up to 10 Hz. Slices of load go to them in turn, with and
without rebuilds of all symbols, so that a busy second of the machine hits all alike; the ratio is
taken within a round. While one is asked, the other has nothing to do but its ticks.

The load is open: questions are sent at their time, whether or not the last was answered, and
lateness counts from that time. So a stall of the server is seen by all who ask meanwhile. One
load asks three cells, as three charts would; the other is a crowd of 64 that asks all 104.
"""

from __future__ import annotations

import asyncio
import json
import random
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from engine.bench.load import Load, body_of, open_load, question
from engine.bench.quick import ASKED
from engine.control.client import call_engine
from uds.model import Timeframe

from .api_engines import DATA_ROOT, engine_at
from .processes import ProcessWatch
from .session import Target
from .waist_case import configuration

_CALL_S = 10.0
_POLL_S = 0.25
_LIMIT = 1.5
SYMBOLS = configuration().symbols


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who asks."""

    name: str
    clients: int
    """Connections, kept and used in turn."""
    per_s: float
    """Questions of all together."""
    asked: tuple[bytes, ...]
    """In this order, again and again."""


def _everything() -> tuple[bytes, ...]:
    cells = [question(symbol, tf.name, 300) for symbol in SYMBOLS for tf in Timeframe]
    random.Random(5).shuffle(cells)
    return tuple(cells)


CHARTS = Crowd("200 questions a second, 3 cells", 3, 200, tuple(ASKED))
MANY = Crowd("64 clients, 256 questions a second, 13 symbols x 8", 64, 256, _everything())


@dataclass(frozen=True, slots=True)
class Scene:
    """What is beside the answers."""

    name: str
    has_console: bool
    has_rebuild: bool
    crowd: Crowd


_ALONE = Scene("server alone", False, False, CHARTS)
_BESIDE = Scene("console and rebuilds of all 13", True, True, CHARTS)
_MANY_ALONE = Scene("server alone", False, False, MANY)
_MANY_BESIDE = Scene("console and rebuilds of all 13", True, True, MANY)
_SCENES = (
    _ALONE,
    Scene("console", True, False, CHARTS),
    Scene("rebuilds of all 13", False, True, CHARTS),
    _BESIDE,
    _MANY_ALONE,
    _MANY_BESIDE,
)


@dataclass(slots=True)
class Seen:
    """What one scene came to over all rounds."""

    late_ms: list[float] = field(default_factory=list)
    """Of each answer."""
    p95_ms: list[float] = field(default_factory=list)
    """Of each round."""
    errors: int = 0
    """Answers without bars, and connections that broke."""
    mixed: int = 0
    """Answers of one cell, generation and seq that differ."""
    rebuilds: int = 0
    """Of all symbols, that were done meanwhile."""
    pinned: dict[tuple[object, ...], int] = field(default_factory=dict)
    """Checksum of the bars by cell, generation and seq."""

    def look(self, body: bytes) -> None:
        """Hold one answer against others of the same bars."""
        head, mark, bars = body.partition(b'"bars":[')
        named = json.loads(head + mark + b"]}")
        cell = tuple(named[name] for name in ("symbol", "tf", "generation", "seq"))
        checksum = zlib.crc32(bars)
        self.mixed += self.pinned.setdefault(cell, checksum) != checksum

    def add(self, load: Load, rebuilds: int) -> None:
        """One round."""
        late_ms = [1e3 * late_s for late_s in load.late_s]
        self.late_ms += late_ms
        self.p95_ms.append(_cuts(late_ms)[94])
        self.errors += load.errors
        self.rebuilds += rebuilds
        self.pinned.clear()  # the scenes of an engine share its generations, rounds need not


async def measure(root: Path, rounds: int, slice_s: float) -> list[Target]:
    """All scenes, in turn, each for so long a round."""
    watch = ProcessWatch()
    found = {scene: Seen() for scene in _SCENES}
    folders = {has_console: root / f"late-{has_console}" for has_console in (False, True)}
    async with (
        engine_at(folders[False], has_console=False) as headless,
        engine_at(folders[True], has_console=True) as shown,
    ):
        ports = {False: headless, True: shown}
        for port in ports.values():
            await open_load(port, MANY.asked, MANY.per_s, 1.0, MANY.clients)
        for number in range(rounds):
            first = number % len(_SCENES)
            for scene in (*_SCENES[first:], *_SCENES[:first]):
                port, folder = ports[scene.has_console], folders[scene.has_console]
                await _slice(found[scene], scene, port, folder, slice_s)
    print(watch.heading(f"lateness, {rounds} rounds of {slice_s:g} s each"))
    _print(found)
    return [
        _target("3 charts", found[_BESIDE], found[_ALONE]),
        _target("64 clients", found[_MANY_BESIDE], found[_MANY_ALONE]),
    ]


async def _slice(seen: Seen, scene: Scene, port: int, folder: Path, slice_s: float) -> None:
    crowd = scene.crowd
    load = open_load(port, crowd.asked, crowd.per_s, slice_s, crowd.clients, seen.look)
    if not scene.has_rebuild:
        seen.add(await load, 0)
        return
    async with _rebuilding(port, folder) as done:
        answered = await load
        rebuilds = len(done)
    seen.add(answered, rebuilds)


@asynccontextmanager
async def _rebuilding(port: int, folder: Path) -> AsyncIterator[list[int]]:
    """One rebuild of everything after the other; the last is waited for. Yields those done."""
    done: list[int] = []
    is_over = False

    async def rebuild() -> None:
        while not is_over:
            newest = max(await _generations(port))
            await asyncio.to_thread(_begin, folder)
            while min(await _generations(port)) <= newest:
                await asyncio.sleep(_POLL_S)
            done.append(newest + 1)

    rebuilding = asyncio.ensure_future(rebuild())
    try:
        yield done
    finally:
        is_over = True
        await rebuilding


def _begin(folder: Path) -> None:
    """Over the control socket: a command of its own would take the cores it is to leave alone."""
    request = {"action": "rebuild-all", "arguments": {}, "phrase": "all", "arm": True}
    call_engine(folder / DATA_ROOT, "act", request, path=None, timeout_s=_CALL_S)


async def _generations(port: int) -> list[int]:
    """The generation of each symbol, by its number."""
    bodies = [json.loads(await body_of(port, question(s, "H4", 1))) for s in SYMBOLS]
    return [int(body["generation"].rpartition("-")[2]) for body in bodies]


def _print(found: dict[Scene, Seen]) -> None:
    for crowd in (CHARTS, MANY):
        print(f"{crowd.name:52}{'answers':>9}{'mixed':>6}{'errors':>7}{'rebuilds':>9}", end="")
        print(f"{'p50 ms':>8}{'p95':>7}{'p99':>7}{'most':>8}")
        for scene, seen in found.items():
            if scene.crowd is crowd:
                cuts = _cuts(seen.late_ms)
                print(
                    f"  {scene.name:50}{len(seen.late_ms):9,}{seen.mixed:6}{seen.errors:7}"
                    f"{seen.rebuilds:9}{cuts[49]:8.2f}{median(seen.p95_ms):7.2f}{cuts[98]:7.2f}"
                    f"{max(seen.late_ms):8.1f}"
                )


def _target(who: str, beside: Seen, alone: Seen) -> Target:
    ratio = median(a / b for a, b in zip(beside.p95_ms, alone.p95_ms, strict=True))
    return Target(f"/api/bars, {who}: p95 with console and rebuild / alone", ratio, _LIMIT)


def _cuts(late_ms: Sequence[float]) -> list[float]:
    return quantiles(late_ms, n=100, method="inclusive")
