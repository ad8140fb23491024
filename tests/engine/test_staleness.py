"""Bars that should be there and are not: said, shown on the cells, taken back with the next bar."""

from __future__ import annotations

import asyncio

import pytest

from engine.broker.port import BarsRequest
from engine.cell import CellState
from engine.duties.staleness import overdue_bars
from engine.gate import GateState
from engine.sources import markets
from tests.engine.builders import (
    GOLD,
    NOON,
    YEN,
    Fault,
    House,
    ScriptedBroker,
    build_house,
    is_open,
    key,
    market_broker,
    running,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.model import MINUTE_MS, Bars, Timeframe

MARKET = markets(small_config(GOLD))[GOLD]
SETTLED = NOON + MARKET.settle_ms
HOUR_MS = 60 * MINUTE_MS
FRIDAY_CLOSE = NOON + (2 * 24 + 10) * HOUR_MS


@pytest.mark.parametrize(
    ("last_close_ms", "now_ms", "overdue"),
    [
        (NOON, SETTLED, 0),
        (NOON, SETTLED + 10 * MINUTE_MS, 0),
        (NOON, SETTLED + 11 * MINUTE_MS, 11),
        (FRIDAY_CLOSE, FRIDAY_CLOSE + 40 * HOUR_MS, 0),
    ],
    ids=["fresh", "ten silent minutes", "eleven", "a weekend"],
)
def test_m1_is_stale_after_more_than_ten_open_minutes(
    last_close_ms: int, now_ms: int, overdue: int
) -> None:
    """A minute without a tick has no row, and a shut market owes nobody any."""
    assert overdue == overdue_bars(MARKET, Timeframe.M1, last_close_ms, now_ms)


@pytest.mark.parametrize(("minutes_after", "overdue"), [(5, 0), (11, 1), (24 * 60 + 11, 2)])
def test_d1_is_stale_some_minutes_after_the_day_has_closed(
    minutes_after: int, overdue: int
) -> None:
    """The broker publishes a day seconds after its close, not minutes."""
    turn_ms = NOON - 14 * HOUR_MS
    now_ms = turn_ms + MARKET.settle_ms + minutes_after * MINUTE_MS

    assert overdue == overdue_bars(MARKET, Timeframe.D1, turn_ms - 24 * HOUR_MS, now_ms)


async def a_house(at_ms: int = NOON) -> tuple[House, ScriptedBroker]:
    """Two symbols over the simulated market."""
    config = small_config()
    clock = VirtualClock(at_ms)
    broker = market_broker(config, clock)
    return await build_house(config, broker, clock), broker


def states(house: House, symbol: str = GOLD) -> dict[str, str]:
    """The symbol's cells."""
    cells = house.board.status.cells
    return {k.timeframe.name: c.state.value for k, c in cells.items() if k.symbol == symbol}


def hide(broker: ScriptedBroker, symbol: str, timeframe: Timeframe, after_ms: int) -> None:
    """Nothing of a series is published any more."""
    plain = broker.rows

    def rows(asked: BarsRequest) -> Bars:
        bars = plain(asked)
        if (asked.symbol, asked.timeframe) == (symbol, timeframe):
            return bars.take(bars.close_time_ms <= after_ms)
        return bars

    broker.rows = rows


@in_virtual_time
async def test_minutes_that_do_not_arrive_make_their_cells_stale_until_one_does() -> None:
    """Readers are served on, flagged; the other symbol is not touched."""
    house, broker = await a_house()
    plain = broker.rows
    async with running(house):
        await house.board.until(is_open)
        hide(broker, GOLD, Timeframe.M1, NOON + MINUTE_MS)
        await asyncio.sleep(10 * 60)
        assert set() == house.codes
        await asyncio.sleep(3 * 60)
        status = house.board.status

        assert [("CELL_STALE", key(GOLD, Timeframe.M1))] == [
            (reason.code.value, reason.scope) for reason in status.reasons
        ]
        assert GateState.OPEN_DEGRADED is status.gate.state
        found = states(house)
        assert {"stale"} == {found[name] for name in ("M1", "M3", "M5")}
        assert {"sealed"} == {found[name] for name in ("H1", "H4", "D1")}
        assert {"sealed"} == set(states(house, YEN).values())

        broker.rows = plain
        await house.board.until(lambda now: not now.reasons)
        assert {"sealed"} == set(states(house).values())
        await asyncio.sleep(60)
        served = house.store.tail(GOLD)
        assert served is not None
        m1 = served.tails[Timeframe.M1].between(NOON, NOON + 12 * MINUTE_MS)
        assert 12 == len(m1)  # the silence was asked about again


@in_virtual_time
async def test_a_broker_that_hangs_makes_cells_stale_too() -> None:
    """Whoever waits in a fetch cannot look at the clock; somebody else must."""
    house, broker = await a_house()
    async with running(house):
        await house.board.until(is_open)
        broker.faults.append(Fault(lambda _: True, times=10_000))
        await asyncio.sleep(13 * 60)
        assert {"CELL_STALE", "BROKER_FETCH_FAILED"} == house.codes
        assert "stale" == states(house)["M1"]

        broker.faults.clear()
        await asyncio.sleep(30)
        assert set() == house.codes
        assert {"sealed"} == set(states(house).values())


@in_virtual_time
async def test_a_day_that_does_not_arrive_makes_its_cell_stale() -> None:
    """D1 alone is named; M1 goes on."""
    turn_ms = NOON + 10 * HOUR_MS
    house, broker = await a_house(turn_ms - 20 * MINUTE_MS)
    plain = broker.rows
    hide(broker, YEN, Timeframe.D1, turn_ms - 1)
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(29 * 60)
        assert set() == house.codes
        await asyncio.sleep(3 * 60)
        assert {"CELL_STALE"} == house.codes
        assert {"D1": "stale"} == {k: v for k, v in states(house, YEN).items() if v != "sealed"}

        broker.rows = plain
        await asyncio.sleep(61)
        assert set() == house.codes
        assert CellState.SEALED is house.board.status.cells[key(YEN, Timeframe.D1)].state


@in_virtual_time
async def test_the_day_is_fetched_as_it_turns_however_seldom_it_is_polled() -> None:
    """D1 is due when the trading day has closed and settled, not an hour later."""
    turn_ms = NOON + 10 * HOUR_MS
    config = small_config(GOLD, poll__d1_s=3_600)
    clock = VirtualClock(turn_ms - 20 * MINUTE_MS)
    house = await build_house(config, market_broker(config, clock), clock)
    async with running(house):
        await house.board.until(is_open)
        day = key(GOLD, Timeframe.D1)
        before = house.board.status.cells[day].watermark_ms
        await house.board.until(lambda now: now.cells[day].watermark_ms != before)

        assert turn_ms + 15_000 <= clock.now_ms() <= turn_ms + 16_000


@in_virtual_time
async def test_fridays_last_h4_is_final_on_friday_evening() -> None:
    """Nobody can fetch the minutes after the close; time alone makes the bucket final."""
    close_ms = NOON + (2 * 24 + 10) * HOUR_MS  # Friday 22:00Z, 17:00 New York
    house, broker = await a_house(close_ms - 40 * MINUTE_MS)
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(41 * 60)
        served = house.store.tail(GOLD)
        asked = len(broker.asked)
        await asyncio.sleep(3_600)

    assert served is not None
    assert close_ms == served.tails[Timeframe.H4].last_close_ms
    assert close_ms == served.tails[Timeframe.H1].last_close_ms
    assert asked == len(broker.asked)
    assert set() == house.codes


@in_virtual_time
async def test_derived_bars_that_vanish_are_made_again_within_a_minute() -> None:
    """F3 while live: the touched buckets alone would never bring the others back."""
    house, _ = await a_house()
    async with running(house):
        await house.board.until(is_open)
        await asyncio.sleep(70)
        m5 = house.store._series(key(GOLD, Timeframe.M5))
        whole = m5.bars
        m5.bars = whole.tail(1)
        await asyncio.sleep(61)

        found = house.store.load(key(GOLD, Timeframe.M5))
        assert whole.same_as(found.between(0, (whole.last_open_ms or 0) + 1))
