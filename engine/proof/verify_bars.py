"""One look at all bars of a pinned generation: each file, each bar's place, M3 to H4 against M1.

A damaged file is told once. The time of its bars is in doubt from then on, and no other check
accuses what lies in it. Bars go through memory in stretches of whole trading days, so the
depth of a history costs time and no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from uds import Pinned, SegmentRead, Vanished
from uds.model import Bars, Coverage, SeriesKey, Symbol, Timeframe

from ..calendars.buckets import Anchors, bucket_edges
from ..calendars.wall_time import END_MS
from ..config import Config
from ..plan import Market
from ..witness import d1_witness
from .derived_proof import FAR_MS, DerivedProof, SeriesProof, Some, is_off_the_grid
from .verify_report import Check, Checked, Fault, moment

_STRETCH_DAYS = 30

Hear = Callable[[Symbol, float], None]
"""Told of a symbol and which share of it is done, 0 to 1."""


class BarsLook:
    """Goes through a generation once."""

    def __init__(
        self, pinned: Pinned, config: Config, market: Market, checked: Checked, hear: Hear
    ) -> None:
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.newest_ms: int | None = None
        """Close of the newest M1, UTC ms; None without one."""
        self.doubts = dict.fromkeys(config.timeframes, Coverage())
        """Time of each timeframe whose bars lie in damaged files."""
        self.seen: set[str] = set()
        """Paths of the files that were read."""
        self._pinned = pinned
        self._config = config
        self._market = market
        self._checked = checked
        self._hear = hear
        self._misplaced = dict.fromkeys(config.timeframes, Some(0, None))
        self._mismatches = 0
        self._torn_lines = 0
        self._bytes_total = sum(entry.bytes for entry in pinned.manifest.segments) + 1
        self._bytes_done = 0

    async def run(self) -> None:
        """Every file and bar, oldest first."""
        timeframes = self._config.timeframes
        # Asked before M1 are read: all that is covered by then is among them.
        self.newest_ms = await self._newest_close()
        anchors, coverage = self._cut_by(), self._coverage()
        proof = self._proof(anchors, coverage)
        cursors = {tf: await self._pinned.cursor(self.key(tf), self._took) for tf in timeframes}
        for until_ms in self._stretches(anchors):
            parts: dict[Timeframe, Bars] = {}
            for timeframe in sorted(timeframes):  # M1 first: what is newer than them is no fault
                found = await cursors[timeframe].until(until_ms)
                parts[timeframe] = self._on_the_grid(timeframe, found, anchors)
            proof.take(parts[Timeframe.M1], parts, until_ms, self.doubts)
            self._ask_witness(parts, anchors, coverage)
        proof.finish()
        self._checked.cells += len(timeframes)
        for timeframe, some in self._misplaced.items():
            what = "do not open and close where a bucket of their timeframe does"
            await self._accuse("bucket", timeframe, some, what)
        for timeframe, series in proof.series.items():
            await self._judge(timeframe, series)
        self._note_the_rest(anchors)

    def key(self, timeframe: Timeframe) -> SeriesKey:
        """The name of one of its series."""
        return SeriesKey(self._pinned.symbol, timeframe)

    def count(self, read: SegmentRead) -> None:
        """Note that a file was read."""
        self.seen.add(read.file.path)
        self._checked.segments += 1
        self._checked.bars += len(read.bars)

    def _took(self, read: SegmentRead) -> None:
        """A file of the generation was read."""
        self.count(read)
        key = read.file.key
        if read.flaw:
            detail = f"{read.file.path}: {read.flaw}."
            self.faults.append(Fault("segment", read.file.path, detail, *key))
            self.doubts[key.timeframe] = self.doubts[key.timeframe].add(*read.doubtful)
        self._torn_lines += read.torn_lines
        entry = read.file.record.entry
        self._bytes_done += 0 if entry is None else entry.bytes
        self._hear(self._pinned.symbol, self._bytes_done / self._bytes_total)

    async def _newest_close(self) -> int | None:
        try:
            return (await self._pinned.tail(self.key(Timeframe.M1), 1)).last_close_ms
        except Vanished:
            return None

    def _cut_by(self) -> Anchors:
        """What H4 and D1 of this generation were cut by, whatever is configured now."""
        try:
            return Anchors(**self._pinned.manifest.anchors)
        except (TypeError, ValueError):
            return self._market.anchors

    def _coverage(self) -> Coverage:
        """What M1 was fetched for: by the commit, and on to the newest bar that came live."""
        coverage = self._pinned.coverage(Timeframe.M1)
        until_ms = coverage.until_ms
        if until_ms is not None and self.newest_ms is not None and until_ms < self.newest_ms:
            coverage = coverage.add(until_ms, self.newest_ms)
        return coverage

    def _proof(self, anchors: Anchors, coverage: Coverage) -> DerivedProof:
        m1 = [e for e in self._pinned.manifest.segments if e.tf_s == Timeframe.M1]
        return DerivedProof(
            tuple(tf for tf in self._config.timeframes if tf.is_derived),
            anchors,
            self._market.calendar,
            coverage,
            self._market.settle_ms,
            self._config.digits(self._pinned.symbol),
            max((entry.last_ms for entry in m1), default=0) + Timeframe.M1.ms,
        )

    def _stretches(self, anchors: Anchors) -> Iterator[int]:
        """Where each stretch ends; the last one has no end."""
        entries = self._pinned.manifest.segments
        first_ms = min((entry.first_ms for entry in entries), default=0)
        last_ms = min(max((entry.last_ms for entry in entries), default=0), END_MS - 1)
        if first_ms < last_ms:
            edges = bucket_edges(first_ms, last_ms, Timeframe.D1, anchors)
            yield from edges[_STRETCH_DAYS::_STRETCH_DAYS].tolist()
        yield FAR_MS

    def _on_the_grid(self, timeframe: Timeframe, bars: Bars, anchors: Anchors) -> Bars:
        is_off = is_off_the_grid(bars, timeframe, anchors)
        if not is_off.any():
            return bars
        opens = bars.open_time_ms[is_off]
        self._misplaced[timeframe] = self._misplaced[timeframe].and_(opens)
        return bars.take(~is_off)

    def _ask_witness(
        self, parts: Mapping[Timeframe, Bars], anchors: Anchors, coverage: Coverage
    ) -> None:
        """Days are whole within a stretch, so each testifies once."""
        for from_ms, until_ms in (*self.doubts[Timeframe.M1], *self.doubts[Timeframe.D1]):
            coverage = coverage.without(from_ms, until_ms)
        self._mismatches += len(
            d1_witness(
                parts[Timeframe.D1],
                parts[Timeframe.M1],
                anchors,
                self._market.calendar,
                coverage,
                FAR_MS,
                self._market.settle_ms,
                10.0 ** -self._config.digits(self._pinned.symbol),
            )
        )

    async def _judge(self, timeframe: Timeframe, proof: SeriesProof) -> None:
        key, first = self.key(timeframe), proof.first_difference
        if first is not None:
            detail = (
                f"{key} has bars that are not what their M1 make: {proof.differing}, the first at "
                f"{moment(first.open_time_ms)}: its {first.column} is {first.stored!r} on disk, "
                f"M1 make {first.derived!r}."
            )
            path = await self._pinned.path_of(key, first.open_time_ms)
            self.faults.append(Fault("derived", path, detail, *key))
        await self._accuse("derived", timeframe, proof.rootless, "have not one M1 under them")
        await self._accuse("derived", timeframe, proof.gaps, "M1 make and that are not stored")
        said = (
            (proof.unproved, "cannot be proved, as their M1 are not all stored"),
            (proof.underived, "M1 make before its first one, and that were never derived"),
            (proof.lagging, "M1 make after its last one, and that are not derived yet"),
        )
        self.notes += [f"{key} has bars that {what}: {count}." for count, what in said if count]

    async def _accuse(self, check: Check, timeframe: Timeframe, some: Some, what: str) -> None:
        if some.first_ms is None:
            return
        key = self.key(timeframe)
        first = moment(some.first_ms)
        detail = f"{key} has bars that {what}: {some.count}, the first at {first}."
        path = await self._pinned.path_of(key, some.first_ms)
        self.faults.append(Fault(check, path, detail, *key))

    def _note_the_rest(self, anchors: Anchors) -> None:
        symbol = self._pinned.symbol
        if self._mismatches:
            self.notes.append(
                f"The broker's D1 of {symbol} has prices that its M1 do not make: "
                f"{self._mismatches}; the broker's are served."
            )
        if self._torn_lines:
            self.notes.append(
                f"{symbol} has unfinished lines, written just now or interrupted: "
                f"{self._torn_lines}."
            )
        if anchors != self._market.anchors:
            self.notes.append(
                f"{symbol} is cut by other anchors than configured; the next start rebuilds it."
            )
        if self._pinned.manifest.open_mode != self._config.bars_open_at():
            self.notes.append(
                f"The bars of {symbol} open in mode {self._pinned.manifest.open_mode}, "
                f"{self._config.bars_open_at()} is configured; the next start fetches them anew."
            )
