"""What of M3 to H4 was derived once, and whether it is still there.

Every timeframe is derived from M1 alone, so a lost M5 cannot make H4 late; but it would be
missing until the next start. What was derived is therefore remembered: the M1 it was made of
and how many bars that were. Fewer than that were lost (F3), and are derived again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from uds.model import Bars, Coverage, Timeframe


@dataclass(frozen=True, slots=True)
class Derived:
    """What the derived timeframes of one symbol were when they were last brought up to date."""

    coverage: Coverage
    """The M1 they were made of."""
    counts: Mapping[Timeframe, int] = field(default_factory=dict)
    """How many bars of each were at hand; empty when only the coverage is known."""

    def is_whole(self, counts: Mapping[Timeframe, int]) -> bool:
        """Whether no timeframe has fewer bars now."""
        return all(counts.get(tf, 0) >= count for tf, count in self.counts.items())

    def have_and_need(self, derived: Bars, stored: Bars, resident_ms: int) -> tuple[int, int]:
        """Of the bars that could be derived then, how many are stored, and how many there are.

        `derived` is what M1 makes now; bars that open before `resident_ms` may be on disk only.
        """
        opens, closes = derived.open_time_ms, derived.close_time_ms
        known = np.zeros(len(derived), dtype=bool)
        for from_ms, until_ms in self.coverage:
            known |= (opens >= from_ms) & (closes <= until_ms)
        wanted = opens[known & (opens >= resident_ms)]
        return int(np.isin(wanted, stored.open_time_ms).sum()), len(wanted)
