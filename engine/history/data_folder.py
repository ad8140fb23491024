"""The M1 and D1 of another data folder, ours with commits or one of today's platform.

Theory of operation. A folder with a sound commit of a symbol says all itself: the bars, their
open mode, the anchor of its D1, and what was fetched. What came live after the commit covers
its own minutes only. Without a commit the files of the platform of before are read, with the
proof that they can give (`legacy_evidence.py`). The folder is only read; an engine may run on
it, and when that collects a generation under our hands, the reading begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from uds import Pinned, SegmentRead, Vanished, legacy_folder, view_folder
from uds.model import DERIVED_TIMEFRAMES, Bars, Coverage, SeriesKey, Symbol, Timeframe, joined

from ..errors import HistoryUnreadable
from ..plan import Market
from .legacy_evidence import d1_coverage, d1_on_anchor, is_on_anchor, m1_coverage

_ATTEMPTS = 3
_FAR_MS = 1 << 62


@dataclass(frozen=True, slots=True)
class FolderSeries:
    """The bars of one series of the folder."""

    key: SeriesKey
    bars: Bars
    """All of them, closed where ours close."""
    covered: Coverage
    """What they are proof for."""
    open_mode: str | None
    """What the folder says that their opens mean; None when it does not say."""
    evidence: str
    """Where in the folder they come from, as a sentence without its full stop."""
    dropped: int
    """Lines that were not usable."""
    unfinished: int
    """Lines whose bar was still forming."""
    fault: str | None
    """What was wrong, as the end of a sentence; None when nothing was."""


class OffAnchor(ValueError):
    """The days of the folder do not open where ours do."""


class DataFolder:
    """A folder of generations or of old parts, as a source."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._view = view_folder(root)
        self._legacy = legacy_folder(root)

    async def symbols(self, wanted: Iterable[Symbol]) -> tuple[Symbol, ...]:
        """Those of which there is a commit or an old M1 file; raises DiskFailed."""
        return tuple([symbol for symbol in wanted if await self._holds(symbol)])

    async def read(
        self, market: Market, timeframe: Timeframe, *, is_proof_wanted: bool = True
    ) -> FolderSeries:
        """M1 or D1 of a symbol; raises OffAnchor, HistoryUnreadable, DiskFailed.

        Old M1 are proof for more with the bars derived of them, whose reading takes its time.
        """
        key = SeriesKey(market.symbol, timeframe)
        for _ in range(_ATTEMPTS):
            pinned = await self._view.pin(market.symbol)
            if pinned is None:
                return await self._old(key, market, is_proof_wanted)
            try:
                return await _committed(pinned, key, market)
            except Vanished:
                continue
        raise HistoryUnreadable(
            f"{self._root} changes faster than it can be read: stop the engine on it."
        )

    async def _holds(self, symbol: Symbol) -> bool:
        if await self._view.pin(symbol) is not None:
            return True
        return bool(await self._legacy.parts(SeriesKey(symbol, Timeframe.M1)))

    async def _old(self, key: SeriesKey, market: Market, is_proof_wanted: bool) -> FolderSeries:
        found = await self._legacy.read(key)
        faults = [f"{fault.path} is not whole: {fault.why}" for fault in found.faults]
        faults += ["its files changed while they were read"] if found.is_written else []
        if key.timeframe is Timeframe.M1:
            bars = found.bars
            wanted = DERIVED_TIMEFRAMES if is_proof_wanted else ()
            derived = [await self._legacy.read(SeriesKey(key.symbol, tf)) for tf in wanted]
            covered = m1_coverage(found, market.calendar, market.anchors, derived)
        else:
            days = d1_on_anchor(found, market.anchors)
            if days is None:
                raise OffAnchor
            bars, covered = days, d1_coverage(found, days, market.anchors, market.calendar)
        return FolderSeries(
            key,
            bars,
            covered,
            None,
            f"they are in UTC; {found.files} files of the platform of before",
            sum(fault.lines for fault in found.faults) + found.repeated_count,
            found.unfinished_count,
            _told(faults),
        )


async def _committed(pinned: Pinned, key: SeriesKey, market: Market) -> FolderSeries:
    """A series of a generation; raises Vanished, OffAnchor."""
    flawed: list[SegmentRead] = []

    def hear(read: SegmentRead) -> None:
        if read.is_missing:
            raise Vanished(f"{read.file.path} is not there any more.", scope=key)
        if read.flaw:
            flawed.append(read)

    cursor = await pinned.cursor(key, hear)
    edges_ms = (*cursor.begins_ms[1:], _FAR_MS)
    bars = joined([await cursor.until(until_ms) for until_ms in edges_ms])
    if key.timeframe is Timeframe.D1 and not is_on_anchor(bars, market.anchors):
        raise OffAnchor
    return FolderSeries(
        key,
        bars,
        _proved(pinned, key, bars, flawed),
        pinned.manifest.open_mode,
        f"they are in UTC; generation {pinned.generation.short} of the folder",
        0,
        0,
        _told([f"{read.file.path}: {read.flaw}" for read in flawed]),
    )


def _proved(pinned: Pinned, key: SeriesKey, bars: Bars, flawed: Iterable[SegmentRead]) -> Coverage:
    """What the commit says was fetched, and the very minutes that came live."""
    covered = pinned.coverage(key.timeframe)
    live = bars.between(covered.until_ms or 0, _FAR_MS)
    spans = zip(live.open_time_ms.tolist(), live.close_time_ms.tolist(), strict=True)
    covered = Coverage.of((*covered, *spans))
    for read in flawed:
        covered = covered.without(*read.doubtful)
    return covered


def _told(faults: list[str]) -> str | None:
    """The first of them, and how many more there are."""
    if not faults:
        return None
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return faults[0] + more
