"""What the console asks of an engine, and the client of an engine in this very process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from engine import Status

if TYPE_CHECKING:
    from engine import Engine


class Client(Protocol):
    """An engine as its operator sees it: one status, and actions that are asked first."""

    @property
    def status(self) -> Status:
        """The newest value; the same object until something changes."""
        ...

    @property
    def pid(self) -> int:
        """The process the engine runs in."""
        ...

    async def changed(self) -> Status:
        """Wait for the next change."""
        ...

    def question(self, action_id: str, target: str) -> str:
        """What the action would touch, computed from fresh state. Raises ActionRefused."""
        ...

    async def act(self, action_id: str, target: str) -> str:
        """Do it; a sentence about what was done. Raises ActionRefused."""
        ...


class LocalClient:
    """The engine on the same loop; it sits in a seat of its own, as every connection does."""

    def __init__(self, engine: Engine) -> None:
        from engine import Seat

        self._engine = engine
        self._seat = Seat(engine, "console")

    @property
    def status(self) -> Status:
        return self._engine.board.status

    @property
    def pid(self) -> int:
        return os.getpid()

    async def changed(self) -> Status:
        return await self._engine.board.changed()

    def question(self, action_id: str, target: str) -> str:
        _, question = self._seat.ask(action_id, _given(action_id, target))
        return question.sentence

    async def act(self, action_id: str, target: str) -> str:
        """The question was answered with yes, so the seat is armed for this one act."""
        if action_id == "shutdown" and self._engine.is_read_only:
            self._engine.stop()  # whoever hosts an engine may always leave
            return ""
        return self._seat.act(action_id, _given(action_id, target), is_armed=True)


def _given(action_id: str, target: str) -> dict[str, tuple[str, ...]]:
    """One target as the action's first argument."""
    from engine import find_action

    names = [argument.name for argument in find_action(action_id).arguments]
    return {names[0]: (target,)} if names and target else {}
