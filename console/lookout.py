"""What a page shows beyond the status: asked for while the page is looked at, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

from engine import ActionRefused, EngineError

Ask: TypeAlias = Callable[[str, Mapping[str, object]], Awaitable[object]]
"""An operation of the engine that only looks; raises ActionRefused, EngineError."""


class Wish(NamedTuple):
    """What a page wants to know."""

    op: str
    """The operation."""
    args: tuple[tuple[str, str], ...]
    """Its arguments."""
    every_s: float
    """How often, in seconds, while the page is shown."""


class Lookout:
    """Asks again and again for what the page shown wants."""

    def __init__(
        self,
        look: Ask,
        wish: Callable[[], Wish | None],
        told: Callable[[Wish, object], None],
    ) -> None:
        self._look, self._wish, self._told = look, wish, told
        self._turned = asyncio.Event()

    def turn(self) -> None:
        """Another page, or another place on it: look at once."""
        self._turned.set()

    async def keep(self) -> None:
        """Until cancelled; where nothing is wanted nothing is done."""
        asked: Wish | None = None
        while True:
            wish = self._wish()
            self._turned.clear()
            if wish is not None:
                await self._ask(wish)
            asked = wish
            try:
                async with asyncio.timeout(None if wish is None else wish.every_s):
                    while self._wish() == asked:
                        await self._turned.wait()
                        self._turned.clear()
            except TimeoutError:
                continue

    async def _ask(self, wish: Wish) -> None:
        """An engine that does not answer leaves the page as it was."""
        try:
            answer = await self._look(wish.op, dict(wish.args))
        except (ActionRefused, EngineError):
            return
        self._told(wish, answer)
