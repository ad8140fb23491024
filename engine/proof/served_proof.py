"""Holds what Redis serves of a symbol against the disk: the live pointer and every packed tail.

Bars are durable before they are visible, so each bar in Redis must be on disk just so; the disk
may be ahead by what is not shown yet. A Redis that is not there proves nothing and is no fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from uds import (
    BadManifest,
    BadTail,
    CacheDown,
    CacheRegressed,
    CacheTooOld,
    Pinned,
    Served,
    View,
)
from uds.model import I64, Bars, Generation, SeriesKey, Symbol, Timeframe

from .verify_report import Fault, RedisVerified, moment

_AHEAD_BARS = 240
"""So much further back the disk is read, as it may be ahead by some bars."""
_COLUMNS = ("close_time_ms", "o", "h", "low", "c", "v")
_FAR_MS = 1 << 62


@dataclass(slots=True)
class ServedFound:
    """What was found of one symbol."""

    tails: int = 0
    """Tails that were compared."""
    faults: list[Fault] = field(default_factory=list)
    """What is not what the disk has."""
    notes: list[str] = field(default_factory=list)
    """What is worth knowing, as sentences."""


class ServedProof:
    """Asks Redis symbol by symbol, until it turns out not to be there."""

    def __init__(self, view: View, tail_bars: Mapping[Timeframe, int]) -> None:
        self._view = view
        self._tail_bars = tail_bars
        self._why_absent = ""
        self._is_serving = False

    def verdict(self, *, differs: bool) -> RedisVerified:
        """What the symbols so far say of it in a word."""
        address = self._view.address
        if self._why_absent:
            return RedisVerified("not reachable", address, self._why_absent)
        if not self._is_serving:
            return RedisVerified("serves nothing", address, "No generation is live there.")
        return RedisVerified("differs" if differs else "agrees", address, "")

    async def compare(self, pinned: Pinned, timeframes: tuple[Timeframe, ...]) -> ServedFound:
        """Every tail of these timeframes; raises Vanished when the disk moved on meanwhile."""
        found = ServedFound()
        served = await self._read(pinned.symbol, timeframes, found)
        if served is None:
            return found
        self._is_serving = True
        on_disk = await self._pinned_at(pinned, served.generation, found)
        if on_disk is None:
            return found
        for timeframe, bars in served.tails.items():
            key = SeriesKey(pinned.symbol, timeframe)
            found.tails += 1
            await self._compare(on_disk, key, bars, found)
        return found

    async def _read(
        self, symbol: Symbol, timeframes: tuple[Timeframe, ...], found: ServedFound
    ) -> Served | None:
        """What can be read; what cannot is a fault of its own. None when nothing is live."""
        wanted = timeframes
        while not self._why_absent:
            try:
                return await self._view.reader.read(symbol, wanted)
            except (BadTail, CacheRegressed) as error:
                if error.scope is None:  # an emptied server: nothing is served
                    return None
                name = str(error.scope)
                found.faults.append(_fault(name, error.scope, error.detail))
                if not isinstance(error.scope, SeriesKey):
                    return None
                bad = error.scope.timeframe
                wanted = tuple(timeframe for timeframe in wanted if timeframe is not bad)
            except (CacheDown, CacheTooOld) as error:
                self._why_absent = error.detail
        return None

    async def _pinned_at(
        self, pinned: Pinned, generation: Generation, found: ServedFound
    ) -> Pinned | None:
        """The generation that is served, as the disk has it; None when that cannot be compared."""
        if generation == pinned.generation:
            return pinned
        symbol, folder = pinned.symbol, self._view.folder
        try:
            other = await folder.pin_at(symbol, generation)
        except BadManifest:
            return None  # the commit's own fault says so
        if other is not None:
            later = "already" if generation > pinned.generation else "still"
            found.notes.append(
                f"Redis {later} serves {generation.short}; {pinned.generation.short} was verified."
            )
        elif generation.token > await folder.newest_token():
            found.notes.append(
                f"Redis serves {generation.short}, of a later owner than this folder ever had: "
                "it belongs to another folder, and was not compared."
            )
        else:
            detail = f"Redis serves {generation.short} of {symbol}, of which there is no commit."
            found.faults.append(_fault(f"{symbol} live", symbol, detail))
        return other

    async def _compare(
        self, on_disk: Pinned, key: SeriesKey, served: Bars, found: ServedFound
    ) -> None:
        stored = await on_disk.tail(key, len(served) + _AHEAD_BARS)
        if not len(served):
            if len(stored):
                self._accuse(on_disk, key, "it is empty, the disk has bars", found)
            return
        first_ms, last_ms = int(served.open_time_ms[0]), int(served.open_time_ms[-1])
        if len(stored) and int(stored.open_time_ms[0]) > first_ms:
            stored = await on_disk.read(key, first_ms, _FAR_MS)
        why = _difference(served, stored.between(first_ms, last_ms + 1))
        if why:
            self._accuse(on_disk, key, why, found)
            return
        ahead = len(stored.between(last_ms + 1, _FAR_MS))
        if ahead:
            found.notes.append(f"Redis has less of {key} than the disk, by bars: {ahead}.")
        if len(served) < self._tail_bars[key.timeframe] and len(stored.between(0, first_ms)):
            found.notes.append(
                f"The tail of {key} in Redis is short: {len(served)} bars of "
                f"{self._tail_bars[key.timeframe]} configured."
            )

    def _accuse(self, on_disk: Pinned, key: SeriesKey, why: str, found: ServedFound) -> None:
        detail = f"The tail of {key} in Redis is not what is on disk: {why}."
        name = self._view.tail_name(key, on_disk.generation)
        found.faults.append(_fault(name, key, detail))


def _fault(name: str, scope: SeriesKey | Symbol | None, detail: str) -> Fault:
    if isinstance(scope, SeriesKey):
        return Fault("tail", name, detail, scope.symbol, scope.timeframe)
    return Fault("tail", name, detail, scope)


def _difference(served: Bars, stored: Bars) -> str:
    """The first thing in which a tail is not the disk's; empty when it is the same."""
    opens = np.union1d(served.open_time_ms, stored.open_time_ms)
    for whose, bars in (("Redis", served), ("the files", stored)):
        missing = opens[~np.isin(opens, bars.open_time_ms)]
        if len(missing):
            return f"not in {whose} are {_counted(missing)} from {moment(int(missing[0]))} on"
    for column in _COLUMNS:
        ours, theirs = getattr(stored, column), getattr(served, column)
        if not np.array_equal(ours, theirs):
            at = int(np.argmax(ours != theirs))
            opened = moment(int(opens[at]))
            return f"the {column} of {opened} is {theirs[at]} there and {ours[at]} on disk"
    return ""


def _counted(opens: I64) -> str:
    return "1 bar" if len(opens) == 1 else f"{len(opens)} bars"
