"""F3: what was derived and is gone is said with its figures, made again, and late for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from engine.cascade import Derived
from engine.sources import store_terms
from engine.tenure import Tenure
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    House,
    build_house,
    flat_bars,
    is_open,
    key,
    market_broker,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds import Appended, Store
from uds.memory_disk import MemoryDisk
from uds.model import (
    DERIVED_TIMEFRAMES,
    MINUTE_MS,
    Bars,
    Coverage,
    Generation,
    SeriesKey,
    Symbol,
    Timeframe,
)

LOST = (Timeframe.M5, Timeframe.M15, Timeframe.M30, Timeframe.H1)
M5_MS = Timeframe.M5.ms


def fives(*numbers: int) -> Bars:
    """M5 bars by their place."""
    return flat_bars([number * M5_MS for number in numbers], M5_MS)


def test_what_was_derived_and_is_not_stored_is_counted() -> None:
    """Have and need, as the reason says them."""
    known = Derived(Coverage(((0, 4 * M5_MS),)))

    assert (4, 4) == known.have_and_need(fives(0, 1, 2, 3), fives(0, 1, 2, 3), 0)
    assert (2, 4) == known.have_and_need(fives(0, 1, 2, 3), fives(0, 3), 0)
    assert (0, 4) == known.have_and_need(fives(0, 1, 2, 3), Bars.empty(), 0)


def test_what_is_new_older_than_the_ram_or_half_covered_was_not_lost() -> None:
    """Every minute brings new bars, and the oldest leave the RAM: neither is a loss."""
    known = Derived(Coverage(((M5_MS, 3 * M5_MS + MINUTE_MS),)))

    assert (2, 2) == known.have_and_need(fives(0, 1, 2, 3), fives(1, 2), 0)
    assert (1, 1) == known.have_and_need(fives(0, 1, 2, 3), fives(2), 2 * M5_MS)


def test_a_series_that_grew_is_whole_and_one_that_shrank_is_not() -> None:
    """Asked every minute, so it must cost nothing."""
    known = Derived(Coverage(), {Timeframe.M5: 3, Timeframe.H4: 1})

    assert known.is_whole({Timeframe.M5: 3, Timeframe.H4: 2})
    assert not known.is_whole({Timeframe.M5: 3})


class Forgetful(Store):
    """A store that can lose series from memory; writing to one brings it back."""

    lost: frozenset[SeriesKey] = frozenset()

    def load(self, key: SeriesKey) -> Bars:
        """Resident bars, unless they were lost."""
        return Bars.empty() if key in self.lost else super().load(key)

    async def append_all(
        self,
        symbol: Symbol,
        bars: Mapping[Timeframe, Bars],
        covered: object = (),
        into: Generation | None = None,
    ) -> tuple[Appended, ...]:
        """Make bars durable."""
        self.lost -= {SeriesKey(symbol, timeframe) for timeframe in bars}
        return await super().append_all(symbol, bars, covered, into)  # type: ignore[arg-type]


async def a_house(disk: MemoryDisk | None = None) -> House:
    """Two symbols over a forgetful store."""
    config, clock = small_config(), VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock, disk)
    token = house.store.token
    store = Forgetful(store_terms(config), token, house.disk, house.cache, None)
    tenure = Tenure(clock, store.check_ownership)
    house.tools = replace(house.tools, store=store, tenure=tenure)
    return house


@in_virtual_time
async def test_buffers_lost_while_it_runs_are_made_again_within_the_minute() -> None:
    """H4 is derived from M1 and never late; M5 to H1 end as a run without the loss."""
    house, other = await a_house(), await a_house()
    async with running(other):
        await other.board.until(is_open)
        await asyncio.sleep(240)
    began_s = house.tools.clock.monotonic_s()
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(60)
        assert isinstance(house.store, Forgetful)
        house.store.lost = frozenset(key(GOLD, timeframe) for timeframe in LOST)
        await asyncio.sleep(240 - (house.tools.clock.monotonic_s() - began_s) % 60)

        assert set() == house.codes
        said = [r for r in house.board.status.healed if r.code.value == "CASCADE_EMPTY"]
        assert [key(GOLD, timeframe) for timeframe in LOST] == [reason.scope for reason in said]
        assert said[0].detail.startswith("XAU/USD/M5 has 0 of 1")
        for timeframe in DERIVED_TIMEFRAMES:
            series, twin = key(GOLD, timeframe), key(YEN, timeframe)
            snapshot = house.store.tail(GOLD)
            assert snapshot is not None
            assert house.store.load(series).same_as(snapshot.tails[timeframe])
            assert len(house.store.load(series)) >= len(other.store.load(series)) > 0
            assert house.board.status.cells[twin].serving is not None


@in_virtual_time
async def test_files_lost_between_two_starts_are_made_again() -> None:
    """Coverage says that the bars were there; nothing is asked of the broker for them."""
    first = await a_house()
    async with running(first):
        await first.board.until(is_open)
    gone = [p for p in first.disk.files if p.startswith("XAU_USD/tf_300/seg-")]
    for path in gone:
        del first.disk.files[path]

    again = await a_house(first.disk)
    async with running(again):
        await again.board.until(is_open)

    m5 = key(GOLD, Timeframe.M5)
    assert gone
    assert {"CASCADE_EMPTY", "CORRUPT_JSONL"} == again.healed_codes
    assert first.store.load(m5).same_as(again.store.load(m5))
