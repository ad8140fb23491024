"""Brings history files into the data folder: `coldstart-console import`.

Theory of operation. An import is a start without a broker: it owns the folder by the same
lock, recovers a draft that inherits what is stored, appends, derives with the same function
and commits; the next start finds the commit. Redis is never touched. A symbol is committed
whole or not at all, one after the other, and then leaves the RAM.

The store is told to keep everything in RAM, not only tails: a file's bar must be held against
the stored one of the same open wherever that lies, and a bucket is derived from all its M1.
Bars are written and derived in stretches of whole trading days, so that what is made on the
way stays small.

Where the file and the folder disagree about a bar there are two sources and no way to know
which is right. It is counted and told; the stored bar stays unless the operator asked to
replace it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from uds import Recovered, Store, StoreTerms, new_boot_id, open_store
from uds.model import I64, Bars, Coverage, SeriesKey, Timeframe, compare

from ..calendars.buckets import Anchors, bucket_opens
from ..clock import Clock
from ..config import Config
from ..derive import derive_touched
from ..errors import BadImport
from ..first_look import settled
from ..plan import Market
from ..sources import markets, store_terms
from ..witness import open_mode
from .data_folder import DataFolder
from .import_folder import find_folder, read_folder
from .import_report import ImportReport, SeriesImported, Skipped, SymbolImported
from .import_sources import Arrived, Found, ImportRequest, SymbolRead, find_files, read_symbol
from .proof import proved

_STRETCH_DAYS = 30
_ALL_BARS = 1 << 40


async def import_history(
    config: Config, request: ImportRequest, clock: Clock, say: Callable[[str], None]
) -> ImportReport:
    """Bring every usable bar at the path into the data folder; `say` hears the progress.

    Raises BadImport when nothing at the path is usable, HistoryUnreadable, FolderLocked,
    FolderUnreadable, DiskFailed. Symbols that were told to `say` as done are committed even then.
    """
    config = await settled(config)
    folder, found = await _found(config, request)
    known, now_ms = markets(config), clock.now_ms()
    done: list[SymbolImported] = []
    skipped = list(found.skipped)
    async with AsyncExitStack() as closing:
        store: Store | None = None
        for files in found.wanted:
            say(f"{files.symbol}: reading {', '.join(files.names)}")
            market = known[files.symbol]
            if folder is None:
                read = read_symbol(found, files, request, market, now_ms)
            else:
                read = await read_folder(folder, market, now_ms, config.bars_open_at())
            skipped += read.skipped
            if not read.arrived:
                continue
            if store is None:  # bad input must not leave a folder behind
                store = await closing.enter_async_context(_opened(config, clock))
            step = _Import(store, market, now_ms, request.is_replacing)
            done.append(await step.run(read))
            say(f"{files.symbol}: done")
    report = ImportReport(str(config.data_root), request.is_replacing, tuple(done), tuple(skipped))
    if not done:
        raise BadImport(_why_nothing(skipped))
    return report


async def _found(config: Config, request: ImportRequest) -> tuple[DataFolder | None, Found]:
    """What lies at the path: a data folder, else files."""
    folder = await find_folder(request, config)
    if folder is not None:
        return folder
    return None, find_files(request, config.symbols, config.names("replay"))


def _opened(config: Config, clock: Clock) -> AbstractAsyncContextManager[Store]:
    everything = dict.fromkeys(config.timeframes, _ALL_BARS)
    return open_store(
        replace(store_terms(config), tail_bars=everything),
        config.data_root,
        new_boot_id(),
        clock.real_ms(),
        config.redis.url,
        config.redis.namespace,
    )


@dataclass(frozen=True, slots=True)
class _Import:
    """One symbol's way into the store."""

    store: Store
    """Owned by us."""
    market: Market
    """The symbol, its calendar and its anchors."""
    now_ms: int
    """What counts as now, UTC ms."""
    is_replacing: bool
    """Whether a file's bar takes the place of a stored one with other content."""

    async def run(self, read: SymbolRead) -> SymbolImported:
        """Recover, append, derive, commit; raises BadImport, DiskFailed."""
        symbol = self.market.symbol
        recovered = await self.store.recover(symbol)
        _check_terms(recovered, self.store.terms)
        files = {
            timeframe: [one for one in read.arrived if one.timeframe is timeframe]
            for timeframe in (Timeframe.M1, Timeframe.D1)
        }
        series = [await self._bring(tf, arrived) for tf, arrived in files.items() if arrived]
        m1 = _together(files[Timeframe.M1])
        derived = await self._derive(m1)
        generation = await self.store.commit(symbol)
        self.store.begin(symbol)  # an empty draft: the bars are durable and may leave the RAM
        notes = (*_damage(recovered), *_doubts(m1, self.store.terms))
        reads = tuple(one.read for one in read.arrived)
        return SymbolImported(symbol, generation, reads, tuple(series), derived, notes)

    async def _bring(self, timeframe: Timeframe, files: list[Arrived]) -> SeriesImported:
        """Append what is not stored yet, then what all the files together are proof for."""
        key = SeriesKey(self.market.symbol, timeframe)
        known, taken = self.store.load(key), Bars.empty()
        new = repeated = conflicting = 0
        conflict_opens: list[int] = []
        for bars in (one.bars for one in files):
            found = compare(known, bars)
            differing = bars.take(~(found.is_new | found.is_same))
            new, repeated = new + int(found.is_new.sum()), repeated + int(found.is_same.sum())
            conflicting += len(differing)
            conflict_opens += differing.open_time_ms[:1].tolist()
            picked = bars.take(~found.is_same if self.is_replacing else found.is_new)
            known, taken = known.merged(picked), taken.merged(picked)
        for from_ms, until_ms in _stretches(taken.open_time_ms, self.market.anchors):
            await self.store.append(key, taken.between(from_ms, until_ms))
        whole = _together(files)
        await self.store.append(key, Bars.empty(), _proved(files, self.market))
        return SeriesImported(
            timeframe.name,
            new,
            repeated,
            conflicting,
            min(conflict_opens, default=None),
            int(whole.open_time_ms[0]),
            int(whole.close_time_ms[-1]),
        )

    async def _derive(self, arrived: Bars) -> int:
        """Bring M3 to H4 up to the stored M1 wherever the files have any; how many that are."""
        symbol, market = self.market.symbol, self.market
        key = SeriesKey(symbol, Timeframe.M1)
        m1, coverage = self.store.load(key), self.store.coverage(key)
        wanted = tuple(tf for tf in self.store.terms.timeframes if tf.is_derived)
        made_count = 0
        for from_ms, until_ms in _stretches(arrived.open_time_ms, market.anchors):
            made = derive_touched(
                m1,
                from_ms,
                until_ms,
                market.anchors,
                market.calendar,
                coverage,
                self.now_ms,
                market.settle_ms,
                wanted,
            )
            for timeframe, bars in made.items():
                await self.store.append(SeriesKey(symbol, timeframe), bars)
                made_count += len(bars.between(from_ms, until_ms))
        return made_count


