"""One line of the platform of before: which are believed, which are refused, and why."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
import pytest

from uds.legacy_codec import LINE_BYTES_MAX, decode_part, encode_records
from uds.model import MINUTE_MS, Bars, SeriesKey, Timeframe

from .old_lines import record, text
from .samples import GOLD, GOLD_M1, T0_MS, bars, minute

DAY_MS = 86_400_000


def refused(line: dict[str, Any] | str | bytes) -> str:
    """Why a line is not believed; empty when it is."""
    part = decode_part(GOLD_M1, text(record(0), line))
    assert part.bad_count == len(part.bad) == 2 - len(part.open_time_ms)
    return part.bad[0].why if part.bad else ""


def test_a_record_is_the_line_of_a_segment_without_its_checksum() -> None:
    """That platform's readers know every key of it and no other."""
    first = encode_records(GOLD_M1, bars(2)).split(b"\n")[0]

    assert record(0).keys() == json.loads(first).keys()
    assert first.endswith(b'"src":"history","extensions":{}}')


BAD_LINES: dict[str, tuple[Any, str]] = {
    "no object": ("[1,2]", "Expected `object`"),
    "two objects": (text(record(1))[:-1] + b"{}", "malformed"),
    "NaN": (text(record(1))[:-1].replace(b'"v":7', b'"v":NaN'), "malformed"),
    "Infinity": (text(record(1))[:-1].replace(b'"v":7', b'"v":Infinity'), "malformed"),
    "beyond a float": (text(record(1))[:-1].replace(b'"v":7', b'"v":1e999'), "out of range"),
    "bool for a price": (record(1, o=True), "got `bool`"),
    "bool for a time": (record(1, open_time_ms=True), "got `bool`"),
    "number for complete": (record(1, complete=1), "got `int`"),
    "text for a price": (record(1, o="2000"), "got `str`"),
    "null for a price": (record(1) | {"h": None}, "got `null`"),
    "no low": (record(1, low=None), "it has no low"),
    "no volume": (record(1, v=None), "`v`"),
    "not said to be complete": (record(1, complete=None), "`complete`"),
    "a key twice": (text(record(1))[:-2] + b',"c":2001.5}', "it holds a key twice"),
    "a key twice, once escaped": (
        text(record(1))[:-2] + b',"\\u0063":2001.5}',
        "it holds a key twice",
    ),
    "before 1970": (record(1, open_time_ms=-60_000), "`int` >= 0"),
    "after 2200": (record(1, open_time_ms=7_258_118_400_000), "`int` <"),
    "beyond an int": (record(1, open_time_ms=10**30), "`int` <"),
    "not on the minute": (record(1, open_time_ms=minute(1) + 1), "no possible bar"),
    "high below its close": (record(1, h=1.0), "no possible bar"),
    "low above its open": (record(1, low=2_001.25), "no possible bar"),
    "a price of zero": (record(1, low=0), "no possible bar"),
    "a negative volume": (record(1, v=-1), "no possible bar"),
    "a volume beyond counting": (record(1, v=2**60), "no possible bar"),
    "another symbol": (record(1, symbol="USD/JPY"), "it is a bar of 'USD/JPY 60'"),
    "another timeframe": (record(1, tf_s=300), "it is a bar of 'XAU/USD 300'"),
    "control bytes for a symbol": (record(1, symbol="\x1b[2J" * 99), r"\x1b[2J"),
    "a megabyte": (record(1, extensions={"x": "y" * 2**20}), f"more than {LINE_BYTES_MAX}"),
    "a thousand lists": (
        text(record(1))[:-2] + b',"x":' + b"[" * 1_500 + b"]" * 1_500 + b"}",
        "recursion",
    ),
    "NULs": (b"\x00" * 64, "malformed"),
    "not UTF-8": (record(1, symbol=None, src="S").__repr__().encode() + b"\xff", "malformed"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_refused_with_its_reason(name: str) -> None:
    """Foreign bytes are hostile until parsed; the good line beside them stays."""
    line, words = BAD_LINES[name]
    why = refused(line)

    assert words in why
    assert why.isprintable()
    assert 200 > len(why)


def test_a_key_that_nobody_reads_may_come_twice() -> None:
    """It changes nothing, and the line may be the only copy of its bar."""
    assert "" == refused(text(record(1))[:-2] + b',"x":1,"x":2,"y":{"c":1,"c":2}}')
    assert "" == refused(record(1, src="o"))


def test_days_open_where_they_will_and_hours_on_the_hour() -> None:
    """Anchors are not known here: the grid of H4 and D1 is for the engine to judge."""
    for timeframe, shift_ms, is_good in (
        (Timeframe.D1, 22 * 3_600_000, True),
        (Timeframe.H4, 3_600_000, True),
        (Timeframe.M5, MINUTE_MS, False),
        (Timeframe.H1, MINUTE_MS, False),
    ):
        line = record(0, tf_s=int(timeframe), open_time_ms=T0_MS + shift_ms)
        part = decode_part(SeriesKey(GOLD, timeframe), text(line))
        assert is_good is (1 == len(part.open_time_ms)), timeframe


def test_mutated_lines_never_raise_and_never_become_impossible_bars() -> None:
    """Two thousand files, each with a few bytes turned, cut, doubled or put elsewhere."""
    chance = Random(7)
    good = text(*(record(index) for index in range(3)))
    for _ in range(2_400):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at, other = chance.randrange(len(data)), chance.randrange(len(data))
            match chance.randrange(5):
                case 0:
                    data[at] ^= 1 << chance.randrange(8)
                case 1:
                    del data[at : at + chance.randint(1, 40)]
                    data += b"{}"
                case 2:
                    data[at:at] = data[other : other + 30]
                case 3:
                    data[at:at] = bytes([chance.randrange(256)]) * chance.randint(1, 9)
                case _:
                    data[at : at + 1] = b"-1e7NaN[{\n\\\x00"[chance.randrange(12) :][:3]
        part = decode_part(GOLD_M1, bytes(data))
        order = np.argsort(part.open_time_ms, kind="stable")
        opens, first = np.unique(part.open_time_ms[order], return_index=True)
        o, h, low, c = part.prices[:, order][:, first]
        Bars.of(opens, opens + MINUTE_MS, o, h, low, c, part.v[order][first])
        assert all(found.why and 0 < found.line for found in part.bad)


@pytest.mark.parametrize(
    ("words", "heard"),
    [
        (["no_tick"], [3, 5, 2]),
        (["calendar_pause", "no_tick"], [3, 5, 3]),
        (["no_tick", "feed_down"], [0, 0, 0]),
        ([], [3, 5, 0]),
    ],
)
def test_a_reason_that_nobody_knows_leaves_no_half_of_what_was_said(
    words: list[str], heard: list[int]
) -> None:
    """A bar that also lacks minutes for another reason is no proof that they had no tick."""
    key = SeriesKey(GOLD, Timeframe.M5)
    said = {"source_count": 3, "expected_count": 5, "partial": True, "partial_reasons": words}
    line = record(0, tf_s=300, src="derived", extensions=said)

    assert heard == decode_part(key, text(line)).extensions[:, 0].tolist()
