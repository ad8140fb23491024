"""The symbol under the operator's cursor comes next: told to the engine once the cursor rests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from engine import ActionRefused, EngineError
from uds.model import Symbol

REST_S = 0.5
"""How long the cursor must rest on a symbol: passing over it is no wish."""


class Preference:
    """Tells an engine, each time the operator's wish has changed and stayed."""

    def __init__(
        self,
        prefer: Callable[[Symbol], Awaitable[None]],
        wish: Callable[[], Symbol | None],
        rest_s: float = REST_S,
    ) -> None:
        """`wish` is the symbol the cursor is on; None where nothing is to be preferred."""
        self._prefer, self._wish, self._rest_s = prefer, wish, rest_s
        self._turned = asyncio.Event()
        self._told: Symbol | None = None

    def turn(self) -> None:
        """The cursor was moved."""
        self._turned.set()

    async def keep(self) -> None:
        """Until cancelled; an engine that does not hear it goes on in its own order."""
        while True:
            await self._turned.wait()
            while self._turned.is_set():
                self._turned.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._rest_s):
                        await self._turned.wait()
            symbol = self._wish()
            if symbol is not None and symbol != self._told:
                with suppress(ActionRefused, EngineError):
                    await self._prefer(symbol)
                    self._told = symbol
