"""Bars ⇄ JSONL lines with a CRC each, packed tails and JSON for readers.

A segment is a header line and then one line a bar. Each line ends in `"crc":"xxxxxxxx"}`: the
CRC-32 of the raw bytes before `,"crc":"`, started from the header's own CRC. So one bad line
does not condemn the others, and a good line from another file fails. Decoding never raises
for a bad line: it keeps the good ones and says which it dropped and why. A segment without
one, which is nearly every one, is read as a whole (`bar_lines`), to the same result.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from . import bar_lines, line_block
from .errors import BadSegment, BadTail
from .line_block import CRC_BLANK, CRC_MARK
from .line_block import LINE_BYTES_MAX as LINE_BYTES_MAX
from .model import BadBars, Bars, Generation, Preview, SeriesKey, Timeframe

_CRC_BYTES = len(CRC_MARK) + len(CRC_BLANK) + len(b'"}')
_TAIL_MAGIC = b"CST1"
_TAIL_HEAD_BYTES = 16
_BLOCK_LINES = 512


class _Header(msgspec.Struct):
    seg: int
    symbol: str
    tf_s: int
    token: int
    n: int
    generation: str
    open_mode: str


class _WireBar(msgspec.Struct, gc=False):
    open_time_ms: int
    close_time_ms: int
    o: float
    h: float
    low: float
    c: float
    v: int
    complete: bool
    src: str


_encoder = msgspec.json.Encoder()
_header_decoder = msgspec.json.Decoder(_Header)


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What the first line of a segment says of all the others."""

    key: SeriesKey
    """Whose bars they are."""
    token: int
    """The only owner that may append."""
    n: int
    """Number of the segment among those the token wrote for the series."""
    generation: Generation
    """The generation it was begun for."""
    open_mode: str
    """`first_tick` or `previous_close`: what the opens of its bars mean."""


@dataclass(frozen=True, slots=True)
class Drop:
    """One line that was not believed."""

    line: int
    """Its number in the file, the header being 1."""
    reason: str
    """Why, in words."""
    is_torn: bool
    """Whether it is the file's last line and simply ends too early."""
    is_misplaced: bool
    """Whether it is a whole line of this file in a place where it cannot have been written."""
    good_before: int
    """How many good bars stand before it, so between which two bars the hole is."""
    from_byte: int
    """Where the line begins in the file."""
    bytes: int
    """How long it is, without its newline."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A segment as far as it can be believed."""

    header: SegmentHeader
    """Its first line."""
    bars: Bars
    """The good lines, ascending."""
    drops: tuple[Drop, ...]
    """The others, in the order of the file."""


def encode_header(header: SegmentHeader) -> bytes:
    """The header line with its newline."""
    line = _Header(
        1,
        header.key.symbol,
        int(header.key.timeframe),
        header.token,
        header.n,
        str(header.generation),
        header.open_mode,
    )
    return _checked(_encoder.encode(line)[:-1], 0)


def header_crc(header_line: bytes) -> int:
    """The number every other line's CRC starts from."""
    return int(header_line.rstrip(b"\n")[-10:-2], 16)


def encode_lines(key: SeriesKey, bars: Bars, seed: int) -> bytes:
    """One line a bar, ascending, each with its newline; seed is the header's CRC.

    They are made in blocks: a call that makes thousands of lines lets no other thread run
    meanwhile, and its memory is fetched from the kernel and given back each time.
    """
    blocks = (
        bars.take(slice(row, row + _BLOCK_LINES)) for row in range(0, len(bars), _BLOCK_LINES)
    )
    blank = (bar_lines.blank_lines(key, block) for block in blocks)
    return b"".join([line_block.with_checksums(lines, seed) for lines in blank])


def decode_segment(key: SeriesKey, data: bytes, *, is_proved: bool = False) -> Decoded:
    """Everything in a segment that can be believed.

    With `is_proved` the caller has held all of it against a checksum of the whole, and those of
    sound lines are not looked at again. Raises BadSegment when the header is damaged or belongs
    to another series.
    """
    header_bytes = data.find(b"\n") + 1
    if not header_bytes:
        raise BadSegment(f"a segment of {key} has no header line", scope=key)
    header_line = data[: header_bytes - 1]
    header, seed = _decode_header(key, header_line), header_crc(header_line)
    bars = bar_lines.sound_bars(key, data, header_bytes, None if is_proved else seed)
    if bars is not None:
        return Decoded(header, bars, ())
    lines = data.split(b"\n")
    is_torn = lines[-1] != b""
    if not is_torn:
        lines.pop()
    return _decode_lines(header, lines, seed, is_torn)


def generation_of(key: SeriesKey, data: bytes) -> str | None:
    """The generation a segment was begun for; None when its header cannot be believed."""
    try:
        return str(_decode_header(key, data.partition(b"\n")[0]).generation)
    except BadSegment:
        return None


def _decode_header(key: SeriesKey, line: bytes) -> SegmentHeader:
    try:
        body = _unsealed(line, 0)
        raw = _header_decoder.decode(body)
        header = SegmentHeader(
            SeriesKey(raw.symbol, Timeframe(raw.tf_s)),
            raw.token,
            raw.n,
            Generation.parse(raw.generation),
            raw.open_mode,
        )
    except (ValueError, RecursionError) as error:
        raise BadSegment(f"the header of a segment of {key} is bad: {error}", scope=key) from error
    if raw.seg != 1 or header.key != key:
        raise BadSegment(f"a segment of {header.key} lies in the folder of {key}", scope=key)
    return header


