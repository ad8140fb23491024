"""A cell from end to end: what an x-ray finds that nobody has noticed yet."""

from __future__ import annotations

import json

import pytest

from engine.acts.seat import Seat
from engine.control.operations import look
from engine.errors import ActionRefused
from engine.runtime import Engine
from engine.sources import markets
from engine.supervisor import Supervisor
from engine.xray import covered, xray, xray_of
from tests.engine.builders import (
    GOLD,
    NOON,
    House,
    build_house,
    is_open,
    key,
    market_broker,
    minutes,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.model import MINUTE_MS, Bars, Coverage, Timeframe


async def a_house() -> House:
    """An engine of one symbol in memory."""
    config, clock = small_config(), VirtualClock(NOON)
    return await build_house(config, market_broker(config, clock), clock)


@in_virtual_time
async def test_a_served_cell_is_seen_from_disk_to_redis() -> None:
    """Each figure is the store's own, read again."""
    house = await a_house()
    async with running(house):
        await house.board.until(is_open)
        found = {tf: await xray(house.tools, key(GOLD, tf)) for tf in Timeframe}

    for timeframe, seen in found.items():
        bars = house.store.load(key(GOLD, timeframe))
        assert len(bars) == seen.resident_bars == seen.stored_bars
        assert bars.tail(120).open_time_ms.tolist() == [one.open_ms for one in seen.candles]
        assert {"1-1"} <= {one.file for one in seen.candles}
        assert (True, False, None) == (seen.is_sound, seen.is_draft, seen.cache_error)
        assert seen.held is not None
        assert (True, None) == (seen.held.is_same, seen.held.expires_ms)
        assert (seen.derive is not None) is timeframe.is_derived
    assert found[Timeframe.H4].covered == found[Timeframe.M1].covered
    assert "D1" == found[Timeframe.D1].covered.of


@in_virtual_time
async def test_a_flipped_bit_and_a_lost_tail_are_found() -> None:
    """Before the scrub comes round to this file, and before a reader does."""
    house = await a_house()
    async with running(house):
        await house.board.until(is_open)
        sound = await xray(house.tools, key(GOLD, Timeframe.M1))
        disk, cache = house.disk, house.cache
        path = sound.files[0].path
        data = bytearray(disk.files[path])
        data[200] ^= 1
        disk.files[path] = bytes(data)
        cache.tails.clear()
        broken = await xray(house.tools, key(GOLD, Timeframe.M1))

    assert (True, False) == (sound.is_sound, broken.is_sound)
    assert broken.held is not None
    assert (None, False) == (broken.held.bytes, broken.held.is_same)


@in_virtual_time
async def test_before_anything_is_stored_there_is_nothing_and_no_error() -> None:
    """The page is opened in the first second of a cold start."""
    seen = await xray((await a_house()).tools, key(GOLD, Timeframe.M5))

    assert (None, 0, (), None) == (seen.generation, seen.resident_bars, seen.candles, seen.held)


def test_minutes_that_are_missing_are_told_apart() -> None:
    """A minute without a tick is no fault; one that was never fetched is."""
    market = markets(small_config())[GOLD]
    first = minutes(NOON, 10).open_time_ms.tolist()
    kept = minutes(NOON, 10).take(slice(0, 3)).merged(minutes(NOON + 8 * MINUTE_MS, 2))
    proved = Coverage.of([(NOON, NOON + 5 * MINUTE_MS)])
    found = covered(key(GOLD, Timeframe.M1), market, kept, proved)

    kinds = {one.kind: one.minutes for one in found.kinds}
    assert {"no_tick": 2, "gap": 3} == kinds
    assert [(first[5], first[8])] == [(gap.from_ms, gap.until_ms) for gap in found.gaps]
    assert ((), None) == (
        covered(key(GOLD, Timeframe.M1), market, Bars.empty(), Coverage()).kinds,
        covered(key(GOLD, Timeframe.M1), market, Bars.empty(), Coverage()).from_ms,
    )


@in_virtual_time
async def test_the_answer_of_the_socket_is_the_value() -> None:
    """A screen in the engine's process and one behind the socket draw the same."""
    house = await a_house()
    async with running(house) as supervisor:
        await house.board.until(is_open)
        answer = await _asked(house, supervisor, {"symbol": GOLD, "timeframe": "M15"})
        seen = await xray(house.tools, key(GOLD, Timeframe.M15))

    assert seen == xray_of(json.loads(json.dumps(answer)))


@in_virtual_time
async def test_a_cell_that_is_not_there_is_refused() -> None:
    """In a sentence, whatever was asked for."""
    house = await a_house()
    async with running(house) as supervisor:
        for symbol, timeframe in ((GOLD, "M2"), ("NOPE", "M1"), ("x" * 5_000, "M1")):
            with pytest.raises(ActionRefused, match="There is no cell"):
                await _asked(house, supervisor, {"symbol": symbol, "timeframe": timeframe})


async def _asked(house: House, supervisor: Supervisor, args: dict[str, str]) -> object:
    engine = Engine(house.tools, supervisor)
    return await look(engine, Seat(engine, "test"), "xray", args)
