"""The digest is a published number: stable for ever, blind to nothing that is data."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest

from uds.digest import digest
from uds.model import Bars

BARS = Bars.of(
    [1_700_000_040_000, 1_700_000_100_000],
    [1_700_000_100_000, 1_700_000_160_000],
    [1_949.12, 1_950.0],
    [1_950.5, 1_950.07],
    [1_948.9, 1_949.99],
    [1_950.0, 1_950.01],
    [213, 7],
)


def test_anybody_can_compute_the_digest() -> None:
    """The recipe of the document, spelled with struct: seven little-endian integers a bar."""
    recipe = hashlib.sha256(
        struct.pack(
            "<7q", 1_700_000_040_000, 1_700_000_100_000, 194912, 195050, 194890, 195000, 213
        )
        + struct.pack(
            "<7q", 1_700_000_100_000, 1_700_000_160_000, 195000, 195007, 194999, 195001, 7
        )
    )

    assert recipe.hexdigest() == digest(BARS, 2)


def test_the_digest_of_these_bars_never_changes() -> None:
    """Stored digests of last year must still be right: this number is a promise."""
    assert "dac581739544270366dabe4ac06e45fcccf2001755a86b7b9bfc9b6733d0fd4c" == digest(BARS, 2)
    assert hashlib.sha256(b"").hexdigest() == digest(Bars.empty(), 2)


def test_float_noise_below_the_point_does_not_count() -> None:
    """1950.07 read from text and 1950.07 computed from ticks are one price."""
    noisy = replace(BARS, c=BARS.c + 1e-9)

    assert digest(BARS, 2) == digest(noisy, 2)


def test_extensions_are_not_in_the_digest() -> None:
    """They explain a bar; a better explanation is not another bar."""
    explained = replace(BARS, source_count=np.array([3, 0], dtype=np.int32))

    assert digest(BARS, 2) == digest(explained, 2)


@pytest.mark.parametrize("column", ["open_time_ms", "close_time_ms", "o", "h", "low", "c", "v"])
def test_every_column_counts(column: str) -> None:
    """One point or one tick in one bar must show."""
    changed = getattr(BARS, column).copy()
    changed[1] += 1

    assert digest(BARS, 2) != digest(replace(BARS, **{column: changed}), 2)
