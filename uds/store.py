"""The waist: the only way to bars on disk and in Redis.

Theory of operation. A symbol's data is a *generation*: eight series that readers get together
or not at all. The store keeps at most two accounts ("books") of a symbol: the *live* one, which
readers are served from, and a *draft*, which a start or a forced rebuild fills beside it.

    recover / begin ─▶ draft ─append*─▶ commit ─▶ prime ─▶ flip ─▶ live ─append, extend*─▶ …

`append` makes bars durable: it goes to the draft while there is one, else to the live book.
`commit` writes the manifest and links it: from then on a restart finds this generation.
`prime` puts all tails into Redis under the generation's own keys, `flip` moves the pointer,
reads it back and only then swaps the snapshot that readers get: one assignment of one frozen
value, so no answer can hold two generations. `extend` does the same for a minute that closed.

The order is always durable, then visible, then announced. Whatever fails in between leaves a
truth: bars on disk that nobody sees yet, or tails in Redis that no pointer names. Every step
may be repeated. A failed or cancelled write poisons its segment: the next one begins a file.

Beside the walk stand slow duties: `checkpoint` records how far the live generations have come,
`scrub` reads one file again, `collect` removes what no generation needs any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from . import layout, manifest
from .believing import FAR_MS
from .book import Book, Segment, Series
from .drill_files import DrillFiles
from .embedded import EmbeddedServer
from .errors import Fenced
from .history import read_history
from .inspection import Inspected, inspect
from .model import Bars, Coverage, FencingToken, Generation, Preview, SeriesKey, Symbol, Timeframe
from .ports import Cache, Disk
from .publishing import Publisher
from .quarantine import QUARANTINE_BYTES_MAX, Quarantine
from .recovery import Recovered, recover_into
from .shelf import Appended, Collected, Intervals, Scrubbed, Shelf, Snapshot, StoreTerms
from .told import told
from .upkeep import StateFile, committed_in, garbage, scrub, segments_of
from .writing import Writer, write_again


class Store:
    """The Unified Data Store of one owner; made by `open_store()` only."""

    def __init__(
        self,
        terms: StoreTerms,
        token: FencingToken,
        disk: Disk,
        cache: Cache,
        server: EmbeddedServer | None,
    ) -> None:
        self.terms = terms
        self.token = token
        self.server = server
        self.state = StateFile(disk, token)
        self.drills = DrillFiles(disk)
        self._disk = disk
        self._cache = cache
        self._quarantine = Quarantine(disk, token, QUARANTINE_BYTES_MAX)
        self._publisher = Publisher(terms, token, cache)
        self._writer = Writer(terms, token, disk)
        self._shelves: defaultdict[Symbol, Shelf] = defaultdict(Shelf)
        self._scrub_turn = 0
        self._checkpointed_changes = 0

    # -- the draft ---------------------------------------------------------------------------

    async def recover(self, symbol: Symbol, doubted: Collection[str] = ()) -> Recovered:
        """Begin a draft from what the disk has, or from nothing; evidence goes to quarantine.

        Of a served symbol it repairs behind its readers; RAM has what `doubted` files have lost.
        """
        shelf = self._shelves[symbol]
        async with shelf.writing:
            state, kept_bars = await self.state.read(), self.terms.kept_bars
            book, served = self._new_book(symbol), shelf.live if doubted else None
            reading = await recover_into(book, self._disk, state, kept_bars, doubted, served)
            rotated_count = await self._quarantine.keep(reading.evidence)
            for path, length in reading.cuts:
                await self._disk.truncate(path, length)
            await write_again(self._disk, reading.unsettled)
            book.begin_journal(reading.recovered.found, reading.carried, self.terms.anchors)
            for timeframe, bars in reading.rescued:
                await self._writer.append(shelf, book, {timeframe: bars}, (), None)
            if shelf.live is None and reading.newest is not None:
                shelf.previous = Generation.parse(reading.newest.generation)
                shelf.previous_paths = reading.paths
            return replace(reading.recovered, rotated_count=rotated_count)

    def begin(
        self, symbol: Symbol, keeping: Iterable[Timeframe] = (), *, is_resumable: bool = False
    ) -> Generation:
        """Begin a draft anew, dropping an unfinished one; readers keep what they have.

        It starts empty but for the series in `keeping`, which come from the draft before. The
        pages of a resumable draft are noted, so that a start after a kill takes it up again.
        """
        before = self._shelves[symbol].draft
        book = self._new_book(symbol)
        for timeframe in keeping:
            assert before is not None, f"{symbol} has no draft to keep {timeframe.name} of"
            book.series[timeframe] = before.series[timeframe]
        if is_resumable:
            book.begin_journal(None, tuple(book.pages()), self.terms.anchors)
        return book.generation

    async def make_room(self, symbol: Symbol) -> None:
        """Make a symbol's folders while there is time for it; raises DiskFailed."""
        await self._disk.make(layout.folders_in(symbol, self.terms.timeframes))

    def is_drafting(self, symbol: Symbol) -> bool:
        """Whether a generation is being filled."""
        return self._shelves[symbol].draft is not None

    # -- durable -----------------------------------------------------------------------------

    def filled(self, symbol: Symbol) -> Generation:
        """The one that `append` writes to: the draft, else the live generation."""
        return self._shelves[symbol].newest(symbol).generation

    async def append(
        self, key: SeriesKey, bars: Bars, covered: Intervals = (), into: Generation | None = None
    ) -> Appended:
        """Make bars durable in the draft, else in the live generation; n may be 0.

        `covered` are the half-open intervals the answer is proof for. Bars equal to stored ones
        are skipped. What was fetched or derived for `into` is dropped when that is not `filled`
        any more; None means whatever is. Raises DiskFailed.
        """
        (appended,) = await self.append_all(key.symbol, {key.timeframe: bars}, covered, into)
        return appended

    async def append_all(
        self,
        symbol: Symbol,
        bars: Mapping[Timeframe, Bars],
        covered: Intervals = (),
        into: Generation | None = None,
    ) -> tuple[Appended, ...]:
        """The same for several series of a symbol, side by side."""
        shelf = self._shelves[symbol]
        async with shelf.writing:
            return await self._writer.append(shelf, shelf.newest(symbol), bars, covered, into)

    def load(self, key: SeriesKey) -> Bars:
        """The resident bars of the draft, else of the live generation."""
        return self._series(key).bars

    def resident_from_ms(self, key: SeriesKey) -> int:
        """Bars that open before it may be on disk only; 0 while `load` gives all there are."""
        return self._series(key).resident_from_ms

    def coverage(self, key: SeriesKey) -> Coverage:
        """What the draft, else the live generation, was fetched for."""
        return self._series(key).coverage

    def doubt(self, key: SeriesKey, from_ms: int, until_ms: int = FAR_MS) -> None:
        """Hold what was fetched then for unfetched; the bars stay until they are replaced."""
        series = self._series(key)
        series.coverage = series.coverage.without(from_ms, until_ms)

    async def commit(self, symbol: Symbol) -> Generation:
        """Make the draft what the next start finds; raises DiskFailed."""
        book = (shelf := self._shelves[symbol]).drafted(symbol)
        async with shelf.writing:
            path = layout.manifest_path(symbol, book.generation)
            commit_path = layout.commit_path(symbol, book.generation)
            if not book.committed_bytes or await self._disk.read(commit_path) is None:
                digests = book.digests(self.terms.tail_bars, self.terms.digits[symbol])
                account = book.manifest(self.terms.anchors, digests, self.terms.config_hash)
                book.committed_bytes = {entry.path: entry.bytes for entry in account.segments}
                await self._disk.replace(path, manifest.encode(account))
            await self._disk.link(path, commit_path)
            return book.generation

    # -- depth -------------------------------------------------------------------------------

    async def read(self, key: SeriesKey, from_ms: int, until_ms: int) -> Bars:
        """Bars of the draft, else of the live generation, from disk: also those not in RAM.

        Raises DiskFailed.
        """
        return await read_history(self._disk, key, self._series(key), from_ms, until_ms)

    def stored(self, key: SeriesKey) -> tuple[int, int | None]:
        """(bars on disk, open of the oldest) of the draft, else of the live generation."""
        segments = self._series(key).segments
        return sum(s.bars for s in segments), min((s.first_ms for s in segments), default=None)

    async def backfill(
        self,
        symbol: Symbol,
        chunks: Mapping[Timeframe, Bars],
        covered: Mapping[Timeframe, tuple[int, int]],
        into: Generation | None = None,
    ) -> bool:
        """Append bars older than all others to the live generation `into`, in the order given.

        They go to segments of their own, and count as covered once every chunk is durable. False
        while a draft is being filled, or when another is live: nothing written. Raises DiskFailed.
        """
        shelf = self._shelves[symbol]
        async with shelf.writing:
            live = shelf.live
            if live is None or shelf.draft is not None or into not in (None, live.generation):
                return False
            await self._writer.backfill(shelf, live, chunks, covered)
            return True

    def deepen(self, symbol: Symbol) -> Generation:
        """Begin a draft that has all the live generation has; readers keep what they have."""
        live = self._shelves[symbol].live
        assert live is not None, f"{symbol} is not live"
        book = self._new_book(symbol)
        for timeframe, series in live.series.items():
            book.series[timeframe] = series.copied()
        return book.generation

    # -- visible -----------------------------------------------------------------------------

    async def prime(self, symbol: Symbol) -> None:
        """Put all tails of the draft into Redis under its own keys; raises CacheDown and kin."""
        await self._publisher.prime(self._shelves[symbol].drafted(symbol))

    async def flip(self, symbol: Symbol) -> Snapshot:
        """Serve the draft from now on; returns once the pointer was read back.

        Bars that came after `prime` are durable and in the snapshot; `extend` shows them in Redis.
        """
        book = (shelf := self._shelves[symbol]).drafted(symbol)
        async with shelf.writing:  # or `restore` may bring the old one back in between
            stale = await self._publisher.flip(book)
            if stale is not None:
                shelf.dead.append(stale)
            if shelf.live is not None:
                shelf.previous, shelf.previous_paths = shelf.live.generation, shelf.live.paths
            shelf.live, shelf.draft = book, None
            book.journal = None
            shelf.snapshot = self._publisher.snapshot(book)
            shelf.change_count += 1
            return shelf.snapshot

    async def extend(self, symbol: Symbol) -> Snapshot:
        """Show readers all that `append` made durable since; with nothing to show, ask anyway.

        Success so means in any case that Redis answers and is ours.
        """
        shelf = self._shelves[symbol]
        async with shelf.writing:
            book = shelf.live
            assert book is not None, f"{symbol} is not live"
            await self._publisher.extend(book)
            shelf.snapshot = self._publisher.snapshot(book)
            return shelf.snapshot

    def tail(self, symbol: Symbol) -> Snapshot | None:
        """What readers get now; None until the first flip."""
        return self._shelves[symbol].snapshot

    async def preview(self, symbol: Symbol, previews: Mapping[Timeframe, Preview]) -> None:
        """Show forming bars beside the live generation; raises CacheDown and kin."""
        if not previews:
            return
        forming, ttl_ms = tuple(previews.values()), self.terms.preview_ttl_ms
        await self._cache.preview(symbol, self.token, ttl_ms, forming)
        self._shelves[symbol].previews = previews

    def previews(self, symbol: Symbol) -> Mapping[Timeframe, Preview]:
        """The forming bars shown last; a reader checks that they follow its final ones."""
        return self._shelves[symbol].previews

    async def publish_tick(self, symbol: Symbol, payload: bytes) -> None:
        """Tell subscribers of one tick."""
        await self._cache.publish_tick(symbol, payload)

    # -- ownership ---------------------------------------------------------------------------

    async def connect(self) -> None:
        """Start the embedded server if it is ours, load the functions, claim every symbol."""
        await self.check_folder()  # or a woken owner would end its successor's server
        if self.server is not None:
            await self.server.ensure()
        await self._cache.connect()
        await self.check_folder()
        await self._cache.claim(self.terms.symbols, self.token)

    async def check_folder(self) -> None:
        """Raises Fenced when a later owner of the data folder exists; the disk is the witness."""
        names = await self._disk.names(layout.OWNER_FOLDER)
        newest = max((layout.owner_token(name) or 0 for name in names), default=0)
        if newest > self.token.value:
            raise Fenced(told("owner_later", newest, self.token.value), hint=told("owner_remedy"))

    async def check_ownership(self) -> None:
        """Raises Fenced, CacheRegressed, CacheDown; silence means that all is ours and there."""
        await self._publisher.check({s: self._shelves[s] for s in self.terms.symbols})

    async def restore(self, symbol: Symbol) -> None:
        """Put back what Redis lost: the live generation, and the tails of a primed draft."""
        shelf = self._shelves[symbol]
        async with shelf.writing:
            await self._publisher.restore(shelf)

    async def close(self) -> None:
        """Let go of Redis and stop the embedded server; the folder stays owned."""
        await self._cache.close()
        if self.server is not None:
            await self.server.stop()

    # -- slow duties -------------------------------------------------------------------------

    async def checkpoint(self, saved_ms: int) -> bool:
        """Record how far live generations have come; False when nothing changed. Raises Fenced."""
        changes = sum(shelf.change_count for shelf in self._shelves.values())
        if changes == self._checkpointed_changes:
            return False
        books = {symbol: shelf.live for symbol, shelf in self._shelves.items() if shelf.live}
        await self.check_folder()
        await self.state.write(books, self.terms, saved_ms)
        self._checkpointed_changes = changes
        return True

    async def scrub(self) -> Scrubbed | None:
        """Read the next file of a live generation again; None while there is none."""
        self._scrub_turn += 1
        found = self.scrubbed_in(0)
        return await scrub(self._disk, *found) if found else None

    def scrubbed_in(self, turns: int) -> tuple[SeriesKey, Segment] | None:
        """The file that so many scrubs from now will have read; None while there is none."""
        shelves = map(self._shelves.__getitem__, self.terms.symbols)
        files = segments_of(shelf.live for shelf in shelves if shelf.live)
        return files[(self._scrub_turn + turns) % len(files)] if files else None

    def lose(self, key: SeriesKey) -> None:
        """Forget bars in RAM that the next derive goes on from: a drill (F3)."""
        self._series(key).bars = Bars.empty()

    async def audit(self, symbol: Symbol) -> tuple[Timeframe, ...]:
        """Hold the tails in Redis against those in RAM; what differs `extend` shows anew."""
        shelf = self._shelves[symbol]
        async with shelf.writing:
            live = shelf.live
            return () if live is None or live.unanswered else await self._publisher.audit(live)

    async def inspect(self, key: SeriesKey) -> Inspected:
        """Where a series is on disk and in Redis, and whether both fit; raises DiskFailed."""
        return await inspect(self._disk, self._cache, self.terms, self._shelves[key.symbol], key)

    def altered(self, symbol: Symbol) -> tuple[Timeframe, ...]:
        """Timeframes of the live generation whose bars in RAM fail their digest."""
        live, terms = self._shelves[symbol].live, self.terms
        return live.altered(terms.tail_bars, terms.digits[symbol]) if live else ()

    async def collect(self, symbol: Symbol) -> Collected:
        """Remove what no generation needs: never of the live one, the previous or the draft.

        The caller grants readers a grace after the flip. Unless it is certain that we own the
        folder and Redis serves our live generation, nothing goes. Raises Fenced, DiskFailed.
        """
        shelf = self._shelves[symbol]
        async with shelf.writing:
            if shelf.live is None:
                return Collected(0, ())
            (pointer,) = await self._cache.holds((symbol,), self.token)
            if pointer is None or pointer.generation != shelf.live.generation:
                return Collected(0, ())
            lists = [paths async for paths in garbage(self._disk, symbol, shelf, self.token.value)]
            await self.check_folder()  # after the listing: see upkeep.py
            kept = (pointer.generation, pointer.previous)
            known = (*shelf.dead, *committed_in(lists))  # an owner that was killed forgot none
            dropped = tuple(g for g in dict.fromkeys(known) if g not in kept)
            for generation in dropped:
                await self._cache.forget(symbol, self.token, generation, self.terms.timeframes)
            shelf.dead = [generation for generation in shelf.dead if generation not in dropped]
            for paths in lists:  # last: a commit that is gone names no tails any more
                await self._disk.remove(paths)
            return Collected(sum(map(len, lists)), dropped)

    def _new_book(self, symbol: Symbol) -> Book:
        shelf = self._shelves[symbol]
        shelf.last_n += 1
        if shelf.draft is not None and shelf.draft.is_primed:
            shelf.dead.append(shelf.draft.generation)
        generation = Generation(self.token.value, shelf.last_n)
        series = {timeframe: Series() for timeframe in self.terms.timeframes}
        shelf.draft = Book(symbol, generation, self.terms.open_mode, series)
        return shelf.draft

    def _series(self, key: SeriesKey) -> Series:
        return self._shelves[key.symbol].newest(key.symbol).series[key.timeframe]
