"""Real history for tests, read from the folder that COLDSTART_REAL_DATA names."""

from __future__ import annotations

import gzip
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.calendars.buckets import Anchors, bucket_closes
from uds.model import Bars, Timeframe

FOLDER = os.environ.get("COLDSTART_REAL_DATA", "")

needs_real_history = pytest.mark.skipif(
    not FOLDER, reason="COLDSTART_REAL_DATA does not name the folder of real history"
)


@cache
def bars(file: str, timeframe: Timeframe, anchors: Anchors) -> Bars:
    """The bars of one file such as `mt5_2022q4/USDJPY_M1`; their opens must lie on the grid."""
    with gzip.open(Path(FOLDER) / f"{file}.csv.gz", "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", skiprows=1)
    opens = table[:, 0].astype(np.int64)
    closes = bucket_closes(opens, timeframe, anchors)
    o, h, low, c, v = table[:, 1:6].T
    return Bars.of(opens, closes, o, h, low, c, v.astype(np.int64))
