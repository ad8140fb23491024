"""M1 that arrive, early, late, twice or changed, put among those that are stored."""

from __future__ import annotations

from dataclasses import dataclass

from uds.model import I64, Bars, compare


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What became of the bars that arrived."""

    bars: Bars
    """All bars, ascending; where an open stood in both, the arrived content."""
    new_count: int
    """Arrived with an open that was not stored."""
    repeated_count: int
    """Arrived exactly as stored."""
    revision_count: int
    """Arrived with other content than stored: counted, and the newest fetch won."""
    changed_open_ms: I64
    """Opens of the new and the revised, ascending: what derived buckets must be redone for."""


def absorb(stored: Bars, arrived: Bars) -> Absorbed:
    """Let the newest fetch win; counts say what was new, repeated and revised."""
    found = compare(stored, arrived)
    changed = arrived.take(~found.is_same)
    new_count = int(found.is_new.sum())
    return Absorbed(
        bars=stored.merged(changed),
        new_count=new_count,
        repeated_count=int(found.is_same.sum()),
        revision_count=len(changed) - new_count,
        changed_open_ms=changed.open_time_ms,
    )
