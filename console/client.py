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
    """The engine on the same loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def status(self) -> Status:
        return self._engine.board.status

    @property
    def pid(self) -> int:
        return os.getpid()

    async def changed(self) -> Status:
        return await self._engine.board.changed()

    def question(self, action_id: str, target: str) -> str:
        return self._engine.question(action_id, target)

    async def act(self, action_id: str, target: str) -> str:
        return await self._engine.act(action_id, target)
