"""The inside of a simulated day: minutes drawn within its outline, ticks within a minute.

See `market` for the theory. All prices here are integer points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from uds.model import F64, I64, MINUTE_MS, Bars

from .noise import U64, bits, mixed, unit

TICKS_MIN = 5
"""Least ticks of a minute that has any: room for open, high, low and close."""

_STEP_SIGMA = 26_755.0
"""Standard deviation of the sum of two 16-bit numbers."""
_ACTIVITY = np.array(
    (4, 4, 4, 4, 4, 4, 5, 7, 8, 8, 7, 7, 8, 9, 10, 10, 9, 8, 7, 6, 5, 4, 4, 4), dtype=np.int64
)
"""How lively the market is in each UTC hour, relative to the others."""


class Quote(NamedTuple):
    """One tick of the simulated market."""

    ts_ms: int
    """When, UTC ms."""
    bid: float
    """The side the bars are made of."""
    ask: float
    """Above the bid by the symbol's spread."""
    minute_volume: int
    """Ticks of this minute so far, this one included."""


@dataclass(frozen=True, slots=True)
class Character:
    """What distinguishes one symbol from another."""

    key: int
    """Of its noise."""
    digits: int
    """Decimals of its prices."""
    middle: int
    """Price it wanders around, in points."""
    stride: float
    """Typical movement in a day, in points."""

    @property
    def spread(self) -> int:
        """Ask minus bid, in points."""
        return 1 + int(self.stride / 64)


@dataclass(frozen=True, slots=True)
class Outline:
    """Trading days without their minutes: columns, prices in points."""

    open_ms: I64
    """Inclusive open of each D1 bucket, UTC ms."""
    close_ms: I64
    """Exclusive close of each D1 bucket, UTC ms."""
    o: I64
    """First price, in points like the three that follow."""
    h: I64
    """Highest price, above open and close."""
    low: I64
    """Lowest price, below open and close."""
    c: I64
    """Last price."""
    v: I64
    """Ticks of the day; at least TICKS_MIN for each open minute."""


def minutes_of_day(minutes: I64, words: U64, outline: Outline, character: Character) -> Bars:
    """M1 bars of one day: `minutes` are those with ticks, `outline` has one row."""
    o, h, low, c, volume = (
        int(column[0]) for column in (outline.o, outline.h, outline.low, outline.c, outline.v)
    )
    activity = _ACTIVITY[minutes // 3_600_000 % 24]
    first, second = _extreme_minutes(len(minutes), int(outline.open_ms[0]) ^ character.key)
    lowest, highest = (first, second) if c >= o else (second, first)
    inset = (h - low) // 32
    knots = {lowest + 1: low + inset, highest + 1: h - inset} if first < second else {}
    knots |= {0: o, len(minutes): c}
    path = _folded(_pinned(_walk(words, activity, character.stride), knots), low, h)
    jitter = (bits(words, 32, 8) - 128) * (2 + int(character.stride / 160)) // 128
    opens, closes = np.clip(path[:-1] + jitter, low, h), path[1:]
    opens[0] = o
    wick = 1 + int(character.stride / 64)
    highs = np.minimum(np.maximum(opens, closes) + bits(words, 40, 8) * wick // 256, h)
    lows = np.maximum(np.minimum(opens, closes) - bits(words, 48, 8) * wick // 256, low)
    highs[highest], lows[lowest] = h, low
    point = 10.0**character.digits
    volumes = _shared(volume, activity * (64 + bits(words, 56, 8)))
    return Bars.of(
        minutes,
        minutes + MINUTE_MS,
        opens / point,
        highs / point,
        lows / point,
        closes / point,
        volumes,
    )


def ticks_within(bar: Bars, character: Character) -> tuple[Quote, ...]:
    """The ticks of one M1 bar, ascending; their bids aggregate to the bar exactly."""
    point = 10**character.digits
    o, h, low, c = (round(float(price[0]) * point) for price in (bar.o, bar.h, bar.low, bar.c))
    open_ms, count = int(bar.open_time_ms[0]), int(bar.v[0])
    words = mixed(np.arange(count), character.key ^ open_ms)
    path = _path_of_ticks(words, o, h, low, c)
    gap_ms = MINUTE_MS // count
    times = open_ms + np.arange(count) * gap_ms + bits(words, 32, 16) % gap_ms
    rows = zip(times.tolist(), path.tolist(), range(1, count + 1), strict=True)
    return tuple(
        Quote(ts_ms, bid / point, (bid + character.spread) / point, volume)
        for ts_ms, bid, volume in rows
    )


def _extreme_minutes(count: int, key: int) -> tuple[int, int]:
    """The minutes that touch the day's extremes: one in each half, never the last."""
    if count < 8:
        return 0, 0
    half = count // 2
    early, late = (int(word) for word in mixed(np.arange(2), key))
    return early % (half - 1), half + late % (count - half - 2)


def _walk(words: U64, activity: I64, stride: float) -> F64:
    """A random walk of one step for each minute, from 0, that strays about half a stride."""
    steps = (bits(words, 0, 16) + bits(words, 16, 16) - 65_535) * activity
    size = 0.5 * stride * math.sqrt(len(words)) / (_STEP_SIGMA * int(activity.sum()))
    return np.concatenate(([0], np.cumsum(steps))) * size


def _pinned(walk: F64, knots: Mapping[int, int]) -> F64:
    """The walk tilted piece by piece, so that it passes through every knot (index, price)."""
    at = np.array(sorted(knots))
    prices = np.array([knots[index] for index in at.tolist()])
    tilt = np.interp(np.arange(len(walk)), at, prices - walk[at])
    return np.asarray(walk + tilt, dtype=np.float64)


def _folded(path: F64, low: int, high: int) -> I64:
    """The path mirrored back into [low, high] wherever it would leave, in whole points."""
    width = high - low
    inside = low + width - np.abs((path - low) % (2 * width) - width)
    folded: I64 = np.rint(inside).astype(np.int64)
    return folded


def _shared(volume: int, weights: I64) -> I64:
    """The day's volume dealt out by weight, TICKS_MIN to each minute first; sums exactly."""
    running = np.cumsum(weights)
    dealt = (volume - TICKS_MIN * len(weights)) * running // running[-1]
    shares: I64 = TICKS_MIN + np.diff(dealt, prepend=0)
    return shares


def _path_of_ticks(words: U64, o: int, h: int, low: int, c: int) -> I64:
    """Bids from first to last in points: they pass through both extremes and stay between."""
    last = len(words) - 1
    half = last // 2
    early, late = 1 + int(words[0]) % half, half + 1 + int(words[1]) % (last - half - 1)
    lowest, highest = (early, late) if c >= o else (late, early)
    knots = {0: o, lowest: low, highest: h, last: c}
    at = sorted(knots)
    straight = np.interp(np.arange(last + 1), at, [knots[index] for index in at])
    swing = (unit(words) - 0.5) * (h - low) / 3
    path = np.clip(np.rint(straight + swing), low, h).astype(np.int64)
    path[at] = [knots[index] for index in at]
    return path
