"""Keys one at a time: each goes to the screen that the one before it has left in front.

A stalled line delivers all that was typed meanwhile in one breath. Textual hands every key to
the screen in front when it arrives, so what was meant for the line behind a `:` would be lost
on the page below it. Here a key that comes in the same breath waits until the screen has done
with the one before. A screen that closes does not say so: that it is gone tells it, and in any
case it is not waited for long. A key that comes by itself is given at once, at no cost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from textual.app import App
from textual.events import Key
from textual.screen import Screen

from .terminal.keeper import Parting

_BREATH_S = 0.02
"""Keys further apart were not delivered together; a key held down repeats every 0.03 s."""
_LOOK_S = 0.005
_PATIENCE_S = 0.1


class TypeAhead:
    """The keys that are still to be given."""

    def __init__(self, app: App[Parting], give: Callable[[Key], Awaitable[None]]) -> None:
        """`give` hands a key to the screen in front."""
        self._app = app
        self._hand_over = give
        self._typed: deque[Key] = deque()
        self._last_screen: Screen[object] | None = None
        self._last_s = float("-inf")
        self._number = 0

    async def add(self, key: Key) -> None:
        """Give it now, or when those before it are done with."""
        is_alone = asyncio.get_running_loop().time() - self._last_s > _BREATH_S
        if is_alone and not self._typed:
            await self._give(key)
            return
        self._typed.append(key)
        if len(self._typed) == 1:
            self._await_turn()

    async def _give(self, key: Key) -> None:
        self._last_screen = self._app.screen
        self._last_s = asyncio.get_running_loop().time()
        await self._hand_over(key)

    def _await_turn(self) -> None:
        """Ask behind the last key, in the queue of the screen that got it."""
        assert self._last_screen is not None, "there is a key before this one"
        self._number += 1
        self._last_screen.call_later(self._done, self._number)
        loop = asyncio.get_running_loop()
        loop.call_later(_LOOK_S, self._look, self._number, loop.time() + _PATIENCE_S)

    def _look(self, number: int, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        if self._last_screen not in self._app.screen_stack or loop.time() >= until_s:
            self._done(number)
        elif number == self._number:
            loop.call_later(_LOOK_S, self._look, number, until_s)

    def _done(self, number: int) -> None:
        if number == self._number:
            self._number += 1
            self._app.call_later(self._next)

    async def _next(self) -> None:
        await self._give(self._typed.popleft())
        if self._typed:
            self._await_turn()
