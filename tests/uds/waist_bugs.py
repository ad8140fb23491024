"""Bugs for the waist that both the runs of the store and those of the whole engine must notice.

Each takes one promise of the store, the disk or the server away, by a patch: the product knows
nothing of it. Whatever a bug calls of the original was kept when this file was imported.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import pytest

import uds.recovery
from uds import layout
from uds.memory_cache import MemoryCache
from uds.model import FencingToken, Generation, Symbol, Timeframe
from uds.ports import Disk, Pointer
from uds.publishing import Publisher
from uds.store import Store
from uds.writing import Writer

_NEWEST_COMMIT = uds.recovery._newest_commit
_WRITE = Writer._write


class Medium(Protocol):
    """A world whose disks can be told to leave steps out."""

    leaves_out: frozenset[str]


_W = TypeVar("_W", bound=Medium)
Bug = Callable[[pytest.MonkeyPatch, Medium], None]
"""Planted before a run begins, and taken back after it."""


def leaving_out(*steps: str) -> Bug:
    """A disk that does not do these steps."""

    def plant(patch: pytest.MonkeyPatch, world: Medium) -> None:
        world.leaves_out |= frozenset(steps)

    return plant


def patching(owner: object, name: str, bug: object) -> Bug:
    """One function of the product replaced."""

    def plant(patch: pytest.MonkeyPatch, world: Medium) -> None:
        patch.setattr(owner, name, bug)

    return plant


def both(
    *bugs: Callable[[pytest.MonkeyPatch, _W], None],
) -> Callable[[pytest.MonkeyPatch, _W], None]:
    """Several layers gone at once."""

    def plant(patch: pytest.MonkeyPatch, world: _W) -> None:
        for bug in bugs:
            bug(patch, world)

    return plant


async def mint_by_reading(disk: Disk, boot_id: str) -> FencingToken:
    """Read the highest, add one, write it."""
    names = await disk.names(layout.OWNER_FOLDER)
    number = max((layout.owner_token(name) or 0 for name in names), default=0) + 1
    await disk.replace(layout.owner_path(number), boot_id.encode())
    return FencingToken(number, boot_id)


async def check_nothing(self: Store) -> None:
    """Nobody looks into the owner folder."""


async def flip_unfenced(
    self: MemoryCache,
    symbol: Symbol,
    token: FencingToken,
    generation: Generation,
    seq: int,
    timeframes: Sequence[Timeframe],
) -> None:
    """No look at the owner, nor at what is live."""
    live = self.live.get(symbol)
    if live is None or live.generation != generation:
        self.live[symbol] = Pointer(generation, seq, live.generation if live else None)


async def pointed_commit(symbol: Symbol, disk: Disk) -> Any:
    """The commit that CURRENT names, in place of the highest."""
    current = await disk.read(f"{layout.folder_of(symbol)}/CURRENT")
    wanted = None if current is None else Generation.parse(current.decode())

    class Pointed:
        """The disk with no commit but that one."""

        async def names(self, folder: str) -> tuple[str, ...]:
            return tuple(name for name in await disk.names(folder) if name == str(wanted))

        async def read(self, path: str) -> bytes | None:
            return await disk.read(path)

    return await _NEWEST_COMMIT(symbol, Pointed())  # type: ignore[arg-type]


async def write_unpoisoned(self: Writer, book: Any, chunks: Any) -> None:
    """After a failed write the same files are appended to, as if nothing was."""
    journal = book.journal
    targets = {tf: series.open_segment for tf, series in book.series.items()}
    try:
        await _WRITE(self, book, chunks)
    except BaseException:
        book.journal = journal
        for timeframe, target in targets.items():
            book.series[timeframe].open_segment = target
        raise


async def write_nothing_again(disk: Disk, paths: Iterable[str]) -> None:
    """What a killed owner left is taken for durable."""


async def collect_live(
    disk: Disk, symbol: Symbol, shelf: Any, token: int
) -> AsyncIterator[tuple[str, ...]]:
    """Only what was committed is needed: the files of live bars are garbage."""
    committed = frozenset(shelf.live.committed_bytes)
    for timeframe in Timeframe:
        folder = layout.series_folder(shelf.live.key(timeframe))
        paths = (f"{folder}/{name}" for name in await disk.names(folder))
        yield tuple(p for p in paths if p not in committed | shelf.previous_paths)


async def prime_one(self: Store, symbol: Symbol) -> None:
    """Prime one timeframe only: the rest will surely follow."""
    book = self._shelves[symbol].drafted(symbol)
    tails = self._publisher._packed(book, (Timeframe.M1,))
    await self._cache.write(symbol, self.token, book.generation, tails)
    book.is_primed = True


async def flip_unread(self: Publisher, book: Any) -> Generation | None:
    """Move the pointer and take its reply for granted."""
    cache, timeframes = self._cache, self._terms.timeframes
    await cache.flip(book.symbol, self._token, book.generation, book.seq, timeframes)
    return None


async def flip_incomplete(
    self: MemoryCache,
    symbol: Symbol,
    token: FencingToken,
    generation: Generation,
    seq: int,
    timeframes: Sequence[Timeframe],
) -> None:
    """No look at the tails."""
    self._stand("flip", symbol, token)
    await flip_unfenced(self, symbol, token, generation, seq, timeframes)


async def extend_unsequenced(
    self: MemoryCache,
    symbol: Symbol,
    token: FencingToken,
    generation: Generation,
    from_seq: int,
    tails: Any,
) -> None:
    """No look at the sequence: each call counts one on."""
    self._stand("extend", symbol, token)
    live = self.live[symbol]
    for timeframe, value in tails.items():
        self.tails[symbol, generation, timeframe] = value
    self.live[symbol] = replace(live, seq=live.seq + 1)
