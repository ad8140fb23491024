"""Lines on disk: published bytes, a checksum each, and no line that takes others with it."""

from __future__ import annotations

import json
import zlib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uds import codec
from uds.codec import SegmentHeader
from uds.errors import BadSegment
from uds.model import Bars, Generation, PartialReason, SeriesKey, Timeframe

from .samples import GOLD, GOLD_M1, GOLD_M5, any_bars, bars, minute, opens, preview

HEADER = SegmentHeader(GOLD_M1, 42, 7, Generation(42, 3), "first_tick")
HEADER_LINE = codec.encode_header(HEADER)
SEED = codec.header_crc(HEADER_LINE)


def segment(found: Bars, header: SegmentHeader = HEADER) -> bytes:
    """A whole file."""
    head = codec.encode_header(header)
    return head + codec.encode_lines(header.key, found, codec.header_crc(head))


def forged(seed: int, **changes: Any) -> bytes:
    """A line with a right checksum and anything in it, as only a bug of ours could write."""
    line = {
        "symbol": GOLD,
        "tf_s": 60,
        "open_time_ms": minute(1),
        "close_time_ms": minute(2),
        "o": 1.0,
        "h": 1.0,
        "low": 1.0,
        "c": 1.0,
        "v": 1,
        "complete": True,
        "src": "history",
        "extensions": {},
    } | changes
    return sealed(msgspec.json.encode(line)[:-1], seed)


def sealed(body: bytes, seed: int) -> bytes:
    """A line as the format's document tells others to write it: not by the product's code."""
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body, seed)


# -- the published bytes ------------------------------------------------------------------------


def test_a_header_is_these_bytes() -> None:
    """Names, order and checksum are a published format; this line is its vector."""
    body = (
        b'{"seg":1,"symbol":"XAU/USD","tf_s":60,"token":42,"n":7,'
        b'"generation":"00000042-0003","open_mode":"first_tick"'
    )

    assert sealed(body, 0) == HEADER_LINE


def test_a_line_is_these_bytes() -> None:
    """One bar a line, `crc` last, seeded by the header's: anybody can check it with zlib."""
    bar = Bars.of([minute(0)], [minute(1)], [1949.12], [1950.5], [1948.9], [1950.0], [213])
    body = (
        b'{"symbol":"XAU/USD","tf_s":60,"open_time_ms":1767621600000,'
        b'"close_time_ms":1767621660000,"o":1949.12,"h":1950.5,"low":1948.9,"c":1950.0,"v":213,'
        b'"complete":true,"src":"history","extensions":{}'
    )
    seed = int(json.loads(HEADER_LINE)["crc"], 16)

    assert sealed(body, seed) == codec.encode_lines(GOLD_M1, bar, seed)


def test_a_partial_derived_bar_says_why() -> None:
    """Fewer M1 than minutes is explained in the bar itself."""
    reasons = PartialReason.CALENDAR_PAUSE | PartialReason.NO_TICK | PartialReason.BOUNDARY
    bar = Bars.of([minute(0)], [minute(5)], [1], [1], [1], [1], [1], [3], [5], [int(reasons)])
    line = json.loads(codec.encode_lines(GOLD_M5, bar, 0))

    assert "derived" == line["src"]
    assert {
        "source_count": 3,
        "expected_count": 5,
        "partial": True,
        "partial_reasons": ["calendar_pause", "no_tick", "boundary"],
    } == line["extensions"]


@pytest.mark.parametrize("timeframe", Timeframe)
def test_the_field_order_is_the_same_for_every_timeframe(timeframe: Timeframe) -> None:
    """Readers that cut lines by position exist."""
    line = json.loads(codec.encode_lines(SeriesKey(GOLD, timeframe), bars(1, 0, timeframe), 0))
    names = "symbol tf_s open_time_ms close_time_ms o h low c v complete src extensions crc"

    assert names.split() == list(line)


