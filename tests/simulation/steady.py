"""Weeks of a quiet life on virtual time: live minutes, clock changes, weekends, some restarts.

    python -m tests.simulation.steady                 500 trading hours around both changes of 2026
    python -m tests.simulation.steady november 40 2   one change, 40 hours, two symbols

The whole engine follows a simulated market minute by minute, is stopped and killed now and then,
and in the end all it has stored of the span must be what deriving once from all M1 gives; every
trading day must have six H4. That one derivation is held against `market_oracle`, which is
plain Python, in `tests/engine`.

So that weeks are cheap the engine's beats (heartbeat, watchdog, housekeeping, previews) are
stretched by `STRETCH`, with what is measured against them, and nobody ticks: nothing here goes
wrong that a beat had to notice in time. What the minutes do is not touched.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from engine import deepening, tenure
from engine.clock import cpu_s
from engine.config import Config
from engine.derive import derive
from engine.duties import cache_watch, deadlines, housekeeping, staleness, watchdog
from engine.plan import Market
from engine.processes import tick_preview
from engine.simulation import node, run
from engine.simulation.acts import Acts
from engine.simulation.case import Case
from engine.simulation.ground import config_of
from engine.simulation.loop import SimLoop
from engine.simulation.readers import read_whole
from engine.simulation.truth import Truth, truth_of
from engine.simulation.world import World
from engine.sources import markets
from uds.model import MINUTE_MS, Bars, Coverage, SeriesKey, Symbol, Timeframe

CHANGES = {
    "march": datetime(2026, 3, 8, 7, tzinfo=UTC),
    "november": datetime(2026, 11, 1, 6, tzinfo=UTC),
}
"""When New York changes its clocks."""
STRETCH = 120
"""How much longer a beat takes."""
_RESTARTS = (("stop", 20.0), ("kill", 45.0), ("kill", 900.0))
"""How a life ends, in turn, and how long nobody runs then: short pauses and a longer one."""
_WARMUP_M1 = 150
_WEEK_MS = 7 * Timeframe.D1.ms
_NEW_YORK = ZoneInfo("America/New_York")


@dataclass(slots=True)
class Lived:
    """What came of one run."""

    faults: list[str] = field(default_factory=list)
    """What is not as it must be."""
    bars: Counter[str] = field(default_factory=Counter)
    """Bars of the span that were compared, by timeframe."""
    days: int = 0
    """Trading days of six H4, of all symbols."""
    boots: int = 0
    operations: int = 0
    """On disk and Redis."""
    virtual_h: float = 0.0
    cpu_s: float = 0.0


def live(
    change: datetime,
    hours: tuple[float, float],
    symbol_count: int,
    restart_h: float,
    plant: Callable[[pytest.MonkeyPatch], None] | None = None,
) -> Lived:
    """So many trading hours before the change and after it; a restart every `restart_h`.

    `plant` plants a bug in the engine; None leaves it as it is.
    """
    began_s, lived = cpu_s(), Lived()
    loop = SimLoop()
    logging.disable(logging.CRITICAL)
    with pytest.MonkeyPatch.context() as patch:
        _stretch(patch)
        if plant is not None:
            plant(patch)
        world = World(Case("steady", 0, symbol_count, _WARMUP_M1), loop, Acts)
        from_ms, until_ms = _span(world, change, *hours)
        _settle_in(world, from_ms, until_ms)
        try:
            loop.run_until_complete(_live_through(world, until_ms, restart_h, lived))
        finally:
            lived.boots = len(world.nodes)
            lived.operations = world.operations
            run._bury(world)
            logging.disable(logging.NOTSET)
    lived.faults += [*world.oracles.violations, *loop.errors]
    lived.virtual_h, lived.cpu_s = loop.now_us / 3.6e9, cpu_s() - began_s
    return lived


def anchor_stays(patch: pytest.MonkeyPatch) -> None:
    """The bug: the engine's H4 and D1 follow a place without clock changes."""

    def stiff(config: Config) -> dict[Symbol, Market]:
        return {
            symbol: replace(market, anchors=replace(market.anchors, zone="America/Puerto_Rico"))
            for symbol, market in markets(config).items()
        }

    patch.setattr("engine.runtime.markets", stiff)


def _stretch(patch: pytest.MonkeyPatch) -> None:
    """Slower beats, and more patience with them."""
    for module, name in (
        (deadlines, "TURN_S"),
        (staleness, "_LOOK_S"),
        (deepening, "_LOOK_S"),
        (cache_watch, "BEAT_S"),
        (housekeeping, "BEAT_S"),
        (watchdog, "BEAT_S"),
        (watchdog, "LAG_S"),
        (watchdog, "PAUSE_S"),
        (tenure, "PAUSE_S"),
        (tick_preview, "FLUSH_S"),
        (node, "_LOOK_S"),
    ):
        patch.setattr(module, name, getattr(module, name) * STRETCH)
    patch.setattr("engine.simulation.readers._READ_S", 5.0 * STRETCH)
    patch.setattr("engine.simulation.truth.RevisingBroker.ticks", _no_ticks)


async def _no_ticks(self: object, symbols: tuple[Symbol, ...]):  # type: ignore[no-untyped-def]
    """A market that trades by minutes only."""
    await asyncio.Event().wait()
    yield


def _span(world: World, change: datetime, before_h: float, after_h: float) -> tuple[int, int]:
    """From when until when there are so many open hours of the first symbol."""
    at_ms = round(change.timestamp() * 1_000)
    calendar = markets(world.config)[world.config.symbols[0]].calendar
    from_ms = calendar.back(at_ms, round(before_h * 60))
    until_ms = at_ms
    while calendar.expected_minutes(at_ms, until_ms) < after_h * 60:
        until_ms += 10 * MINUTE_MS
    return from_ms + 28_000, until_ms + 30_000


