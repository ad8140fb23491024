"""The fork of `up`: a small parent waits at the terminal, so that the prompt can come back.

Theory of operation. A shell gives the prompt back when the process that it started has ended, so
an engine that shall outlive its screen must not be that process. `fork_behind` is called before
anything heavy is loaded, before any thread and before the data folder is locked. The child goes
on and becomes the engine with its screen. The parent ignores what a keyboard or a hangup sends,
passes SIGTERM on, and reads a pipe:

- the pipe ends without a word: the child has ended, and its exit code is ours. A child that was
  killed could not give the terminal back, so the parent does.
- a word comes: the child has left the session and the terminal (`Tether.leave`). The parent
  says the word and exits 0; the shell takes the terminal, the engine goes on.

The child shares the parent's session until then, so it is in the foreground and may read keys,
and a hangup reaches it. Should the parent be killed, the shell puts itself in front; the child,
which ignores SIGTTIN, reads an error instead of keys, and that is a lost terminal.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
from contextlib import suppress
from typing import NoReturn

from ..clean import defused

_UNHEARD = (
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
)
_MODES_OFF = (
    "\x1b[?2026l\x1b[?1006l\x1b[?1003l\x1b[?1000l\x1b[?2004l\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"
)
_SIGNALLED = 128
_WORD_BYTES = 65_536


class Tether:
    """The child's hold on the terminal it was started from."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def leave(self, word: str) -> None:
        """Leave session and terminal; the parent says the word and gives the prompt back."""
        if self._fd < 0:
            return
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for inherited in (0, 1, 2):
            os.dup2(nothing, inherited)
        os.close(nothing)
        with suppress(BrokenPipeError):  # the parent was killed
            os.write(self._fd, word.encode("utf-8", "replace")[:_WORD_BYTES])
        os.close(self._fd)
        self._fd = -1


def fork_behind() -> Tether:
    """Go on in a child; the parent exits here, later, as the child tells it to."""
    sys.stdout.flush()
    sys.stderr.flush()
    read_fd, write_fd = os.pipe()
    modes = termios.tcgetattr(sys.stdin.fileno())
    child = os.fork()
    if child:
        os.close(write_fd)
        _wait(child, read_fd, modes)
    os.close(read_fd)
    # Ctrl-Z has no meaning for an engine, and a hangup shall be noticed, not be died of.
    for number in (signal.SIGHUP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    return Tether(write_fd)


def _wait(child: int, read_fd: int, modes: list[int | list[bytes | int]]) -> NoReturn:
    for number in _UNHEARD:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    word = b""
    while more := os.read(read_fd, _WORD_BYTES):
        word += more
    if word:
        _say(defused(word.decode("utf-8", "replace")))
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        sys.exit(code)
    _reclaim(modes)
    _say(f"The engine was ended by {signal.Signals(-code).name}.")
    sys.exit(_SIGNALLED - code)


def _reclaim(modes: list[int | list[bytes | int]]) -> None:
    """Give the terminal back in the place of a child that could not."""
    try:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, modes)
    except termios.error:
        return
    _say(_MODES_OFF, end="")


def _say(text: str, end: str = "\n") -> None:
    try:
        os.write(sys.stdout.fileno(), (text + end).encode("utf-8", "replace"))
    except OSError:
        return  # nobody is there to read it
