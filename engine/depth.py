"""How deep the stored history is, and how deep it shall be.

Ready is not deep: the gate opens on a tail of a few days. Older history is fetched afterwards
and appended to the live generation, stretch by stretch towards the past; when a symbol has
reached its depth, a generation that begins with all of it makes it permanent.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of one series there is."""

    bars: int
    """Bars on disk."""
    target: int
    """How many there shall be."""
    first_ms: int | None
    """Open of the oldest, UTC ms; None while there is none."""
