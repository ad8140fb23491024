"""Bugs for the engine: what it fetches, derives, says, opens and restarts, each wrong in one way.

As those of the waist, a bug is a function of a patch and a world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import engine.bootstrap
import engine.derive
import engine.duties.housekeeping
import engine.gate
import engine.status
from engine.aggregate import Aggregated
from engine.board import StatusBoard
from engine.broker.lanes import Ticket
from engine.broker.session import BrokerSession, Lane
from engine.cell import CellState
from engine.cells import Cells
from engine.coverage import BucketState, bucket_states
from engine.degraded import DegradedCode, DegradedReason
from engine.events import BecameOverdue, CellsChanged, Event, ReasonCleared, ReasonRaised
from engine.fetching import Fetcher
from engine.gate import GateState, Standing
from engine.keeper import Keeper
from engine.process import Tools
from engine.simulation.world import World
from engine.status import Mode, ProcessState, Status
from engine.supervisor import Supervisor
from tests.uds.waist_bugs import both, patching
from uds import Store
from uds.model import Bars, Coverage, SeriesKey, Symbol, Timeframe

from .store_bugs import Bug

_HOUR_MS = 3_600_000
_REDIS = (DegradedCode.REDIS_DOWN, DegradedCode.REDIS_TIMEOUT, DegradedCode.REDIS_REGRESSED)


# -- the gate -------------------------------------------------------------------------------------

_WORD = engine.gate.word
_STANDING: Callable[[Status], Standing] = Status.standing.fget  # type: ignore[attr-defined]
_SEAL_FLIP = engine.bootstrap._flip


def _word_by_time(cells: Cells, reasons: Iterable[DegradedReason], standing: Standing) -> GateState:
    """What is overdue is open."""
    found = _WORD(cells, reasons, standing)
    is_late = standing.opens_late and found is GateState.CLOSED
    return GateState.OPEN_DEGRADED if is_late else found


def _standing_late(status: Status) -> Standing:
    """Whatever the configuration says of a late gate."""
    return replace(_STANDING(status), opens_late=status.overdue)


def _gate_by_flags(status: Status) -> GateState:
    """The connector says ready, so all is ready."""
    found = _WORD(Cells.of(status.cells), status.reasons, status.standing)
    flags = {p.name: p.state is ProcessState.READY for p in status.processes}
    return GateState.OPEN if found is GateState.CLOSED and flags.get("connector") else found


async def _flip_seen_early(tools: Tools, symbol: Symbol) -> None:
    """The cells say sealed, and then the pointer is moved."""
    book = tools.store._shelves[symbol].drafted(symbol)
    cells = {
        tf: replace(
            tools.board.status.cells[SeriesKey(symbol, tf)],
            state=CellState.SEALED,
            serving=book.generation,
        )
        for tf in tools.config.timeframes
    }
    tools.board.post(CellsChanged(symbol, cells))
    await _SEAL_FLIP(tools, symbol)


gate_by_time: Bug = both(
    patching(engine.gate, "word", _word_by_time),
    patching(engine.status, "word", _word_by_time),
    patching(Status, "standing", property(_standing_late)),
)
gate_by_flags = patching(Status, "gate_state", property(_gate_by_flags))
gate_before_read_back = patching(engine.bootstrap, "_flip", _flip_seen_early)


# -- reasons --------------------------------------------------------------------------------------

_POST = StatusBoard.post


def never_raising(*codes: DegradedCode) -> Bug:
    """Nobody hears of these."""

    def post(self: StatusBoard, event: Event) -> None:
        if not (isinstance(event, ReasonRaised) and event.code in codes):
            _POST(self, event)

    return patching(StatusBoard, "post", post)


def clearing_early(*codes: DegradedCode) -> Bug:
    """They go by themselves, a second and a half after they were raised."""

    def post(self: StatusBoard, event: Event) -> None:
        _POST(self, event)
        if isinstance(event, ReasonRaised) and event.code in codes:
            cleared = ReasonCleared(event.code, event.scope)
            asyncio.get_running_loop().call_later(1.5, _POST, self, cleared)

    return patching(StatusBoard, "post", post)


def clearing_never(*codes: DegradedCode) -> Bug:
    """What was raised once stands for ever."""

    def post(self: StatusBoard, event: Event) -> None:
        if not (isinstance(event, ReasonCleared) and event.code in codes):
            _POST(self, event)

    return patching(StatusBoard, "post", post)


async def _say_no_state(tools: Tools) -> None:
    """Which state file was believed is nobody's business."""


def _post_but_late(self: StatusBoard, event: Event) -> None:
    """That the gate is late is known without saying."""
    if not isinstance(event, BecameOverdue):
        _POST(self, event)


state_unsaid = patching(engine.bootstrap, "_say_state", _say_no_state)
late_unsaid = patching(StatusBoard, "post", _post_but_late)


# -- deriving -------------------------------------------------------------------------------------

_EXPLAINED = engine.derive._explained


def _explained_by_count(made: Aggregated, calendar: Any, history_begins_ms: int | None) -> Bars:
    """A bucket is final when it has as many M1 as minutes."""
    bars, count = made
    is_full = count >= (bars.close_time_ms - bars.open_time_ms) // 60_000
    kept = Aggregated(bars.take(is_full), count[is_full])
    return _EXPLAINED(kept, calendar, history_begins_ms)


