"""Which open mode a data folder holds, seen before anybody owns it: `broker.open_mode: auto`.

The store must be told what the opens of its bars mean before it is opened. A folder with
commits says so itself; of the platform of before, which knew no modes, the M1 are judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from uds import DiskFailed, legacy_folder, view_folder
from uds.model import SeriesKey, Symbol, Timeframe

from .config import Config
from .witness import OpenMode, open_mode

_MODES: tuple[OpenMode, ...] = get_args(OpenMode)
_M1_JUDGED_MIN = 2_880
"""Two days of minutes: enough stretches to tell a habit from a quiet night."""


async def settled(config: Config) -> Config:
    """The configuration with `auto` replaced by what its data folder holds, if that tells."""
    if config.broker.open_mode != "auto":
        return config
    return config.opening_at(await folder_open_mode(config.data_root, config.symbols))


async def folder_open_mode(data_root: Path, symbols: Iterable[Symbol]) -> OpenMode | None:
    """The mode of the newest sound commit, else that of most symbols' old M1; None without any.

    A folder that cannot be read tells nothing here: whoever opens it says what is wrong.
    """
    try:
        return await _committed(data_root, symbols) or await _detected(data_root, symbols)
    except DiskFailed:
        return None


async def _committed(data_root: Path, symbols: Iterable[Symbol]) -> OpenMode | None:
    view = view_folder(data_root)
    pinned = [await view.pin(symbol) for symbol in symbols]
    newest = max(filter(None, pinned), key=lambda found: found.generation, default=None)
    return None if newest is None else _mode(newest.manifest.open_mode)


async def _detected(data_root: Path, symbols: Iterable[Symbol]) -> OpenMode | None:
    legacy = legacy_folder(data_root)
    votes: Counter[OpenMode] = Counter()
    for symbol in symbols:
        m1 = await legacy.newest(SeriesKey(symbol, Timeframe.M1), _M1_JUDGED_MIN)
        mode = _mode(open_mode(m1))
        if mode is not None:
            votes[mode] += 1
    return votes.most_common(1)[0][0] if votes else None


def _mode(word: str | None) -> OpenMode | None:
    return next((mode for mode in _MODES if mode == word), None)
