"""What one damaged file still proves, and which time it leaves in doubt."""

from __future__ import annotations

import zlib

from uds import codec, layout
from uds.believing import Record, judge
from uds.codec import SegmentHeader
from uds.manifest import SegmentEntry
from uds.model import Bars, Generation

from .samples import GOLD_M1, bars, minute, opens


def written(page: Bars, n: int = 1) -> bytes:
    """The n-th file of the first owner."""
    header = codec.encode_header(SegmentHeader(GOLD_M1, 1, n, Generation(1, 1), "first_tick"))
    return header + codec.encode_lines(GOLD_M1, page, codec.header_crc(header))


def recorded(page: Bars, n: int = 1) -> Record:
    """As its commit knows it."""
    path, data = layout.segment_path(GOLD_M1, 1, n), written(page, n)
    first_ms, last_ms = int(page.open_time_ms[0]), int(page.open_time_ms[-1])
    crc = f"{zlib.crc32(data):08x}"
    entry = SegmentEntry(60, path, len(data), crc, first_ms, last_ms, len(page))
    return Record(path, entry, may_grow=False)


def test_the_bytes_of_another_file_are_not_believed() -> None:
    """A sound file in its place, of the same series: an older content of the same minutes."""
    found = judge(GOLD_M1, recorded(bars(5, price=9.0), n=2), written(bars(5)))

    assert "it holds the bytes of XAU_USD/tf_60/seg-00000001-0001.jsonl" == found.why
    assert (0, None) == (len(found.bars), found.segment)
    assert ((minute(0), minute(5)),) == found.holes


def test_a_bad_line_is_a_hole_of_its_own_where_no_minute_lacks() -> None:
    """There it is certain which bar is lost."""
    page = bars(5)
    found = judge(GOLD_M1, recorded(page), written(page).replace(b'"v":3', b'"v":4'))

    assert [0, 1, 3, 4] == opens(found.bars)
    assert {(minute(2), minute(3))} == set(found.holes)


def test_a_bad_line_beside_a_quiet_minute_may_be_no_line_of_ours() -> None:
    """It stands where no bar was, and another is gone: the number of lines is right."""
    page = bars(9, skip=(3, 4))
    lines = written(page).splitlines(keepends=True)
    del lines[6]
    lines.insert(4, b"not ours\n")
    found = judge(GOLD_M1, recorded(page), b"".join(lines))

    assert [0, 1, 2, 5, 6, 8] == opens(found.bars)
    assert (minute(0), minute(9)) in found.holes


def test_what_comes_between_may_push_the_last_bar_out() -> None:
    """Of a file that may not have grown no more is read than was recorded."""
    page = bars(9, skip=(3, 4))
    lines = written(page).splitlines(keepends=True)
    lines.insert(4, b"x" * (len(lines[-1]) - 1) + b"\n")
    found = judge(GOLD_M1, recorded(page), b"".join(lines))

    assert [0, 1, 2, 5, 6, 7] == opens(found.bars)
    assert any(from_ms <= minute(8) < until_ms for from_ms, until_ms in found.holes)
