"""What an operator can make the engine do: one registry for keys, socket and command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from uds.model import DERIVED_TIMEFRAMES, Timeframe

from .bootstrap import begin_rebuild
from .errors import ActionRefused
from .process import Tools
from .supervisor import Supervisor


class Operable(Protocol):
    """An engine as those see it who operate it."""

    tools: Tools
    """Everything its processes are given."""
    supervisor: Supervisor
    """Keeper of its processes."""

    def question(self, action_id: str, target: str) -> str:
        """What an action would touch, as a question; raises ActionRefused."""
        ...

    async def act(self, action_id: str, target: str) -> str:
        """Do an action; what was done, as a sentence. Raises ActionRefused."""
        ...

    def stop(self) -> None:
        """Ask for an orderly stop."""
        ...


class Danger(Enum):
    """How an action must be asked for."""

    VIEW = "view"
    """Nothing asked."""
    ACT = "act"
    """y/n, no by default."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done."""

    id: str
    """Its name for keys, socket and command line."""
    danger: Danger
    """How it must be asked for."""
    question: Callable[[Operable, str], str]
    """The blast radius from fresh state, as a question; raises ActionRefused."""
    run: Callable[[Operable, str], str]
    """Do it at once, or begin it; what was done, as a sentence. Raises ActionRefused."""


def _restart_question(engine: Operable, name: str) -> str:
    _must_be_process(engine, name)
    others = len(engine.supervisor.names) - 1
    return f"Restart {name}? The other {others} processes go on undisturbed."


def _restart(engine: Operable, name: str) -> str:
    _must_be_process(engine, name)
    engine.supervisor.restart(name)
    return f"{name} is being restarted."


def _rebuild_question(engine: Operable, symbol: str) -> str:
    _must_be_idle(engine, symbol)
    status, snapshot = engine.tools.board.status, engine.tools.store.tail(symbol)
    derived = [tf for tf in status.timeframes if tf in DERIVED_TIMEFRAMES]
    if snapshot is None:
        return f"Rebuild {symbol}? It is not served yet."
    m1_count = len(snapshot.tails[Timeframe.M1])
    return (
        f"Rebuild {symbol}? {len(derived)} timeframes from {m1_count:,} M1 fetched anew; "
        f"readers stay on {snapshot.generation.short} until the flip."
    )


def _rebuild(engine: Operable, symbol: str) -> str:
    _must_be_idle(engine, symbol)
    begin_rebuild(engine.tools, symbol)
    return f"{symbol} is being rebuilt."


def _shutdown_question(engine: Operable, _: str) -> str:
    return "Stop the engine? Readers will find nothing on this host until the next start."


def _shutdown(engine: Operable, _: str) -> str:
    engine.stop()
    return "The engine is stopping."


ACTIONS = {
    action.id: action
    for action in (
        Action("restart", Danger.ACT, _restart_question, _restart),
        Action("rebuild", Danger.ACT, _rebuild_question, _rebuild),
        Action("shutdown", Danger.ACT, _shutdown_question, _shutdown),
    )
}


def find_action(action_id: str) -> Action:
    """The action of an id; raises ActionRefused for an unknown one."""
    action = ACTIONS.get(action_id)
    if action is None:
        raise ActionRefused(f"There is no action {action_id!r}; there are {', '.join(ACTIONS)}.")
    return action


def _must_be_process(engine: Operable, name: str) -> None:
    if name not in engine.supervisor.names:
        known = ", ".join(engine.supervisor.names)
        raise ActionRefused(f"There is no process {name!r}; there are {known}.")


def _must_be_idle(engine: Operable, symbol: str) -> None:
    if symbol not in engine.tools.board.status.symbols:
        raise ActionRefused(f"There is no symbol {symbol!r}.")
    if engine.tools.store.is_drafting(symbol):
        raise ActionRefused(f"{symbol} is being filled already; wait until it is sealed.")
