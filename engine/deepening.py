"""Fetches older history behind an open gate, in the lowest lane, until each series is deep enough.

Theory of operation. One worker takes symbol after symbol, and of each the newest stretch that is
missing: whole trading days, as many as fill a page or a segment. The M1 of a stretch are fetched
side by side, M3 to H4 are derived from them alone, because no bucket crosses the D1 open a
stretch begins at; then all of it goes to disk, M1 first, so that no derived bar ever lies there
without its proof, and H4 last, so that a stretch with them is whole. Coverage is the commit point,
and whoever comes after a kill goes on from it, or from the H4 where no checkpoint has recorded it
yet: a stretch is the most that is fetched twice.

Readers see deeper tails only where the resident tail was short. The rest is on disk, counted in
`depth`. When a symbol has its depth, and now and then before, a draft is begun from the live
generation; the m1_poller seals it like any other, and a restart finds it.

The worker waits while the operator says so, while any draft is being filled and while the gate
is not open. Damage that no start fetches again, because it is older than the warm-up, is brought
by it as well, however deep it lies. A source that has nothing older is believed after
`SILENT_DAYS` trading days.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from uds import Store
from uds.model import Bars, Coverage, Generation, SeriesKey, Symbol, Timeframe

from . import plan
from .attempt import Partner, attempt
from .bootstrap import show, show_served
from .broker.port import BrokerTimeframe
from .broker.session import Lane
from .calendars.buckets import bucket_open
from .cell import CellState
from .degraded import DegradedCode, DegradedReason
from .depth import Depth
from .derive import derive
from .events import DepthChanged, DepthPaused, ReasonCleared, ReasonRaised, ReasonRevised
from .fetching import Fetcher
from .mending import say_mended
from .process import Tools
from .sayings import saying

STRETCH_BARS = 5_000
"""M1 of one stretch at most, which is one segment."""
COMMIT_BARS = 100_000
"""M1 after which a generation is made in between."""
SILENT_DAYS = 5
"""Trading days without a bar after which the source counts as exhausted."""
_FAR_MS = 1 << 62
_LOOK_S = 5.0


def pause_depth(tools: Tools, *, is_paused: bool) -> None:
    """Hold deepening after the stretch under way, or let it go on."""
    tools.board.post(DepthPaused(is_paused))


async def deepen_all(tools: Tools) -> None:
    """Run for the life of a process; symbol after symbol, then look again every few seconds."""
    await tools.board.until(lambda status: status.opened_gate_after_s is not None)
    symbols = [SymbolDepth(tools, symbol) for symbol in tools.markets]
    while True:
        for one in symbols:
            one.tell_news()
        worked = False
        for one in symbols:
            while _may_go(tools) and await one.step():
                worked = True
        if not worked:
            await _rest(tools)


async def _rest(tools: Tools) -> None:
    """A few seconds, or until a generation is flipped to: after a rebuild it is a shallow one."""
    flips = tools.board.status.flip_count
    try:
        async with asyncio.timeout(_LOOK_S):
            await tools.board.until(lambda status: status.flip_count != flips)
    except TimeoutError:
        return


def _may_go(tools: Tools) -> bool:
    status = tools.board.status
    is_busy = any(tools.store.is_drafting(symbol) for symbol in tools.markets)
    return status.gate_state.is_open and not status.depth_paused and not is_busy


class SymbolDepth:
    """The history of one symbol on its way down."""

    def __init__(self, tools: Tools, symbol: Symbol) -> None:
        self._tools = tools
        self._store = tools.store
        self._symbol = symbol
        self._market = tools.markets[symbol]
        wanted = tools.config.bootstrap.depth_bars
        self._targets = {timeframe: wanted[timeframe] for timeframe in tools.config.timeframes}
        self._fetchers: dict[BrokerTimeframe, Fetcher] = {
            Timeframe.D1: Fetcher(tools, symbol, Timeframe.D1),
            Timeframe.M1: Fetcher(tools, symbol, Timeframe.M1),
        }
        self._silent_days = 0
        self._ended: dict[BrokerTimeframe, int] = {}
        self._wanted: dict[BrokerTimeframe, tuple[int, int]] = {}
        self._uncommitted = 0
        self._due_s = 0.0
        self._told: tuple[Generation, int] | None = None

    async def step(self) -> bool:
        """Bring one stretch of one series; whether there was anything to do."""
        if self._tools.clock.monotonic_s() < self._due_s:
            return False
        for timeframe in self._fetchers:
            gap = self._gap(timeframe)
            if gap is not None:
                return await self._bring(timeframe, *gap)
        if self._uncommitted:
            self._make_permanent()
        if not self._ended:
            self._clear()
        return False

    def tell_news(self) -> None:
        """`tell`, unless readers get what they got when it was told last."""
        served = self._store.tail(self._symbol)
        if served is not None and self._told != (served.generation, served.seq):
            self._told = served.generation, served.seq
            self.tell()

    def tell(self) -> None:
        """Post how deep each series is now, and whether that is less than wanted."""
        if any(any(True for _ in self._short(timeframe)) for timeframe in self._fetchers):
            self._say_short()
        depths = {
            tf: Depth(*_counted(self._store, self._symbol, tf, target))
            for tf, target in self._targets.items()
        }
        before = self._tools.board.status.depth
        if any(before.get(SeriesKey(self._symbol, tf)) != depth for tf, depth in depths.items()):
            self._tools.board.post(DepthChanged(self._symbol, depths))

    def _gap(self, timeframe: BrokerTimeframe) -> tuple[int, int] | None:
        """The newest time to be brought; None when there is none."""
        return max((*self._short(timeframe), *self._damaged(timeframe)), default=None)

    def _short(self, timeframe: BrokerTimeframe) -> Iterable[tuple[int, int]]:
        """Time behind the live edge that lacks expected bars of the wanted depth."""
        return self._lacking(timeframe, self._wanted_from_ms(timeframe), _FAR_MS)

    def _damaged(self, timeframe: BrokerTimeframe) -> Iterable[tuple[int, int]]:
        """The same of damaged files, however old it is: it was stored once.

        Minutes also where the calendar expects none: it does not know better than the file.
        """
        holes = self._tools.damage.holes(SeriesKey(self._symbol, timeframe))
        least = 0 if timeframe is Timeframe.M1 else 1
        return (gap for hole in holes for gap in self._lacking(timeframe, *hole, least=least))

    def _lacking(
        self, timeframe: BrokerTimeframe, from_ms: int, until_ms: int, least: int = 1
    ) -> Iterable[tuple[int, int]]:
        if self._store.tail(self._symbol) is None:
            return ()
        covered = self._store.coverage(SeriesKey(self._symbol, timeframe))
        gaps = covered.gaps(from_ms, min(until_ms, covered.until_ms or from_ms))
        ended_ms = self._ended.get(timeframe, 0)
        return (
            gap
            for gap in gaps
            if gap[1] > ended_ms and plan.expected_bars(self._market, timeframe, *gap) >= least
        )

    def _wanted_from_ms(self, timeframe: BrokerTimeframe) -> int:
        """Where the deepest target begins that this series feeds; it moves once a day."""
        now_ms = self._tools.clock.now_ms()
        today_ms = bucket_open(now_ms, Timeframe.D1, self._market.anchors)
        known = self._wanted.get(timeframe)
        if known is None or known[0] != today_ms:
            from_ms = plan.depth_from_ms(self._market, self._targets, timeframe, today_ms)
            known = self._wanted[timeframe] = (today_ms, from_ms)
        return known[1]

    async def _bring(self, timeframe: BrokerTimeframe, from_ms: int, until_ms: int) -> bool:
        last_ms = until_ms
        if timeframe is Timeframe.M1:
            size = max(STRETCH_BARS, self._market.page_bars_max)
            from_ms, last_ms = plan.stretch(self._market, from_ms, until_ms, size)
        into = self._store.filled(self._symbol)
        bars = await self._fetchers[timeframe].read(from_ms, last_ms, Lane.BACKFILL)
        if bars is None:
            self._due_s = self._tools.clock.monotonic_s() + 60.0
            return False
        if self._is_exhausted(timeframe, bars, from_ms, until_ms):
            self._say_ended(timeframe, until_ms)
            return True
        chunks: dict[Timeframe, Bars] = {timeframe: bars.between(from_ms, until_ms)}
        if timeframe is Timeframe.M1:
            chunks |= self._derived(bars, from_ms, last_ms, until_ms)
        covered: dict[Timeframe, tuple[int, int]] = {timeframe: (from_ms, until_ms)}
        write = partial(self._store.backfill, self._symbol, chunks, covered, into)
        key = SeriesKey(self._symbol, timeframe)
        if not await attempt(self._tools, Partner.DISK, key, write):
            return False
        await self._show()
        say_mended(self._tools, self._symbol)
        self._uncommitted += len(bars)
        if self._uncommitted >= COMMIT_BARS:
            self._make_permanent()
        return True

    def _derived(
        self, m1: Bars, from_ms: int, last_ms: int, until_ms: int
    ) -> dict[Timeframe, Bars]:
        made = derive(
            m1,
            self._market.anchors,
            self._market.calendar,
            Coverage(((from_ms, last_ms),)),
            self._tools.clock.now_ms(),
            self._market.settle_ms,
            tuple(tf for tf in self._targets if tf.is_derived),
        )
        return {tf: bars.between(from_ms, until_ms) for tf, bars in made.items()}

    def _is_exhausted(
        self, timeframe: BrokerTimeframe, bars: Bars, from_ms: int, until_ms: int
    ) -> bool:
        """Whether the source has nothing older: no bar at all where many were expected."""
        if len(bars):
            self._silent_days = 0
            return False
        days = plan.expected_bars(self._market, Timeframe.D1, from_ms, until_ms)
        self._silent_days += days if timeframe is Timeframe.M1 else 0
        return timeframe is Timeframe.D1 or self._silent_days >= SILENT_DAYS

    async def _show(self) -> None:
        """Counts at once; deeper tails where the resident one was short."""
        self.tell()
        served, store = self._tools.store.tail(self._symbol), self._tools.store
        assert served is not None
        tails = store.terms.tail_bars
        is_longer = any(
            len(bars) < min(tails[tf], len(store.load(SeriesKey(self._symbol, tf))))
            for tf, bars in served.tails.items()
        )
        if is_longer and not store.is_drafting(self._symbol):
            extend = partial(store.extend, self._symbol)
            show_served(
                self._tools, self._symbol, await attempt(self._tools, Partner.REDIS, None, extend)
            )

    def _make_permanent(self) -> None:
        """Begin a draft with all there is; the m1_poller derives nothing new, and seals it."""
        self._uncommitted = 0
        self._store.deepen(self._symbol)
        show(self._tools, self._symbol, CellState.STORED)

    def _say_short(self) -> None:
        target = self._targets.get(Timeframe.H4, 0)
        bars, *_ = _counted(self._store, self._symbol, Timeframe.H4, target)
        said = saying("depth_short", bars, target)
        standing, place = self._standing(), (DegradedCode.DEPTH_SHORT, self._symbol)
        if standing is None:
            self._tools.board.post(ReasonRaised.told(*place, said))
        elif standing.said != (said,) and not self._ended:
            self._tools.board.post(ReasonRevised.told(*place, said))

    def _say_ended(self, timeframe: BrokerTimeframe, until_ms: int) -> None:
        self._ended[timeframe] = until_ms
        since = plan.shown(until_ms)
        ended = saying("depth_ended", timeframe.name, self._symbol, since)
        self._tools.board.post(ReasonRaised.told(DegradedCode.DEPTH_SHORT, self._symbol, ended))

    def _clear(self) -> None:
        if self._standing() is not None:
            self._tools.board.post(ReasonCleared(DegradedCode.DEPTH_SHORT, self._symbol))

    def _standing(self) -> DegradedReason | None:
        code, reasons = DegradedCode.DEPTH_SHORT, self._tools.board.status.reasons
        return next((r for r in reasons if (r.code, r.scope) == (code, self._symbol)), None)


def _counted(
    store: Store, symbol: Symbol, timeframe: Timeframe, target: int
) -> tuple[int, int, int | None]:
    bars, first_ms = store.stored(SeriesKey(symbol, timeframe))
    return bars, target, first_ms
