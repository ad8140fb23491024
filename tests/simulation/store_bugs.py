"""Bugs for the waist: each takes one promise of the store, the disk or the server away.

A bug is a function of a patch and a world; it is planted before the first boot of each run and
taken back after it. Whatever it calls of the original was kept when this file was imported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

import uds.recovery
import uds.store
from engine.simulation import node
from engine.simulation.world import World
from tests.uds import waist_bugs
from tests.uds.waist_bugs import both, patching
from uds import checkpoint, journal, layout
from uds.book import Book
from uds.errors import BadJournal, CacheDown
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.model import Bars, FencingToken, Generation, Preview, SeriesKey, Symbol, Timeframe
from uds.ports import Disk, Pointer
from uds.publishing import Publisher
from uds.reader import Reader, Served
from uds.shelf import Snapshot
from uds.store import Store
from uds.upkeep import StateFile
from uds.writing import Writer

Bug = Callable[[pytest.MonkeyPatch, World], None]


# -- ownership ------------------------------------------------------------------------------------


def _standing_for_anyone(self: MemoryCache, symbol: Symbol, token: FencingToken) -> str:
    """The server compares no tokens."""
    return "OK" if symbol in self.owners else "UNCLAIMED"


token_read_then_written = patching(node, "mint_token", waist_bugs.mint_by_reading)
folder_unwatched = patching(Store, "check_folder", waist_bugs.check_nothing)
server_unfenced = patching(MemoryCache, "_standing", _standing_for_anyone)
flip_unfenced = patching(MemoryCache, "flip", waist_bugs.flip_unfenced)


# -- durable --------------------------------------------------------------------------------------

_COMMIT = Store.commit
_WRITE = Writer._write


async def _commit_and_point(self: Store, symbol: Symbol) -> Generation:
    """A file CURRENT that each commit overwrites, in one durable step."""
    generation = await _COMMIT(self, symbol)
    current = f"{layout.folder_of(symbol)}/CURRENT"
    assert isinstance(self._disk, MemoryDisk)
    await self._disk._before("replace.Rename", current)
    self._disk.files[current] = str(generation).encode()
    return generation


async def _acknowledge_early(self: Writer, book: Book, chunks: Any) -> None:
    """Account for bars while their write is still on its way."""
    disk, writes = self._disk, []

    class Later:
        """A disk that answers before it has done anything."""

        async def append(self, appends: Any) -> None:
            writes.append(asyncio.ensure_future(disk.append(list(appends))))

    self._disk = Later()  # type: ignore[assignment]
    try:
        await _WRITE(self, book, chunks)
    finally:
        self._disk = disk
    for write in writes:
        write.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _believe_any_journal(symbol: Symbol, disk: Disk, newest: Any) -> Any:
    """The journal of any draft, whatever it was begun from and whatever was committed since."""
    for name in sorted(await disk.names(layout.journal_folder(symbol)), reverse=True):
        generation = layout.journaled_generation(name)
        if generation is not None:
            data = await disk.read(layout.journal_path(symbol, generation)) or b""
            try:
                found = journal.decode(symbol, generation, data)
            except BadJournal:
                continue
            if found.pages:
                return found
    return None


def _checksum_as_found(found: checkpoint.Checkpoint) -> str:
    """Every state file is what somebody wrote."""
    return found.checksum


async def _note_nothing(self: StateFile) -> None:
    """A folder that had state files looks like one that never had any."""


async def _commit_nothing(self: Store, symbol: Symbol) -> Generation:
    """Served first, durable at some other time."""
    return self._shelves[symbol].drafted(symbol).generation


mutable_pointer = both(
    patching(Store, "commit", _commit_and_point),
    patching(uds.recovery, "_newest_commit", waist_bugs.pointed_commit),
)
acknowledged_early = patching(Writer, "_write", _acknowledge_early)
unpoisoned = patching(Writer, "_write", waist_bugs.write_unpoisoned)
unsettled = patching(uds.store, "write_again", waist_bugs.write_nothing_again)
any_journal = patching(uds.recovery, "_unfinished", _believe_any_journal)
live_collected = patching(uds.store, "garbage", waist_bugs.collect_live)
state_unchecked = patching(checkpoint, "_checksum", _checksum_as_found)
state_unmissed = patching(StateFile, "_note", _note_nothing)
never_committed = patching(Store, "commit", _commit_nothing)


# -- visible --------------------------------------------------------------------------------------

_FLIP_READ_BACK = Publisher.flip
_STORE_FLIP = Store.flip
_EXTEND = Publisher.extend
_RESTORE_LIVE = Publisher._restore_live
_PREVIEW = Store.preview


async def _collect_at_once(self: Store, symbol: Symbol) -> Snapshot:
    """What readers are served goes before the pointer does, because it is about to be old."""
    shelf = self._shelves[symbol]
    if shelf.live is not None:
        tails = self._cache_tails()  # type: ignore[attr-defined]
        for timeframe in self.terms.timeframes:
            tails.pop((symbol, shelf.live.generation, timeframe), None)
    return await _STORE_FLIP(self, symbol)


def collected_at_once(patch: pytest.MonkeyPatch, world: World) -> None:
    """The grace before collection is gone, and the old tails go with the flip, not after it."""
    patch.setattr(Store, "_cache_tails", lambda _: world.cache.tails, raising=False)
    patch.setattr(Store, "flip", _collect_at_once)


async def _extend_anew(self: Publisher, book: Book) -> None:
    """A call that was not answered is taken for done, and what it showed is shown by another."""
    try:
        await _EXTEND(self, book)
    except CacheDown:
        if book.unanswered:
            book.unpublished.update(book.unanswered)
            book.unanswered = {}
            book.seq += 1
        raise


async def _extend_revised(self: Publisher, book: Book) -> None:
    """A call that was not answered is repeated with what came since, under its old number."""
    try:
        await _EXTEND(self, book)
    except CacheDown:
        book.unpublished.update(book.unanswered)
        book.unanswered = {}
        raise


async def _restore_nothing(self: Publisher, shelf: Any) -> None:
    """An emptied server stays empty until somebody rebuilds."""


async def _restore_no_sequence(self: Publisher, book: Book, served: Pointer | None) -> None:
    """What Redis serves of the right generation is let be, however far behind."""
    if served is None or served.generation != book.generation:
        await _RESTORE_LIVE(self, book, served)


async def _read_each(self: Reader, symbol: Symbol, timeframes: Sequence[Timeframe]) -> Any:
    """The pointer is read again for each key, a round trip later."""
    first: Served | None = None
    tails: dict[Timeframe, Bars] = {}
    for timeframe in timeframes:
        found = await _READ(self, symbol, (timeframe,))
        await asyncio.sleep(0.3)
        if found is None:
            return None
        first = first or found
        tails |= found.tails
    return None if first is None else replace(first, tails=tails)


_READ: Callable[..., Awaitable[Served | None]] = Reader.read


async def _preview_as_final(self: Store, symbol: Symbol, previews: Any) -> None:
    """The forming minute is stored with the others."""
    await _PREVIEW(self, symbol, previews)
    forming = previews.get(Timeframe.M1)
    if forming is not None and not self.is_drafting(symbol):
        await self.append(SeriesKey(symbol, Timeframe.M1), _bars_of(forming))


def _bars_of(forming: Preview) -> Bars:
    return Bars.of(
        [forming.open_time_ms],
        [forming.close_time_ms],
        [forming.o],
        [forming.h],
        [forming.low],
        [forming.c],
        [forming.v],
    )


half_primed = patching(Store, "prime", waist_bugs.prime_one)
flip_unread = patching(Publisher, "flip", waist_bugs.flip_unread)
flip_incomplete = patching(MemoryCache, "flip", waist_bugs.flip_incomplete)
extend_unsequenced = patching(MemoryCache, "extend", waist_bugs.extend_unsequenced)
extend_anew = patching(Publisher, "extend", _extend_anew)
sequence_unrestored = patching(Publisher, "_restore_live", _restore_no_sequence)
extend_revised = patching(Publisher, "extend", _extend_revised)
unrestored = patching(Publisher, "restore", _restore_nothing)
pointer_reread = patching(Reader, "read", _read_each)
preview_as_final = patching(Store, "preview", _preview_as_final)
