"""A broker over the simulated market, with the manners of a real one: slow, paged, limited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice

import numpy as np

from uds.model import MINUTE_MS, Bars, Symbol, Timeframe, joined

from ..clock import Clock
from ..sayings import Saying, saying
from .market import CACHED_DAYS, SimulatedMarket
from .market_day import Quote
from .noise import key_of, mixed, unit
from .port import BarsAnswer, BarsRequest, FetchFailed, RateLimited, Tick
from .tick_stream import tick_stream
from .token_bucket import TokenBucket

_MINUTES_AHEAD = 4_320
_PIECE_MS = 14 * Timeframe.D1.ms
_SYMBOLS_AHEAD = CACHED_DAYS // 6
"""So many symbols' days are still remembered when the last is drawn."""


class SimBroker:
    """Serves a `SimulatedMarket` as of the clock; what it answers depends on nothing else."""

    kind = "sim"

    def __init__(
        self,
        *,
        market: SimulatedMarket,
        clock: Clock,
        login_s: float = 0.5,
        latency_ms: float = 50,
        jitter: float = 0.0,
        concurrency: int = 4,
        page_bars_max: int = 1_000,
        requests_per_s: float | None = None,
        requests_burst: int | None = None,
        publish_delay_s: float = 5.0,
        seed: int = 0,
    ) -> None:
        """Set the broker's manners; nothing is drawn before it is asked for.

        A request takes `latency_ms`, give or take the fraction `jitter` of it drawn from
        `seed`; requests beyond `concurrency` wait for a slot. `requests_per_s` None means no
        limit; `requests_burst` None lets one second's worth through at once. A closed bar
        shows up `publish_delay_s` after its close.
        """
        self.page_bars_max = page_bars_max
        self.concurrency = concurrency
        self._market = market
        self._clock = clock
        self._login_s = login_s
        self._latency_s = latency_ms / 1_000
        self._jitter = jitter
        self._publish_delay_ms = round(publish_delay_s * 1_000)
        self._key = key_of(seed, "latency")
        self._request_count = 0
        self._slots = asyncio.Semaphore(concurrency)
        self._bucket = (
            TokenBucket(requests_per_s, requests_burst or max(1, int(requests_per_s)))
            if requests_per_s
            else None
        )
        self._quotes: dict[Symbol, tuple[int, tuple[Quote, ...]]] = {}

    async def login(self) -> float:
        """Open the session, always successfully; seconds it took.

        Meanwhile the newest days are drawn: a broker has its history when it is asked for it.
        """
        until_s = self._clock.monotonic_s() + self._login_s
        now_ms = self._clock.now_ms()
        for symbol, calendar in islice(self._market.calendars.items(), _SYMBOLS_AHEAD):
            if self._clock.monotonic_s() >= until_s:
                break
            self._market.m1(symbol, calendar.back(now_ms, _MINUTES_AHEAD), now_ms)
            await self._clock.sleep(0)
        await self._clock.sleep(max(0.0, until_s - self._clock.monotonic_s()))
        return self._login_s

    async def fetch_bars(self, request: BarsRequest) -> BarsAnswer:
        """Closed and published bars; local work is done inside the latency, not on top of it.

        Raises RateLimited at once when asked too often, FetchFailed for an unknown symbol.
        """
        async with self._slots:
            began_s = self._clock.monotonic_s()
            self._admit(request, began_s)
            latency_s = self._drawn_latency_s()
            await self._clock.sleep(0)  # whoever asks at the same time is under way as well
            bars = await self._published(request)
            spent_s = self._clock.monotonic_s() - began_s
            await self._clock.sleep(max(0.0, latency_s - spent_s))
        return BarsAnswer(bars, latency_s)

    def ticks(self, symbols: tuple[Symbol, ...]) -> AsyncIterator[Tick]:
        """Quotes of the market as the clock passes them; none while it is shut."""
        return tick_stream(self._clock, symbols, self._ticks_between)

    def notes(self) -> tuple[tuple[str, Symbol, Saying], ...]:
        """Nothing: that the market is simulated is said where the broker is named."""
        return ()

    async def close(self) -> None:
        """Nothing is held open."""

    def _admit(self, request: BarsRequest, now_s: float) -> None:
        if request.symbol not in self._market.calendars:
            raise FetchFailed(f"The simulated market has no symbol {request.symbol}.")
        wait_s = self._bucket.take(now_s) if self._bucket else 0.0
        if wait_s:
            raise RateLimited(saying("broker_pace", f"{wait_s:.3f}"), wait_s)

    def _drawn_latency_s(self) -> float:
        self._request_count += 1
        share = float(unit(mixed(np.array([self._request_count]), self._key))[0])
        return self._latency_s * (1 + self._jitter * (2 * share - 1))

    async def _published(self, request: BarsRequest) -> Bars:
        """The newest page of the range, of bars whose close lies the publish delay back."""
        known_ms = self._clock.now_ms() - self._publish_delay_ms
        if request.timeframe is Timeframe.D1:
            until_ms = min(request.until_ms, known_ms)
            days = await self._days(request.symbol, request.from_ms, until_ms)
            bars = days.take(days.close_time_ms <= known_ms)
        else:
            until_ms = min(request.until_ms, known_ms - MINUTE_MS + 1)
            from_ms = max(request.from_ms, self._page_from_ms(request.symbol, until_ms))
            bars = self._market.m1(request.symbol, from_ms, until_ms)
        return bars.tail(self.page_bars_max)

    async def _days(self, symbol: Symbol, from_ms: int, until_ms: int) -> Bars:
        """In pieces where they are made of minutes, so that half a year does not hold the loop."""
        if not self._market.is_cut_elsewhere:
            return self._market.d1(symbol, from_ms, until_ms)
        pieces = [Bars.empty()]
        for piece_ms in range(from_ms, until_ms, _PIECE_MS):
            pieces.append(self._market.d1(symbol, piece_ms, min(piece_ms + _PIECE_MS, until_ms)))
            await self._clock.sleep(0)
        return joined(pieces)

    def _page_from_ms(self, symbol: Symbol, until_ms: int) -> int:
        """Far enough back for a page: four times the minutes without ticks are allowed for."""
        minutes_count = self.page_bars_max + self.page_bars_max // 50 + 30
        return self._market.calendars[symbol].back(until_ms, minutes_count)

    def _ticks_between(self, symbol: Symbol, from_ms: int, until_ms: int) -> Iterator[Tick]:
        for open_ms in range(from_ms - from_ms % MINUTE_MS, until_ms, MINUTE_MS):
            known = self._quotes.get(symbol)
            if known is None or known[0] != open_ms:
                known = (open_ms, self._market.ticks_of_minute(symbol, open_ms))
                self._quotes[symbol] = known
            yield from (
                Tick(symbol, *quote) for quote in known[1] if from_ms <= quote[0] < until_ms
            )
