"""Exit codes, one meaning each."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    """Done, or ready."""
    NOT_READY = 1
    """Answered, and the answer is: not ready, or degraded."""
    USAGE = 2
    """The command line or the configuration cannot be used."""
    UNREACHABLE = 3
    """No engine answers."""
    TIMEOUT = 4
    """It did not happen in time."""
    REFUSED = 5
    """Somebody else owns it, or it may not be done."""
    FAILED = 6
    """It was tried and failed."""
    DRILL_FAILED = 7
    """A drill was run and its verdict is FAIL."""
    INTEGRITY = 8
    """Two truths, or a checksum that does not fit."""
    INTERRUPTED = 130
    """Ctrl-C."""
