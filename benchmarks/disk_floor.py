"""The fewest system calls that make bytes durable, without a thread, a loop or an account."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path


def append_synced(descriptor: int, data: bytes) -> None:
    """write(2) and fdatasync(2) of an open file."""
    os.write(descriptor, data)
    os.fdatasync(descriptor)


def write_atomically(folder: Path, name: str, data: bytes) -> None:
    """Temporary file, fsync, rename, fsync of the folder."""
    temporary = folder / f".{name}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, folder / name)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def read_and_sum(paths: Iterable[Path]) -> None:
    """Every file whole, and one CRC-32 over each."""
    for path in paths:
        zlib.crc32(path.read_bytes())
