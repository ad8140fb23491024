"""The table of restarts through the engine: mode, reason, requests made, equal to batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.cell import CellState
from engine.config import Config
from engine.derive import derive
from engine.status import Mode, Status
from tests.engine.builders import (
    CAD,
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
    simulated_market,
    small_config,
)
from tests.engine.virtual_time import VirtualClock, in_virtual_time
from uds.memory_disk import MemoryDisk
from uds.model import DERIVED_TIMEFRAMES, MINUTE_MS, Coverage, Symbol, Timeframe

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
FRIDAY = NOON + 2 * DAY_MS + 9 * HOUR_MS
"""2026-01-16T21:00Z: an hour before the week's close in New York."""
SUNDAY = NOON + 4 * DAY_MS + 12 * HOUR_MS
"""2026-01-19T00:00Z: two hours after Sunday's open there."""


@dataclass
class Lived:
    """One start over a disk that outlives it, seen at its first opening."""

    house: House
    broker: ScriptedBroker
    status: Status
    now_ms: int

    def requests(self, symbol: Symbol = GOLD) -> dict[str, int]:
        """How often each series of a symbol was asked for."""
        return {
            tf.name: len(self.broker.asked_for(symbol, tf)) for tf in (Timeframe.M1, Timeframe.D1)
        }

    def must_equal_batch(self, config: Config, drawn_for: Config | None = None) -> None:
        """What is served of gold was derived as if all of it had been fetched at once.

        `drawn_for` is the configuration whose market the M1 are of, when it is another.
        """
        symbol = GOLD
        snapshot = self.house.store.tail(symbol)
        assert snapshot is not None
        served = snapshot.tails[Timeframe.M1]
        first_ms, settled_ms = served.first_open_ms or 0, self.now_ms - 15_000
        m1 = simulated_market(drawn_for or config).m1(symbol, first_ms, settled_ms)
        m1 = m1.take(m1.close_time_ms <= settled_ms)
        assert m1.same_as(served)
        batch = derive(
            m1,
            config.anchors.anchors(),
            config.trading_calendars()[symbol],
            Coverage(((first_ms, self.now_ms),)),
            self.now_ms,
            15_000,
        )
        for timeframe in DERIVED_TIMEFRAMES:
            assert batch[timeframe].same_as(snapshot.tails[timeframe]), timeframe


@dataclass
class Folder:
    """A data folder and the engines that live over it, one after another."""

    disk: MemoryDisk = field(default_factory=MemoryDisk)
    config: Config = field(default_factory=small_config)

    async def live(self, at_ms: int, config: Config | None = None) -> Lived:
        """Start at this moment, open, stop."""
        config = config or self.config
        clock = VirtualClock(at_ms)
        broker = market_broker(config, clock)
        house = await build_house(config, broker, clock, self.disk)
        async with running(house):
            status = await house.board.until(is_open)
        return Lived(house, broker, status, clock.now_ms())

    async def die_with_days_only(self, at_ms: int) -> None:
        """Start at this moment and be killed while no M1 has come yet."""
        clock = VirtualClock(at_ms)
        broker = market_broker(self.config, clock)
        broker.faults.append(Fault(lambda asked: asked.timeframe is Timeframe.M1, times=1_000))
        house = await build_house(self.config, broker, clock, self.disk)
        async with running(house):
            await house.board.until(
                lambda status: all(
                    CellState.STORED is status.cells[key(symbol, Timeframe.D1)].state
                    for symbol in (GOLD, YEN)
                )
            )


@pytest.mark.parametrize(
    ("away_ms", "mode", "said", "m1_requests"),
    [
        (10 * MINUTE_MS, Mode.CATCH_UP, "10 min of open market away", 1),
        (239 * MINUTE_MS, Mode.CATCH_UP, "239 min of open market away", 1),
        (241 * MINUTE_MS, Mode.PARTIAL_BOOTSTRAP, "241 min of open market away, more", 3),
    ],
    ids=["10 minutes", "3 h 59 min", "4 h 01 min"],
)
def test_a_pause_of_open_market_asks_for_what_its_mode_needs(
    away_ms: int, mode: Mode, said: str, m1_requests: int
) -> None:
    """A short one costs its own minutes in one page, a long one the window, neither any D1."""

    @in_virtual_time
    async def restarts() -> None:
        folder = Folder()
        cold = await folder.live(NOON)
        until_ms = cold.house.store.coverage(key(GOLD, Timeframe.M1)).until_ms or 0
        again = await folder.live(until_ms + away_ms + 20_000)

        assert {"M1": 2, "D1": 1} == cold.requests()
        assert mode is again.status.mode is again.status.modes[GOLD]
        assert said in again.status.mode_reason
        assert {"M1": m1_requests, "D1": 0} == again.requests() == again.requests(YEN)
        again.must_equal_batch(folder.config)

    restarts()


@in_virtual_time
async def test_a_weekend_is_a_short_pause_of_the_hours_the_market_was_open() -> None:
    """An hour on Friday and two on Sunday; the day that closed meanwhile is asked for as well."""
    folder = Folder()
    await folder.live(FRIDAY)
    again = await folder.live(SUNDAY)

    assert Mode.CATCH_UP is again.status.mode
    assert {"M1": 1, "D1": 1} == again.requests() == again.requests(YEN)
    again.must_equal_batch(folder.config)


