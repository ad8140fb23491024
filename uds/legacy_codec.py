"""One bar a line as the platform of before writes it: the record of `codec.py` without its CRC.

Nothing proves such a line, so everything is doubted: its length and depth, numbers that are
none, keys that come twice, bars that cannot be. Decoding never raises: it keeps the good lines
in the order of the file and says which it dropped and why. An older spelling, `l` for `low`,
is read; keys that nobody needs are passed over, and so is the close, which the open implies.
What a derived bar says of its missing M1 is read where it is said as we say it, else passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from .bar_lines import REASON_BITS, Extensions, reason_bits
from .codec import encode_lines
from .model import F64, I32, I64, MINUTE_MS, Bars, SeriesKey, Timeframe

LINE_BYTES_MAX = 4_096
"""No line of that platform comes near; a longer one is dropped unread."""
BAD_NAMED_MAX = 20
"""Of a file's bad lines so many are named, and all are counted."""
LATEST_OPEN_MS = 7_258_118_400_000
"""2200-01-01 UTC: no bar opens so late."""
_VOLUME_END = 2.0**53
_FOREIGN_CHARACTERS_MAX = 24
_CRC_MARK = b',"crc":"'

_Open = Annotated[int, msgspec.Meta(ge=0, lt=LATEST_OPEN_MS)]


class _Line(msgspec.Struct, gc=False):
    open_time_ms: _Open
    o: float
    h: float
    c: float
    v: float
    complete: bool
    low: float | None = None
    older_low: float | None = msgspec.field(default=None, name="l")
    symbol: str | None = None
    tf_s: int | None = None
    extensions: msgspec.Raw = msgspec.Raw()


_NEEDED_KEYS = ("open_time_ms", "o", "h", "c", "v", "complete")
_READ_KEYS = frozenset({*_NEEDED_KEYS, "low", "l", "symbol", "tf_s"})
_decode = msgspec.json.Decoder(_Line).decode
_decode_extensions = msgspec.json.Decoder(Extensions).decode
_Row: TypeAlias = tuple[int, _Line]


class BadLine(NamedTuple):
    """One line that was not believed."""

    line: int
    """Its number in the file, from 1."""
    why: str
    """What is wrong with it, in words."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One file as far as it can be believed, its columns in the order of its lines."""

    open_time_ms: I64
    """Opens of complete bars, neither sorted nor unique."""
    prices: F64
    """Shape (4, n): o, h, low, c."""
    v: I64
    """Number of ticks; a fraction was rounded."""
    extensions: I32
    """Shape (3, n): source_count, expected_count and partial_reasons, as in `Bars`."""
    unfinished_open_ms: I64
    """Opens of the lines that say themselves that their bar was still forming."""
    bad_count: int
    """Lines that were dropped."""
    bad: tuple[BadLine, ...]
    """The first of them."""
    is_torn: bool
    """Whether nothing is bad but a last line that simply ends too early."""


def decode_part(key: SeriesKey, data: bytes) -> Part:
    """Everything in a file that can be believed; never raises."""
    lines = data.split(b"\n")
    is_unended = lines[-1] != b""
    if not is_unended:
        lines.pop()
    rows, bad = _believed(key, data, lines)
    part, insane = _columns(key, rows)
    bad = sorted([*bad, *insane])
    is_torn = is_unended and [len(lines)] == [found.line for found in bad]
    return Part(*part, len(bad), tuple(bad[:BAD_NAMED_MAX]), is_torn)


def encode_records(key: SeriesKey, bars: Bars) -> bytes:
    """The bars as that platform's readers expect them, a line each."""
    lines = encode_lines(key, bars, 0).split(b"\n")[:-1]
    return b"".join(line.rpartition(_CRC_MARK)[0] + b"}\n" for line in lines)


def _believed(key: SeriesKey, data: bytes, lines: list[bytes]) -> tuple[list[_Row], list[BadLine]]:
    """The lines that are records of this series; all of them at once where nothing is odd."""
    if _is_plain(data, lines):
        try:
            rows = list(enumerate(map(_decode, lines), start=1))
        except (ValueError, RecursionError):
            rows = []
        if all(_is_of(key, row) for _, row in rows) and len(rows) == len(lines):
            return rows, []
    rows, bad = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append((number, _record(key, line)))
        except (ValueError, RecursionError) as error:
            bad.append(BadLine(number, str(error)))
    return rows, bad


