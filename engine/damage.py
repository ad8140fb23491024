"""What recovery found damaged in each series, and which time of it is still to be made good."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from uds.model import SeriesKey, Symbol, Timeframe

Hole: TypeAlias = tuple[int, int]
"""Half-open [from_ms, until_ms) whose bars were recorded and cannot be believed any more."""


class Damage:
    """The damaged series and their holes, until each of these is full again."""

    def __init__(self) -> None:
        self._holes: dict[SeriesKey, tuple[Hole, ...]] = {}

    def note(self, key: SeriesKey, holes: Iterable[Hole] = ()) -> None:
        """A series was damaged; without a hole nothing of it was lost."""
        self._holes[key] = tuple(dict.fromkeys((*self.holes(key), *holes)))

    def holes(self, key: SeriesKey) -> tuple[Hole, ...]:
        """The holes of a series that were not found full yet."""
        return self._holes.get(key, ())

    def begin_anew(self, symbol: Symbol, keeping: Iterable[Timeframe] = ()) -> None:
        """The draft begins from nothing but these series: holes of others are in no file of it."""
        kept = tuple(keeping)
        for key in self._holes:
            if key.symbol == symbol and key.timeframe not in kept:
                self._holes[key] = ()

    def heal(
        self, symbol: Symbol, is_full: Callable[[SeriesKey, Hole], bool]
    ) -> tuple[SeriesKey, ...]:
        """Forget the holes that are full; the series that are without a hole now."""
        ours = [key for key in self._holes if key.symbol == symbol]
        for key in ours:
            self._holes[key] = tuple(h for h in self._holes[key] if not is_full(key, h))
        healed = tuple(key for key in ours if not self._holes[key])
        for key in healed:
            del self._holes[key]
        return healed