def test_readers_get_json_without_what_only_disk_needs() -> None:
    """The wire has no checksum, no symbol and no extensions; prices are the same text."""
    (bar,) = json.loads(codec.bars_json(Timeframe.M5, bars(1, 0, Timeframe.M5)))

    assert {
        "open_time_ms": minute(0),
        "close_time_ms": minute(5),
        "o": 2000.0,
        "h": 2000.5,
        "low": 1999.5,
        "c": 2000.25,
        "v": 1,
        "complete": True,
        "src": "derived",
    } == bar


def test_a_forming_bar_comes_last_and_says_so() -> None:
    """A reader that asked for it must be able to tell it from the final ones (I3)."""
    found = json.loads(codec.bars_json(Timeframe.M1, bars(2), preview(2)))

    assert [True, True, False] == [bar["complete"] for bar in found]
    assert ["history", "history", "preview"] == [bar["src"] for bar in found]
    assert found[2] == json.loads(codec.preview_json(preview(2)))
    assert list(found[0]) == list(found[2])


# -- round trip ---------------------------------------------------------------------------------


@given(any_bars(Timeframe.M5))
def test_bars_survive_the_disk_bit_for_bit(found: Bars) -> None:
    """Any price, any volume, any extension: what was acknowledged is what comes back."""
    header = SegmentHeader(GOLD_M5, 1, 1, Generation(1, 1), "previous_close")
    decoded = codec.decode_segment(GOLD_M5, segment(found, header))

    assert () == decoded.drops
    assert header == decoded.header
    assert found.same_as(decoded.bars)


