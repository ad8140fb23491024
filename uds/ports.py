"""The two seams of the waist: what it asks of a disk and of a cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .model import FencingToken, Generation, Preview, SeriesKey, Symbol, Timeframe


class Append(NamedTuple):
    """Bytes for the end of one file, which is created when it is not there."""

    path: str
    """Relative to the data folder."""
    data: bytes
    """Written in one call."""


class Disk(Protocol):
    """The data folder. Every write is durable when the call returns; raises DiskFailed."""

    async def lock(self, holder: str) -> None:
        """Own the folder for the life of this process; raises FolderLocked."""
        ...

    async def names(self, folder: str) -> tuple[str, ...]:
        """Entries of a folder, sorted; none when it does not exist."""
        ...

    async def read(
        self, path: str, from_byte: int = 0, until_byte: int | None = None
    ) -> bytes | None:
        """Bytes [from_byte, until_byte) of a file, to its end by default; None without it.

        A negative from_byte counts from the end, and stops at the beginning.
        """
        ...

    async def size(self, path: str) -> int | None:
        """Length of a file in bytes; None when it does not exist."""
        ...

    async def append(self, appends: Iterable[Append]) -> None:
        """Write each and make it durable before the next: one trip for the whole batch.

        The batch is gone through once and on that trip, so what makes its bytes as they are
        asked for does so where it keeps nobody from working.
        """
        ...

    async def make(self, folders: Sequence[str]) -> None:
        """Make folders, and those above them, before anything is put into them."""
        ...

    async def create(self, path: str, data: bytes) -> bool:
        """Create a file that must not exist; False when it does."""
        ...

    async def replace(self, path: str, data: bytes, keep_as: str | None = None) -> None:
        """Put a whole file in place of another, or of none, in one step.

        The file it replaces stays under the name `keep_as`, when one is given.
        """
        ...

    async def truncate(self, path: str, length: int) -> None:
        """Cut the end off a file."""
        ...

    async def link(self, path: str, as_path: str) -> None:
        """Give a durable file a second name: the commit point."""
        ...

    async def remove(self, paths: Sequence[str]) -> None:
        """Remove files; those that do not exist are fine."""
        ...

    def close(self) -> None:
        """Let go of the lock and of every descriptor."""
        ...


@dataclass(frozen=True, slots=True)
class Pointer:
    """What readers of one symbol are served."""

    generation: Generation
    """The live one."""
    seq: int
    """Grows by one with each extension; 0 at the flip."""
    previous: Generation | None
    """The one before, kept for readers that still hold it."""


class Cache(Protocol):
    """Redis as the waist sees it: fenced functions and one read. Raises CacheDown and its kin.

    Every call may be repeated: a timed-out one may have been applied. Whoever calls a fenced
    one must own the symbol, as this token and this boot: Fenced when a later owner does, or
    one from a copy of the folder; CacheRegressed when nobody does, or an earlier one.
    """

    async def connect(self) -> None:
        """Reach the server, check its version, load the functions."""
        ...

    async def claim(self, symbols: Sequence[Symbol], token: FencingToken) -> None:
        """Become the owner of every symbol, unless fenced; a pointer without meaning goes."""
        ...

    async def holds(
        self, symbols: Sequence[Symbol], token: FencingToken
    ) -> tuple[Pointer | None, ...]:
        """What readers of each are served, None without anything, as long as all are ours.

        An older pointer than ours means that the server lost what came since.
        """
        ...

    async def write(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Put tails of a generation; CacheRegressed for the live one and the one before it."""
        ...

    async def flip(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        seq: int,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Make a complete generation, extended `seq` times so far, the live one.

        Forming bars that it holds as final ones go. Raises CacheRegressed when one of its
        tails is gone, Fenced when a later generation is live.
        """
        ...

    async def extend(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        from_seq: int,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Replace tails of the live generation, drop their previews, advance seq by one."""
        ...

    async def read(
        self, symbol: Symbol, timeframes: Sequence[Timeframe]
    ) -> tuple[Pointer, dict[Timeframe, bytes]] | None:
        """Pointer and tails in one step; None when nothing is live."""
        ...

    async def expires(
        self, key: SeriesKey, generation: Generation
    ) -> tuple[int | None, int | None]:
        """In how many ms the tail of a generation goes, and the forming bar; None for never,
        and where there is none.
        """
        ...

    async def preview(
        self, symbol: Symbol, token: FencingToken, ttl_ms: int, previews: Sequence[Preview]
    ) -> None:
        """Put forming bars beside the live generation; those not after its last bar go."""
        ...

    async def forget(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Drop tails of a generation; CacheRegressed for the live one and the one before it."""
        ...

    async def publish_tick(self, symbol: Symbol, payload: bytes) -> None:
        """Tell subscribers of one tick."""
        ...

    async def close(self) -> None:
        """Let go of all connections; never raises."""
        ...
