"""Reads history files as they lie on the disk, packed or not; the only place that opens them."""

from __future__ import annotations

import gzip
import os
import zlib

from ..errors import HistoryUnreadable

_GZIP_MARK = b"\x1f\x8b"


def content(path: str) -> bytes:
    """The text of a file, unpacked when it is gzip; raises HistoryUnreadable."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        is_packed = path.endswith(".gz") or data.startswith(_GZIP_MARK)
        return gzip.decompress(data) if is_packed else data
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error


def names_in(folder: str) -> tuple[str, ...]:
    """What lies in a folder, sorted; raises HistoryUnreadable."""
    try:
        return tuple(sorted(os.listdir(folder)))
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(path: str, error: Exception) -> HistoryUnreadable:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return HistoryUnreadable(f"{path} cannot be read: {why}.")
