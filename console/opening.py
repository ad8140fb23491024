"""The client of an engine that is still being opened: the screen need not wait for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from engine import ActionRefused, Status

from .client import Client
from .words import Words


class OpeningClient:
    """Shows the first status until the engine is there, then passes everything on to it."""

    def __init__(self, first: Status, now_ms: Callable[[], int], words: Words) -> None:
        self.now_ms = now_ms
        self._first = first
        self._words = words
        self._opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()

    def opened(self, client: Client, now_ms: Callable[[], int]) -> None:
        """The engine is there, and with it the market's clock."""
        self.now_ms = now_ms
        self._opened.set_result(client)

    @property
    def status(self) -> Status:
        return self._opened.result().status if self._opened.done() else self._first

    @property
    def pid(self) -> int:
        return os.getpid()

    async def changed(self) -> Status:
        if self._opened.done():
            return await self._opened.result().changed()
        return (await asyncio.shield(self._opened)).status

    def question(self, action_id: str, target: str) -> str:
        if action_id == "shutdown" and not self._opened.done():
            return self._words.leave_opening
        return self._client().question(action_id, target)

    async def act(self, action_id: str, target: str) -> str:
        if action_id == "shutdown" and not self._opened.done():
            return ""  # whoever hosts the engine stops the opening
        return await self._client().act(action_id, target)

    def _client(self) -> Client:
        if not self._opened.done():
            raise ActionRefused(self._words.opening)
        return self._opened.result()