def _settle_in(world: World, from_ms: int, until_ms: int) -> None:
    """Another time, and a truth that reaches so far."""
    world.start_ms = from_ms
    world.config = config_of(world.case.symbol_count, _WARMUP_M1, 0)
    world.market, _ = truth_of(world.config.model_dump_json(by_alias=True), 0)
    world.truth = Truth(world.config, world.market, from_ms)
    world.truth._until_ms = until_ms + _WEEK_MS
    world.oracles._truth = world.truth


async def _live_through(world: World, until_ms: int, restart_h: float, lived: Lived) -> None:
    world.boot()
    reading = asyncio.create_task(read_whole(world))
    turn = 0
    while world.true_ms() < until_ms:
        left_s = (until_ms - world.true_ms()) / 1_000
        await asyncio.sleep(min(left_s, restart_h * 3_600))
        if left_s > restart_h * 3_600:
            await _restart(world, *_RESTARTS[turn % len(_RESTARTS)])
            turn += 1
    reading.cancel()
    now = world.current
    assert now is not None
    assert now.engine is not None
    reasons = [reason.code.value for reason in now.engine.board.status.reasons]
    lived.faults += [f"in the end it says {reasons}"] * bool(reasons)
    for symbol in world.config.symbols:
        await _compare(world, symbol, lived)


async def _restart(world: World, how: str, pause_s: float) -> None:
    """End the life; the next one has 60 s to open after its boot."""
    before = world.current
    assert before is not None
    if how == "kill":
        world.kill(before)
        world.boot_later(pause_s)
    else:
        assert before.engine is not None
        before.reboot_s = pause_s
        before.engine.stop()
    await asyncio.sleep(pause_s + 60.0)


async def _compare(world: World, symbol: Symbol, lived: Lived) -> None:
    """All that is stored of the span, against one derivation of all its M1."""
    now = world.current
    assert now is not None
    assert now.store is not None
    market, now_ms = markets(world.config)[symbol], world.true_ms()
    revision, store = now.revisions[symbol], now.store
    (covered,) = store.coverage(SeriesKey(symbol, Timeframe.M1))
    until_ms = (now_ms - market.settle_ms) // MINUTE_MS * MINUTE_MS
    lived.faults += [f"{symbol}: M1 is covered until {covered[1]}"] * (covered[1] < until_ms)
    true = world.truth.series(symbol, Timeframe.M1, revision).between(covered[0], until_ms)
    coverage = Coverage(((covered[0], until_ms),))
    made = derive(true, market.anchors, market.calendar, coverage, now_ms, market.settle_ms)
    days = world.truth.series(symbol, Timeframe.D1, revision)
    wanted = {Timeframe.M1: true, **made, Timeframe.D1: days}
    for timeframe in world.config.timeframes:
        key = SeriesKey(symbol, timeframe)
        found = await store.read(key, covered[0], now_ms)
        if timeframe is Timeframe.D1:
            closed = (days.open_time_ms >= covered[0]) & (
                days.close_time_ms + market.settle_ms <= now_ms
            )
            wanted[timeframe] = days.take(closed)
        lived.bars[timeframe.name] += len(found)
        if not found.same_as(wanted[timeframe]):
            lived.faults.append(f"{key}: {len(found)} bars, {len(wanted[timeframe])} in one go")
    _count_h4(
        symbol,
        wanted[Timeframe.D1],
        await store.read(SeriesKey(symbol, Timeframe.H4), covered[0], now_ms),
        lived,
    )


def _count_h4(symbol: Symbol, days: Bars, h4: Bars, lived: Lived) -> None:
    """Six to a trading day, where New York's clock says so."""
    for open_ms, close_ms in zip(
        days.open_time_ms.tolist(), days.close_time_ms.tolist(), strict=True
    ):
        inside = h4.open_time_ms[(h4.open_time_ms >= open_ms) & (h4.open_time_ms < close_ms)]
        hours = [datetime.fromtimestamp(o / 1_000, _NEW_YORK).hour for o in inside.tolist()]
        if hours != [17, 21, 1, 5, 9, 13]:
            day = datetime.fromtimestamp(open_ms / 1_000, UTC)
            lived.faults.append(f"{symbol}: the day of {day:%m-%d %H:%M} has H4 at {hours}")
        lived.days += 1


def told(name: str, lived: Lived) -> str:
    """One line of figures."""
    bars = " ".join(f"{timeframe} {count}" for timeframe, count in lived.bars.items())
    return (
        f"{name}: {lived.virtual_h:.0f} h lived in {lived.cpu_s:.0f} CPU s, {lived.boots} boots, "
        f"{lived.operations} operations, {lived.days} days of six H4; {bars}; "
        f"{len(lived.faults)} faults {lived.faults[:3]}"
    )


if __name__ == "__main__":
    names = [name for name in CHANGES if name in sys.argv] or list(CHANGES)
    numbers = [float(word) for word in sys.argv[1:] if word not in CHANGES] + [500.0, 1.0]
    hours, symbols = (numbers[0], numbers[1]) if len(numbers) > 3 else (numbers[0], 1.0)
    outcomes = [live(CHANGES[name], (hours / 2, hours / 2), int(symbols), 61.0) for name in names]
    for name, outcome in zip(names, outcomes, strict=True):
        print(told(name, outcome))
    sys.exit(int(any(outcome.faults for outcome in outcomes)))
