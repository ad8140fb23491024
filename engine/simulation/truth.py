"""The market that a simulated broker serves, and what anybody should have of it in the end.

History is revised once per draft: M1 and D1 carry the volume `BASE + revision`, and `BASE` is a
multiple of 97, so `v mod 97` of each names the revision, and a bar that is made of n M1 has
`n * (BASE + revision)`, from which both can be read. Which revision a request meets is decided by
the draft it is for, so a bar of another generation is seen at a glance wherever it turns up.
Prices are the same in every revision.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from uds.model import Bars, Coverage, Symbol, Timeframe

from ..broker.market import SimulatedMarket
from ..broker.port import BarsAnswer, BarsRequest, Broker, Tick
from ..config import Config
from ..derive import derive
from ..sayings import Saying
from ..sources import markets

MODULUS = 97
BASE = 10_000 * MODULUS
_PAST_MS = 8 * 86_400_000
_AHEAD_MS = 3 * 86_400_000


def revision_of(volume: int) -> int | None:
    """The one revision all M1 of a bar are of; None when they are of several."""
    count, rest = divmod(volume, BASE)
    return rest // count if count and rest % count == 0 else None


def revised(bars: Bars, revision: int) -> Bars:
    """The same bars in a revision."""
    columns = (bars.open_time_ms, bars.close_time_ms, bars.o, bars.h, bars.low, bars.c)
    return Bars.of(*columns, np.full(len(bars), BASE + revision))


class RevisingBroker:
    """Another broker whose history has been revised as often as somebody says."""

    def __init__(self, broker: Broker, revision: Callable[[Symbol], int]) -> None:
        self.kind = broker.kind
        self.page_bars_max = broker.page_bars_max
        self.concurrency = broker.concurrency
        self._broker = broker
        self._revision = revision

    async def login(self) -> float:
        """The other's."""
        return await self._broker.login()

    async def fetch_bars(self, request: BarsRequest) -> BarsAnswer:
        """The other's bars, in the revision of the moment they were asked for."""
        revision = self._revision(request.symbol)
        answer = await self._broker.fetch_bars(request)
        return BarsAnswer(revised(answer.bars, revision), answer.latency_s)

    def ticks(self, symbols: tuple[Symbol, ...]) -> AsyncIterator[Tick]:
        """The other's."""
        return self._broker.ticks(symbols)

    def notes(self) -> tuple[tuple[str, Symbol, Saying], ...]:
        """The other's."""
        return self._broker.notes()

    async def close(self) -> None:
        """Close the other."""
        await self._broker.close()


class Truth:
    """What the market says of every series around the time of a run."""

    def __init__(self, config: Config, market: SimulatedMarket, start_ms: int) -> None:
        self._config = config
        self._market = market
        self._from_ms = start_ms - _PAST_MS
        self._until_ms = start_ms + _AHEAD_MS
        self._markets = markets(config)
        self._unrevised: dict[Symbol, dict[Timeframe, Bars]] = {}
        self._rows: dict[tuple[Symbol, Timeframe], dict[int, tuple[float, ...]]] = {}

    def series(self, symbol: Symbol, timeframe: Timeframe, revision: int) -> Bars:
        """All bars of a revision, as deriving once from all M1 gives them."""
        made = self._made(symbol)[timeframe]
        if not timeframe.is_derived:
            return revised(made, revision)
        counts = made.v // BASE
        return replace(made, v=counts * (BASE + revision))

    def row(
        self, symbol: Symbol, timeframe: Timeframe, open_ms: int
    ) -> tuple[float, float, float, float, int] | None:
        """Open, high, low, close and number of M1 of one bar; None where there is none."""
        rows = self._rows.get((symbol, timeframe))
        if rows is None:
            bars = self._made(symbol)[timeframe]
            columns = (bars.o, bars.h, bars.low, bars.c, bars.v // BASE)
            values = zip(*(column.tolist() for column in columns), strict=True)
            rows = dict(zip(bars.open_time_ms.tolist(), values, strict=True))
            self._rows[symbol, timeframe] = rows
        return rows.get(open_ms)  # type: ignore[return-value]

    def _made(self, symbol: Symbol) -> dict[Timeframe, Bars]:
        known = self._unrevised.get(symbol)
        if known is None:
            market = self._markets[symbol]
            m1 = revised(self._market.m1(symbol, self._from_ms, self._until_ms), 0)
            days = self._market.d1(symbol, self._from_ms - 40 * Timeframe.D1.ms, self._until_ms)
            covered = Coverage(((self._from_ms, self._until_ms),))
            known = derive(m1, market.anchors, market.calendar, covered, self._until_ms, 0)
            known |= {Timeframe.M1: m1, Timeframe.D1: revised(days, 0)}
            self._unrevised[symbol] = known
        return known


@lru_cache(maxsize=8)
def truth_of(config_json: str, start_ms: int) -> tuple[SimulatedMarket, Truth]:
    """Drawn once for all runs that begin at the same time."""
    config = Config.model_validate_json(config_json)
    digits = {symbol: config.digits(symbol) for symbol in config.symbols}
    market = SimulatedMarket(
        config.broker.sim.seed, config.trading_calendars(), digits, config.anchors.anchors()
    )
    return market, Truth(config, market, start_ms)
