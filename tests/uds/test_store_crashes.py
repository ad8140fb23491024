"""Crash, power cut, failing disk and zombie at every operation of the store's whole life.

Three symbols live through recover, fill, commit, prime, flip, live minutes, a forced rebuild,
checkpoint, collect and scrub. At each step of the disk and before and after each call of Redis
the owner dies, sleeps, or meets a disk error. The next owner must find every acknowledged bar,
none that nobody wrote, no mixture, and be able to live. `HYPOTHESIS_PROFILE=nightly` tries
every combination, else each operation meets one of each kind.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from random import Random

import pytest

from uds.fault import Fault, FaultKind

from .world import World, crash_at, fail_at, zombie_at

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
CUTS = 3 if NIGHTLY else 1
SLICES = 8
"""Operations are dealt out to so many tests, so that a failure is near its cause."""
FAULTS = (
    Fault(FaultKind.REFUSE, "*"),
    Fault(FaultKind.FULL, "*", kept_bytes=200),
    Fault(FaultKind.LOSE_REPLY, "*"),
)
EMPTIES = ("never", "before", "after")


async def operations() -> list[str]:
    """Names of all operations of a second owner's life."""
    world = World()
    await world.live(await world.node())
    second = await world.node()
    await world.live(second)
    return second.seam.names


OPERATIONS = asyncio.run(operations())


def every(part: int) -> range:
    """The operations of one slice."""
    return range(part, len(OPERATIONS), SLICES)


def violations(worlds: list[World]) -> Counter[str]:
    """What did not hold, over all runs; each run must have read something."""
    assert all(world.reads for world in worlds)
    return Counter(sentence for world in worlds for sentence in world.violations)


def test_a_life_passes_through_every_kind_of_operation() -> None:
    """Else the tests below would prove nothing about what is missing."""
    names = set(OPERATIONS)
    steps = {"append.Write", "append.Sync", "append.SyncFolder", "link.Link", "link.SyncFolder"}
    steps |= {"replace.Write", "replace.Sync", "replace.Rename", "remove.Remove", "create.Sync"}
    steps |= {f"cache.{call}" for call in ("claim", "write", "flip", "read", "extend", "holds")}

    assert set() == steps - names


@pytest.mark.parametrize("part", range(SLICES))
async def test_a_kill_anywhere_loses_nothing(part: int) -> None:
    """And what the next owner made of it survives a power cut."""
    worlds = [await crash_at(operation, None) for operation in every(part)]

    assert Counter() == violations(worlds)


@pytest.mark.parametrize("part", range(SLICES))
async def test_a_power_cut_anywhere_loses_nothing(part: int) -> None:
    """Unsynced bytes and names go, wholly, in part or not at all."""
    worlds = [
        await crash_at(operation, Random(f"{operation} {cut}"))
        for operation in every(part)
        for cut in range(CUTS)
    ]

    assert Counter() == violations(worlds)


@pytest.mark.parametrize("part", range(SLICES))
async def test_a_disk_error_anywhere_loses_nothing(part: int) -> None:
    """EIO, no space after a part was written, an error after the deed; then a power cut."""
    worlds = [
        await fail_at(operation, fault, Random(operation))
        for operation in every(part)
        for number, fault in enumerate(FAULTS)
        if NIGHTLY or number == operation // SLICES % len(FAULTS)
    ]

    assert Counter() == violations(worlds)


@pytest.mark.parametrize("part", range(SLICES))
async def test_a_zombie_that_wakes_anywhere_changes_nothing(part: int) -> None:
    """Its successor has lived meanwhile; Redis was kept, or emptied before or after that."""
    worlds = [
        await zombie_at(operation, empties)
        for operation in every(part)
        for number, empties in enumerate(EMPTIES)
        if NIGHTLY or number == operation // SLICES % len(EMPTIES)
    ]

    assert Counter() == violations(worlds)
