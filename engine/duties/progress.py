"""Is a process that brings data silent, and does nobody else explain why.

Deadlines are on lack of progress, not on total time: a cold start over a slow line may take
an hour and be well. A process makes progress when one of its cells or its requests gets
further (`Status.moves`); it owes progress while cells of its own are unfinished and, once the
start is over, whenever a minute of open market should have been asked for. Whoever waits for
the broker, Redis, the disk or another process does so with a reason of its own: it is not
silent, and restarting it would not help.
"""

from __future__ import annotations

from collections.abc import Mapping

from uds.model import MINUTE_MS, SeriesKey, Symbol, Timeframe

from ..cell import CellState
from ..degraded import DegradedCode
from ..gate import process_of
from ..plan import Market
from ..status import ProcessState, Status

SILENCE_S = 15.0
"""A process that owes progress and makes none for so long is silent."""
WATCHED = ("connector", "m1_poller")
_CODE = DegradedCode
_EXPLAINING = frozenset(
    {
        *(_CODE.BROKER_LOGIN_TRANSIENT, _CODE.BROKER_LOGIN_TIMEOUT, _CODE.BROKER_LOGIN_PERMANENT),
        *(_CODE.BROKER_FETCH_FAILED, _CODE.BROKER_RATE_LIMITED, _CODE.FENCED),
        *(_CODE.REDIS_DOWN, _CODE.REDIS_TIMEOUT, _CODE.REDIS_REGRESSED),
        *(_CODE.DISK_ERROR, _CODE.DISK_FULL),
    }
)
_ALIVE = (ProcessState.STARTING, ProcessState.WARMING, ProcessState.READY)
_UNFETCHED = (CellState.EMPTY, CellState.FETCHING)


def is_silent(
    status: Status,
    name: str,
    markets: Mapping[Symbol, Market],
    now_ms: int,
    silent_s: float,
) -> bool:
    """Whether a process owes progress and has made none for 15 s; `silent_s` since its last."""
    if silent_s < SILENCE_S or status.mode is None or _is_explained(status, name):
        return False
    if _owes_cells(status, name):
        return True
    return name == "m1_poller" and _owes_minutes(markets, now_ms, silent_s)


def _is_explained(status: Status, name: str) -> bool:
    if any(reason.code in _EXPLAINING for reason in status.reasons):
        return True
    if not any(p.name == name and p.state in _ALIVE for p in status.processes):
        return True
    broker = status.broker
    if name == "connector":
        return broker.state == "logging_in"
    return broker.state != "ready" or broker.slots_used > 0


def _owes_cells(status: Status, name: str) -> bool:
    """Whether a cell of its own is unfinished and nothing of another's is waited for."""
    for key, cell in status.cells.items():
        if process_of(key.timeframe) != name:
            continue
        if name == "connector":
            if cell.state in _UNFETCHED:
                return True
        elif cell.state is not CellState.SEALED and not _waits_for_d1(status, key):
            return True
    return False


def _waits_for_d1(status: Status, key: SeriesKey) -> bool:
    """Whether all that can be made of M1 is made, and only the days are missing."""
    days = status.cells[SeriesKey(key.symbol, Timeframe.D1)]
    m1 = status.cells[SeriesKey(key.symbol, Timeframe.M1)]
    return days.state in _UNFETCHED and m1.state is CellState.STORED


def _owes_minutes(markets: Mapping[Symbol, Market], now_ms: int, silent_s: float) -> bool:
    """Whether a whole minute of open market went by that should have been asked for since."""
    for market in markets.values():
        due_ms = now_ms - market.settle_ms - round(SILENCE_S * 1_000)
        from_ms = now_ms - round(silent_s * 1_000)
        first_ms = -(-from_ms // MINUTE_MS) * MINUTE_MS
        last_ms = due_ms // MINUTE_MS * MINUTE_MS
        if last_ms > first_ms and market.calendar.open_duration_ms(first_ms, last_ms):
            return True
    return False
