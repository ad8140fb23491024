"""A drill in a process of its own: small engines over private folders, one after the other.

The hypothesis is a start that ends well; the folder it leaves is what the drill's other starts
begin with. Drills of an open engine share one engine, drills of a start get one each.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from uds.model import Symbol, Timeframe

from ..config import Config
from ..config_file import load_config
from ..ground import open_ground
from ..runtime import PROCESSES, Engine, run_engine, tools_on
from ..sources import simulated_market
from .course import is_well, new_course
from .damage import damage
from .drill import Drill, Origin, Stage, Variant, Way
from .facts import READS_MIN, DrillFacts, VariantFacts
from .host_injections import JumpIn
from .injection import Injection, Scene
from .injections import about, injection_of, no_target
from .jumping_clock import JumpingClock
from .readers import Readers, reading
from .runner import run_variant
from .scripts import NOON_MS, run_script
from .seam_injections import FileIn
from .shape import DrillPhase, Place

SYMBOLS: tuple[Symbol, Symbol] = ("XAU/USD", "USD/JPY")
"""The second one suffers."""
_BEFORE_MINUTE_MS = 4_000
_NEW = "new symbol"
_WELL_S = 20.0

Tell = Callable[[DrillPhase, str], None]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """An engine of a drill, open."""

    engine: Engine
    """It."""
    scene: Scene
    """Where faults are put in."""
    clock: JumpingClock
    """Its time."""
    readers: Readers
    """Who reads beside it."""


def sandbox_config(data_root: Path, changes: dict[str, object]) -> Config:
    """Two symbols, a broker that answers at once, a minute that is final as it closes."""
    small: dict[str, object] = {
        "symbols": list(SYMBOLS),
        "data_root": str(data_root),
        "env": "test",
        "redis.url": None,
        "api.port": 0,
        "broker.kind": "sim",
        "broker.page_bars_max": 400,
        "broker.sim.seed": 3,
        "broker.sim.login_s": 0.02,
        "broker.sim.latency_ms": 2,
        "broker.sim.publish_delay_s": 0,
        "poll.m1_settle_s": 0.5,
        "bootstrap.warmup_bars": {"M1": 300, "D1": 5},
        "bootstrap.depth_bars": dict.fromkeys(Timeframe.__members__, 0),
    }
    return load_config(None, {}, {**small, **changes}, data_root.parent)


async def run_sandbox(drill: Drill, folder: Path, tell: Tell) -> DrillFacts:
    """All variants of a drill below a folder that is the caller's to remove."""
    variants = drill.of(Place.SANDBOX)
    tell(DrillPhase.HYPOTHESIS, "")
    known = SYMBOLS[:1] if any(v.detail == _NEW for v in variants) else SYMBOLS
    was_well = await _fill(folder / "well", known)
    if not was_well:
        facts = tuple(VariantFacts(variant.name) for variant in variants)
        return DrillFacts(drill.id, Place.SANDBOX, facts)
    found: list[VariantFacts] = []
    together = [variant for variant in variants if variant.stage is Stage.OPEN]
    if together:
        found += await _run_open(drill, together, folder, tell)
    for variant in variants:
        data_root = folder / f"v{len(found)}"
        if variant.stage is Stage.SCRIPT:
            truth = simulated_market(sandbox_config(data_root, {})).m1
            found.append(await run_script(variant, data_root, SYMBOLS, tell, truth))
        elif variant.stage is not Stage.OPEN:
            found.append(await _run_start(variant, data_root, folder / "well", tell))
    return DrillFacts(drill.id, Place.SANDBOX, tuple(found), planned=len(variants))


async def _fill(data_root: Path, symbols: Sequence[Symbol]) -> bool:
    """A start from nothing; whether it ended well in time."""
    config = sandbox_config(data_root, {"symbols": list(symbols)})
    async with opened(config, NOON_MS) as sandbox:
        return await _until_well(sandbox)


