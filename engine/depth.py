"""How deep the stored history is, how deep it shall be, and what the store must offer for it.

Ready is not deep: the gate opens on a tail of a few days. Older history is fetched afterwards
and appended to the live generation, stretch by stretch towards the past; when a symbol has
reached its depth, a generation that begins with all of it makes it permanent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from uds.model import Bars, Generation, SeriesKey, Symbol, Timeframe


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of one series there is."""

    bars: int
    """Bars on disk."""
    target: int
    """How many there shall be."""
    first_ms: int | None
    """Open of the oldest, UTC ms; None while there is none."""


class DepthStore(Protocol):
    """What deepening asks of the store beyond its other verbs."""

    def stored(self, key: SeriesKey) -> tuple[int, int | None]:
        """How many bars the draft, else the live generation, has on disk, and the oldest open."""
        ...

    async def backfill(
        self,
        symbol: Symbol,
        chunks: Mapping[Timeframe, Bars],
        covered: Mapping[Timeframe, tuple[int, int]],
    ) -> bool:
        """Append bars older than all others to the live generation, in the order given.

        Each series goes into a segment of its own, so that the segment live bars go to stays
        open; what leaves the resident tail full goes to disk only. `covered` counts once every
        chunk is durable. False, and nothing written, while a draft is being filled. Raises
        DiskFailed.
        """
        ...

    def deepen(self, symbol: Symbol) -> Generation:
        """Begin a draft that has all the live generation has; readers keep what they have."""
        ...
