"""One number that says whether two series are the same: by times, prices and volume.

The digest is SHA-256 over one record per bar, ascending, each seven little-endian signed
64-bit integers: open_time_ms, close_time_ms, o, h, low, c, v, with prices multiplied by
10^digits and rounded. Extensions are not in it: they explain a bar, they are not the bar.
Records follow one another without header or separator, so anybody can compute it.
"""

from __future__ import annotations

import hashlib

import numpy as np

from .model import Bars


def digest(bars: Bars, digits: int) -> str:
    """Hex SHA-256 of the series; `digits` are the decimals the symbol's prices are kept with."""
    records = np.empty((len(bars), 7), dtype="<i8")
    records[:, 0] = bars.open_time_ms
    records[:, 1] = bars.close_time_ms
    for column, prices in enumerate((bars.o, bars.h, bars.low, bars.c), start=2):
        records[:, column] = np.rint(prices * 10.0**digits)
    records[:, 6] = bars.v
    return hashlib.sha256(records.tobytes()).hexdigest()
