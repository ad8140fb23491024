"""A bar as a line of JSON, one by one and in blocks of thousands.

Theory of operation. `Line` is the published object without its checksum. Sound blocks are not
decoded line by line: once `line_block` has proved how every line begins and ends, only the
numbers between are read. They come as objects, and picking seven columns from thousands of
objects would take as long as all the rest. So they are read as floats, which MessagePack writes
in nine bytes each, and the packed rows are looked at as a table. A float is exact for every
price, and for whole numbers below 2^53; a block with a larger one is left to `decode_line`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import repeat
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from . import line_block
from .model import F64, I64, Bars, PartialReason, SeriesKey

_Wide = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)]


class Extensions(msgspec.Struct, omit_defaults=True, gc=False):
    """Why a derived bar was made of fewer M1 than its width has minutes; empty for a whole one."""

    source_count: _Count = 0
    """As in `Bars`."""
    expected_count: _Count = 0
    """As in `Bars`."""
    partial: bool = False
    """Whether it was."""
    partial_reasons: tuple[str, ...] = ()
    """Names of PartialReason in lower case."""


class Line(msgspec.Struct, gc=False):
    """The fields of a line but for its checksum, in the published order."""

    symbol: str
    """Whose bar it is."""
    tf_s: int
    """Timeframe in seconds."""
    open_time_ms: _Wide
    """This and the next six as in `Bars`."""
    close_time_ms: _Wide
    """Exclusive."""
    o: float
    """First price."""
    h: float
    """Highest price."""
    low: float
    """Lowest price."""
    c: float
    """Last price."""
    v: _Wide
    """Number of ticks."""
    complete: bool
    """Always true on disk."""
    src: str
    """`history` or `derived`."""
    extensions: Extensions
    """Empty but for a partial bar."""


class _BlankLine(Line, gc=False):
    """A line whose checksum is not known yet."""

    crc: str = line_block.CRC_BLANK
    """To be written over."""


class _Numbers(msgspec.Struct, gc=False):
    """What differs from line to line in nearly every block; the fields are Line's."""

    open_time_ms: float
    close_time_ms: float
    o: float
    h: float
    low: float
    c: float
    v: float


class _Rest(msgspec.Struct, gc=False):
    """What else differs in the line of a partial bar; the fields are Line's."""

    complete: bool
    src: str
    extensions: Extensions


_NUMBERS = _Numbers.__struct_fields__
_WHOLE_NUMBERS = ("open_time_ms", "close_time_ms", "v")
_EXACT_BELOW = 1 << 53
_NOTHING = Extensions()
REASON_BITS = {
    reason.name.lower(): int(reason) for reason in PartialReason if reason.name is not None
}
"""The words of PartialReason and their bits."""
_encoder = msgspec.json.Encoder()
_line_decoder = msgspec.json.Decoder(Line)
_numbers_decoder = msgspec.json.Decoder(_Numbers)
_rest_decoder = msgspec.json.Decoder(_Rest)
_packer = msgspec.msgpack.Encoder()


def _packed_row() -> np.dtype[np.void]:
    """A row as it is packed: a byte, then of each number its name, with a byte on both sides."""
    offsets: list[int] = []
    end = 1
    for name in _NUMBERS:
        offsets.append(end + 1 + len(name) + 1)
        end = offsets[-1] + 8
    kinds = [">f8"] * len(_NUMBERS)
    names = list(_NUMBERS)
    return np.dtype({"names": names, "formats": kinds, "offsets": offsets, "itemsize": end})


_PACKED_ROW = _packed_row()


def blank_lines(key: SeriesKey, bars: Bars) -> bytes:
    """One line a bar, each with its newline and a blank in place of its checksum."""
    extensions = [_NOTHING] * len(bars)
    partial = np.flatnonzero(bars.expected_count)
    why = bars.source_count, bars.expected_count, bars.partial_reasons
    counts = (column[partial].tolist() for column in why)
    for row, source_count, expected_count, bits in zip(partial.tolist(), *counts, strict=True):
        extensions[row] = Extensions(source_count, expected_count, True, _words(bits))
    before = (repeat(key.symbol), repeat(int(key.timeframe)))
    numbers = (getattr(bars, name).tolist() for name in _NUMBERS)
    after = (repeat(True), repeat(key.timeframe.src), extensions)
    return _encoder.encode_lines(list(map(_BlankLine, *before, *numbers, *after)))


