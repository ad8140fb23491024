"""The client of an engine that is still being opened: the screen need not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from engine import ActionRefused, Status
from uds.model import Symbol

from .client import LocalClient
from .hold import Hold
from .offers import Asking, Deed, Done, Offer
from .words import Words


class OpeningClient:
    """Shows the first status until the engine is there, then passes everything on to it."""

    def __init__(self, first: Status, now_ms: Callable[[], int], words: Words) -> None:
        self.now_ms = now_ms
        self._first = first
        self._words = words
        self._is_shown = asyncio.Event()
        self._opened: asyncio.Future[LocalClient] = asyncio.get_running_loop().create_future()

    def shown(self) -> None:
        self._is_shown.set()

    async def picture(self, patience_s: float) -> None:
        """Wait for the first picture, but not for a terminal that takes none."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_shown.wait(), patience_s)

    def opened(self, client: LocalClient, now_ms: Callable[[], int]) -> None:
        """The engine is there, and with it the market's clock."""
        self.now_ms = now_ms
        self._opened.set_result(client)

    @property
    def status(self) -> Status:
        return self._opened.result().status if self._opened.done() else self._first

    @property
    def hold(self) -> Hold:
        return self._opened.result().hold if self._opened.done() else Hold()

    async def changed(self) -> Status:
        if self._opened.done():
            return await self._opened.result().changed()
        return (await asyncio.shield(self._opened)).status

    async def offers(self) -> tuple[Offer, ...]:
        return await self._client().offers()

    async def question(self, deed: Deed) -> Asking:
        return await self._client().question(deed)

    async def act(self, deed: Deed, phrase: str = "") -> Done:
        return await self._client().act(deed, phrase)

    async def arm(self) -> None:
        await self._client().arm()

    async def disarm(self) -> None:
        await self._client().disarm()

    async def look(self, op: str, args: Mapping[str, object]) -> Any:
        return await self._client().look(op, args)

    async def prefer(self, symbol: Symbol) -> None:
        await self._client().prefer(symbol)

    def look_again(self) -> None:
        """It is never lost."""

    def stop_question(self, words: Words) -> str:
        return self._client().stop_question(words) if self._opened.done() else words.leave_opening

    def stop(self) -> None:
        """While it is being opened whoever hosts it stops the opening."""
        if self._opened.done():
            self._client().stop()

    def _client(self) -> LocalClient:
        if not self._opened.done():
            raise ActionRefused(self._words.opening)
        return self._opened.result()
