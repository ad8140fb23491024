"""A market that rewrites its history: the volume of every bar names the revision it is of.

M1 and D1 carry `BASE + revision`, and `BASE` is a multiple of 97: so `v mod 97` of each is the
revision, and a bar that is made of n M1 has `n * (BASE + revision)`, from which both can be
read. Only volumes differ, so nothing else notices.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np

from engine.broker.port import BarsAnswer, BarsRequest, Broker, Tick
from engine.sayings import Saying
from uds.model import Bars, Symbol

MODULUS = 97
BASE = 10_000 * MODULUS


def revision_of(volume: int) -> int | None:
    """The one revision all M1 of a bar are of; None when they are of several."""
    count, rest = divmod(volume, BASE)
    return rest // count if count and rest % count == 0 else None


class RevisingBroker:
    """Another broker whose history has been revised so often as `revision` says."""

    def __init__(self, broker: Broker) -> None:
        self.kind = broker.kind
        self.page_bars_max = broker.page_bars_max
        self.concurrency = broker.concurrency
        self.revision = 1
        self._broker = broker

    async def login(self) -> float:
        """The other's."""
        return await self._broker.login()

    async def fetch_bars(self, request: BarsRequest) -> BarsAnswer:
        """The other's bars, in the revision of the moment they were asked for."""
        revision = self.revision
        answer = await self._broker.fetch_bars(request)
        return BarsAnswer(_revised(answer.bars, revision), answer.latency_s)

    def ticks(self, symbols: tuple[Symbol, ...]) -> AsyncIterator[Tick]:
        """The other's."""
        return self._broker.ticks(symbols)

    def notes(self) -> tuple[tuple[str, Symbol, Saying], ...]:
        """The other's."""
        return self._broker.notes()

    async def close(self) -> None:
        """Close the other."""
        await self._broker.close()


def _revised(bars: Bars, revision: int) -> Bars:
    columns = (bars.open_time_ms, bars.close_time_ms, bars.o, bars.h, bars.low, bars.c)
    return Bars.of(*columns, np.full(len(bars), BASE + revision))