def decode_line(line: bytes) -> Line:
    """One object; raises ValueError or RecursionError when it is no bar."""
    return _line_decoder.decode(line)


def bars_of(lines: Sequence[Line]) -> Bars:
    """The bars of ascending lines; raises BadBars."""
    numbers = [[getattr(line, name) for line in lines] for name in _NUMBERS]
    return _bars(numbers, np.arange(len(lines)), lines)


def sound_bars(key: SeriesKey, data: bytes, from_byte: int, seed: int | None) -> Bars | None:
    """The bars of all lines from a byte on if nothing at all is wrong with any; else None.

    Without a seed the checksums are taken for proved.
    """
    proved = line_block.prove(data, from_byte, *_frame(key), seed)
    if proved is None:
        return None
    try:
        rows = _numbers_decoder.decode_lines(memoryview(data)[from_byte:])
        odd = _rest_decoder.decode_lines(b"".join(proved.odd_lines(data)))
        if (len(rows), len(odd)) != (len(proved.starts), len(proved.odd_rows)):
            return None
        return _bars(_columns(rows), proved.odd_rows, odd)
    except (ValueError, RecursionError):
        return None


def _columns(rows: Sequence[_Numbers]) -> list[npt.ArrayLike]:
    """The seven columns; raises ValueError where a whole number is not."""
    packed = _packer.encode(rows)
    head_bytes = len(packed) - len(rows) * _PACKED_ROW.itemsize
    table = np.frombuffer(packed, dtype=_PACKED_ROW, offset=head_bytes)
    return [
        _whole(table[name]) if name in _WHOLE_NUMBERS else table[name].astype(np.float64)
        for name in _NUMBERS
    ]


def _whole(numbers: F64) -> I64:
    if numbers.max() >= _EXACT_BELOW:
        raise ValueError("a number is too large for a float to hold exactly")
    found = numbers.astype(np.int64)
    if (found != numbers).any():
        raise ValueError("a number is not whole")
    return found


def _bars(numbers: Sequence[npt.ArrayLike], odd_rows: I64, odd: Sequence[Line | _Rest]) -> Bars:
    """Checked bars; `odd` are the lines that may have extensions, and `odd_rows` where."""
    open_ms, close_ms, o, h, low, c, v = (np.asarray(column) for column in numbers)
    source_count, expected_count, reasons = np.zeros((3, len(v)), dtype=np.int32)
    source_count[odd_rows] = [line.extensions.source_count for line in odd]
    expected_count[odd_rows] = [line.extensions.expected_count for line in odd]
    reasons[odd_rows] = [reason_bits(line.extensions.partial_reasons) for line in odd]
    return Bars.of(open_ms, close_ms, o, h, low, c, v, source_count, expected_count, reasons)


@lru_cache(maxsize=64)
def _words(bits: int) -> tuple[str, ...]:
    return tuple(word for word, bit in REASON_BITS.items() if bits & bit)


@lru_cache(maxsize=64)
def reason_bits(words: tuple[str, ...]) -> int:
    """The bits of PartialReason that the words name; a word nobody knows has none."""
    return sum(REASON_BITS.get(word, 0) for word in set(words))


@cache
def _frame(key: SeriesKey) -> tuple[bytes, bytes]:
    """How every line of a series begins, and how that of a whole bar ends before its checksum."""
    numbers = (0, 0, 0.0, 0.0, 0.0, 0.0, 0)
    sample = Line(key.symbol, int(key.timeframe), *numbers, True, key.timeframe.src, _NOTHING)
    line = _encoder.encode(sample)
    return line[: line.index(b'0,"close_time_ms"')], line[line.index(b',"complete"') : -1]
