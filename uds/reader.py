"""What anybody but the writer gets from Redis: one whole generation, none older than before.

A reader that trusted each answer by itself could be led back in time: by an old backup, by a
server that lost its last second, by the wrong server. So it remembers how far it has seen each
symbol, and refuses what lies before. It refuses as well what is not all there: an empty tail
means that there are no bars, not that there is no tail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import codec
from .errors import CacheRegressed
from .model import Bars, Generation, SeriesKey, Symbol, Timeframe
from .ports import Cache


@dataclass(frozen=True, slots=True)
class Served:
    """One answer: everything in it is of one generation, at one place of its sequence."""

    generation: Generation
    seq: int
    """Extensions of the generation so far."""
    previous: Generation | None
    """The one before, whose tails are kept as well; None when there was none."""
    tails: Mapping[Timeframe, Bars]
    """Every timeframe that was asked for; final bars only, ascending."""


class Reader:
    """A client of what the engine serves in Redis; it needs no claim and writes nothing."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._seen: dict[Symbol, tuple[Generation, int]] = {}

    async def read(self, symbol: Symbol, timeframes: Sequence[Timeframe]) -> Served | None:
        """Pointer and tails in one step; None while nothing was ever served.

        Raises CacheRegressed when Redis serves less than before or lacks a tail of what it
        serves, BadTail when a tail is damaged, CacheDown and its kin.
        """
        found = await self._cache.read(symbol, timeframes)
        seen = self._seen.get(symbol)
        if found is None:
            if seen is not None:
                raise CacheRegressed(
                    f"Redis serves nothing of {symbol} any more; it served {_named(seen)}.",
                    scope=symbol,
                )
            return None
        pointer, values = found
        place = (pointer.generation, pointer.seq)
        if seen is not None and place < seen:
            raise CacheRegressed(
                f"Redis serves {_named(place)} of {symbol} after {_named(seen)}.", scope=symbol
            )
        tails = {tf: _tail(SeriesKey(symbol, tf), pointer.generation, values) for tf in timeframes}
        self._seen[symbol] = place
        return Served(pointer.generation, pointer.seq, pointer.previous, tails)


def _tail(key: SeriesKey, generation: Generation, values: Mapping[Timeframe, bytes]) -> Bars:
    value = values.get(key.timeframe)
    if value is None:
        raise CacheRegressed(
            f"Redis serves {generation.short} of {key.symbol} without its {key.timeframe.name}.",
            scope=key,
        )
    return codec.unpack_tail(key, value)


def _named(place: tuple[Generation, int]) -> str:
    generation, seq = place
    return f"{generation.short} with {seq} extensions"
