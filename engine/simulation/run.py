"""Runs one case from the first boot to the verdict.

    outcome = run_case(Case("nemesis", 7))
    outcome.violations      # empty when all that must hold held
    outcome.digest          # the same in every process

To plant a bug, change the engine around the call (a test's monkeypatch), or give `planted`, which
is called with the world before its first boot: it may set `world.leaves_out`, put another class in
place of `world.cache`, or hold on to the world to look at it afterwards. Nothing but tests does.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..clock import cpu_s
from .acts import Acts
from .case import Act, Case
from .ending import live_through
from .loop import Deadlock, SimLoop, Spinning
from .nemesis import acts_of
from .world import World


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run."""

    case: Case
    """With its acts filled in."""
    violations: tuple[str, ...]
    """What did not hold, in the order it was found."""
    counts: Counter[str]
    """What was seen, and how often."""
    boots: int
    """Starts of the engine."""
    operations: int
    """On disk and Redis, of all boots."""
    operations_by_boot: tuple[int, ...]
    """The same of each."""
    virtual_s: float
    """How long it took in there."""
    cpu_s: float
    """How long it took out here."""
    digest: str
    """Of the ordered trace: the same for the same case."""
    story: tuple[tuple[int, str, str], ...]
    """(virtual µs, who, what)."""


def run_case(case: Case, planted: Callable[[World], None] | None = None) -> Outcome:
    """Run it; the same case gives the same outcome but for its CPU seconds."""
    acts = case.acts if case.acts is not None else acts_of(case)
    case = replace(case, acts=acts)
    began_s = cpu_s()
    loop = SimLoop()
    world = World(case, loop, Acts)
    if planted is not None:
        planted(world)
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    gc.collect(0)
    gc.disable()
    try:
        _turn(world, acts)
        operations = tuple(node.operations for node in world.nodes)
    finally:
        _bury(world)
        gc.enable()
        logging.disable(disabled)
    return Outcome(
        case,
        tuple(world.oracles.violations),
        world.oracles.counts,
        len(operations),
        sum(operations),
        operations,
        loop.now_us / 1e6,
        cpu_s() - began_s,
        world.digest,
        tuple(world.story),
    )


def _turn(world: World, acts: tuple[Act, ...]) -> None:
    try:
        world.loop.run_until_complete(live_through(world, acts))
    except (Deadlock, Spinning) as error:
        world.oracles.violated(f"{type(error).__name__}: {error}")
    for sentence in world.loop.errors:
        world.oracles.violated(f"nobody handled it: {sentence}")


def _bury(world: World) -> None:
    """Let go of all coroutines that stand still; what they say at their end is lost."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        world.loop.bury()
        world.nodes.clear()
        with warnings.catch_warnings(action="ignore"):
            gc.collect()
        world.loop.close()
        asyncio.set_event_loop(None)
    finally:
        sys.unraisablehook = hook
