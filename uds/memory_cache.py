"""The Cache seam in dictionaries: product code for tests and for the simulation.

Every fenced method is the function of the same name in functions.lua, line by line, and comes
to the same word; a test runs both side by side. Only what others put into Redis has no place
here: pointers are pointers, and forming bars have no time to live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .errors import UdsError
from .incarnation import check_incarnation
from .model import FencingToken, Generation, Preview, SeriesKey, Symbol, Timeframe
from .ports import Pointer
from .reply import obey, refusal

_HEAD_BYTES = 16
_WHERE = "memory"


class MemoryCache:
    """One server that all its users share."""

    def __init__(self) -> None:
        self.owners: dict[Symbol, FencingToken] = {}
        self.live: dict[Symbol, Pointer] = {}
        self.tails: dict[tuple[Symbol, Generation, Timeframe], bytes] = {}
        self.previews: dict[SeriesKey, Preview] = {}
        self.ticks: list[tuple[Symbol, bytes]] = []

    def emptied(self) -> None:
        """Lose everything, as a server that was replaced has."""
        self.owners.clear()
        self.live.clear()
        self.tails.clear()
        self.previews.clear()

    def copied(self) -> MemoryCache:
        """Another one of the same contents."""
        other = MemoryCache()
        other.put_back(self)
        return other

    def put_back(self, kept: MemoryCache) -> None:
        """Have what another one has, as a server that a backup was put into."""
        self.owners = dict(kept.owners)
        self.live = dict(kept.live)
        self.tails = dict(kept.tails)
        self.previews = dict(kept.previews)

    async def connect(self) -> None:
        """Always reachable."""

    async def claim(self, symbols: Sequence[Symbol], token: FencingToken) -> None:
        """Become the owner of every symbol, unless fenced."""
        check_incarnation()
        words = [self._standing(symbol, token) for symbol in symbols]
        ours = [symbol for symbol, word in zip(symbols, words, strict=True) if word != "FENCED"]
        self.owners.update(dict.fromkeys(ours, token))
        obey([word for word in words if word == "FENCED"], "claim", _WHERE)

    async def holds(
        self, symbols: Sequence[Symbol], token: FencingToken
    ) -> tuple[Pointer | None, ...]:
        """What readers of each are served, None without anything, as long as all are ours."""
        words = [self._standing(symbol, token) for symbol in symbols]
        obey(words, "check ownership of", _WHERE)
        return tuple(self.live.get(symbol) for symbol in symbols)

    async def write(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Put tails of a generation; CacheRegressed for the live one and the one before it."""
        self._stand("write", symbol, token)
        if self._is_sealed(symbol, generation):
            raise _refused("SEALED", "write", symbol)
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
        """Make a complete generation the live one; forming bars that it holds as final go."""
        self._stand("flip", symbol, token)
        live = self.live.get(symbol)
        if live is not None and live.generation == generation:
            return
        if live is not None and live.generation > generation:
            raise _refused("FENCED", "flip", symbol)
        if any((symbol, generation, tf) not in self.tails for tf in timeframes):
            raise _refused("INCOMPLETE", "flip", symbol)
        self.live[symbol] = Pointer(generation, seq, live.generation if live else None)
        for timeframe in timeframes:
            forming = self.previews.get(SeriesKey(symbol, timeframe))
            if forming is not None and not self._is_after_last(forming, generation):
                del self.previews[forming.key]

    async def extend(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        from_seq: int,
        tails: Mapping[Timeframe, bytes],
    ) -> None:
        """Replace tails of the live generation, drop their previews, advance seq by one."""
        self._stand("extend", symbol, token)
        live = self.live.get(symbol)
        if live is None or live.generation != generation:
            raise _refused("NOT_LIVE", "extend", symbol)
        if live.seq == from_seq + 1:
            return
        if live.seq != from_seq:
            raise _refused("OUT_OF_SEQ", "extend", symbol)
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

    async def expires(
        self, key: SeriesKey, generation: Generation
    ) -> tuple[int | None, int | None]:
        """Nothing goes by itself here."""
        return None, None

    async def preview(
        self, symbol: Symbol, token: FencingToken, ttl_ms: int, previews: Sequence[Preview]
    ) -> None:
        """Put forming bars beside the live generation; those not after its last bar go."""
        self._stand("preview", symbol, token)
        live = self.live.get(symbol)
        if live is None:
            raise _refused("NOT_LIVE", "preview", symbol)
        for one in previews:
            if self._is_after_last(one, live.generation):
                self.previews[one.key] = one
            else:
                self.previews.pop(one.key, None)

    async def forget(
        self,
        symbol: Symbol,
        token: FencingToken,
        generation: Generation,
        timeframes: Sequence[Timeframe],
    ) -> None:
        """Drop tails of a generation; CacheRegressed for the live one and the one before it."""
        self._stand("forget", symbol, token)
        if self._is_sealed(symbol, generation):
            raise _refused("SEALED", "forget", symbol)
        for timeframe in timeframes:
            self.tails.pop((symbol, generation, timeframe), None)

    async def publish_tick(self, symbol: Symbol, payload: bytes) -> None:
        """Tell subscribers of one tick."""
        check_incarnation()
        self.ticks.append((symbol, payload))

    async def close(self) -> None:
        """Nothing is held."""

    def _stand(self, doing: str, symbol: Symbol, token: FencingToken) -> None:
        check_incarnation()
        word = self._standing(symbol, token)
        if word != "OK":
            raise _refused(word, doing, symbol)

    def _standing(self, symbol: Symbol, token: FencingToken) -> str:
        owner = self.owners.get(symbol)
        if owner is None or owner.value < token.value:
            return "UNCLAIMED"
        return "OK" if owner == token else "FENCED"

    def _is_sealed(self, symbol: Symbol, generation: Generation) -> bool:
        live = self.live.get(symbol)
        return live is not None and generation in (live.generation, live.previous)

    def _is_after_last(self, forming: Preview, generation: Generation) -> bool:
        symbol, timeframe = forming.key
        tail = self.tails.get((symbol, generation, timeframe), b"")
        return forming.open_time_ms > _last_open_ms(tail)


def _refused(word: str, doing: str, symbol: Symbol) -> UdsError:
    return refusal(word, f"{doing} {symbol} in", _WHERE)


def _last_open_ms(tail: bytes) -> int:
    """Open of a packed tail's newest bar; 0 without one."""
    count = int.from_bytes(tail[8:12], "little") if len(tail) >= _HEAD_BYTES else 0
    at = _HEAD_BYTES + (count - 1) * 8
    newest = tail[at : at + 8] if count else b""
    return int.from_bytes(newest, "little") if len(newest) == 8 else 0