def _together(files: list[Arrived]) -> Bars:
    """All bars of files whose opens may coincide."""
    whole = Bars.empty()
    for one in files:
        whole = whole.merged(one.bars)
    return whole


def _proved(files: list[Arrived], market: Market) -> Coverage:
    """What all files of a series together are proof for."""
    silent = _together([one for one in files if one.covered is None])
    known = (interval for one in files for interval in one.covered or ())
    return Coverage.of((*proved(silent, market.anchors, market.calendar), *known))


def _stretches(opens: I64, anchors: Anchors) -> Iterator[tuple[int, int]]:
    """Half-open ranges of whole trading days that hold all the opens."""
    if not len(opens):
        return
    days = np.unique(bucket_opens(opens, Timeframe.D1, anchors))[::_STRETCH_DAYS]
    yield from pairwise([*days.tolist(), int(opens[-1]) + 1])


def _check_terms(recovered: Recovered, terms: StoreTerms) -> None:
    """Raises BadImport when the stored bars were made on other terms than ours."""
    if recovered.found is None:
        return
    if recovered.anchors == terms.anchors and recovered.open_mode == terms.open_mode:
        return
    raise BadImport(
        f"The stored bars of {recovered.symbol} were cut by other anchors, or opened in another "
        "mode, than configured: start the engine once, which rebuilds them, or choose another "
        "folder with --data."
    )


def _damage(recovered: Recovered) -> Iterator[str]:
    """What of the stored bars was lost before we came."""
    for drop in recovered.drops:
        yield f"{drop.path}: {drop.lines or 'all'} lines are not used any more: {drop.why}."
    yield from map(str, recovered.skipped)


def _doubts(m1: Bars, terms: StoreTerms) -> Iterator[str]:
    """What in the files does not go with the folder."""
    mode = open_mode(m1)
    if mode not in (None, terms.open_mode):
        yield (
            f"These M1 open in mode {mode}, the folder's in mode {terms.open_mode}: "
            "highs and lows of the two are not comparable."
        )


def _why_nothing(skipped: list[Skipped]) -> str:
    """The sentence of an import that brought nothing."""
    first, *others = sorted(skipped, key=lambda one: not one.is_refused)
    return first.why + (f" ({len(others)} more files were not used.)" if others else "")
