"""Whole blocks of lines: what is read at once is what would be read line by line."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uds import bar_lines, codec, line_block
from uds.codec import SegmentHeader
from uds.model import Bars, Generation, Timeframe

from .samples import GOLD_M1, GOLD_M5, any_bars, bars, minute

HEADER = codec.encode_header(SegmentHeader(GOLD_M1, 1, 1, Generation(1, 1), "first_tick"))
SEED = codec.header_crc(HEADER)
LINES = codec.encode_lines(GOLD_M1, bars(5), SEED)
"""Five sound lines."""


def one_by_one(lines: bytes) -> Bars:
    """The same bars without any shortcut."""
    return bar_lines.bars_of([bar_lines.decode_line(line) for line in lines.splitlines()])


def sealed(body: bytes) -> bytes:
    """A line with a right checksum and any content."""
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body, SEED)


@given(any_bars(Timeframe.M5))
def test_a_sound_block_is_read_as_its_lines_are(found: Bars) -> None:
    """Two ways to read one format may never differ, not in a digit and not in a reason."""
    lines = codec.encode_lines(GOLD_M5, found, 7)
    at_once = bar_lines.sound_bars(GOLD_M5, lines, 0, 7)

    assert (at_once is None) == (not len(found) or int(found.v.max()) >= 1 << 53)
    assert at_once is None or one_by_one(lines).same_as(at_once)


@given(st.integers(0, len(LINES) - 1), st.integers(1, 255))
def test_a_block_with_any_changed_byte_is_not_sound(at: int, flipped: int) -> None:
    """The shortcut may only be taken when there is nothing to say (F8)."""
    damaged = bytearray(LINES)
    damaged[at] ^= flipped

    assert bar_lines.sound_bars(GOLD_M1, bytes(damaged), 0, SEED) is None


@given(st.integers(LINES.rindex(b'{"symbol') + 1, len(LINES) - 1))
def test_a_torn_block_is_not_sound(length: int) -> None:
    """Its end must be told from damage, which is done line by line."""
    assert bar_lines.sound_bars(GOLD_M1, LINES[:length], 0, SEED) is None


def test_a_volume_beyond_a_floats_reach_comes_back_exactly() -> None:
    """The block is read as floats; 2^53 + 1 is the first whole number they would change."""
    wide = Bars.of([minute(0)], [minute(1)], [1], [1], [1], [1], [(1 << 53) + 1])
    lines = codec.encode_lines(GOLD_M1, wide, SEED)

    assert bar_lines.sound_bars(GOLD_M1, lines, 0, SEED) is None
    assert wide.same_as(codec.decode_segment(GOLD_M1, HEADER + lines).bars)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":1,', b'"v":1.5,'),
        (b'"v":1,', b'"v":-1,'),
        (b'"v":1,', b'"v":true,'),
        (b'"c":2000.25,', b""),
        (b'"complete":true', b'"complete":1'),
        (b'"extensions":{}', b'"extensions":{"source_count":-1}'),
        (b'"extensions":{}', b'"extensions":[]'),
        (b'"symbol":"XAU/USD"', b'"symbol":"XAG/USD"'),
        (b'"tf_s":60', b'"tf_s":300'),
        (b"}", b"}" + b" " * line_block.LINE_BYTES_MAX),
    ],
)
def test_a_block_with_a_forged_line_is_not_sound(old: bytes, new: bytes) -> None:
    """A right checksum does not make a bar."""
    first = LINES.splitlines()[0].rpartition(b',"crc":"')[0]
    forged = sealed(first.replace(old, new))

    assert bar_lines.sound_bars(GOLD_M1, sealed(first), 0, SEED) is not None
    assert bar_lines.sound_bars(GOLD_M1, forged, 0, SEED) is None


def test_lines_may_not_make_up_for_one_another() -> None:
    """A value that runs on into the next line is two lines and one object."""
    first, second, *_ = LINES.splitlines()
    opened = first.rpartition(b',"crc":"')[0][:-1] + b'"later":[{"extensions":{}'
    closed = second.rpartition(b',"crc":"')[0].replace(b"{", b"],", 1)
    head = second[: second.index(b'"open_time_ms"')]
    lines = sealed(opened) + sealed(head + b'"x":1' + closed[len(head) :])

    assert bar_lines.sound_bars(GOLD_M1, lines, 0, SEED) is None


def test_proved_bytes_are_not_summed_again_but_still_read() -> None:
    """Whoever proved the file as a whole spares the checksums, not the bars' own rules."""
    first, *rest = LINES.splitlines(keepends=True)
    other = first[:-11] + b'00000000"}\n'
    whole = HEADER + other + b"".join(rest)
    cut = HEADER + LINES.replace(b'"h":2000.5,', b"", 1)

    assert 5 == len(codec.decode_segment(GOLD_M1, whole, is_proved=True).bars)
    assert [2] == [d.line for d in codec.decode_segment(GOLD_M1, whole).drops]
    assert [2] == [d.line for d in codec.decode_segment(GOLD_M1, cut, is_proved=True).drops]


def test_a_blank_checksum_is_filled_in_every_line() -> None:
    """The writer's shortcut: all lines at once, each with its own checksum."""
    blank = bar_lines.blank_lines(GOLD_M1, bars(5))

    assert 5 == blank.count(line_block.CRC_BLANK.encode())
    assert LINES == line_block.with_checksums(blank, SEED)
    assert b"" == line_block.with_checksums(b"", SEED)


def test_many_lines_are_the_same_as_few() -> None:
    """They are made in blocks, and nobody who reads the file may see where one ended."""
    many = bars(1_300)
    few = [many.take(slice(row, row + 1)) for row in range(len(many))]

    one_by_one = b"".join(codec.encode_lines(GOLD_M1, one, SEED) for one in few)

    assert one_by_one == codec.encode_lines(GOLD_M1, many, SEED)
    assert b"" == codec.encode_lines(GOLD_M1, many.take(slice(0, 0)), SEED)
