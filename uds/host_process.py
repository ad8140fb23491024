"""What the host says of a process: alive or stopped, still the same, and what it has used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_STATE_WORDS = {"T": "stopped (SIGSTOP)", "D": "waiting for its disk"}
_STATE, _USER_TICKS, _SYSTEM_TICKS, _START, _PAGES = 0, 11, 12, 19, 21


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has taken from the host."""

    cpu_s: float
    """Seconds of a core, all threads together, since it began."""
    memory_bytes: int
    """What it has in RAM now, shared pages included."""


def used(pid: int) -> Used | None:
    """What it has used; None where the host does not say, or there is no such process."""
    fields = _stat(pid)
    if fields is None:
        return None
    ticks = int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])
    pages = int(fields[_PAGES])
    return Used(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


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