def test_every_line_is_short() -> None:
    """The reader refuses longer ones unread, so the writer must never come near."""
    widest = Bars.of(
        [(1 << 62) // 60_000 * 60_000],
        [(1 << 63) - 1],
        [1.2345678901234567e-300] * 1,
        [1.2345678901234567e300],
        [1.2345678901234567e-300],
        [1.2345678901234567e-300],
        [(1 << 63) - 1],
        [2**31 - 1],
        [2**31 - 1],
        [7],
    )
    line = codec.encode_lines(SeriesKey("A" * 24, Timeframe.D1), widest, 0)

    assert codec.LINE_BYTES_MAX / 2 > len(line)


# -- damage -------------------------------------------------------------------------------------

GOOD = segment(bars(5))
LINE_ENDS = [at for at, byte in enumerate(GOOD) if byte == ord("\n")]


@given(st.integers(len(HEADER_LINE), len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_costs_its_line_and_no_other(at: int, flipped: int) -> None:
    """Whatever a disk does to one byte, the other bars are served (F8)."""
    damaged = bytearray(GOOD)
    damaged[at] ^= flipped
    hit = GOOD[:at].count(b"\n") - 1
    lost = {hit, hit + 1} if at in LINE_ENDS else {hit}

    decoded = codec.decode_segment(GOLD_M1, bytes(damaged))

    assert [n for n in range(5) if n not in lost] == opens(decoded.bars)
    assert decoded.drops
    assert all(drop.good_before == min(lost) for drop in decoded.drops)


@given(st.integers(0, len(HEADER_LINE) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_header_condemns_the_file(at: int, flipped: int) -> None:
    """Without it nobody knows whose bars they are, and every other checksum hangs on it."""
    damaged = bytearray(GOOD)
    damaged[at] ^= flipped

    with pytest.raises(BadSegment):
        codec.decode_segment(GOLD_M1, bytes(damaged))


@given(st.integers(len(HEADER_LINE), len(GOOD) - 2))
def test_a_torn_end_costs_only_the_line_it_is_in(length: int) -> None:
    """A power cut leaves a prefix; it is told apart from damage."""
    whole = GOOD[:length].count(b"\n") - 1
    is_cut_between_lines = length - 1 in LINE_ENDS
    is_only_newline_missing = length in LINE_ENDS

    decoded = codec.decode_segment(GOLD_M1, GOOD[:length])

    assert list(range(whole + is_only_newline_missing)) == opens(decoded.bars)
    is_whole = is_cut_between_lines or is_only_newline_missing
    assert ([] if is_whole else [True]) == [drop.is_torn for drop in decoded.drops]


def test_a_bad_line_is_named_with_its_reason() -> None:
    """An operator wants to look at it: the number is that of `sed -n`."""
    lines = GOOD.splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"v":3', b'"v":4')

    (drop,) = codec.decode_segment(GOLD_M1, b"".join(lines)).drops

    assert (4, "its checksum is wrong", False, 2) == (
        drop.line,
        drop.reason,
        drop.is_torn,
        drop.good_before,
    )


def test_a_line_from_another_segment_is_not_believed() -> None:
    """Same symbol, same timeframe, right checksum in its own file: still a stranger (F8)."""
    other = segment(bars(1, 5), SegmentHeader(GOLD_M1, 42, 8, Generation(42, 3), "first_tick"))
    stranger = other.splitlines(keepends=True)[1]

    decoded = codec.decode_segment(GOLD_M1, GOOD + stranger)

    assert [0, 1, 2, 3, 4] == opens(decoded.bars)
    assert ["its checksum is wrong"] == [drop.reason for drop in decoded.drops]


def test_a_repeated_line_is_not_believed() -> None:
    """Its checksum is right, but opens only ascend within a file."""
    lines = GOOD.splitlines(keepends=True)

    decoded = codec.decode_segment(GOLD_M1, b"".join((*lines, lines[2])))

    assert [0, 1, 2, 3, 4] == opens(decoded.bars)
    assert [("it does not follow the line before", True)] == [
        (drop.reason, drop.is_misplaced) for drop in decoded.drops
    ]


@pytest.mark.parametrize(
    ("garbage", "why"),
    [
        (b"x" * 1_000_000 + b"\n", "it has 1000000 bytes, more than 1024"),
        (b"\0" * 300 + b"\n", "it does not end in a checksum"),
        (b"\n", "it does not end in a checksum"),
        (b"{}\n", "it does not end in a checksum"),
        (b"\xff\xfe\xfd\n", "it does not end in a checksum"),
    ],
    ids=["1 MB", "NUL", "empty", "short", "not text"],
)
def test_garbage_between_lines_is_one_dropped_line(garbage: bytes, why: str) -> None:
    """The disasters of F8, each among good neighbours."""
    lines = GOOD.splitlines(keepends=True)

    decoded = codec.decode_segment(GOLD_M1, b"".join((*lines[:3], garbage, *lines[3:])))

    assert [0, 1, 2, 3, 4] == opens(decoded.bars)
    assert [(4, why, 2)] == [(d.line, d.reason, d.good_before) for d in decoded.drops]


@given(st.binary(max_size=400))
def test_no_bytes_behind_a_header_raise(garbage: bytes) -> None:
    """The good lines before it are kept, whatever follows."""
    assert 5 == len(codec.decode_segment(GOLD_M1, GOOD + b"\n" + garbage).bars)


@given(st.binary(max_size=400))
def test_no_bytes_at_all_raise_anything_but_bad_segment(garbage: bytes) -> None:
    """A file of noise is an error with a name."""
    with pytest.raises(BadSegment):
        codec.decode_segment(GOLD_M1, garbage)


# -- right checksum, wrong content --------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "XAG/USD"},
        {"tf_s": 300},
        {"open_time_ms": True},
        {"open_time_ms": 1 << 63},
        {"open_time_ms": -60_000},
        {"close_time_ms": 10**30},
        {"o": "1"},
        {"o": None},
        {"v": 1 << 63},
        {"v": 0.5},
        {"extensions": {"source_count": 1 << 40}},
        {"extensions": []},
        {"symbol": "\N{LATIN SMALL LETTER E WITH ACUTE}"},
    ],
)
def test_a_forged_line_is_dropped_alone(changes: dict[str, Any]) -> None:
    """A checksum proves that bytes are as written, not that they make sense."""
    data = segment(bars(1)) + forged(SEED, **changes) + b"".join(GOOD.splitlines(True)[3:])

    decoded = codec.decode_segment(GOLD_M1, data)

    assert [0, 2, 3, 4] == opens(decoded.bars)
    assert [3] == [drop.line for drop in decoded.drops]


@pytest.mark.parametrize(
    "body",
    [
        b'{"symbol":"\xff"',
        b'{"symbol":"XAU/USD","deep":' + b"[" * 900,
        b"[1",
        b"{",
        b"",
    ],
    ids=["not text", "deep", "list", "cut", "empty"],
)
def test_a_forged_line_that_is_no_bar_is_dropped_alone(body: bytes) -> None:
    """Broken text and deep nesting are errors of other kinds below; above they are one line."""
    decoded = codec.decode_segment(GOLD_M1, segment(bars(1)) + sealed(body, SEED))

    assert [0] == opens(decoded.bars)
    assert [3] == [drop.line for drop in decoded.drops]


def test_a_forged_line_may_say_less() -> None:
    """Unknown reasons and keys of a later version are passed over, known ones counted once."""
    extensions = {
        "source_count": 3,
        "expected_count": 5,
        "partial_reasons": ["no_tick", "no_tick", "moon"],
        "later": 1,
    }
    decoded = codec.decode_segment(GOLD_M1, HEADER_LINE + forged(SEED, extensions=extensions))

    assert [PartialReason.NO_TICK] == decoded.bars.partial_reasons.tolist()


def test_an_impossible_bar_condemns_the_file() -> None:
    """We never write one, so a file that holds one was not written by us."""
    with pytest.raises(BadSegment, match="its high is below another price"):
        codec.decode_segment(GOLD_M1, HEADER_LINE + forged(SEED, h=0.5))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"seg": 2}, "lies in the folder of"),
        ({"symbol": "XAG/USD"}, "lies in the folder of XAU/USD/M1"),
        ({"tf_s": 61}, "61"),
        ({"generation": "1-1"}, "is not a generation"),
        ({"token": "1"}, "token"),
        ({"n": None}, "n"),
    ],
)
def test_a_header_of_another_series_is_bad(changes: dict[str, Any], why: str) -> None:
    """A file moved between folders would give one market the prices of another."""
    header = json.loads(HEADER_LINE) | changes
    header.pop("crc")
    line = sealed(msgspec.json.encode(header)[:-1], 0)

    with pytest.raises(BadSegment, match=why):
        codec.decode_segment(GOLD_M1, line)


