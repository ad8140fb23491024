"""The one owner of the broker session: a queue with lanes in front of a few slots.

Requests wait in one heap ordered by lane, then by the rank their caller gives, then by
arrival. D1 goes before everything; among M1, symbol by symbol, so that rebuilding and priming
the first overlaps with fetching the next. Slots open at the login, when the first wave is
queued already: a semaphore that grants free slots at once would let M1 overtake D1.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum

from ..clock import Clock
from ..status import BrokerStatus
from .port import BarsAnswer, BarsRequest, Broker, FetchFailed, LoginFailed
from .token_bucket import TokenBucket

REQUEST_TIMEOUT_S = 5.0
LOGIN_TIMEOUT_S = 30.0


class Lane(IntEnum):
    """What a request is for, the most urgent first."""

    D1 = 0
    LIVE = 1
    FILL = 2


@dataclass(frozen=True, slots=True)
class Answered:
    """One request that was answered."""

    request: BarsRequest
    """What was asked."""
    queued_s: float
    """When it was queued, by the monotonic clock."""
    sent_s: float
    """When a slot took it."""
    answered_s: float
    """When the answer was there."""
    latency_s: float
    """What of that was the broker's own time."""


@dataclass(order=True, slots=True)
class _Ticket:
    lane: Lane
    """What it is for."""
    rank: tuple[int, int]
    """Order within the lane: symbol, then page."""
    number: int
    """Order of arrival."""
    granted: asyncio.Future[None] = field(compare=False)
    """Done once a slot is its own."""


class BrokerSession:
    """Login and requests of one broker account."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        requests_per_s: float | None,
        changed: Callable[[BrokerStatus], None],
    ) -> None:
        """`changed` hears of every move of the session; it must not wait."""
        self.broker = broker
        self.answered: list[Answered] = []
        self.login_s: float | None = None
        self._clock = clock
        self._changed = changed
        self._pace = TokenBucket(requests_per_s, broker.concurrency) if requests_per_s else None
        self._waiting: list[_Ticket] = []
        self._number = 0
        self._free = 0
        self._status = BrokerStatus(broker.kind, slots_total=broker.concurrency)

    @property
    def is_open(self) -> bool:
        """Whether a login has succeeded."""
        return self.login_s is not None

    async def login(self) -> None:
        """One attempt; opens the slots. Raises LoginFailed, TimeoutError."""
        attempts = self._status.login_attempts + 1
        self._say(state="logging_in", login_attempts=attempts, next_attempt_ms=None)
        try:
            async with asyncio.timeout(LOGIN_TIMEOUT_S):
                login_s = await self.broker.login()
        except (LoginFailed, TimeoutError) as error:
            self._say(state="failed", last_error=str(error) or "the login timed out")
            raise
        if not self.is_open:
            self._free = self.broker.concurrency
        self.login_s = login_s
        self._say(state="ready")
        self._grant()

    def plans_login(self, at_ms: int) -> None:
        """Note when the next login is due."""
        self._say(next_attempt_ms=at_ms)

    async def fetch(
        self, request: BarsRequest, lane: Lane, rank: tuple[int, int] = (0, 0)
    ) -> BarsAnswer:
        """Wait for a slot, then for the answer, 5 s at most.

        Raises FetchFailed, RateLimited. A cancelled waiter leaves its place or passes its
        slot on.
        """
        queued_s = self._clock.monotonic_s()
        await self._slot(lane, rank)
        try:
            await self._keep_pace()
            sent_s = self._clock.monotonic_s()
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                answer = await self.broker.fetch_bars(request)
        except TimeoutError as error:
            silent = FetchFailed(
                f"The broker did not answer for {request.symbol} {request.timeframe.name} "
                f"within {REQUEST_TIMEOUT_S:g} s."
            )
            self._say(last_error=str(silent))
            raise silent from error
        except FetchFailed as error:
            self._say(last_error=str(error))
            raise
        finally:
            self._free += 1
            self._grant()
        now_s = self._clock.monotonic_s()
        self.answered.append(Answered(request, queued_s, sent_s, now_s, answer.latency_s))
        name = request.timeframe.name
        counted = Counter(self._status.requests) + Counter((name,))
        self._say(requests=dict(counted))
        return answer

    async def _slot(self, lane: Lane, rank: tuple[int, int]) -> None:
        self._number += 1
        granted = asyncio.get_running_loop().create_future()
        ticket = _Ticket(lane, rank, self._number, granted)
        heapq.heappush(self._waiting, ticket)
        self._grant()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._free += 1
            self._grant()
            raise

    def _grant(self) -> None:
        while self._free and self._waiting:
            ticket = heapq.heappop(self._waiting)
            if not ticket.granted.done():
                self._free -= 1
                ticket.granted.set_result(None)
        queue = Counter(t.lane.name for t in self._waiting if not t.granted.done())
        used = self.broker.concurrency - self._free if self.is_open else 0
        self._say(slots_used=used, queue=dict(queue))

    async def _keep_pace(self) -> None:
        while self._pace is not None:
            wait_s = self._pace.take(self._clock.monotonic_s())
            if wait_s <= 0:
                return
            await self._clock.sleep(wait_s)

    def _say(self, **moved: object) -> None:
        state = moved.get("state", self._status.state)
        if state != self._status.state:
            moved["since_ms"] = self._clock.now_ms()
        self._status = replace(self._status, **moved)  # type: ignore[arg-type]
        self._changed(self._status)
