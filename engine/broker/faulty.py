"""A broker that obeys a fault plan: for drills and tests, over any other broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from uds.model import Bars, Symbol, Timeframe

from ..clock import Clock
from ..sayings import Saying, saying
from .port import (
    BarsAnswer,
    BarsRequest,
    Broker,
    FetchFailed,
    LoginFailed,
    LoginFault,
    RateLimited,
    Tick,
)

RETRY_AFTER_S = 2.0
"""What a limited request is told to wait."""


class FaultKind(Enum):
    """What goes wrong."""

    LOGIN_REFUSED = "login_refused"
    LOGIN_HANGS = "login_hangs"
    LOGIN_PERMANENT = "login_permanent"
    FETCH_ERROR = "fetch_error"
    FETCH_HANGS = "fetch_hangs"
    RATE_LIMIT = "rate_limit"
    SHORT = "short"
    DUPLICATE = "duplicate"
    UNORDERED = "unordered"
    EMPTY = "empty"

    @property
    def is_of_login(self) -> bool:
        """Whether it befalls logins; the others befall requests."""
        return self.value.startswith("login")


@dataclass(slots=True)
class BrokerFault:
    """One way to misbehave, for some of the calls."""

    kind: FaultKind
    """What goes wrong."""
    symbol: Symbol | None = None
    """Whose requests; None means all."""
    timeframe: Timeframe | None = None
    """Requests of which timeframe; None means both."""
    times: int | None = None
    """How many calls it befalls; None means all until it is healed."""
    from_s: float = 0.0
    """From when on, in seconds since the broker was made."""
    until_s: float = float("inf")
    """Until when, in seconds since the broker was made."""
    hits: int = field(default=0, init=False)
    """Calls it befell so far: that a fault was injected is proved by it."""

    def strikes(self, request: BarsRequest | None, at_s: float) -> bool:
        """Whether it befalls this call, None being a login; counts the hit."""
        if self.kind.is_of_login is not (request is None) or not self.from_s <= at_s < self.until_s:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if request is not None:
            if self.symbol not in (None, request.symbol):
                return False
            if self.timeframe not in (None, request.timeframe):
                return False
        self.hits += 1
        return True


class FaultyBroker:
    """Another broker, but for the faults that are injected."""

    def __init__(self, broker: Broker, clock: Clock, script: Iterable[BrokerFault] = ()) -> None:
        """`script` holds the faults that are known beforehand."""
        self.kind = broker.kind
        self.page_bars_max = broker.page_bars_max
        self.concurrency = broker.concurrency
        self._broker = broker
        self._clock = clock
        self._made_s = clock.monotonic_s()
        self._faults = list(script)

    def inject(self, fault: BrokerFault) -> BrokerFault:
        """Begin to misbehave; the fault counts its hits."""
        self._faults.append(fault)
        return fault

    def heal(self, fault: BrokerFault | None = None) -> None:
        """End one fault, or all; calls that hang already go on hanging, as they would."""
        self._faults = [one for one in self._faults if fault is not None and one is not fault]

    @property
    def faults(self) -> tuple[BrokerFault, ...]:
        """Those that were injected and not healed."""
        return tuple(self._faults)

    async def login(self) -> float:
        """Open the session unless a fault says otherwise. Raises LoginFailed."""
        fault = self._fault_of(None)
        if fault is FaultKind.LOGIN_HANGS:
            await asyncio.Event().wait()
        if fault is FaultKind.LOGIN_REFUSED:
            raise LoginFailed(saying("login_refused"))
        if fault is FaultKind.LOGIN_PERMANENT:
            raise LoginFailed(saying("login_wrong"), LoginFault.PERMANENT)
        return await self._broker.login()

    async def fetch_bars(self, request: BarsRequest) -> BarsAnswer:
        """The other's answer, spoiled. Raises FetchFailed, RateLimited."""
        fault = self._fault_of(request)
        if fault is FaultKind.FETCH_HANGS:
            await asyncio.Event().wait()
        if fault is FaultKind.FETCH_ERROR:
            raise FetchFailed(saying("broker_failed", request.symbol, request.timeframe.name))
        if fault is FaultKind.RATE_LIMIT:
            raise RateLimited(saying("broker_asked_too_often"), RETRY_AFTER_S)
        answer = await self._broker.fetch_bars(request)
        return BarsAnswer(_spoiled(answer.bars, fault), answer.latency_s)

    def ticks(self, symbols: tuple[Symbol, ...]) -> AsyncIterator[Tick]:
        """The other's."""
        return self._broker.ticks(symbols)

    def notes(self) -> tuple[tuple[str, Symbol, Saying], ...]:
        """The other's."""
        return self._broker.notes()

    async def close(self) -> None:
        """Close the other."""
        await self._broker.close()

    def _fault_of(self, request: BarsRequest | None) -> FaultKind | None:
        at_s = self._clock.monotonic_s() - self._made_s
        return next((one.kind for one in self._faults if one.strikes(request, at_s)), None)


def _spoiled(bars: Bars, fault: FaultKind | None) -> Bars:
    if fault is FaultKind.EMPTY:
        return Bars.empty()
    if fault is FaultKind.SHORT:
        return bars.tail((len(bars) + 1) // 2)
    if fault is FaultKind.DUPLICATE:
        return bars.take(np.arange(len(bars)).repeat(2))
    if fault is FaultKind.UNORDERED:
        return bars.take(np.arange(len(bars))[::-1])
    return bars
