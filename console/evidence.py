"""What an operator takes along from the screen: files of their own, outside of the data folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_TRIES = 1_000


def evidence_folder(environ: Mapping[str, str]) -> Path:
    """Where such files are kept: the state folder of the user."""
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "coldstart"


def keep(folder: Path, name: str, text: str) -> Path:
    """Write a new file that only its owner can read; its path. Raises OSError.

    Nothing is ever written over: a name that is taken gets a number.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem, suffix = os.path.splitext(name)
    for number in range(_TRIES):
        path = folder / (f"{stem}-{number}{suffix}" if number else name)
        try:
            descriptor = os.open(path, _FLAGS, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        return path
    raise FileExistsError(f"{folder / name} and {_TRIES - 1} more are taken")
