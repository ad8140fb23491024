"""Redis stays ours: gone, back, emptied or taken, each is said and healed as it should be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from engine.attempt import Partner, attempt
from engine.bootstrap import seal
from engine.duties.cache_watch import BEAT_S, watch_cache
from engine.gate import GateState
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    House,
    build_house,
    is_open,
    key,
    market_broker,
    minutes,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time, settle
from uds import CacheDown, CacheTimeout, CacheTooOld, DiskFailed, DiskFull, ServerMissing
from uds.memory_cache import MemoryCache
from uds.model import MINUTE_MS, FencingToken, Generation, Symbol, Timeframe
from uds.ports import Pointer


class MovingCache(MemoryCache):
    """A server that can be taken away and brought back."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble: Exception | None = None

    async def connect(self) -> None:
        """Reach it, unless it is away."""
        self._answer()

    async def holds(
        self, symbols: Sequence[Symbol], token: FencingToken
    ) -> tuple[Pointer | None, ...]:
        """Check ownership, unless it is away."""
        self._answer()
        return await super().holds(symbols, token)

    def _answer(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@asynccontextmanager
async def watched(cache: MovingCache | None = None) -> AsyncIterator[tuple[House, MovingCache]]:
    """Two symbols live, and the watch on its rounds."""
    config = small_config()
    clock = VirtualClock(NOON)
    cache = cache or MovingCache()
    house = await build_house(config, market_broker(config, clock), clock, cache=cache)
    watch = asyncio.create_task(watch_cache(house.tools))
    await settle()
    for symbol in (GOLD, YEN):
        await house.store.recover(symbol)
        for timeframe in config.timeframes:
            await house.store.append(key(symbol, timeframe), minutes(NOON - 9 * MINUTE_MS, 3))
        await seal(house.tools, symbol)
    try:
        yield house, cache
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (CacheDown("Refused."), "REDIS_DOWN"),
        (CacheTimeout("Silent."), "REDIS_TIMEOUT"),
        (CacheTooOld("Version 6."), "REDIS_DOWN"),
        (ServerMissing("None."), "REDIS_DOWN"),
        (DiskFailed("Could not write the record."), "DISK_ERROR"),
        (DiskFull("No room for the record."), "DISK_FULL"),
    ],
)
def test_a_server_that_is_away_is_said_within_a_beat_and_cleared_when_back(
    trouble: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """F2: loud at once, readers go on, nothing but its return clears it; the log tells of both."""
    caplog.set_level("INFO")

    @in_virtual_time
    async def away() -> None:
        async with watched() as (house, cache):
            cache.trouble = trouble
            await asyncio.sleep(BEAT_S)
            assert {code} == house.codes
            assert GateState.OPEN_DEGRADED is house.board.status.gate.state

            await asyncio.sleep(30)
            (reason,) = house.board.status.reasons
            assert 1 == reason.count

            cache.trouble = None
            await asyncio.sleep(2 * BEAT_S)
            assert (set(), {code}) == (house.codes, house.healed_codes)
            assert () == house.board.status.reasons

    away()
    said = [record.getMessage() for record in caplog.records]
    assert 1 == said.count(f"{code}: {trouble}")
    assert code.startswith("REDIS") == ("Redis answers again, its tails are in place" in said)


@in_virtual_time
async def test_a_disk_that_two_failed_on_is_well_once_both_got_through() -> None:
    """Whoever raised it first cannot clear it while the other fails: the last one does."""
    async with watched() as (house, cache):
        refused: list[Exception] = [DiskFailed("Could not write."), DiskFailed("Once more.")]

        async def write() -> None:
            if refused:
                raise refused.pop()

        writing = asyncio.create_task(attempt(house.tools, Partner.DISK, None, write))
        await settle()
        cache.trouble = DiskFailed("Could not write the record.")
        await asyncio.wait_for(writing, 30)
        assert {"DISK_ERROR"} == house.codes

        cache.trouble = None
        await asyncio.sleep(2 * BEAT_S)
        assert set() == house.codes


@in_virtual_time
async def test_an_emptied_server_gets_the_same_generation_back() -> None:
    """Z2: what readers hold on to must not be renamed; nothing may be missing afterwards."""
    async with watched() as (house, cache):
        live, tails = dict(cache.live), dict(cache.tails)
        cache.emptied()
        await asyncio.sleep(BEAT_S)
        assert {"REDIS_REGRESSED"} == house.codes

        await asyncio.sleep(2 * BEAT_S)
        assert set() == house.codes
        assert {s: (p.generation, p.seq) for s, p in live.items()} == {
            s: (p.generation, p.seq) for s, p in cache.live.items()
        }
        assert tails == cache.tails
        assert GateState.OPEN is house.board.status.gate.state


@in_virtual_time
async def test_the_sequence_survives_an_emptied_server() -> None:
    """Extensions go on counting where they were: readers compare (generation, seq)."""
    async with watched() as (house, cache):
        m1 = key(GOLD, Timeframe.M1)
        await house.store.append(m1, minutes(NOON - 6 * MINUTE_MS, 1))
        before = await house.store.extend(GOLD)
        cache.emptied()
        await asyncio.sleep(3 * BEAT_S)
        await house.store.append(m1, minutes(NOON - 5 * MINUTE_MS, 1))
        after = await house.store.extend(GOLD)

        assert (before.generation, 1, 2) == (after.generation, before.seq, after.seq)
        assert 2 == cache.live[GOLD].seq


@in_virtual_time
async def test_a_higher_token_fences_us() -> None:
    """F10: a zombie that wakes up sees its successor at the next beat and is silent."""
    async with watched() as (house, cache):
        cache.owners[YEN] = FencingToken(cache.owners[YEN].value + 1, "other")
        await asyncio.sleep(BEAT_S)

        assert {"OWNER_CHANGED", "FENCED"} == house.codes
        assert GateState.FENCED is house.board.status.gate.state


@in_virtual_time
async def test_a_fenced_engine_never_claims_again() -> None:
    """Not even when the server forgets who the owner was."""
    async with watched() as (_, cache):
        cache.owners[YEN] = FencingToken(cache.owners[YEN].value + 1, "other")
        await asyncio.sleep(BEAT_S)
        cache.emptied()
        await asyncio.sleep(60)

        assert {} == cache.owners


class SlowToRemember(MovingCache):
    """Takes the first generation's tails back only after the second was flipped, or after 3 s."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = False
        self._flipped = asyncio.Event()

    async def write(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Put tails; the old ones in the worst moment."""
        if self.is_slow and generation.n == 1:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._flipped.wait(), 3)
        await super().write(symbol, token, generation, tails)

    async def flip(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        seq: int,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Move the pointer."""
        await super().flip(symbol, token, generation, seq, timeframes)
        if generation.n == 2:
            self._flipped.set()


@in_virtual_time
async def test_a_server_emptied_during_a_rebuild_ends_with_the_new_generation() -> None:
    """The watch brings the old one back while the rebuild flips: nobody may be fenced by it."""
    async with watched(SlowToRemember()) as (house, cache):
        assert isinstance(cache, SlowToRemember)
        cache.is_slow = True
        house.store.begin(GOLD)
        for timeframe in house.tools.config.timeframes:
            await house.store.append(key(GOLD, timeframe), minutes(NOON - 9 * MINUTE_MS, 4))
        cache.emptied()
        await seal(house.tools, GOLD)
        await asyncio.sleep(5)

        snapshot = house.store.tail(GOLD)
        assert snapshot is not None
        assert 2 == snapshot.generation.n == cache.live[GOLD].generation.n
        assert set() == house.codes
        assert GateState.OPEN is house.board.status.gate.state


@in_virtual_time
async def test_nothing_new_to_show_is_no_proof_that_the_server_is_back() -> None:
    """Clearing REDIS_DOWN without having asked Redis would be a reason that heals itself."""
    async with watched() as (house, cache):
        cache.trouble = CacheDown("Refused.")
        await asyncio.sleep(BEAT_S)

        with pytest.raises(CacheDown):
            await house.store.extend(GOLD)


@in_virtual_time
async def test_a_start_waits_for_a_server_that_comes_late() -> None:
    """Down before READY: closed with the reason, then open by itself (F2)."""
    config = small_config()
    clock = VirtualClock(NOON)
    cache = MovingCache()
    cache.trouble = CacheDown("Refused.")
    house = await build_house(config, market_broker(config, clock), clock, cache=cache)
    async with running(house):
        await asyncio.sleep(20)
        assert GateState.CLOSED is house.board.status.gate.state
        assert house.codes & {"REDIS_DOWN", "REDIS_REGRESSED"}

        cache.trouble = None
        await house.board.until(is_open)
        await asyncio.sleep(1)
        assert set() == house.codes
