"""The one owner of the broker session: a queue with lanes in front of a few slots.

Theory of operation. Requests wait in lanes (`lanes.py`): D1 before everything, the live tail
before catch-up, that before the fill of a cold start, backfill last; among M1, symbol by
symbol, so that rebuilding and priming the first overlaps with fetching the next. Two things
keep M1 from overtaking D1: slots open at the login, when the first wave is queued already, and
free slots are granted one turn of the loop after a request came, when all that woke with it
have queued too.

Nothing is sent while the circuit is open (`circuit.py`) or the broker has told us to wait; the
requests stay where they are, so an outage never multiplies them. A slot is free again whatever
becomes of its request: answered, failed, silent for 5 s, cancelled in the queue, cancelled
between the grant and the next step, cancelled under way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from uds.model import Symbol, Timeframe

from ..clock import Clock
from ..sayings import said_of, saying
from ..status import BrokerStatus
from .answers import Fetched, mended
from .circuit import Circuit
from .lanes import Lane, LaneQueue, LaneTally, Ticket
from .login_plan import LoginPlan
from .port import BarsRequest, Broker, BrokerError, FetchFailed, LoginFailed, RateLimited
from .token_bucket import TokenBucket

__all__ = ["Answered", "BrokerSession", "FetchSilent", "Lane"]

REQUEST_TIMEOUT_S = 5.0
LOGIN_TIMEOUT_S = 10.0
ANSWERED_MAX = 100_000
"""Of the requests of a start so many are kept: one that never ends must not fill the memory."""
_TICK_S = 1e-6
"""A timer may come this much early: waiting for the rest would never end."""


class FetchSilent(FetchFailed):
    """The broker did not answer a request in time."""


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
    lane: Lane = Lane.FILL
    """What it was for."""


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
        self.login_plan = LoginPlan()
        self._clock = clock
        self._changed = changed
        self._pace = TokenBucket(requests_per_s, broker.concurrency) if requests_per_s else None
        self._queue = LaneQueue()
        self._granted: dict[int, asyncio.Future[None]] = {}
        self._number = 0
        self._free = broker.concurrency
        self._sent_ms: dict[int, int] = {}
        self._backfills = 0
        self._will_grant = False
        self._said = BrokerStatus(broker.kind)
        self.is_starting = True
        self._circuit = Circuit()
        self._failed_at: dict[Symbol, int] = {}
        self._asked: set[Symbol] = set()
        self._paused_until_s = float("-inf")
        self._wake: asyncio.TimerHandle | None = None
        self._largest: Counter[Timeframe] = Counter()
        self._status = BrokerStatus(broker.kind, slots_total=broker.concurrency)

    @property
    def is_open(self) -> bool:
        """Whether a login has succeeded."""
        return self.login_s is not None

    def largest_answer(self, timeframe: Timeframe) -> int:
        """The most bars one answer ever held: a broker's own page may be smaller than ours."""
        return self._largest[timeframe]

    def start_ended(self) -> None:
        """Keep no more answers one by one; the tallies of the lanes go on."""
        self.is_starting = False

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
            self._queue.begin(self._clock.monotonic_s())
        self.login_s = login_s
        self._say(state="ready")
        self._grant()

    def forget_login(self) -> None:
        """Send nothing more until the next login, as after the broker closed the session."""
        self.login_s = None
        self._say(state="logged_out")

    def plans_login(self, at_ms: int) -> None:
        """Note when the next login is due."""
        self._say(next_attempt_ms=at_ms)

    def prefer(self, symbol: Symbol | None) -> None:
        """Let the M1 of one symbol be fetched next, as far as they wait; None for none."""
        self._queue.prefer(symbol)

    async def fetch(
        self, request: BarsRequest, lane: Lane, rank: tuple[int, int] = (0, 0)
    ) -> Fetched:
        """Wait for a slot, then for the answer, 5 s at most.

        Raises FetchFailed, FetchSilent, RateLimited. A cancelled waiter leaves its place or
        passes its slot on.
        """
        queued_s = self._clock.monotonic_s()
        self._number += 1
        ticket = Ticket(rank, self._number, lane, request.symbol)
        await self._slot(ticket, queued_s)
        try:
            await self._keep_pace(ticket)
            sent_s = self._clock.monotonic_s()
            fetched = await self._ask(request)
        except FetchFailed as error:
            self._failed(ticket, error)
            raise
        else:
            self._was_answered(ticket, request, fetched, queued_s, sent_s)
            return fetched
        finally:
            if ticket.is_probe and self._circuit.is_probing:
                self._circuit = self._circuit.abandoned()
            self._leave_slot(ticket)
            self._grant()

    async def _ask(self, request: BarsRequest) -> Fetched:
        self._asked.add(request.symbol)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                answer = await self.broker.fetch_bars(request)
        except TimeoutError as error:
            asked = request.symbol, request.timeframe.name
            raise FetchSilent(saying("broker_silent", *asked, f"{REQUEST_TIMEOUT_S:g}")) from error
        except FetchFailed:
            raise
        except BrokerError as error:
            raise FetchFailed(*said_of(error)[:1]) from error
        return mended(request, answer, self._clock.now_ms())

    def _failed(self, ticket: Ticket, error: FetchFailed) -> None:
        now_s = self._clock.monotonic_s()
        self._failed_at[ticket.symbol] = ticket.number
        if isinstance(error, FetchSilent):
            self._queue.note_silence(ticket.symbol)
        if isinstance(error, RateLimited):
            self._paused_until_s = max(self._paused_until_s, now_s + error.retry_after_s)
        else:
            self._circuit = self._circuit.failed(
                ticket.symbol, ticket.is_probe, now_s, len(self._asked)
            )
        lanes = {**self._status.lanes, ticket.lane.name: self._tally(ticket.lane).failed()}
        self._status = replace(self._status, last_error=str(error), lanes=lanes)

    def _was_answered(
        self,
        ticket: Ticket,
        request: BarsRequest,
        fetched: Fetched,
        queued_s: float,
        sent_s: float,
    ) -> None:
        now_s, latency_s = self._clock.monotonic_s(), fetched.latency_s
        self._circuit = self._circuit.answered()
        self._failed_at.pop(ticket.symbol, None)
        self._queue.note_answer(ticket.symbol)
        timeframe = request.timeframe
        self._largest[timeframe] = max(self._largest[timeframe], len(fetched.bars))
        if self.is_starting and len(self.answered) < ANSWERED_MAX:
            self.answered.append(Answered(request, queued_s, sent_s, now_s, latency_s, ticket.lane))
        counted = Counter(self._status.requests) + Counter((timeframe.name,))
        tally = self._tally(ticket.lane).answered(sent_s - queued_s, latency_s)
        lanes = {**self._status.lanes, ticket.lane.name: tally}
        self._status = replace(self._status, requests=dict(counted), lanes=lanes)

    def _tally(self, lane: Lane) -> LaneTally:
        return self._status.lanes.get(lane.name, LaneTally())

    async def _slot(self, ticket: Ticket, now_s: float) -> None:
        loop = asyncio.get_running_loop()
        granted = self._granted[ticket.number] = loop.create_future()
        self._queue.push(ticket, now_s)
        if not self._will_grant:
            self._will_grant = True
            loop.call_soon(self._grant)
        try:
            await granted
        except asyncio.CancelledError:
            self._queue.discard(ticket)
            if granted.done() and not granted.cancelled():
                self._leave_slot(ticket)
                if ticket.is_probe:
                    self._circuit = self._circuit.abandoned()
            self._grant()
            raise
        finally:
            del self._granted[ticket.number]

    def _grant(self) -> None:
        """Send what may be sent, and say how things stand."""
        self._will_grant = False
        now_s = self._clock.monotonic_s()
        while self._queue and self._may_send(now_s) and not self._is_reserved():
            ticket = self._next(now_s)
            granted = self._granted[ticket.number]
            if granted.done():  # cancelled, and its task has not run since
                self._circuit = self._circuit.abandoned()
                continue
            self._take_slot(ticket)
            granted.set_result(None)
        self._wake_when_allowed(now_s)
        used = self.broker.concurrency - self._free if self.is_open else 0
        self._say(
            slots_used=used,
            queue=self._queue.counts(),
            circuit=self._circuit.state,
            failures=self._circuit.failures,
            next_request_ms=self._next_request_ms(now_s),
            unanswered_since_ms=min(self._sent_ms.values(), default=None),
        )

    def _take_slot(self, ticket: Ticket) -> None:
        self._free -= 1
        self._sent_ms[ticket.number] = self._clock.now_ms()
        self._backfills += ticket.lane is Lane.BACKFILL

    def _leave_slot(self, ticket: Ticket) -> None:
        self._free += 1
        self._sent_ms.pop(ticket.number, None)
        self._backfills -= ticket.lane is Lane.BACKFILL

    def _is_reserved(self) -> bool:
        """Backfill leaves one slot free, where there are several: the live tail never waits."""
        most = max(1, self.broker.concurrency - 1)
        return self._backfills >= most and self._queue.has_only(Lane.BACKFILL)

    def _next(self, now_s: float) -> Ticket:
        """The next of its lane; as a probe, of the symbol that failed longest ago or never."""
        if self._circuit.retry_at_s is None:
            return self._queue.pop(now_s)
        probe = min(self._queue, key=lambda t: (self._failed_at.get(t.symbol, 0), t.lane, t))
        self._queue.take(probe, now_s)
        probe.is_probe = True
        self._circuit = self._circuit.probing()
        return probe

    def _may_send(self, now_s: float) -> bool:
        if not self.is_open or not self._free:
            return False
        return not self._circuit.is_probing and self._held_until_s() - now_s <= _TICK_S

    def _held_until_s(self) -> float:
        return max(self._paused_until_s, self._circuit.retry_at_s or float("-inf"))

    def _next_request_ms(self, now_s: float) -> int | None:
        wait_s = self._held_until_s() - now_s
        return self._clock.now_ms() + round(wait_s * 1_000) if wait_s > _TICK_S else None

    def _wake_when_allowed(self, now_s: float) -> None:
        """Look again when the delay is over; the answer to a probe looks by itself."""
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        wait_s = self._held_until_s() - now_s
        if wait_s > _TICK_S and self._queue and not self._circuit.is_probing:
            self._wake = asyncio.get_running_loop().call_later(wait_s, self._grant)

    async def _keep_pace(self, ticket: Ticket) -> None:
        """Wait until it may be sent; who waits here is not kept waiting by the broker."""
        while True:
            now_s = self._clock.monotonic_s()
            wait_s = self._paused_until_s - now_s
            if wait_s <= 0:
                wait_s = 0.0 if self._pace is None else self._pace.take(now_s)
            if wait_s <= 0:
                self._date(ticket, self._sent_ms.get(ticket.number, self._clock.now_ms()))
                return
            self._date(ticket, None)
            await self._clock.sleep(wait_s)

    def _date(self, ticket: Ticket, sent_ms: int | None) -> None:
        """Say when it was sent; None for not yet."""
        if self._sent_ms.get(ticket.number) == sent_ms:
            return
        self._sent_ms.pop(ticket.number, None)
        if sent_ms is not None:
            self._sent_ms[ticket.number] = sent_ms
        self._say(unanswered_since_ms=min(self._sent_ms.values(), default=None))

    def _say(self, **moved: object) -> None:
        state = moved.get("state", self._status.state)
        if state != self._status.state:
            moved["since_ms"] = self._clock.now_ms()
        self._status = replace(self._status, **moved)  # type: ignore[arg-type]
        if self._status != self._said:
            self._said = self._status
            self._changed(self._status)
