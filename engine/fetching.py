"""From a gap to stored bars: pages through the session, each durable as soon as it is there."""

from __future__ import annotations

import asyncio
from functools import partial

from uds.model import Bars, SeriesKey, Symbol, Timeframe

from . import plan
from .attempt import Partner, attempt
from .broker.port import BarsAnswer, BarsRequest, BrokerTimeframe
from .broker.session import Lane
from .cell import CellState
from .coverage import LiveEdge
from .degraded import DegradedCode
from .events import BarsCounted, CellsChanged, ReasonCleared, ReasonRaised
from .process import Tools


class Fetcher:
    """Fills the gaps of a symbol's M1 or D1, remembering what its answers have proved."""

    def __init__(self, tools: Tools, symbol: Symbol, timeframe: BrokerTimeframe) -> None:
        self.key = SeriesKey(symbol, timeframe)
        self._tools = tools
        self._market = tools.markets[symbol]
        self._timeframe = timeframe
        self._rank = tuple(tools.markets).index(symbol)
        self._edge = LiveEdge()

    def missing(self, from_ms: int) -> tuple[BarsRequest, ...]:
        """The pages that would fill what is not covered since then; none when all is."""
        covered = self._tools.store.coverage(self.key)
        now_ms = self._tools.clock.now_ms()
        return plan.pages(self._market, self._timeframe, covered, from_ms, now_ms)

    async def fill(self, from_ms: int, lane: Lane) -> None:
        """Fetch and store every missing page side by side; the cell shows how far it is."""
        requests = self.missing(from_ms)
        done = 0

        async def one(page: int, request: BarsRequest) -> None:
            nonlocal done
            await self._page(request, lane, page)
            done += 1
            self._show_progress(done / len(requests))

        async with asyncio.TaskGroup() as group:
            for page, request in enumerate(requests):
                group.create_task(one(page, request))
        if requests:
            self._say_whether_any()

    async def fetch_new(self, first_ms: int) -> int:
        """Fetch and store what is missing at the live edge; how many requests that took.

        `first_ms` is where the series begins while nothing of it is covered.
        """
        covered_until_ms = self._tools.store.coverage(self.key).until_ms
        requests = self.missing(first_ms if covered_until_ms is None else covered_until_ms)
        for request in requests:
            await self._page(request, Lane.LIVE, 0)
        if requests:
            self._say_whether_any()
        return len(requests)

    def _say_whether_any(self) -> None:
        """A series without a single bar is a reason, until its first bar is there."""
        stale, board = DegradedCode.CELL_STALE, self._tools.board
        if len(self._tools.store.load(self.key)):
            board.post(ReasonCleared(stale, self.key))
        else:
            board.post(ReasonRaised(stale, self.key, f"The broker has no bar of {self.key} yet."))

    async def _page(self, request: BarsRequest, lane: Lane, page: int) -> None:
        """One range; asked again, older part by older part, while answers are cut short."""
        remaining: BarsRequest | None = request
        while remaining is not None:
            asked = remaining
            answer = await attempt(
                self._tools,
                Partner.BROKER,
                self.key,
                partial(self._tools.session.fetch, asked, lane, (self._rank, page)),
            )
            remaining = plan.remainder(asked, answer.bars, self._market.page_bars_max)
            await self._store(asked, answer, is_cut=remaining is not None)

    async def _store(self, request: BarsRequest, answer: BarsAnswer, *, is_cut: bool) -> None:
        now_ms = self._tools.clock.now_ms()
        settled = answer.bars.take(answer.bars.close_time_ms + self._market.settle_ms <= now_ms)
        oldest_ms = answer.bars.first_open_ms
        from_ms = oldest_ms if is_cut and oldest_ms is not None else request.from_ms
        proved = self._proved(from_ms, request.until_ms, settled, now_ms)
        stored = await attempt(
            self._tools,
            Partner.DISK,
            self.key,
            lambda: self._tools.store.append(self.key, settled, proved),
        )
        if stored.repeated_count or stored.revised_count:
            counted = BarsCounted(stored.repeated_count, stored.revised_count)
            self._tools.board.post(counted)

    def _proved(
        self, from_ms: int, until_ms: int, settled: Bars, now_ms: int
    ) -> tuple[tuple[int, int], ...]:
        """What the answer is proof for; a day without a row proves nothing (07 §3)."""
        close_ms = settled.last_close_ms
        if self._timeframe is Timeframe.D1:
            return ((from_ms, close_ms),) if close_ms is not None else ()
        self._edge, proved = self._edge.answered(
            from_ms, until_ms, close_ms, now_ms, self._market.settle_ms
        )
        return proved.intervals

    def _show_progress(self, share: float) -> None:
        board, store = self._tools.board, self._tools.store
        before = board.status.cells[self.key]
        cell = before.moved(CellState.FETCHING, share, store.load(self.key))
        board.post(CellsChanged(self.key.symbol, {self._timeframe: cell}))
