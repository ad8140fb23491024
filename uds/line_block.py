"""Whole lines worked off together: their checksums written, or every one of them proved.

Theory of operation. Nearly every file is sound, so the question "is all of it good?" is worth
an answer of its own, in a few calls for thousands of lines. A block is proved when each of its
lines begins with the same bytes, ends as ours do and carries its right checksum. Where one is
not, nothing is said of it here: `codec` then looks line by line, and names what is wrong.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from .model import I64, U8

LINE_BYTES_MAX = 1_024
"""No line of ours is longer; a longer one is dropped unread."""
CRC_MARK = b',"crc":"'
"""What stands between the bytes a checksum is of and its eight digits."""
CRC_BLANK = "00000000"
"""What stands where a checksum will be written."""

_NEWLINE = ord("\n")
_END = b'"}'
_DIGITS = len(CRC_BLANK)
_MARKED = len(CRC_MARK) + _DIGITS + len(_END)


@dataclass(frozen=True, slots=True)
class ProvedLines:
    """Lines that are as their writer left them; n of them."""

    starts: I64
    """(n,) where each begins, in bytes."""
    ends: I64
    """(n,) where the newline of each is."""
    odd_rows: I64
    """Rows that do not end in the common foot, ascending."""

    def odd_lines(self, data: bytes) -> list[bytes]:
        """Those lines, each with its newline."""
        starts, ends = self.starts[self.odd_rows], self.ends[self.odd_rows] + 1
        return [data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def with_checksums(lines: bytes, seed: int) -> bytes:
    """The same lines with the right checksum in place of each blank one."""
    data = np.frombuffer(bytearray(lines), dtype=np.uint8)
    starts, ends = _bounds(data)
    digits = _checksums(lines, starts, ends - _MARKED, seed)
    data[(ends - len(_END) - _DIGITS)[:, None] + np.arange(_DIGITS)] = digits
    return data.tobytes()


def prove(
    data: bytes, from_byte: int, head: bytes, foot: bytes, seed: int | None
) -> ProvedLines | None:
    """The lines from a byte on if all are sound, each beginning with `head`; None otherwise.

    `foot` is what most end in before the mark of the checksum. Without a seed the checksums are
    taken for proved.
    """
    block = np.frombuffer(data, dtype=np.uint8, offset=from_byte)
    starts, ends = _bounds(block)
    if not len(ends) or ends[-1] != len(block) - 1:
        return None
    lengths, foot_bytes = ends - starts, len(foot) + _MARKED
    if lengths.min() < max(len(head), foot_bytes) or lengths.max() > LINE_BYTES_MAX:
        return None
    feet = _windows(block, ends - foot_bytes, foot_bytes)
    marks = feet[:, len(foot) :]
    if not (_all_are(_windows(block, starts, len(head)), head) and _end_as_ours(marks)):
        return None
    starts, ends = starts + from_byte, ends + from_byte
    if seed is not None:
        digits = _checksums(data, starts, ends - _MARKED, seed)
        if not np.array_equal(digits, marks[:, len(CRC_MARK) : -len(_END)]):
            return None
    differs = feet[:, : len(foot)] != np.frombuffer(foot, dtype=np.uint8)
    is_odd = differs.any(axis=1) if differs.any() else np.zeros(0, dtype=np.bool_)
    return ProvedLines(starts, ends, np.flatnonzero(is_odd))


def _bounds(block: U8) -> tuple[I64, I64]:
    """Where each line begins, and where its newline is; what follows the last one is no line."""
    ends = np.flatnonzero(block == _NEWLINE)
    return np.concatenate(([0], ends[:-1] + 1))[: len(ends)], ends


def _end_as_ours(marks: U8) -> bool:
    return _all_are(marks[:, : len(CRC_MARK)], CRC_MARK) and _all_are(marks[:, -len(_END) :], _END)


def _all_are(rows: U8, text: bytes) -> bool:
    return bool((rows == np.frombuffer(text, dtype=np.uint8)).all())


def _windows(block: U8, starts: I64, length: int) -> U8:
    """(n, length): so many bytes from each start on."""
    every: U8 = np.ndarray((len(block) - length + 1, length), np.uint8, block.data, 0, (1, 1))
    return every[starts]


def _checksums(data: bytes, starts: I64, ends: I64, seed: int) -> U8:
    """(n, 8): the checksum of each stretch of bytes as lower-case hex digits."""
    crc32 = zlib.crc32
    bounds = zip(starts.tolist(), ends.tolist(), strict=True)
    words = np.array([crc32(data[start:end], seed) for start, end in bounds], dtype=">u4")
    return np.frombuffer(words.tobytes().hex().encode(), dtype=np.uint8).reshape(-1, _DIGITS)
