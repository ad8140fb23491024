"""One segment as a reader finds it: the bars that count, and one sentence for what is wrong.

What can be believed of a file is judged as recovery judges it. A reader who verifies asks more:
that the good lines are the very ones that were committed, in the file that they were written to.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from . import codec
from .believing import FAR_MS, Believed, Record, judge
from .errors import BadSegment
from .line_block import LINE_BYTES_MAX
from .model import Bars, SeriesKey

_LINES_OF_HEAD = 2


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One file of a pinned generation."""

    key: SeriesKey
    record: Record
    """As the commit left it; its entry is None when it was begun afterwards."""
    first_ms: int
    """Open of its first bar, UTC ms; a bound below it when its first line cannot be read."""
    is_open: bool
    """Whether it may have grown since the commit."""

    @property
    def path(self) -> str:
        """Where it lies, relative to the data folder."""
        return self.record.path

    @property
    def number(self) -> tuple[int, int]:
        """(token, n): where an open stands in two files, the greater number counts."""
        return self.record.number

    @property
    def last_ms(self) -> int:
        """Open of its last bar as far as that is known: a bound above it."""
        return FAR_MS if self.is_open else self.record.last_ms


@dataclass(frozen=True, slots=True)
class SegmentRead:
    """What was found in a file."""

    file: SegmentFile
    """Which one."""
    bars: Bars
    """Its good lines, ascending."""
    flaw: str
    """What is wrong with it, as the end of a sentence; empty when nothing is."""
    is_missing: bool
    """Whether there is no such file any more."""
    torn_lines: int
    """Lines at its end of a write that is under way, or was interrupted: no flaw."""

    @property
    def doubtful(self) -> tuple[int, int]:
        """Opens [from_ms, until_ms) of which nothing is known because of the flaw."""
        return self.file.first_ms, min(FAR_MS, self.file.last_ms + self.file.key.timeframe.ms)


def read_segment(file: SegmentFile, open_mode: str, data: bytes | None) -> SegmentRead:
    """The bars of a file's bytes and what is wrong with them; None is a file that is not there."""
    found = judge(file.key, file.record, data)
    torn_lines = found.bad_lines if found.is_torn else 0
    flaw = "" if found.is_torn else _bad(found)
    if data is not None:
        flaw = _elsewhere(file, open_mode, data) or flaw or _rewritten(file, data, found.bars)
    return SegmentRead(file, found.bars, flaw, data is None, torn_lines)


def head_of(key: SeriesKey, head: bytes) -> tuple[codec.SegmentHeader, int | None] | None:
    """(header, open of the first bar) by a file's first bytes; None when nothing can be read."""
    whole = [line for line in head.splitlines(keepends=True) if line.endswith(b"\n")]
    try:
        decoded = codec.decode_segment(key, b"".join(whole[:_LINES_OF_HEAD]))
    except BadSegment:
        return None
    return decoded.header, decoded.bars.first_open_ms


def _bad(found: Believed) -> str:
    if not found.bad_lines:
        return found.why
    lines = f"{found.bad_lines} lines from" if found.bad_lines > 1 else ""
    return f"{lines} line {found.first_line} cannot be used: {found.why}".lstrip()


def _elsewhere(file: SegmentFile, open_mode: str, data: bytes) -> str:
    """A sound file in a place where it was not written."""
    head = head_of(file.key, data[:LINE_BYTES_MAX])
    if head is None:
        return ""
    header, (token, n) = head[0], file.number
    if (header.token, header.n) != (token, n):
        return f"it holds the bytes of seg-{header.token:08d}-{header.n:04d}"
    if header.open_mode != open_mode:
        return f"its header says {header.open_mode}, its commit {open_mode}"
    return ""


def _rewritten(file: SegmentFile, data: bytes, bars: Bars) -> str:
    """Good lines that are not those which were committed."""
    entry = file.record.entry
    if entry is None:
        return ""
    if len(data) < entry.bytes:
        return f"it has {len(data)} bytes of the {entry.bytes} that were committed"
    if zlib.crc32(data[: entry.bytes]) != int(entry.crc, 16):
        return "its committed bytes were changed since: their checksum is another"
    opens = bars.open_time_ms[: entry.bars].tolist()
    if len(opens) != entry.bars or opens[:1] + opens[-1:] != [entry.first_ms, entry.last_ms]:
        return "its commit records other opens than its lines have"
    return ""
