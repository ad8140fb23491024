"""Streams that were closed when the process began, as a timer or a daemon closes them.

Python has None in the place of such a stream, and the system gives its number to the next file
that is opened: the lock, a socket, the pipe of a fork. Whatever is later written to number 2, or
put in its place when a terminal is left, would then hit that file.
"""

from __future__ import annotations

import os
import sys

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def fill_closed_streams() -> None:
    """Put nothing in the place of each, before anything else is opened."""
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
