"""Repeatable noise: 64-bit hashes of integers, and a slow random walk made of them.

The same numbers come out in any process and in any order of asking, because each is a
function of its key and its index alone. The mixing function is splitmix64's.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from uds.model import F64, I64

U64: TypeAlias = npt.NDArray[np.uint64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_OCTAVES = 7


def key_of(seed: int, name: str) -> int:
    """A 64-bit key for one stream of noise, from a seed and the stream's name."""
    key = seed & _MASK
    for byte in name.encode():
        key = int(mixed(np.array([byte]), key)[0])
    return key


def mixed(indexes: I64 | U64, key: int) -> U64:
    """One well mixed 64-bit word for each index, under a key; same shape as `indexes`."""
    start = np.uint64((key * _GOLDEN + _GOLDEN) & _MASK)
    words = indexes.astype(np.uint64) * np.uint64(_GOLDEN) + start
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def bits(words: U64, shift: int, width: int) -> I64:
    """`width` bits of each word from `shift` upwards, as integers from 0."""
    mask = np.uint64((1 << width) - 1)
    return ((words >> np.uint64(shift)) & mask).astype(np.int64)


def unit(words: U64) -> F64:
    """Each word as a number in [0, 1)."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def wander(indexes: I64, key: int) -> F64:
    """A walk whose neighbours differ by about one, and which never leaves ±26.

    Octaves of value noise: each hashes a lattice twice as wide as the one before, is drawn
    straight between its points, and is higher by the root of two.
    """
    ranks = np.arange(_OCTAVES).reshape(-1, *(1 for _ in indexes.shape))
    widths = np.left_shift(1, ranks)
    left = indexes // widths
    share = (indexes - left * widths) / widths
    lattice = left * _OCTAVES + ranks
    before, after = (unit(mixed(at, key)) * 2 - 1 for at in (lattice, lattice + _OCTAVES))
    octaves = np.sqrt(widths) * (before + (after - before) * share)
    total: F64 = octaves.cumsum(axis=0)[-1]
    return total
