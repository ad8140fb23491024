"""What an operator takes along: files of their own, outside of the data folder, and what to read.

A recorded boot is read from where it was written, from an incident bundle, or from the folder
that a bundle was unpacked into; nothing is ever unpacked here.
"""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_TRIES = 1_000
_RECORD_BYTES_MAX = 64 * 1024 * 1024
_PACKED = (".gz", ".tgz", ".tar")
BOOT_RECORD = "boot.jsonl"
"""The recorded boot in a bundle."""


def evidence_folder(environ: Mapping[str, str]) -> Path:
    """Where such files are kept: the state folder of the user."""
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "coldstart"


def keep(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a new file that only its owner can read; its path. Raises OSError.

    Nothing is ever written over: a name that is taken gets a number.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    stem, dot, suffix = name.partition(".")
    for number in range(_TRIES):
        path = folder / (f"{stem}-{number}{dot}{suffix}" if number else name)
        try:
            descriptor = os.open(path, _FLAGS, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        return path
    raise FileExistsError(f"{folder / name} and {_TRIES - 1} more are taken")


def record_bytes(path: Path) -> bytes:
    """A recorded boot, bare or in a bundle; raises OSError with a sentence."""
    if path.is_dir():
        path = path / BOOT_RECORD
    if path.suffix in _PACKED:
        return _unpacked(path)
    with path.open("rb") as file:
        return _bounded(file.read(_RECORD_BYTES_MAX + 1), path)


def _unpacked(path: Path) -> bytes:
    try:
        with tarfile.open(path) as archive:
            for entry in archive:
                if entry.isfile() and Path(entry.name).name == BOOT_RECORD:
                    file = archive.extractfile(entry)
                    assert file is not None, "a regular file has bytes"
                    return _bounded(file.read(_RECORD_BYTES_MAX + 1), path)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise OSError(f"{path} is no incident bundle: {error}") from error
    raise FileNotFoundError(f"{path} holds no {BOOT_RECORD}")


def _bounded(data: bytes, path: Path) -> bytes:
    if len(data) > _RECORD_BYTES_MAX:
        raise OSError(f"{path} is larger than {_RECORD_BYTES_MAX} bytes")
    return data