def _decode_lines(
    header: SegmentHeader, lines: list[bytes], seed: int, last_is_torn: bool
) -> Decoded:
    key = header.key
    rows: list[bar_lines.Line] = []
    drops: list[Drop] = []
    last_open_ms = -1
    next_byte = len(lines[0]) + 1
    for number, line in enumerate(lines[1:], start=2):
        from_byte, next_byte = next_byte, next_byte + len(line) + 1
        try:
            row = bar_lines.decode_line(_unsealed(line, seed))
            if row.symbol != key.symbol or row.tf_s != key.timeframe:
                raise ValueError(f"it is a bar of {row.symbol} {row.tf_s}")
        except (ValueError, RecursionError) as error:
            torn = last_is_torn and number == len(lines)
            place = (len(rows), from_byte, len(line))
            drops.append(Drop(number, str(error), torn, False, *place))
            continue
        if row.open_time_ms <= last_open_ms:
            place = (len(rows), from_byte, len(line))
            drops.append(Drop(number, "it does not follow the line before", False, True, *place))
            continue
        last_open_ms = row.open_time_ms
        rows.append(row)
    try:
        bars = bar_lines.bars_of(rows)
    except BadBars as error:
        raise BadSegment(
            f"a segment of {key} holds an impossible bar: {error}", scope=key
        ) from error
    return Decoded(header, bars, tuple(drops))


def _checked(body: bytes, seed: int) -> bytes:
    """A line from an object without its closing brace."""
    return b'%b,"crc":"%08x"}\n' % (body, zlib.crc32(body, seed))


def _unsealed(line: bytes, seed: int) -> bytes:
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"it has {len(line)} bytes, more than {LINE_BYTES_MAX}")
    body, mark, crc = line[:-_CRC_BYTES], line[-_CRC_BYTES:-10], line[-10:]
    if mark != CRC_MARK or crc[-2:] != b'"}':
        raise ValueError("it does not end in a checksum")
    if crc[:8] != b"%08x" % zlib.crc32(body, seed):
        raise ValueError("its checksum is wrong")
    return body + b"}"


def pack_tail(timeframe: Timeframe, bars: Bars) -> bytes:
    """A tail as one Redis value: `CST1`, tf_s, count, crc (u32 each), then seven columns.

    Columns are little-endian 8-byte numbers, each contiguous: open_time_ms, close_time_ms
    (i64), o, h, low, c (f64), v (i64). Ready bars only; 56 bytes a bar. The CRC-32 is of the
    columns, begun with tf_s.
    """
    wide = (bars.open_time_ms, bars.close_time_ms, bars.o, bars.h, bars.low, bars.c, bars.v)
    body = b"".join([column.tobytes() for column in wide])
    head = np.array([timeframe, len(bars), zlib.crc32(body, timeframe)], dtype="<u4")
    return _TAIL_MAGIC + head.tobytes() + body


def unpack_tail(key: SeriesKey, value: bytes) -> Bars:
    """The bars of a packed tail; raises BadTail on anything else."""
    if value[:4] != _TAIL_MAGIC or len(value) < _TAIL_HEAD_BYTES:
        raise BadTail(f"the tail of {key} in Redis does not begin with CST1", scope=key)
    tf_s, count, crc = (int(n) for n in np.frombuffer(value[4:_TAIL_HEAD_BYTES], dtype="<u4"))
    if tf_s != key.timeframe or len(value) != _TAIL_HEAD_BYTES + 56 * count:
        raise BadTail(f"the tail of {key} in Redis has a wrong length or timeframe", scope=key)
    if crc != zlib.crc32(memoryview(value)[_TAIL_HEAD_BYTES:], tf_s):
        raise BadTail(f"the tail of {key} in Redis has a wrong checksum", scope=key)
    body = np.frombuffer(value, dtype="<i8", offset=_TAIL_HEAD_BYTES).reshape(7, count)
    prices = body[2:6].view("<f8")
    try:
        return Bars.of(body[0], body[1], prices[0], prices[1], prices[2], prices[3], body[6])
    except BadBars as error:
        raise BadTail(f"the tail of {key} in Redis is damaged: {error}", scope=key) from error


def bars_json(timeframe: Timeframe, bars: Bars, preview: Preview | None = None) -> bytes:
    """The JSON array readers get: final bars, ascending, and behind them a forming one."""
    src = timeframe.src
    final = [
        _WireBar(open_ms, close_ms, o, h, low, c, v, True, src)
        for open_ms, close_ms, o, h, low, c, v, *_ in _rows(bars)
    ]
    return _encoder.encode(final if preview is None else [*final, _forming(preview)])


def preview_json(preview: Preview) -> bytes:
    """The JSON object of a forming bar: a final bar's fields, not complete, `src` preview."""
    return _encoder.encode(_forming(preview))


def _forming(preview: Preview) -> _WireBar:
    return _WireBar(
        preview.open_time_ms,
        preview.close_time_ms,
        preview.o,
        preview.h,
        preview.low,
        preview.c,
        preview.v,
        False,
        "preview",
    )


def _rows(bars: Bars) -> Iterator[tuple[Any, ...]]:
    """Plain Python numbers row by row; a column's type is the field's."""
    return zip(*(column.tolist() for column in bars.columns), strict=True)
