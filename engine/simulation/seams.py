"""Where a simulated node meets its disk and its Redis: each operation is counted and takes time.

Here a node is killed, sleeps or loses its reply: before each step of its disk, before each call
of its cache, and between the call and its answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from uds import Cache, Fault, FaultPlan, FaultySteps, Injection, Pointer
from uds.model import FencingToken, Generation, Preview, SeriesKey, Symbol, Timeframe

_T = TypeVar("_T")


class Operations(Protocol):
    """Who is asked before every operation of a node."""

    async def before(self, name: str, subject: str) -> None:
        """Count it, wait as long as it takes, or never come back."""
        ...


class HeardPlan(FaultPlan):
    """A plan that tells whom it has hit."""

    def __init__(self, seed: int, hit: Callable[[Fault, str], None]) -> None:
        super().__init__(seed)
        self._hit = hit

    def next(self, operation: str, subject: str, able: object) -> Injection | None:
        """As the plan, aloud."""
        injection = super().next(operation, subject, able)  # type: ignore[arg-type]
        if injection is not None:
            self._hit(injection.fault, operation)
        return injection


class NodeSteps:
    """The seam of a node's disk."""

    def __init__(
        self, operations: Operations, plan: FaultPlan, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._operations = operations
        self._faulty = FaultySteps(plan, sleep)

    async def before(self, name: str, path: str) -> Fault | None:
        """Asked by the disk before each step."""
        await self._operations.before(name, path)
        return await self._faulty.before(name, path)


class NodeCache:
    """A node's way to the server that all share."""

    def __init__(self, inner: Cache, operations: Operations) -> None:
        self._inner = inner
        self._operations = operations

    async def connect(self) -> None:
        await self._through("connect", "", self._inner.connect)

    async def claim(self, symbols: Sequence[Symbol], token: FencingToken) -> None:
        await self._through("claim", "", partial(self._inner.claim, symbols, token))

    async def holds(
        self, symbols: Sequence[Symbol], token: FencingToken
    ) -> tuple[Pointer | None, ...]:
        return await self._through("holds", "", partial(self._inner.holds, symbols, token))

    async def write(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        call = partial(self._inner.write, symbol, token, generation, tails)
        await self._through("write", symbol, call)

    async def flip(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        seq: int,
        timeframes: Sequence[Timeframe],
    ) -> None:
        call = partial(self._inner.flip, symbol, token, generation, seq, timeframes)
        await self._through("flip", symbol, call)

    async def extend(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        from_seq: int,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        call = partial(self._inner.extend, symbol, token, generation, from_seq, tails)
        await self._through("extend", symbol, call)

    async def read(
        self, symbol: Symbol, timeframes: Sequence[Timeframe]
    ) -> tuple[Pointer, dict[Timeframe, bytes]] | None:
        call = partial(self._inner.read, symbol, timeframes)
        return await self._through("read", symbol, call)

    async def expires(
        self, key: SeriesKey, generation: Generation
    ) -> tuple[int | None, int | None]:
        call = partial(self._inner.expires, key, generation)
        return await self._through("expires", key.symbol, call)

    async def preview(
        self, symbol: Symbol, token: FencingToken, ttl_ms: int, previews: Sequence[Preview]
    ) -> None:
        call = partial(self._inner.preview, symbol, token, ttl_ms, previews)
        await self._through("preview", symbol, call)

    async def forget(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        timeframes: Sequence[Timeframe],
    ) -> None:
        call = partial(self._inner.forget, symbol, token, generation, timeframes)
        await self._through("forget", symbol, call)

    async def publish_tick(self, symbol: Symbol, payload: bytes) -> None:
        await self._inner.publish_tick(symbol, payload)

    async def close(self) -> None:
        await self._inner.close()

    async def _through(self, name: str, subject: str, call: Callable[[], Awaitable[_T]]) -> _T:
        await self._operations.before(f"cache.{name}", subject)
        reply = await call()
        await self._operations.before(f"cache.{name} answered", subject)
        return reply
