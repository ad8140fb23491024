"""M1 that arrive, early, late, twice or changed, put among those that are stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from uds.model import I64, Bars


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
    at = stored.open_time_ms.searchsorted(arrived.open_time_ms)
    is_known = np.zeros(len(arrived), dtype=np.bool_)
    inside = at < len(stored)
    is_known[inside] = stored.open_time_ms[at[inside]] == arrived.open_time_ms[inside]
    is_same = np.zeros(len(arrived), dtype=np.bool_)
    known_rows = np.flatnonzero(is_known)
    is_same[known_rows] = _same_content(stored.take(at[known_rows]), arrived.take(known_rows))
    changed = arrived.take(~is_same)
    new_count = len(arrived) - len(known_rows)
    return Absorbed(
        bars=stored.merged(changed),
        new_count=new_count,
        repeated_count=int(is_same.sum()),
        revision_count=len(changed) - new_count,
        changed_open_ms=changed.open_time_ms,
    )


def _same_content(mine: Bars, theirs: Bars) -> npt.NDArray[np.bool_]:
    same = np.ones(len(mine), dtype=np.bool_)
    for one, other in zip(mine.columns, theirs.columns, strict=True):
        same &= one == other
    return same