def _states_by_clock(
    open_ms: Any, close_ms: Any, coverage: Coverage, calendar: Any, now_ms: int, settle_ms: int
) -> Any:
    """A bucket is final when its time has passed, fetched or not."""
    forming = close_ms + settle_ms > now_ms
    return np.where(forming, np.uint8(BucketState.FORMING), np.uint8(BucketState.FINAL))


def _states_unsettled(
    open_ms: Any, close_ms: Any, coverage: Coverage, calendar: Any, now_ms: int, settle_ms: int
) -> Any:
    """A bucket is final as soon as its newest minute is there, whether it has closed or not."""
    return bucket_states(open_ms, close_ms - 60_000, coverage, calendar, now_ms, settle_ms)


_APPEND_ALL = Store.append_all


async def _append_merging(
    self: Store, symbol: Symbol, bars: Mapping[Timeframe, Bars], covered: Any = (), *more: Any
) -> Any:
    """A bar that was derived before is added to, not replaced."""
    merged = {tf: _added(self, SeriesKey(symbol, tf), chunk) for tf, chunk in bars.items()}
    return await _APPEND_ALL(self, symbol, merged, covered, *more)


def _added(store: Store, key: SeriesKey, bars: Bars) -> Bars:
    if not key.timeframe.is_derived or not len(bars):
        return bars
    known = store.load(key)
    found = dict(zip(known.open_time_ms.tolist(), known.v.tolist(), strict=True))
    more = [found.get(open_ms, 0) for open_ms in bars.open_time_ms.tolist()]
    return replace(bars, v=bars.v + np.array(more, dtype=np.int64))


merging = patching(Store, "append_all", _append_merging)
counting_bars = patching(engine.derive, "_explained", _explained_by_count)
final_by_clock = patching(engine.derive, "bucket_states", _states_by_clock)
final_too_early = patching(engine.derive, "bucket_states", _states_unsettled)


# -- fetching -------------------------------------------------------------------------------------

_FILL = Fetcher.fill
_PROVED = Fetcher._proved
_LEAVE = BrokerSession._leave_slot


async def _fill_but_newest(self: Fetcher, from_ms: int, lane: Lane) -> None:
    """A catch-up takes the newest hour for had."""
    tools, key = self._tools, self.key
    is_caught_up = tools.board.status.modes.get(key.symbol) is Mode.CATCH_UP
    if is_caught_up and key.timeframe is Timeframe.M1 and tools.store.tail(key.symbol) is None:
        now_ms = tools.clock.now_ms() // 60_000 * 60_000 - 60_000
        await tools.store.append(key, Bars.empty(), ((now_ms - _HOUR_MS, now_ms),))
    await _FILL(self, from_ms, lane)


def _proved_to_the_end(
    self: Fetcher, from_ms: int, until_ms: int, settled: Bars, now_ms: int
) -> tuple[tuple[int, int], ...]:
    """What was asked for was answered, rows or not."""
    return ((from_ms, until_ms),)


async def _fill_days_last(self: Fetcher, from_ms: int, lane: Lane) -> None:
    """The days are one more series to fill."""
    await _FILL(self, from_ms, Lane.BACKFILL if lane is Lane.D1 else lane)


def _leave_unless_cancelled(self: BrokerSession, ticket: Ticket) -> None:
    """A request that is cancelled under way keeps its slot."""
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        _LEAVE(self, ticket)


newest_hour_skipped = patching(Fetcher, "fill", _fill_but_newest)
proved_to_the_end = patching(Fetcher, "_proved", _proved_to_the_end)
days_last = patching(Fetcher, "fill", _fill_days_last)
slot_leaks_under_way = patching(BrokerSession, "_leave_slot", _leave_unless_cancelled)


# -- processes ------------------------------------------------------------------------------------

_WAIT_OUT = Keeper._wait_out
_SPAWN_ALL = Supervisor.spawn_all


def all_for_one(patch: pytest.MonkeyPatch, world: World) -> None:
    """A child that fails takes its siblings with it."""
    siblings: dict[int, list[Keeper]] = {}

    def spawn_all(self: Supervisor) -> None:
        keepers = list(self._keepers.values())
        siblings.update(dict.fromkeys(map(id, keepers), keepers))
        _SPAWN_ALL(self)

    async def wait_out(self: Keeper, failure: BaseException) -> None:
        for other in siblings[id(self)]:
            if other is not self:
                other.restart(is_forced=True)
        await _WAIT_OUT(self, failure)

    patch.setattr(Supervisor, "spawn_all", spawn_all)
    patch.setattr(Keeper, "_wait_out", wait_out)


async def _wait_for_ever(self: Keeper, failure: BaseException) -> None:
    """A child that failed is not begun again until somebody says so."""
    await self._ordered.wait()


async def _audit_nothing(tools: Tools, symbol: Symbol) -> None:
    """Nobody holds what readers are served against what was made durable."""


async def _tenure_unasked(self: Any) -> None:
    """A process that slept writes on as if it had not."""


never_restarted = patching(Keeper, "_wait_out", _wait_for_ever)
unaudited = patching(engine.duties.housekeeping, "_audit", _audit_nothing)
tenure_unasked = patching(engine.tenure.Tenure, "assure", _tenure_unasked)
