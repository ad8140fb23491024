"""What the host says of another process: alive or stopped, and whether it is still the same."""

from __future__ import annotations

from pathlib import Path

_STATE_WORDS = {"T": "stopped (SIGSTOP)", "D": "waiting for its disk"}
_STATE, _START = 0, 19


def state_of(pid: int) -> str:
    """A word for the operator: running, stopped, gone, …"""
    fields = _stat(pid)
    if fields is None:
        return "not visible from here (perhaps in another container)"
    return _STATE_WORDS.get(fields[_STATE], "running")


def is_stopped(pid: int) -> bool:
    """Whether a signal holds it where it is."""
    fields = _stat(pid)
    return fields is not None and fields[_STATE] == "T"


def started(pid: int) -> str:
    """What tells this process from a later one of the same pid; empty when it is gone."""
    fields = _stat(pid)
    return "" if fields is None or fields[_STATE] == "Z" else fields[_START]


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat after the name; None where there is no such file."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rsplit(") ", 1)[1].split()
    except (OSError, IndexError):
        return None
