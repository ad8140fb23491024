"""A replay over another data folder: its M1 and D1, lived through again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from uds.model import Bars, Symbol, Timeframe

from ..history.data_folder import DataFolder, FolderSeries, OffAnchor
from ..plan import Market
from ..sayings import Saying, saying
from .replay import History, ReplayFolderIncomplete, days_of


async def load_data_folder(path: Path, markets: Iterable[Market]) -> History | None:
    """What a data folder holds of the symbols; None when it is none of any of them.

    Raises ReplayFolderIncomplete when a symbol has no M1, HistoryUnreadable, DiskFailed.
    """
    folder, wanted = DataFolder(path), tuple(markets)
    if not os.path.isdir(path) or not await folder.symbols(market.symbol for market in wanted):
        return None
    m1: dict[Symbol, Bars] = {}
    d1: dict[Symbol, Bars] = {}
    notes: list[tuple[str, Symbol, Saying]] = []
    for market in wanted:
        minutes = await folder.read(market, Timeframe.M1, is_proof_wanted=False)
        if not len(minutes.bars):
            raise ReplayFolderIncomplete(
                f"The replay folder {path} has no M1 of {market.symbol}: neither a commit nor "
                "part files of it."
            )
        m1[market.symbol] = minutes.bars
        days = await _days(folder, market)
        if days is None:
            absent = saying("days_off_grid", path, market.symbol)
            notes.append(("D1_FROM_M1", market.symbol, absent))
            d1[market.symbol] = days_of(minutes.bars, market.anchors, market.calendar)
        else:
            d1[market.symbol] = days.bars
        faults = [found.fault for found in (minutes, days) if found and found.fault]
        notes += [
            ("CORRUPT_JSONL", market.symbol, saying("as_it_is", f"{fault}.")) for fault in faults
        ]
    ends = (bars.last_close_ms or 0 for bars in m1.values())
    return History(m1, d1, {}, tuple(notes), min(ends))


async def _days(folder: DataFolder, market: Market) -> FolderSeries | None:
    """D1 of a symbol; None when there is none, or none on our anchor."""
    try:
        found = await folder.read(market, Timeframe.D1)
    except OffAnchor:
        return None
    return found if len(found.bars) else None