@in_virtual_time
async def test_after_a_month_the_window_is_fetched_anew_and_no_tail_spans_the_hole() -> None:
    """The old M1 do not reach the window: with them every timeframe would have a hole inside."""
    folder = Folder()
    await folder.live(NOON)
    again = await folder.live(NOON + 28 * DAY_MS)

    assert Mode.PARTIAL_BOOTSTRAP is again.status.mode
    assert "more than 4 h" in again.status.mode_reason
    assert {"M1": 2, "D1": 1} == again.requests()
    m1 = again.house.store.load(key(GOLD, Timeframe.M1))
    assert (m1.first_open_ms or 0) > NOON + 26 * DAY_MS
    again.must_equal_batch(folder.config)


@pytest.mark.parametrize("anchor", ["16:00", "18:00"])
def test_another_anchor_asks_for_d1_only_and_cuts_the_rest_anew(anchor: str) -> None:
    """M1 was cut by no anchor; D1 was; M3 to H4 are made again of what is here."""

    @in_virtual_time
    async def restarts() -> None:
        folder = Folder()
        cold = await folder.live(NOON)
        moved = small_config(anchors__h4=anchor, anchors__d1=anchor)
        again = await folder.live(NOON, moved)

        assert {"M1": 0, "D1": 1} == again.requests() == again.requests(YEN)
        assert Mode.CATCH_UP is again.status.mode
        assert "anchor changed: rebuilt locally, D1 only" in again.status.mode_reason
        m1, d1 = key(GOLD, Timeframe.M1), key(GOLD, Timeframe.D1)
        assert cold.house.store.load(m1).same_as(again.house.store.load(m1))
        old, new = (lived.house.store.load(d1).open_time_ms for lived in (cold, again))
        assert set() == set(old.tolist()) & set(new.tolist())
        again.must_equal_batch(moved, drawn_for=folder.config)

        third = await folder.live(NOON, moved)
        assert "anchor" not in third.status.mode_reason
        assert 0 == third.requests()["D1"]

    restarts()


@in_virtual_time
async def test_another_anchor_after_a_long_pause_refetches_the_window_too() -> None:
    """Both rows of the table at once."""
    folder = Folder()
    await folder.live(NOON)
    moved = small_config(anchors__h4="18:00", anchors__d1="18:00")
    again = await folder.live(NOON + 5 * HOUR_MS, moved)

    assert Mode.PARTIAL_BOOTSTRAP is again.status.mode
    assert again.status.mode_reason.startswith(f"{GOLD}: anchor changed: rebuilt locally")
    assert 1 == again.requests()["D1"]
    again.must_equal_batch(moved)


@in_virtual_time
async def test_another_open_mode_is_a_cold_start_of_the_symbol() -> None:
    """Its M1 and D1, nothing of the old ones."""
    folder = Folder()
    await folder.live(NOON)
    other = small_config(broker__open_mode="previous_close")
    again = await folder.live(NOON, other)

    assert (Mode.COLD, f"{GOLD}: stored bars are first_tick") == (
        again.status.mode,
        again.status.mode_reason,
    )
    assert {"M1": 2, "D1": 1} == again.requests()


@in_virtual_time
async def test_a_new_symbol_asks_for_its_own_and_the_others_for_nothing() -> None:
    """F7: nobody waits for it, and the platform's mode is the others'."""
    folder = Folder(config=small_config(GOLD, YEN))
    await folder.live(NOON)
    again = await folder.live(NOON, small_config(GOLD, YEN, CAD))

    nothing = {"M1": 0, "D1": 0}
    assert (nothing, nothing) == (again.requests(GOLD), again.requests(YEN))
    assert {"M1": 3, "D1": 1} == again.requests(CAD)
    assert (Mode.CATCH_UP, Mode.COLD) == (again.status.mode, again.status.modes[CAD])


@in_virtual_time
async def test_a_removed_symbol_asks_for_nothing_and_is_found_again() -> None:
    """Its data stay as they are."""
    folder = Folder()
    await folder.live(NOON)
    before = {p: data for p, data in folder.disk.files.items() if p.startswith("USD_JPY/")}
    without = await folder.live(NOON, small_config(GOLD))
    after = {p: data for p, data in folder.disk.files.items() if p.startswith("USD_JPY/")}
    again = await folder.live(NOON)

    assert [] == without.broker.asked == again.broker.asked
    assert {GOLD: Mode.CATCH_UP} == dict(without.status.modes)
    assert before == after
    assert 16 == again.status.ready_cells


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"anchors__d1": "16:00", "anchors__h4": "16:00"}, "cut by another anchor"),
        ({"broker__open_mode": "previous_close"}, "first_tick"),
    ],
    ids=["anchors", "open mode"],
)
def test_days_of_a_killed_start_on_other_terms_are_not_taken_up(
    changed: dict[str, Any], said: str
) -> None:
    """A journal that holds D1 only looks like nothing stored: its days must not be served."""

    @in_virtual_time
    async def restarts() -> None:
        folder = Folder()
        await folder.die_with_days_only(NOON)
        other = small_config(**changed)
        again = await folder.live(NOON, other)

        assert (1, 1) == (again.requests()["D1"], again.requests(YEN)["D1"])
        assert (Mode.COLD, Mode.COLD) == (again.status.mode, again.status.modes[GOLD])
        assert said in again.status.mode_reason
        d1 = again.house.store.load(key(GOLD, Timeframe.D1))
        drawn = simulated_market(other).d1(GOLD, d1.first_open_ms or 0, NOON)
        assert drawn.take(drawn.close_time_ms <= NOON).same_as(d1)
        third = await folder.live(NOON, other)
        assert 0 == third.requests()["D1"]

    restarts()


@in_virtual_time
async def test_days_of_a_killed_start_on_the_same_terms_are_taken_up() -> None:
    """A kill costs at most the page under way."""
    folder = Folder()
    await folder.die_with_days_only(NOON)
    again = await folder.live(NOON)

    assert (0, 0) == (again.requests()["D1"], again.requests(YEN)["D1"])