def _is_plain(data: bytes, lines: list[bytes]) -> bool:
    """Whether no line can be too long and none can hold a key twice."""
    if b"\\" in data or max(map(len, lines), default=0) > LINE_BYTES_MAX:
        return False
    return _holds_each_key_once(data.count, len(lines))


def _holds_each_key_once(count: Callable[[bytes], int], lines: int) -> bool:
    needed = all(count(b'"%b"' % name.encode()) == lines for name in _NEEDED_KEYS)
    lows = count(b'"low"') + count(b'"l"')
    return needed and lows == lines and {count(b'"symbol"'), count(b'"tf_s"')} <= {0, lines}


def _record(key: SeriesKey, line: bytes) -> _Line:
    """One line; raises ValueError or RecursionError unless it is a record of the series."""
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"it has {len(line)} bytes, more than {LINE_BYTES_MAX}")
    row = _decode(line)
    if b"\\" in line or not _holds_each_key_once(line.count, 1):
        _refuse_repeated_keys(line)
    if row.low is None and row.older_low is None:
        raise ValueError("it has no low")
    if not _is_of(key, row):
        series = f"{row.symbol} {row.tf_s}"[:_FOREIGN_CHARACTERS_MAX]
        raise ValueError(f"it is a bar of {series!r}")
    return row


def _is_of(key: SeriesKey, row: _Line) -> bool:
    return row.symbol in (None, key.symbol) and row.tf_s in (None, key.timeframe)


def _refuse_repeated_keys(line: bytes) -> None:
    pairs: list[tuple[str, Any]] = json.loads(line, object_pairs_hook=list)
    names = [name for name, _ in pairs if name in _READ_KEYS]
    if len(names) != len(set(names)):
        raise ValueError("it holds a key twice")


def _columns(
    key: SeriesKey, rows: list[_Row]
) -> tuple[tuple[I64, F64, I64, I32, I64], list[BadLine]]:
    """The complete bars among the records, and those that cannot be bars."""
    numbers = np.array([number for number, _ in rows], dtype=np.int64)
    records = [row for _, row in rows]
    opens = np.array([row.open_time_ms for row in records], dtype=np.int64)
    lows = [row.low if row.low is not None else row.older_low for row in records]
    prices = np.array(
        ([r.o for r in records], [r.h for r in records], lows, [r.c for r in records]),
        dtype=np.float64,
    )
    v = np.array([row.v for row in records], dtype=np.float64)
    is_complete = np.array([row.complete for row in records], dtype=np.bool_)
    is_sane = _are_bars(key.timeframe, opens, prices, v)
    bad = [BadLine(line, "it is no possible bar") for line in numbers[~is_sane].tolist()]
    kept = is_sane & is_complete
    counts = np.rint(v[kept]).astype(np.int64)
    extensions = _extensions(key.timeframe, records)[:, kept]
    return (opens[kept], prices[:, kept], counts, extensions, opens[is_sane & ~is_complete]), bad


def _extensions(timeframe: Timeframe, records: list[_Line]) -> I32:
    """What derived bars say of the M1 they were made of; zeros where they say nothing."""
    found = np.zeros((3, len(records)), dtype=np.int32)
    for row, record in enumerate(records if timeframe.is_derived else ()):
        if len(record.extensions) > len(b"{}"):
            try:
                said = _decode_extensions(record.extensions)
            except (ValueError, RecursionError):
                continue
            if REASON_BITS.keys() >= {*said.partial_reasons}:
                reasons = reason_bits(said.partial_reasons)
                found[:, row] = said.source_count, said.expected_count, reasons
    return found


def _are_bars(timeframe: Timeframe, opens: I64, prices: F64, v: F64) -> npt.NDArray[np.bool_]:
    """Which rows can be bars; the grid of H4 and D1 is a matter of anchors, not of ours."""
    step_ms = timeframe.ms if timeframe <= Timeframe.H1 else MINUTE_MS
    sane: npt.NDArray[np.bool_] = (
        (opens % step_ms == 0)
        & np.isfinite(prices).all(axis=0)
        & (prices > 0).all(axis=0)
        & (prices[1] == prices.max(axis=0, initial=0.0))
        & (prices[2] == prices.min(axis=0, initial=np.inf))
        & (v >= 0)
        & (v < _VOLUME_END)
    )
    return sane
