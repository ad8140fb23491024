"""From a gap to stored bars: pages through the session, each durable as soon as it is there.

Theory of operation. A page is asked for as a whole and accepted in parts, newest first, because
a broker's own page may be smaller than ours (`plan.remainder`). Every part goes to disk with
the time it is proof for. Three answers look alike and are not: a silence that is true, one that
came too early, and one that is a fault. So

- at the live edge silence is believed when it is told twice, a minute apart (`LiveEdge`);
- further back it is believed at once when it is short, and asked for again when it is long,
  at once and, when it is told twice, a minute later once more;
- when rows come again after minutes of silence, it is asked about once more;
- of a series that never had a bar it proves nothing: its pages are asked for again.

An answer that had to be mended is asked for again once, and then ever more seldom until a clean
one with bars comes; what was mended counts meanwhile, and the reason stands.

An answer that holds only bars nobody asked for brings nothing: after `TRIES` of them in a row,
or after `CHAIN_MAX` parts, the page is given up loudly as GAP. What stays uncovered behind the
live edge is asked for again each minute, and once an hour after `REPAIRS_MAX` attempts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from uds.model import MINUTE_MS, Bars, Coverage, Generation, SeriesKey, Symbol, Timeframe

from . import plan
from .attempt import Partner, attempt
from .boots.timeline import Span
from .broker.answers import Fetched
from .broker.port import BarsRequest, BrokerTimeframe
from .broker.session import Lane
from .cell import CellState
from .coverage import LiveEdge
from .degraded import DegradedCode
from .events import BarsCounted, CellsChanged, ReasonCleared, ReasonRaised
from .process import Tools
from .repairs import REPAIRS_MAX, REST_MS, Repairs
from .sayings import saying
from .status import Mode

TRIES = 2
"""How often a page may bring nothing before it is believed, or given up."""
CHAIN_MAX = 400
"""The most parts one page may come in."""
_SILENCE = 3
"""Expected minutes; so many without a row are asked about once rows come again."""
_LONG_SILENCE = 30
"""Expected bars; so many missing in a row are asked for again."""
_SILENCE_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """What one answer brought of a page."""

    request: BarsRequest
    """What was asked."""
    fetched: Fetched
    """What came."""
    into: Generation
    """What was being filled when it was asked for: it belongs nowhere else."""
    proved_from_ms: int
    """From where on the answer says all there is; its end is the request's."""


@dataclass(frozen=True, slots=True)
class _Flawed:
    """The newest answer, when it had to be mended."""

    request: BarsRequest
    """What was asked."""
    attempts: int
    """How many such answers came in a row before it."""
    due_ms: int
    """When it is asked for again although nothing is missing, UTC ms."""


