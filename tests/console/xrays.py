"""A scripted x-ray: a derived cell with a partial bar, a gap, and a file that has changed."""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.cell import CellState
from engine.replica import plain
from engine.xray import Candle, Covered, Derive, Gap, Holes, Xray
from uds import Filed, Held
from uds.model import Generation, SeriesKey, Timeframe

from .scenes import OPENED_MS

_HOUR_MS = 3_600_000


def xray_of_a_cell(symbol: str, timeframe: Timeframe, *, is_sound: bool = True) -> Xray:
    """A cell of which sixty bars are shown."""
    width_ms = timeframe.ms
    bars = tuple(_candle(OPENED_MS - (60 - at) * width_ms, at, width_ms) for at in range(60))
    files = (
        Filed("a", "42-1", 60, 14_200, "1a2b3c4d", bars[0].open_ms, bars[-1].open_ms),
        Filed("b", "41-2", 4_000, 870_000, "99aabbcc", 0, bars[0].open_ms - width_ms),
    )
    is_derived = timeframe.is_derived
    gap = Gap(OPENED_MS - 10 * _HOUR_MS, OPENED_MS - 10 * _HOUR_MS + 180_000)
    return Xray(
        key=SeriesKey(symbol, timeframe),
        as_of_ms=OPENED_MS,
        digits=2,
        generation="42-1",
        is_draft=False,
        resident_bars=60,
        candles=bars,
        forming=Candle(OPENED_MS, OPENED_MS + width_ms, 10, 11, 9, 10.5, 8, 0, 0, (), None),
        stored_bars=4_060,
        file_count=2,
        files=files,
        is_sound=is_sound,
        held=Held(Generation(42, 1), 12, 3_360, is_sound, None, 118_000),
        cache_error=None,
        derive=Derive(CellState.SEALED, 4_320, OPENED_MS - 60_000, False) if is_derived else None,
        covered=Covered(
            "M1",
            OPENED_MS - 72 * _HOUR_MS,
            OPENED_MS,
            (Holes("no_tick", 31, 31), Holes("weekend", 1, 2_956), Holes("gap", 1, 3)),
            (gap,),
        ),
    )


def answered(args: Mapping[str, str]) -> object:
    """What the operation `xray` answers; a file of GER30 has changed behind the engine's back."""
    symbol, timeframe = args["symbol"], Timeframe[args["timeframe"]]
    return plain(xray_of_a_cell(symbol, timeframe, is_sound=symbol != "GER30"))


def _candle(open_ms: int, at: int, width_ms: int) -> Candle:
    o, c = (2_500 + 6 * math.sin((at + shift) / 7) for shift in (0, 1))
    parts = (179, 240, ("calendar_pause",)) if at == 57 else (0, 0, ())
    high, low = max(o, c) + 1.2, min(o, c) - 0.9
    return Candle(open_ms, open_ms + width_ms, o, high, low, c, 900 + at, *parts, "42-1")
