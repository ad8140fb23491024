"""Keys one at a time: each goes to the screen that the one before it has left in front.

A stalled line delivers all that was typed meanwhile in one breath. Textual hands every key to
the screen in front when it arrives, so what was meant for the line behind a `:` would be lost
on the page below it. Here the next key waits until the screen has done with the one before; a
screen that closes may forget to say so, and is not waited for long.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from textual.app import App
from textual.events import Key

from .keeper import Parting

_PATIENCE_S = 0.1


class TypeAhead:
    """The keys that are still to be given."""

    def __init__(self, app: App[Parting], give: Callable[[Key], Awaitable[None]]) -> None:
        """`give` hands a key to the screen in front."""
        self._app = app
        self._give = give
        self._typed: deque[Key] = deque()
        self._number = 0
        self._is_giving = False

    async def add(self, key: Key) -> None:
        """Give it now, or when those before it are done with."""
        self._typed.append(key)
        if not self._is_giving:
            await self._next()

    async def _next(self) -> None:
        self._is_giving = bool(self._typed)
        if not self._typed:
            return
        self._number += 1
        number, screen = self._number, self._app.screen
        await self._give(self._typed.popleft())
        screen.call_later(self._done, number)  # behind the key in the screen's own queue
        asyncio.get_running_loop().call_later(_PATIENCE_S, self._done, number)

    def _done(self, number: int) -> None:
        if number == self._number:
            self._number += 1
            self._app.call_later(self._next)