async def _run_open(
    drill: Drill, variants: Sequence[Variant], folder: Path, tell: Tell
) -> list[VariantFacts]:
    data_root = folder / "open"
    shutil.copytree(folder / "well", data_root)
    at_ms = NOON_MS
    if any(variant.origin is Origin.MINUTE for variant in variants):
        at_ms = NOON_MS - NOON_MS % 60_000 + 60_000 - _BEFORE_MINUTE_MS
    found = []
    async with opened(sandbox_config(data_root, {}), at_ms) as sandbox, _read(sandbox):
        for variant in variants:
            sandbox.readers.renew()
            is_so = await _until_well(sandbox, READS_MIN)
            sandbox.readers.renew()
            scene = about(sandbox.scene, variant)
            injection = await _injection(sandbox, scene, variant)
            if not is_so or injection is None:
                found.append(no_target(variant) if is_so else VariantFacts(variant.name))
                continue
            course = new_course(scene, variant, injection, sandbox.readers, tell)
            place = {"schema": 1, "id": drill.id, "place": Place.SANDBOX.value}
            found.append(await run_variant(course, place))
    return found


async def _run_start(variant: Variant, data_root: Path, well: Path, tell: Tell) -> VariantFacts:
    path = ""
    if variant.stage is Stage.START:
        shutil.copytree(well, data_root)
    if variant.way is Way.FILE:
        damaged = damage(data_root, SYMBOLS[1], SYMBOLS[0], variant.detail)
        path = damaged.relative_to(data_root).as_posix()
    async with opened(sandbox_config(data_root, dict(variant.config)), NOON_MS) as sandbox:
        injection: Injection | None = FileIn(sandbox.scene, variant, path) if path else None
        injection = injection or await _injection(sandbox, sandbox.scene, variant)
        assert injection is not None
        tell(DrillPhase.INJECT, variant.name)
        await injection.put_in()  # without a turn of the loop: nothing has run yet
        course = new_course(sandbox.scene, variant, injection, sandbox.readers, tell)
        async with _read(sandbox):
            return await run_variant(course, {}, is_in=True)


async def _injection(sandbox: Sandbox, scene: Scene, variant: Variant) -> Injection | None:
    if variant.way is Way.JUMP:
        return JumpIn(sandbox.clock, variant)
    return await injection_of(scene, variant)


@asynccontextmanager
async def opened(config: Config, at_ms: int) -> AsyncIterator[Sandbox]:
    """An engine whose processes are spawned and have not run yet."""
    async with open_ground(config, at_ms) as ground:
        clock = JumpingClock(ground.clock)
        ground = replace(ground, clock=clock)
        tools = tools_on(ground, Random(ground.store.token.value))
        async with run_engine(ground, tools, PROCESSES, lambda _: {}) as engine:
            scene = Scene(tools, engine.supervisor, ground.seams, config.symbols[-1])
            truth = simulated_market(config).m1
            readers = Readers(clock, tuple(engine.board.status.cells), truth)
            yield Sandbox(engine, scene, clock, readers)


@asynccontextmanager
async def _read(sandbox: Sandbox) -> AsyncIterator[None]:
    """Readers at its API, from when it listens."""
    work = asyncio.create_task(_read_on(sandbox), name="drill readers")
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def _read_on(sandbox: Sandbox) -> None:
    status = await sandbox.engine.board.until(lambda status: status.api_port is not None)
    assert status.api_port is not None
    async with reading(sandbox.readers, "127.0.0.1", status.api_port):
        await asyncio.Event().wait()


async def _until_well(sandbox: Sandbox, reads: int = 0) -> bool:
    """Whether the hypothesis holds within its time, and readers were answered."""
    try:
        async with asyncio.timeout(_WELL_S):
            await sandbox.engine.board.until(is_well)
            while sandbox.readers.facts.given < reads:
                await asyncio.sleep(0.01)
    except TimeoutError:
        return False
    return is_well(sandbox.engine.board.status)
