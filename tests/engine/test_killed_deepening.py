"""A kill in the midst of a stretch of depth: what lies on disk then holds, and is gone on from."""

from __future__ import annotations

import asyncio
from functools import lru_cache

import pytest

from engine.config import Config
from tests.engine.builders import (
    GOLD,
    NOON,
    House,
    build_house,
    is_open,
    key,
    market_broker,
    running,
    small_config,
)
from tests.engine.left_behind import named, notes, verified
from tests.engine.test_deepening import ALL, is_all_the_market
from tests.engine.virtual_time import VirtualClock, VirtualTimeLoop, in_virtual_time
from uds.fault import Fault
from uds.memory_disk import MemoryDisk
from uds.model import Timeframe

DEPTH = {"M1": 0, "M3": 0, "M5": 0, "M15": 0, "M30": 0, "H1": 0, "H4": 18, "D1": 8}
"""Three trading days, which is one stretch."""
CONFIG = small_config(
    GOLD,
    bootstrap__depth_bars=DEPTH,
    redis__tail_bars=ALL,
    broker__page_bars_max=1_000,
    bootstrap__redis_priming_budget_s=600.0,
    bootstrap__prime_budget_per_symbol_s=600.0,
)
SMALL_TAIL = CONFIG.model_copy(
    update={"redis": CONFIG.redis.model_copy(update={"tail_bars": dict.fromkeys(Timeframe, 60)})}
)
"""The same where what is deep is out of the RAM at once."""


class Onlooker:
    """Takes a picture of the folder before every step of an append while it watches."""

    def __init__(self) -> None:
        self.house: House | None = None
        self.is_checkpointing = False
        self.pictures: list[dict[str, bytes]] = []
        self._is_nested = False

    async def before(self, name: str, path: str) -> Fault | None:
        """Look; a checkpoint may come at any moment as well."""
        if self.house is None or self._is_nested or not name.startswith("append."):
            return None
        if self.is_checkpointing:
            self._is_nested = True
            await self.house.store.checkpoint(NOON)
            self._is_nested = False
        picture = dict(self.house.disk.files)
        if not self.pictures or self.pictures[-1] != picture:
            self.pictures.append(picture)
        return None


def reaches_back(house: House) -> bool:
    """Whether the one stretch is there, and a generation has it."""
    first_ms = house.store.coverage(key(GOLD, Timeframe.M1)).intervals[0][0]
    is_idle = not house.store.is_drafting(GOLD) and "DEPTH_SHORT" not in house.codes
    return is_idle and first_ms < NOON - 3 * 86_400_000


async def deepened(house: House) -> None:
    """Wait for it."""
    await house.board.until(is_open)
    while not reaches_back(house):
        await asyncio.sleep(1)


@lru_cache(maxsize=2)
def pictures(*, is_checkpointing: bool) -> tuple[dict[str, bytes], ...]:
    """The folder at every step of the first stretch of D1 and M1."""

    async def live() -> tuple[dict[str, bytes], ...]:
        clock, onlooker = VirtualClock(NOON), Onlooker()
        disk = MemoryDisk(seam=onlooker)
        house = await build_house(CONFIG, market_broker(CONFIG, clock), clock, disk)
        onlooker.is_checkpointing = is_checkpointing
        async with running(house):
            await house.board.until(is_open)
            onlooker.house = house
            await deepened(house)
            onlooker.house = None
        return tuple(onlooker.pictures)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(live())


async def gone_on(files: dict[str, bytes], config: Config) -> House:
    """The next start over a picture, until it is as deep as wanted."""
    disk = MemoryDisk()
    disk.files.update(files)
    clock = VirtualClock(NOON + 120_000)
    house = await build_house(config, market_broker(config, clock), clock, disk)
    async with running(house):
        await deepened(house)
        await asyncio.sleep(1)
    return house


def doubts(said: list[str]) -> list[str]:
    """Notes that accuse derived bars of having no proof, or of not being there."""
    return [note for note in said if "cannot be proved" in note or "never derived" in note]


@pytest.mark.parametrize("is_checkpointing", [False, True], ids=["plain", "checkpoints"])
def test_what_a_killed_stretch_leaves_holds_at_every_step(is_checkpointing: bool) -> None:
    """Derived bars before their M1 could not be proved by anybody."""

    seen = pictures(is_checkpointing=is_checkpointing)
    assert len(seen) > 8

    @in_virtual_time
    async def look() -> None:
        for files in seen:
            disk = MemoryDisk()
            disk.files.update(files)
            report = await verified(disk, config=CONFIG)
            said = [note for note in notes(report) if "cannot be proved" in note]
            assert ([], []) == (named(report), said)

    look()


@pytest.mark.parametrize(
    ("config", "is_checkpointing"),
    [(CONFIG, True), (SMALL_TAIL, False)],
    ids=["in RAM with checkpoints", "on disk without"],
)
def test_the_next_start_goes_on_from_every_step(config: Config, is_checkpointing: bool) -> None:
    """M1 that are there without what they make would be a hole for ever."""

    seen = pictures(is_checkpointing=is_checkpointing)

    @in_virtual_time
    async def go_on() -> None:
        for files in seen:
            house = await gone_on(files, config)
            report = await verified(house.disk, config=config)
            assert ([], []) == (named(report), doubts(notes(report)))
            if config is CONFIG:
                is_all_the_market(house)

    go_on()
