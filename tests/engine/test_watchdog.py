"""A stall, a pause and a jump of the clock are said, and ownership is proved anew after them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from engine.attempt import Partner, attempt
from engine.degraded import DegradedCode
from engine.duties.watchdog import BEAT_S, watch_loop
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    House,
    build_house,
    key,
    market_broker,
    minutes,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, VirtualTimeLoop, in_virtual_time, settle
from uds import CacheDown, Fenced
from uds.memory_cache import MemoryCache
from uds.model import FencingToken, Symbol, Timeframe
from uds.ports import Pointer


class JumpingClock(VirtualClock):
    """A clock whose wall time somebody may set."""

    jumped_ms = 0

    def real_ms(self) -> int:
        """The host's wall clock."""
        return super().real_ms() + self.jumped_ms


class CountingCache(MemoryCache):
    """Counts how often it is asked who the owner is; may be away."""

    asked = 0
    is_away = False

    async def holds(
        self, symbols: Sequence[Symbol], token: FencingToken
    ) -> tuple[Pointer | None, ...]:
        """Check ownership."""
        self.asked += 1
        if self.is_away:
            raise CacheDown("Refused.")
        return await super().holds(symbols, token)


def stall(seconds: float) -> None:
    """Time passes and nobody runs: a blocked loop, or a process that was stopped."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.pass_time(seconds)


@asynccontextmanager
async def watched(after_s: float = 1.0) -> AsyncIterator[tuple[House, JumpingClock, CountingCache]]:
    """A house that owns its Redis, and the watchdog on its rounds."""
    config, clock, cache = small_config(), JumpingClock(NOON), CountingCache()
    house = await build_house(config, market_broker(config, clock), clock, cache=cache)
    await house.store.connect()
    watch = asyncio.create_task(watch_loop(house.tools), name="watchdog")
    await asyncio.sleep(after_s)
    try:
        yield house, clock, cache
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


@in_virtual_time
async def test_a_loop_on_time_says_nothing_and_asks_nobody() -> None:
    """The watch itself must not be a load."""
    async with watched() as (house, _, cache):
        await asyncio.sleep(60)

        assert (set(), set(), 0) == (house.codes, house.healed_codes, cache.asked)


@in_virtual_time
async def test_a_stall_is_said_with_its_length_and_is_over_when_the_loop_is_on_time() -> None:
    """More than a quarter of a second late is felt by every reader."""
    async with watched() as (house, _, cache):
        stall(0.9)
        await settle()
        (reason,) = house.board.status.reasons
        assert (DegradedCode.LOOP_STALLED, 0) == (reason.code, cache.asked)
        assert reason.detail.startswith(("The loop was 6", "The loop was 9"))

        await asyncio.sleep(0.5)
        assert {"LOOP_STALLED"} == house.codes
        await asyncio.sleep(1)
        assert (set(), {"LOOP_STALLED"}) == (house.codes, house.healed_codes)


@in_virtual_time
async def test_a_short_delay_is_no_stall() -> None:
    """A garbage collection is no news."""
    async with watched() as (house, _, _cache):
        stall(BEAT_S / 2)
        await asyncio.sleep(2)

        assert (set(), set()) == (house.codes, house.healed_codes)


def test_after_two_seconds_the_log_shows_what_every_task_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The one that blocked is among them; afterwards nobody can tell."""

    @in_virtual_time
    async def stalls() -> None:
        async with watched():
            other = asyncio.create_task(asyncio.sleep(60), name="the other one")
            await settle()
            with caplog.at_level(logging.WARNING, logger="engine.duties.watchdog"):
                stall(1.5)
                await settle()
                assert [] == caplog.records
                await asyncio.sleep(1)
                stall(3.0)
                await settle()
            other.cancel()

    stalls()
    (record,) = caplog.records
    assert "the other one" in record.getMessage()
    assert "Every task now" in record.getMessage()


@pytest.mark.parametrize("after_s", [0.1, 1.0])
def test_after_a_pause_ownership_is_asked_for_before_the_next_write(after_s: float) -> None:
    """SIGSTOP, a successor, SIGCONT: the first thing that wakes may be the writer (Z1).

    The watchdog may not have finished a single beat before the pause.
    """
    in_virtual_time(_wake_with_a_successor)(after_s)


async def _wake_with_a_successor(after_s: float) -> None:
    async with watched(after_s) as (house, _, cache):
        await house.store.recover(GOLD)
        cache.owners[YEN] = FencingToken(cache.owners[YEN].value + 1, "other")
        wrote: list[str] = []

        async def write() -> None:
            series = key(GOLD, Timeframe.M1)
            await house.store.append(series, minutes(NOON, 1))
            wrote.append("it")

        stall(3.0)
        with pytest.raises(Fenced):
            await attempt(house.tools, Partner.DISK, GOLD, write)
        await settle()

        assert [] == wrote
        assert {"OWNER_CHANGED", "FENCED", "LOOP_STALLED"} == house.codes


@in_virtual_time
async def test_a_pause_without_a_successor_costs_one_question() -> None:
    """Whoever is still the owner goes on at once."""
    async with watched() as (house, _, cache):
        stall(3.0)

        async def write() -> str:
            return "done"

        assert "done" == await attempt(house.tools, Partner.DISK, GOLD, write)
        assert 1 <= cache.asked <= 2
        asked = cache.asked
        assert "done" == await attempt(house.tools, Partner.DISK, GOLD, write)
        assert asked == cache.asked


@pytest.mark.parametrize(("jump_ms", "said"), [(3_600_000, "+3600.0 s"), (-3_600_000, "-3600.0")])
def test_a_jump_of_the_wall_clock_is_said_until_ownership_was_proved_again(
    jump_ms: int, said: str
) -> None:
    """Z7: whoever slept for an hour may have a successor; a Redis that is away proves nothing."""

    @in_virtual_time
    async def jumps() -> None:
        async with watched() as (house, clock, cache):
            cache.is_away = True
            clock.jumped_ms = jump_ms
            await asyncio.sleep(1)
            (reason,) = house.board.status.reasons
            assert "CLOCK_JUMP" == reason.code.value
            assert said in reason.detail

            cache.is_away = False
            await asyncio.sleep(BEAT_S)
            assert (set(), {"CLOCK_JUMP"}) == (house.codes, house.healed_codes)

            await asyncio.sleep(60)
            assert 1 == house.board.status.healed[0].count

    jumps()


@in_virtual_time
async def test_a_clock_set_during_an_opening_does_not_lengthen_it() -> None:
    """Who looks meanwhile reads how long it has lasted off the moment it began."""
    async with watched() as (house, clock, _):
        opened_ms = house.board.status.opened_ms
        clock.jumped_ms = 7_200_000
        await asyncio.sleep(1)

        assert 7_200_000 == house.board.status.opened_ms - opened_ms


@in_virtual_time
async def test_a_successor_found_after_a_jump_fences_us() -> None:
    """The watch over Redis would find it as well; whoever is first says it, once."""
    async with watched() as (house, clock, cache):
        cache.owners[GOLD] = FencingToken(cache.owners[GOLD].value + 1, "other")
        clock.jumped_ms = 7_200_000
        await asyncio.sleep(1)

        assert {"OWNER_CHANGED", "FENCED", "CLOCK_JUMP"} == house.codes
        assert {1} == {reason.count for reason in house.board.status.reasons}