@pytest.mark.parametrize("data", [b"", b"\n", HEADER_LINE[:-1], HEADER_LINE[:20]])
def test_a_file_without_a_header_line_is_bad(data: bytes) -> None:
    """A write that was torn in its first line left nothing."""
    with pytest.raises(BadSegment):
        codec.decode_segment(GOLD_M1, data)


def test_a_header_alone_holds_no_bars() -> None:
    """It is whole; there is only nothing in it."""
    decoded = codec.decode_segment(GOLD_M1, HEADER_LINE)

    assert (0, ()) == (len(decoded.bars), decoded.drops)


def test_a_segments_generation_is_read_from_its_header_only() -> None:
    """Recovery asks it of files whose lines may be damaged."""
    assert "00000042-0003" == codec.generation_of(GOLD_M1, GOOD[:-9])
    assert codec.generation_of(GOLD_M5, GOOD) is None
    assert codec.generation_of(GOLD_M1, GOOD[1:]) is None


def test_columns_come_back_in_their_own_types() -> None:
    """A float volume or a wide bit field would break digests and merging later."""
    decoded = codec.decode_segment(GOLD_M1, GOOD)
    kinds = [np.int64] * 2 + [np.float64] * 4 + [np.int64] + [np.int32] * 2 + [np.uint8]

    assert kinds == [column.dtype for column in decoded.bars.columns]