class Fetcher:
    """Fills the gaps of a symbol's M1 or D1, remembering what its answers have proved."""

    def __init__(self, tools: Tools, symbol: Symbol, timeframe: BrokerTimeframe) -> None:
        self.key = SeriesKey(symbol, timeframe)
        self.written_count = 0
        """Bars that changed the store so far."""
        self._tools = tools
        self._market = tools.markets[symbol]
        self._timeframe = timeframe
        self._rank = tuple(tools.markets).index(symbol)
        self._forget()

    def _forget(self) -> None:
        """What was proved of one generation is no proof for the next."""
        self._edge = LiveEdge()
        self._flawed: _Flawed | None = None
        self._repairs = Repairs()
        self._given_up: set[tuple[int, int]] = set()
        self._silences: dict[BarsRequest, int | None] = {}
        self._reread: set[tuple[int, int]] = set()

    def missing(self, from_ms: int) -> tuple[BarsRequest, ...]:
        """The pages that would fill what is not covered since then; none when all is."""
        covered = self._tools.store.coverage(self.key)
        now_ms = self._tools.clock.now_ms()
        return plan.pages(self._market, self._timeframe, covered, from_ms, now_ms)

    async def fill(self, from_ms: int, lane: Lane) -> None:
        """Fetch and store every missing page side by side; the cell shows how far it is."""
        if not len(self._tools.store.load(self.key)):
            self._forget()
        self._doubt_time_to_come()
        self._say_whether_any()
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
            self._say_whether_any(is_asked=True)

    async def has_any(self, from_ms: int, lane: Lane) -> bool:
        """Whether the series has a bar; the newest page is asked for while it has none."""
        if not len(self._tools.store.load(self.key)):
            for request in self.missing(from_ms)[:1]:
                await self._page(request, lane, 0)
            self._say_whether_any(is_asked=True)
        return len(self._tools.store.load(self.key)) > 0

    async def fetch_new(self, first_ms: int) -> int | None:
        """Fetch and store what is missing at the live edge, and the gaps behind it.

        `first_ms` is where the series begins while nothing of it is covered. Returns from where
        on bars or coverage may have changed, None when nothing was asked.
        """
        self._doubt_time_to_come()
        edge_ms = self._tools.store.coverage(self.key).until_ms
        last_close_ms = self._tools.store.load(self.key).last_close_ms
        touched: list[int] = []
        for request in self.missing(first_ms):
            is_edge = edge_ms is None or request.until_ms > edge_ms
            now_ms = self._tools.clock.now_ms()
            if is_edge or self._repairs.begin((request.from_ms, request.until_ms), now_ms):
                await self._page(request, Lane.LIVE if is_edge else Lane.CATCH_UP, 0)
                touched.append(request.from_ms)
        if last_close_ms is not None and await self._ask_about_silence(last_close_ms):
            touched.append(last_close_ms)
        touched.extend(await self._ask_about_silences())
        flawed = self._flawed
        if flawed is not None and self._tools.clock.now_ms() >= flawed.due_ms:
            await self._page(flawed.request, Lane.CATCH_UP, 0)
            touched.append(flawed.request.from_ms)
        if touched:
            self._say_whether_any(is_asked=True)
        self._say_gaps(first_ms)
        return min(touched, default=None)

    def _doubt_time_to_come(self) -> None:
        """Silence past our own now was believed under a clock that ran ahead: it is unknown."""
        store, now_ms = self._tools.store, self._tools.clock.now_ms()
        if (store.coverage(self.key).until_ms or 0) > now_ms:
            store.doubt(self.key, store.load(self.key).last_close_ms or now_ms)

    async def _ask_about_silence(self, last_close_ms: int) -> bool:
        """Rows after a silence of minutes: was it true, or did the broker only fall behind?"""
        news = self._tools.store.load(self.key).between(last_close_ms, self._tools.clock.now_ms())
        first_ms = news.first_open_ms
        if first_ms is None or self._timeframe is Timeframe.D1:
            return False
        if plan.expected_bars(self._market, self._timeframe, last_close_ms, first_ms) < _SILENCE:
            return False
        silence = BarsRequest(self.key.symbol, self._timeframe, last_close_ms, first_ms)
        await self._page(silence, Lane.CATCH_UP, 0)
        return True

    async def _ask_about_silences(self) -> list[int]:
        """Long silences that were believed a minute ago: a source may have been at a loss then."""
        now_ms = self._tools.clock.now_ms()
        due = [r for r, at in self._silences.items() if at is not None and now_ms - at >= MINUTE_MS]
        for request in due:
            self._silences[request] = None
            await self._page(request, Lane.CATCH_UP, 0)
        return [request.from_ms for request in due]

    async def read(self, from_ms: int, until_ms: int, lane: Lane) -> Bars | None:
        """All bars of old time, stored nowhere; None when part of it could not be had.

        A long silence, or an answer that had to be mended, is none until it was read twice.
        """
        now_ms = until_ms + self._market.settle_ms
        requests = plan.pages(self._market, self._timeframe, Coverage(), from_ms, now_ms)
        read = Bars.empty()

        async def take(part: Part) -> None:
            nonlocal read
            read = read.merged(part.fetched.bars)

        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._page(request, lane, page, take))
                for page, request in enumerate(requests)
            ]
        flawed, self._flawed = self._flawed, None
        if flawed is not None and (from_ms, until_ms) not in self._reread:
            self._reread.add((from_ms, until_ms))
            return None
        return read if all(task.result() for task in tasks) else None

    async def _page(
        self,
        request: BarsRequest,
        lane: Lane,
        page: int,
        take: Callable[[Part], Awaitable[None]] | None = None,
    ) -> bool:
        """One range, older part by older part; each is taken (stored) before the next is asked.

        Returns whether all of it came.
        """
        is_stored = take is None
        take = take or self._store
        remaining: BarsRequest | None = request
        tries, parts, came = 0, 0, 0
        while remaining is not None:
            asked, into = remaining, self._tools.store.filled(self.key.symbol)
            fetched = await attempt(
                self._tools,
                Partner.BROKER,
                self.key,
                partial(self._tools.session.fetch, asked, lane, (self._rank, page)),
                lambda answer: answer.flaw,
                partial(self._says_anything, asked),
            )
            await self._tools.clock.sleep(0)  # the slot is free: let the next request out first
            parts += 1
            tries = 0 if len(fetched.bars) else tries + 1
            if self._wants_again(asked, fetched):
                await self._tools.clock.sleep(_SILENCE_PAUSE_S)
                continue
            if tries and self._is_doubtful(asked, fetched):
                is_known = asked in self._silences
                if tries < TRIES and is_stored and not is_known:
                    await self._tools.clock.sleep(_SILENCE_PAUSE_S)
                    continue
                if fetched.outside_count:
                    self._give_up(asked, "gap_others", tries)
                    return False
                self._silences.setdefault(asked, self._tools.clock.now_ms())
                if not (is_stored or is_known):
                    return False
            largest = self._tools.session.largest_answer(self._timeframe)
            rows = fetched.row_count
            remaining = plan.remainder(self._market, asked, fetched.bars, largest, came, rows)
            came += len(fetched.bars)
            oldest_ms = asked.from_ms if remaining is None else remaining.until_ms
            await take(Part(asked, fetched, into, oldest_ms))
            if remaining is not None and parts >= CHAIN_MAX:
                self._give_up(remaining, "gap_parts", CHAIN_MAX)
                return False
        return True

    def _says_anything(self, asked: BarsRequest, fetched: Fetched) -> bool:
        """Whether it shows how the broker answers now; silence elsewhere mends no flawed page."""
        flawed = self._flawed
        return flawed is None or asked == flawed.request or len(fetched.bars) > 0

    def _wants_again(self, asked: BarsRequest, fetched: Fetched) -> bool:
        """Whether an answer that had to be mended is the first such in a row; remembers it."""
        before = self._flawed
        if not self._says_anything(asked, fetched):
            return False
        if not fetched.flaw or not len(fetched.bars):
            self._flawed = None
            return False
        now_ms = self._tools.clock.now_ms()
        repeats = 0
        if before is not None:  # the pages beside it are of the same attempt
            is_repeat = asked == before.request or now_ms >= before.due_ms
            repeats = before.attempts + is_repeat
        rest_ms = min(REST_MS, MINUTE_MS << min(repeats, 6))
        self._flawed = _Flawed(asked, repeats, now_ms + rest_ms)
        return before is None

    def _is_doubtful(self, asked: BarsRequest, fetched: Fetched) -> bool:
        """Whether an answer without bars may be a fault: rows of elsewhere, or a long silence.

        Any silence is doubtful where bars were stored before their file was damaged.
        """
        holes = self._tools.damage.holes(self.key)
        if fetched.outside_count or any(a < asked.until_ms and asked.from_ms < b for a, b in holes):
            return True
        if self._timeframe is Timeframe.D1:
            return asked.until_ms <= (self._newest_close_ms() or 0)
        edge_ms = self._tools.clock.now_ms() - self._market.settle_ms
        if asked.until_ms >= edge_ms - MINUTE_MS:
            return False
        expected = plan.expected_bars(self._market, self._timeframe, asked.from_ms, asked.until_ms)
        return expected >= _LONG_SILENCE

    async def _store(self, part: Part) -> None:
        began_s, now_ms = self._tools.since_opened_s(), self._tools.clock.now_ms()
        bars = part.fetched.bars
        settled = bars.take(bars.close_time_ms <= now_ms - self._market.settle_ms)
        proved = self._proved(part.proved_from_ms, part.request.until_ms, settled, now_ms)
        stored = await attempt(
            self._tools,
            Partner.DISK,
            self.key,
            lambda: self._tools.store.append(self.key, settled, proved, part.into),
        )
        if stored.is_superseded:
            return
        self.written_count += len(settled) - stored.repeated_count
        if stored.repeated_count or stored.revised_count:
            counted = BarsCounted(stored.repeated_count, stored.revised_count)
            self._tools.board.post(counted)
        if self._tools.session.is_starting:
            ended_s = self._tools.since_opened_s()
            span = Span("store", self.key.symbol, began_s, ended_s, of=self._timeframe.name)
            self._tools.timeline.note(span)

    def _proved(
        self, from_ms: int, until_ms: int, settled: Bars, now_ms: int
    ) -> tuple[tuple[int, int], ...]:
        """What the answer is proof for; at the edge a day without a row proves nothing (07 §3)."""
        close_ms = settled.last_close_ms
        if self._timeframe is Timeframe.D1:
            known_ms = close_ms if close_ms is not None else self._newest_close_ms()
            return ((from_ms, min(until_ms, known_ms)),) if known_ms is not None else ()
        edge = replace(self._edge, newest_close_ms=self._newest_close_ms())
        self._edge, proved = edge.answered(
            from_ms, until_ms, close_ms, now_ms, self._market.settle_ms
        )
        return proved.intervals if self._edge.newest_close_ms is not None else ()

    def _newest_close_ms(self) -> int | None:
        """Close of the newest row ever seen, in this life or before it."""
        seen = (self._edge.newest_close_ms, self._tools.store.load(self.key).last_close_ms)
        return max((close for close in seen if close is not None), default=None)

    def _say_gaps(self, first_ms: int) -> None:
        """A gap that an attempt did not fill is a reason; that all are full is its end."""
        edge_ms = self._tools.store.coverage(self.key).until_ms or 0
        missing = self.missing(first_ms)
        gaps = [r for r in missing if r.until_ms <= edge_ms]
        attempts = self._repairs.left((r.from_ms, r.until_ms) for r in gaps)
        if 0 < attempts <= REPAIRS_MAX:
            self._give_up(gaps[-1], "gap_tried", attempts)
        self._given_up = {
            (from_ms, until_ms)
            for from_ms, until_ms in self._given_up
            if any(r.from_ms < until_ms and from_ms < r.until_ms for r in missing)
        }
        if not self._given_up:
            self._clear(DegradedCode.GAP)

    def _give_up(self, request: BarsRequest, code: str, count: int) -> None:
        self._given_up.add((request.from_ms, request.until_ms))
        expected = plan.expected_bars(
            self._market, self._timeframe, request.from_ms, request.until_ms
        )
        since = plan.shown(request.from_ms)
        said = saying(code, expected, self._timeframe.name, since, count)
        self._tools.board.post(ReasonRaised.told(DegradedCode.GAP, self.key, said))

    def _say_whether_any(self, *, is_asked: bool = False) -> None:
        """A series without a bar is said: at once of a new symbol, else once it was asked for."""
        code, board, symbol = DegradedCode.WATERMARK_MISSING, self._tools.board, self.key.symbol
        is_new = board.status.modes.get(symbol) is Mode.COLD is not board.status.mode
        if len(self._tools.store.load(self.key)):
            self._clear(code)
        elif is_asked or (is_new and self._tools.store.tail(symbol) is None):
            self._edge = LiveEdge()
            none = saying("no_bar_broker" if is_asked else "no_bar_stored", self.key)
            board.post(ReasonRaised.told(code, self.key, none))

    def _clear(self, code: DegradedCode) -> None:
        board = self._tools.board
        if any((r.code, r.scope) == (code, self.key) for r in board.status.reasons):
            board.post(ReasonCleared(code, self.key))

    def _show_progress(self, share: float) -> None:
        board, store = self._tools.board, self._tools.store
        before = board.status.cells[self.key]
        cell = before.moved(CellState.FETCHING, share, store.load(self.key))
        board.post(CellsChanged(self.key.symbol, {self._timeframe: cell}))
