"""What Redis serves, held against the disk: what differs is named, what is absent is no fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.engine.builders import (
    GOLD,
    key,
)
from tests.engine.left_behind import (
    FIRST,
    TWO,
    Stored,
    lived,
    named,
    notes,
    priced,
    relived,
    served_by,
    verified,
)
from uds import CacheDown, codec
from uds.memory_cache import MemoryCache
from uds.model import Bars, Generation, Timeframe


@pytest.fixture(scope="module", autouse=True)
def _made_beforehand() -> None:
    """Virtual time has a loop of its own, which cannot run inside a test's."""
    lived()
    relived()


def packed(stored: Stored, timeframe: Timeframe) -> tuple[tuple[str, Generation, Timeframe], Bars]:
    """The key of a tail of gold and its bars."""
    place = (GOLD, FIRST, timeframe)
    return place, codec.unpack_tail(key(GOLD, timeframe), stored.cache.tails[place])


REDIS_KEY = "coldstart:{XAU_USD}:00000001-0001:M5"
WRONG_TAILS = {
    "a price": lambda bars: priced(bars, -1),
    "a bar less": lambda bars: bars.take(np.arange(len(bars)) != 4),
    "a bar more": lambda bars: bars.merged(
        replace(
            bars.tail(1),
            open_time_ms=bars.open_time_ms[-1:] + 300_000,
            close_time_ms=bars.close_time_ms[-1:] + 300_000,
        )
    ),
    "no bars": lambda bars: bars.take(slice(0, 0)),
}


@pytest.mark.parametrize("change", WRONG_TAILS.values(), ids=WRONG_TAILS)
async def test_a_tail_that_is_not_the_disks_is_named(change: Callable[[Bars], Bars]) -> None:
    """Readers get it: whatever it has must be on disk just so."""
    stored = lived()
    cache = served_by(stored)
    place, bars = packed(stored, Timeframe.M5)
    cache.tails[place] = codec.pack_tail(Timeframe.M5, change(bars))
    report = await verified(stored.disk(), cache)
    (fault,) = report.faults

    assert ("tail", REDIS_KEY) == (fault.check, fault.path)
    assert "REDIS_REGRESSED" == fault.code
    assert "differs" == report.redis.state


async def test_a_tail_that_is_missing_or_damaged_does_not_hide_the_others() -> None:
    """Two of eight cannot be read; the other six are compared."""
    stored = lived()
    cache = served_by(stored)
    cache.tails.pop((GOLD, FIRST, Timeframe.H1))
    cache.tails[GOLD, FIRST, Timeframe.M3] = b"CST1"
    report = await verified(stored.disk(), cache)

    assert {Timeframe.H1, Timeframe.M3} == {fault.timeframe for fault in report.faults}
    assert 6 == report.checked.tails


async def test_a_redis_that_lags_is_a_note() -> None:
    """Bars are durable before they are visible."""
    stored = lived()
    cache = served_by(stored)
    place, bars = packed(stored, Timeframe.M1)
    cache.tails[place] = codec.pack_tail(Timeframe.M1, bars.take(slice(0, len(bars) - 2)))
    report = await verified(stored.disk(), cache)

    assert report.is_ok
    assert ["Redis has less of XAU/USD/M1 than the disk, by bars: 2."] == notes(report)


class SilentCache(MemoryCache):
    """A server that is not there."""

    asked = 0

    async def read(self, *asked: object) -> None:
        """Never answers."""
        self.asked += 1
        raise CacheDown("Redis at memory cannot be reached.")


async def test_an_absent_redis_is_no_fault_and_is_asked_once() -> None:
    """Half a second for each of thirteen symbols would be spent on nothing."""
    cache = SilentCache()
    report = await verified(relived().disk(), cache, TWO)

    assert report.is_ok
    assert ("not reachable", 1) == (report.redis.state, cache.asked)
    assert "cannot be reached" in report.redis.detail


async def test_a_redis_that_serves_nothing_is_no_fault() -> None:
    """It was emptied; the next start fills it."""
    report = await verified(lived().disk(), MemoryCache())

    assert (True, "serves nothing") == (report.is_ok, report.redis.state)


async def test_a_served_generation_without_a_commit_is_a_fault_unless_it_is_another_folders() -> (
    None
):
    """A commit stands before each flip: without one, two truths are abroad."""
    stored = lived()
    cache, other = served_by(stored), served_by(stored)
    for served, generation in ((cache, Generation(1, 2)), (other, Generation(9, 1))):
        served.live[GOLD] = replace(served.live[GOLD], generation=generation)
        for timeframe in Timeframe:
            served.tails[GOLD, generation, timeframe] = served.tails[GOLD, FIRST, timeframe]
    ours, theirs = [await verified(stored.disk(), one) for one in (cache, other)]

    assert [("tail", f"{GOLD} live")] == named(ours)
    assert theirs.is_ok
    assert any("belongs to another folder" in note for note in notes(theirs))


async def test_an_older_generation_that_is_still_served_is_held_against_its_own_bars() -> None:
    """Between commit and flip, and after a crash there, readers stay on the one before."""
    stored = relived()
    cache = served_by(stored)
    back = replace(cache.live[GOLD], generation=FIRST, previous=None)
    cache.live[GOLD] = back
    report = await verified(stored.disk(), cache, TWO)

    assert report.is_ok
    assert ["Redis still serves 1-1; 1-2 was verified."] == notes(report)
    assert 16 == report.checked.tails
