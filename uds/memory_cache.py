"""Disk and Cache in dictionaries: product code for tests and for the simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import codec
from .errors import CacheRegressed, DiskFailed, Fenced
from .model import FencingToken, Generation, Preview, SeriesKey, Symbol, Timeframe
from .ports import Append, Pointer


class MemoryDisk:
    """A data folder in a dictionary; every write is durable at once."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def lock(self, holder: str) -> None:
        """Always ours: one process sees this folder."""

    async def names(self, folder: str) -> tuple[str, ...]:
        """Entries of a folder, sorted; none when it does not exist."""
        stem = f"{folder}/"
        found = {p[len(stem) :].partition("/")[0] for p in self.files if p.startswith(stem)}
        return tuple(sorted(found))

    async def read(self, path: str) -> bytes | None:
        """A whole file; None when it does not exist."""
        return self.files.get(path)

    async def append(self, appends: Sequence[Append]) -> None:
        """Write each."""
        for path, data in appends:
            self.files[path] = self.files.get(path, b"") + data

    async def create(self, path: str, data: bytes) -> bool:
        """Create a file that must not exist; False when it does."""
        if path in self.files:
            return False
        self.files[path] = data
        return True

    async def replace(self, path: str, data: bytes) -> None:
        """Put a whole file in place of another, or of none."""
        self.files[path] = data

    async def link(self, path: str, as_path: str) -> None:
        """Give a file a second name."""
        if path not in self.files:
            raise DiskFailed(f"Could not link {as_path}: {path} does not exist.")
        if self.files.get(as_path, self.files[path]) != self.files[path]:
            raise DiskFailed(f"Could not link {as_path}: it is another file.")
        self.files[as_path] = self.files[path]

    def close(self) -> None:
        """Nothing is held."""


class MemoryCache:
    """The functions of functions.lua over dictionaries, word for word."""

    def __init__(self) -> None:
        self.owners: dict[Symbol, int] = {}
        self.live: dict[Symbol, Pointer] = {}
        self.tails: dict[tuple[Symbol, Generation, Timeframe], bytes] = {}
        self.previews: dict[SeriesKey, Preview] = {}
        self.ticks: list[tuple[Symbol, bytes]] = []

    async def connect(self) -> None:
        """Always reachable."""

    async def claim(self, symbols: Sequence[Symbol], token: FencingToken) -> None:
        """Become the owner of every symbol."""
        taken = [symbol for symbol in symbols if self.owners.get(symbol, 0) > token.value]
        self.owners.update({symbol: token.value for symbol in symbols if symbol not in taken})
        if taken:
            raise Fenced(f"Another owner took {taken[0]}.")

    async def holds(self, symbols: Sequence[Symbol], token: FencingToken) -> None:
        """Check that we still own them all."""
        for symbol in symbols:
            self._stand(symbol, token)

    async def write(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Put tails of a generation that is not live."""
        self._stand(symbol, token)
        if symbol in self.live and self.live[symbol].generation == generation:
            raise CacheRegressed(f"{generation} of {symbol} is SEALED.")
        for timeframe, value in tails.items():
            self.tails[symbol, generation, timeframe] = value

    async def flip(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        seq: int,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Make a complete generation the live one."""
        self._stand(symbol, token)
        live = self.live.get(symbol)
        if live is not None and live.generation == generation:
            return
        if live is not None and live.generation > generation:
            raise Fenced(f"{live.generation} of {symbol} is newer than {generation}.")
        if any((symbol, generation, tf) not in self.tails for tf in timeframes):
            raise CacheRegressed(f"{generation} of {symbol} is INCOMPLETE.")
        self.live[symbol] = Pointer(generation, seq, live.generation if live else None)

    async def extend(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        from_seq: int,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Replace tails of the live generation, advance seq by one."""
        self._stand(symbol, token)
        live = self.live.get(symbol)
        if live is None or live.generation != generation:
            raise CacheRegressed(f"{generation} of {symbol} is NOT_LIVE.")
        if live.seq == from_seq + 1:
            return
        if live.seq != from_seq:
            raise CacheRegressed(f"{generation} of {symbol} is OUT_OF_SEQ.")
        for timeframe, value in tails.items():
            self.tails[symbol, generation, timeframe] = value
            self.previews.pop(SeriesKey(symbol, timeframe), None)
        self.live[symbol] = Pointer(generation, from_seq + 1, live.previous)

    async def read(
        self, symbol: Symbol, timeframes: Sequence[Timeframe]
    ) -> tuple[Pointer, dict[Timeframe, bytes]] | None:
        """Pointer and tails in one step; None when nothing is live."""
        live = self.live.get(symbol)
        if live is None:
            return None
        keys = {tf: (symbol, live.generation, tf) for tf in timeframes}
        return live, {tf: self.tails[key] for tf, key in keys.items() if key in self.tails}

    async def preview(
        self, symbol: Symbol, token: FencingToken, ttl_ms: int, previews: Sequence[Preview]
    ) -> None:
        """Put forming bars beside the live generation; those not after its last bar go."""
        self._stand(symbol, token)
        live = self.live.get(symbol)
        if live is None:
            raise CacheRegressed(f"{symbol} is NOT_LIVE.")
        for one in previews:
            tail = self.tails.get((symbol, live.generation, one.key.timeframe), b"")
            final = codec.unpack_tail(one.key, tail).last_open_ms if tail else None
            if final is not None and one.open_time_ms <= final:
                self.previews.pop(one.key, None)
            else:
                self.previews[one.key] = one

    async def forget(
        self, symbol: Symbol, generation: Generation, timeframes: Sequence[Timeframe]
    ) -> None:
        """Drop the tails of a generation nobody is served from."""
        for timeframe in timeframes:
            self.tails.pop((symbol, generation, timeframe), None)

    async def publish_tick(self, symbol: Symbol, payload: bytes) -> None:
        """Tell subscribers of one tick."""
        self.ticks.append((symbol, payload))

    async def close(self) -> None:
        """Nothing is held."""

    def _stand(self, symbol: Symbol, token: FencingToken) -> None:
        owner = self.owners.get(symbol)
        if owner is None or owner < token.value:
            raise CacheRegressed(f"{symbol} is UNCLAIMED.")
        if owner > token.value:
            raise Fenced(f"Another owner took {symbol}.")
