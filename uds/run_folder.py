"""Where the sockets of one data folder live: private to its owner, and short enough to bind."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from .errors import FolderUnreadable
from .layout import RUN_FOLDER, SOCKET_PATH_BYTES_MAX

_LONGEST_NAME = "control.sock"


def socket_folder(data_root: Path) -> Path:
    """The folder's place, whether it exists or not: a pure function of the data folder.

    `<data_root>/run`, unless a socket's path there would pass 100 bytes (the kernel's limit
    is 108): then `~/.local/state/coldstart/<hash of data_root>`.
    """
    beside = Path(os.path.realpath(data_root), RUN_FOLDER)
    if len(os.fsencode(beside / _LONGEST_NAME)) <= SOCKET_PATH_BYTES_MAX:
        return beside
    digest = hashlib.sha256(os.fsencode(os.path.realpath(data_root))).hexdigest()[:16]
    return Path.home() / ".local" / "state" / "coldstart" / digest


def make_socket_folder(data_root: Path) -> Path:
    """Make the folder 0700 and check it is ours; raises FolderUnreadable."""
    folder = socket_folder(data_root)
    beside = Path(os.path.realpath(data_root), RUN_FOLDER)
    try:
        for place in dict.fromkeys((beside, folder)):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_private(folder)
        if folder != beside:
            where = beside / "where"
            where.touch(mode=0o600)
            where.chmod(0o600)
            where.write_text(f"{folder}\n", "utf-8")
    except OSError as error:
        raise FolderUnreadable(
            f"The socket folder {folder} cannot be used: {error.strerror}.",
            hint="Check its owner and mode.",
        ) from error
    return folder


def _check_private(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise FolderUnreadable(
            f"The socket folder {folder} is not a folder of this user.",
            hint="Remove it, or choose another data folder with --data.",
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)
