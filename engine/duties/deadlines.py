"""What must have happened by now: the gate open, a process moving, priming done, force over.

Nothing is decided here: what is late, silent or too small is said by pure functions; this file
asks them twice a second and posts what they answer.
"""

from __future__ import annotations

from typing import Protocol

from uds.model import SeriesKey

from .. import budget, gate
from ..cells import named
from ..degraded import DegradedCode, DegradedReason, Scope
from ..events import BecameOverdue, GateForceEnded, ReasonCleared, ReasonRaised, ReasonRevised
from ..failure import ChildEnded
from ..process import Tools
from ..sayings import Saying, saying
from ..status import Status
from .progress import WATCHED, is_silent

TURN_S = 0.5


class Restarter(Protocol):
    """Whoever can end a process that does nothing."""

    def fail(self, name: str, failure: BaseException) -> None:
        """End it as if it had failed with this."""
        ...


async def watch_deadlines(tools: Tools, supervisor: Restarter) -> None:
    """Look until cancelled."""
    progress = _Progress(tools, supervisor)
    force = _Force(tools)
    is_told_overdue = False
    while True:
        _watch_budget(tools)
        is_told_overdue = is_told_overdue or _watch_gate(tools)
        force.look()
        progress.look()
        await tools.clock.sleep(TURN_S)


def _watch_gate(tools: Tools) -> bool:
    """Say once that the gate is late; whether that is settled."""
    status = tools.board.status
    if status.opened_gate_after_s is not None:
        return True
    if tools.since_opened_s() < tools.config.bootstrap.prime_ready_timeout_s:
        return False
    if isinstance(status.gate, gate.Closed) or status.gate.is_forced:
        tools.board.post(BecameOverdue())
    return True


def _watch_budget(tools: Tools) -> None:
    """Say that priming takes longer than promised, and that a promise cannot be kept."""
    status = tools.board.status
    prime, symbols = status.prime, len(status.symbols)
    too_small, partial = DegradedCode.PRIME_BUDGET_TOO_SMALL, DegradedCode.PRIME_PARTIAL
    found = budget.shortfall(prime, symbols)
    if found is None:
        _clear(tools, too_small, None)
    else:
        rate = budget.rate_bars_per_s(prime)
        _say(tools, too_small, budget.shortfall_saying(found, rate))
    late = budget.is_late(prime, tools.since_opened_s())
    if not late and _standing(tools, partial) is None:
        return
    missing = _unprimed(status)
    if late:
        total = len(status.cells)
        done, budget_s = total - len(missing), f"{prime.budget_s:g}"
        _say(tools, partial, saying("prime_partial", done, total, budget_s, named(missing)))
    elif not missing:
        _clear(tools, partial, None)


def _unprimed(status: Status) -> list[SeriesKey]:
    """Cells that Redis lacks; of a symbol that is being primed anew, its newest ones."""
    return [
        key
        for key, cell in status.cells.items()
        if not cell.is_in_redis
        or (key.symbol in status.prime.began_s and cell.state.is_ahead_of_redis)
    ]


def _standing(tools: Tools, code: DegradedCode, scope: Scope = None) -> DegradedReason | None:
    found = (r for r in tools.board.status.reasons if (r.code, r.scope) == (code, scope))
    return next(found, None)


def _clear(tools: Tools, code: DegradedCode, scope: Scope) -> None:
    """An event only where something stands: every event wakes all who wait."""
    if _standing(tools, code, scope) is not None:
        tools.board.post(ReasonCleared(code, scope))


def _say(tools: Tools, code: DegradedCode, said: Saying) -> None:
    """Raise a reason once; later only what it says is renewed."""
    standing = _standing(tools, code)
    if standing is None:
        tools.board.post(ReasonRaised.told(code, None, said))
    elif standing.said != (said,):
        tools.board.post(ReasonRevised.told(code, None, said))


class _Force:
    """How much longer an operator's word holds: a clock that is set back does not prolong it."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._until_ms: int | None = None
        self._until_s = 0.0

    def look(self) -> None:
        """End it when its time is over by either clock."""
        clock, until_ms = self._tools.clock, self._tools.board.status.forced_until_ms
        if until_ms is None:
            self._until_ms = None
            return
        if until_ms != self._until_ms:
            self._until_ms = until_ms
            self._until_s = clock.monotonic_s() + clock.delay_s(until_ms)
        if clock.delay_s(until_ms) <= 0 or clock.monotonic_s() >= self._until_s:
            self._tools.board.post(GateForceEnded())


class _Progress:
    """When each process was last seen to get further."""

    def __init__(self, tools: Tools, supervisor: Restarter) -> None:
        self._tools = tools
        self._supervisor = supervisor
        self._seen: dict[str, tuple[int, int]] = {}
        self._since_s: dict[str, float] = {}

    def look(self) -> None:
        """Say who is silent, and bring it back."""
        for name in WATCHED:
            self._look_at(name)

    def _look_at(self, name: str) -> None:
        tools, status = self._tools, self._tools.board.status
        now_s = tools.clock.monotonic_s()
        process = next((p for p in status.processes if p.name == name), None)
        seen = (status.moves.get(name, 0), process.restarts if process else 0)
        before = self._seen.get(name)
        if before is None or seen[0] != before[0]:
            _clear(tools, DegradedCode.NO_PROGRESS, name)
        if seen != before:
            self._seen[name], self._since_s[name] = seen, now_s
            return
        silent_s = now_s - self._since_s[name]
        if not is_silent(status, name, tools.markets, tools.clock.now_ms(), silent_s):
            return
        self._since_s[name] = now_s
        silent = saying("no_progress", name, f"{silent_s:.0f}")
        tools.board.post(ReasonRaised.told(DegradedCode.NO_PROGRESS, name, silent))
        self._supervisor.fail(name, ChildEnded(silent))
