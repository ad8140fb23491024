"""Stored history held against itself: findings are reasons with figures, cleared by the check."""

from __future__ import annotations

from engine.calendars.buckets import bucket_close, bucket_open
from engine.duties.scrutiny import scrutinise
from tests.engine.builders import (
    GOLD,
    NOON,
    House,
    build_house,
    key,
    market_broker,
    simulated_market,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.model import MINUTE_MS, Bars, Timeframe

DAYS = 8 * Timeframe.D1.ms


async def stored(m1: Bars, d1: Bars | None = None) -> House:
    """A house that holds these bars of gold, all of their span covered."""
    config, clock = small_config(GOLD), VirtualClock(NOON)
    house = await build_house(config, market_broker(config, clock), clock)
    await house.store.recover(GOLD)
    span = (int(m1.open_time_ms[0]), int(m1.close_time_ms[-1]))
    await house.store.append(key(GOLD, Timeframe.M1), m1, [span])
    if d1 is not None:
        await house.store.append(key(GOLD, Timeframe.D1), d1)
    return house


def m1_and_d1() -> tuple[Bars, Bars]:
    """Eight simulated days: whole D1 that agree with their M1."""
    market = simulated_market(small_config(GOLD))
    anchors = small_config(GOLD).anchors.anchors()
    from_ms = bucket_open(NOON - DAYS, Timeframe.D1, anchors)
    until_ms = bucket_close(NOON - Timeframe.D1.ms, Timeframe.D1, anchors)
    return market.m1(GOLD, from_ms, until_ms), market.d1(GOLD, from_ms, until_ms)


@in_virtual_time
async def test_history_that_agrees_with_itself_is_not_mentioned() -> None:
    """An alarm without cause is the one nobody reads the next time."""
    house = await stored(*m1_and_d1())
    scrutinise(house.tools, GOLD)

    assert set() == house.codes


@in_virtual_time
async def test_a_d1_that_differs_from_its_m1_is_told_and_served() -> None:
    """The broker's day wins, but never in silence; a corrected day clears the reason."""
    m1, d1 = m1_and_d1()
    higher = d1.tail(1)
    wrong = Bars.of(
        higher.open_time_ms, higher.close_time_ms, higher.o, higher.h + 9, higher.low,
        higher.c + 5, higher.v,
    )  # fmt: skip
    house = await stored(m1, d1.merged(wrong))
    scrutinise(house.tools, GOLD)
    (reason,) = house.board.status.reasons

    assert ("D1_MISMATCH", key(GOLD, Timeframe.D1)) == (reason.code.value, reason.scope)
    assert "the broker says" in reason.detail
    assert house.store.load(key(GOLD, Timeframe.D1)).h[-1] == wrong.h[0]

    await house.store.append(key(GOLD, Timeframe.D1), d1)
    scrutinise(house.tools, GOLD)

    assert set() == house.codes
    assert {"D1_MISMATCH"} == house.healed_codes


@in_virtual_time
async def test_the_same_finding_is_not_counted_up() -> None:
    """A count of checks says nothing; the count is of different findings."""
    m1, d1 = m1_and_d1()
    house = await stored(_opened_at_previous_close(m1), d1)
    scrutinise(house.tools, GOLD)
    scrutinise(house.tools, GOLD)

    assert [1] == [r.count for r in house.board.status.reasons if r.code.value == "OPEN_MODE_MIXED"]


@in_virtual_time
async def test_another_open_mode_is_told() -> None:
    """Bars that open at the previous close have other highs and lows: a mix is split brain."""
    m1, _ = m1_and_d1()
    house = await stored(_opened_at_previous_close(m1))
    scrutinise(house.tools, GOLD)

    assert {"OPEN_MODE_MIXED"} == house.codes


@in_virtual_time
async def test_hours_the_calendar_does_not_know_are_told_once_they_recur() -> None:
    """One odd session is an incident, two are a calendar to be mended."""
    m1, _ = m1_and_d1()
    clipped = m1.take((m1.open_time_ms // (60 * MINUTE_MS)) % 24 != 21)
    house = await stored(clipped)
    scrutinise(house.tools, GOLD)
    reason = next(r for r in house.board.status.reasons if r.code.value == "CALENDAR_DRIFT")

    assert GOLD == reason.scope
    assert "closed -60 min off its calendar" in reason.detail


def _opened_at_previous_close(m1: Bars) -> Bars:
    opens = m1.o.copy()
    opens[1:] = m1.c[:-1]
    return Bars.of(
        m1.open_time_ms, m1.close_time_ms, opens, m1.h.clip(min=opens), m1.low.clip(max=opens),
        m1.c, m1.v,
    )  # fmt: skip
