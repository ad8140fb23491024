"""What the engine asks of a broker: a login, raw M1 and D1 bars, ticks, and nothing else (I1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol, TypeAlias

from uds.model import Bars, Symbol, Timeframe

from ..errors import EngineError
from ..sayings import Saying

BrokerTimeframe: TypeAlias = Literal[Timeframe.M1, Timeframe.D1]
"""The only timeframes a broker can be asked for; M3 to H4 cannot be spelled here."""


@dataclass(frozen=True, slots=True)
class BarsRequest:
    """One page of history: half-open [from_ms, until_ms) by the bars' open."""

    symbol: Symbol
    timeframe: BrokerTimeframe
    from_ms: int
    """Inclusive, UTC ms."""
    until_ms: int
    """Exclusive, UTC ms; may lie in the future."""


@dataclass(frozen=True, slots=True)
class BarsAnswer:
    """What the broker sent for one request, already sorted, unique and inside the range."""

    bars: Bars
    """Closed bars, the newest `page_bars_max` of the range when it holds more."""
    latency_s: float
    """How long the broker itself took; local cost is not in it (the replay floor sums these)."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One quote."""

    symbol: Symbol
    ts_ms: int
    """When it was quoted, UTC ms, by the broker's clock."""
    bid: float
    ask: float
    minute_volume: int
    """Ticks of the symbol in this minute so far, this one included: the broker's own count."""


class LoginFault(Enum):
    """Why a login failed, and so whether trying again can help."""

    TRANSIENT = "transient"
    TIMEOUT = "timeout"
    PERMANENT = "permanent"


class BrokerError(EngineError):
    """The broker did not do what it was asked; the message is a sentence for the operator."""


class LoginFailed(BrokerError):
    """No session; `fault` says whether it is worth another attempt."""

    def __init__(self, message: str | Saying, fault: LoginFault = LoginFault.TRANSIENT) -> None:
        super().__init__(message)
        self.fault = fault


class FetchFailed(BrokerError):
    """One request failed; the session is still good."""


class RateLimited(FetchFailed):
    """Asked too often; `retry_after_s` is the least wait."""

    def __init__(self, message: str | Saying, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Broker(Protocol):
    """A session with one broker account; not safe for calls before `login` has returned."""

    kind: str
    """`sim`, `replay`, …: as in `broker.kind` of the configuration."""
    page_bars_max: int
    """The most bars one answer holds."""
    concurrency: int
    """How many requests may be under way at once."""

    async def login(self) -> float:
        """Open the session; seconds the broker took. Raises LoginFailed."""
        ...

    async def fetch_bars(self, request: BarsRequest) -> BarsAnswer:
        """Closed bars of a range; no rows is an answer. Raises FetchFailed, RateLimited."""
        ...

    def ticks(self, symbols: tuple[Symbol, ...]) -> AsyncIterator[Tick]:
        """Quotes as they come, until the iterator is closed. Raises BrokerError."""
        ...

    def notes(self) -> tuple[tuple[str, Symbol, Saying], ...]:
        """What the operator must know of this source: (reason code, symbol, sentence)."""
        ...

    async def close(self) -> None:
        """End the session; never raises."""
        ...
