"""A tail as one Redis value: readable by anybody with struct, harmless when it is garbage."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uds.codec import pack_tail, unpack_tail
from uds.errors import BadTail
from uds.model import Bars, SeriesKey, Timeframe

from .samples import GOLD, GOLD_M1, GOLD_M5, any_bars, bars, minute

PACKED = pack_tail(Timeframe.M1, bars(3))


def test_a_tail_is_these_bytes() -> None:
    """Other languages read it: sixteen bytes of head, then seven little-endian columns."""
    tail = Bars.of(
        [minute(0), minute(1)],
        [minute(1), minute(2)],
        [1.5, 2.5],
        [3.0, 4.0],
        [1.0, 2.0],
        [2.0, 3.0],
        [7, 8],
    )
    body = struct.pack(
        "<4q8d2q",
        *(minute(0), minute(1), minute(1), minute(2)),
        *(1.5, 2.5, 3.0, 4.0, 1.0, 2.0, 2.0, 3.0),
        *(7, 8),
    )
    expected = b"CST1" + struct.pack("<3I", 60, 2, zlib.crc32(body, 60)) + body

    assert expected == pack_tail(Timeframe.M1, tail)


@given(any_bars(Timeframe.M5, extended=False))
def test_a_tail_survives_redis_bit_for_bit(found: Bars) -> None:
    """Readers of Redis and readers of RAM get the same bars; none at all is a tail too."""
    assert found.same_as(unpack_tail(GOLD_M5, pack_tail(Timeframe.M5, found)))


def test_a_slice_packs_as_its_own_rows() -> None:
    """Tails are views of longer columns; their neighbours must not leak."""
    assert pack_tail(Timeframe.M1, bars(3, 4)) == pack_tail(
        Timeframe.M1, bars(9).between(minute(4), minute(7))
    )


@given(st.binary(max_size=300))
def test_noise_is_never_anything_but_a_bad_tail(noise: bytes) -> None:
    """Anybody may write to Redis; the reader must outlive it."""
    with pytest.raises(BadTail):
        unpack_tail(GOLD_M1, noise)


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_a_bad_tail_or_sane_bars(at: int, flipped: int) -> None:
    """There is no checksum here: what passes must at least be bars of this series."""
    damaged = bytearray(PACKED)
    damaged[at] ^= flipped

    try:
        found = unpack_tail(GOLD_M1, bytes(damaged))
    except BadTail:
        return
    assert 3 == len(found)
    assert np.all(np.diff(found.open_time_ms) > 0)
    assert np.all(found.low <= found.h)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"CST1",
        PACKED[:15],
        PACKED[:-1],
        PACKED + b"\0",
        b"CST2" + PACKED[4:],
        b"CST1" + struct.pack("<3I", 60, 2**32 - 1, 0),
    ],
    ids=["empty", "magic", "half a head", "short", "long", "another version", "a huge count"],
)
def test_a_wrong_length_is_a_bad_tail(value: bytes) -> None:
    """A cut value must not become fewer bars, nor a lie about the count an allocation."""
    with pytest.raises(BadTail):
        unpack_tail(GOLD_M1, value)


@pytest.mark.parametrize("at", range(len(PACKED)))
def test_no_flipped_bit_is_believed(at: int) -> None:
    """A price that is a little wrong looks like any other."""
    damaged = PACKED[:at] + bytes([PACKED[at] ^ 4]) + PACKED[at + 1 :]

    with pytest.raises(BadTail):
        unpack_tail(GOLD_M1, damaged)


def test_a_tail_of_another_timeframe_is_bad() -> None:
    """M1 bars under the key of M5 would be drawn as M5."""
    with pytest.raises(BadTail, match="XAU/USD/M5"):
        unpack_tail(GOLD_M5, PACKED)


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -1.0, 0.0])
def test_an_impossible_price_is_a_bad_tail(price: float) -> None:
    """The checks of `Bars.of` stand behind this door as well, whoever made the checksum."""
    body = PACKED[16 : 16 + 6 * 8] + struct.pack("<d", price) + PACKED[16 + 7 * 8 :]
    damaged = PACKED[:12] + struct.pack("<I", zlib.crc32(body, 60)) + body

    with pytest.raises(BadTail, match="is damaged"):
        unpack_tail(GOLD_M1, damaged)


def test_an_empty_tail_is_a_tail() -> None:
    """A new symbol's D1 has no bars and is complete all the same."""
    key = SeriesKey(GOLD, Timeframe.D1)

    assert 0 == len(unpack_tail(key, pack_tail(Timeframe.D1, Bars.empty())))
