"""The terminal as a device: a descriptor of our own that never blocks, its modes and its size."""

from __future__ import annotations

import os
import termios
import tty

_OPENING = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
_CONTROLLING = "/dev/tty"
_IFLAG, _LFLAG, _CC = tty.IFLAG, tty.LFLAG, tty.CC


class TerminalGone(OSError):
    """There is no terminal behind the descriptor any more."""


class Terminal:
    """The terminal behind an inherited descriptor, opened once more.

    Whether a descriptor blocks belongs to its open file, and ours is shared with the shell: set
    there, O_NONBLOCK would break the shell. So we open the device again.
    """

    def __init__(self, inherited: int) -> None:
        """Raises TerminalGone."""
        try:
            self.fd = _opened(inherited)
        except OSError as error:
            raise TerminalGone(*error.args) from error
        self._size = (80, 24)
        self._before: list[int | list[bytes | int]] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as last known; a terminal that does not say has 80×24."""
        try:
            columns, rows = os.get_terminal_size(self.fd)
        except OSError:
            return self._size
        if columns and rows:
            self._size = columns, rows
        return self._size

    @property
    def is_closed(self) -> bool:
        """Whether we have let go of it."""
        return self.fd < 0

    @property
    def is_ours(self) -> bool:
        """Whether we may write: not while a shell has put another job in front."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return True  # not our controlling terminal: no shell shares it with us

    def take(self) -> None:
        """Every key reaches us as it is pressed, unechoed; no key sends a signal."""
        try:
            found = termios.tcgetattr(self.fd)
            self._before = self._before or found
            termios.tcsetattr(self.fd, termios.TCSANOW, _raw(found))
        except termios.error:
            return  # it is gone, which reading will say

    def give_back(self) -> None:
        """The modes as they were found; what was typed and not read is thrown away."""
        if self._before is None or not self.is_ours:
            return
        try:
            termios.tcflush(self.fd, termios.TCIFLUSH)
            termios.tcsetattr(self.fd, termios.TCSANOW, self._before)
        except termios.error:
            return

    def close(self) -> None:
        """Let go of the device; may be called again."""
        if not self.is_closed:
            os.close(self.fd)
        self.fd = -1


def _opened(inherited: int) -> int:
    try:
        return os.open(os.ttyname(inherited), _OPENING)
    except PermissionError:
        # after `su` the device belongs to somebody else; the controlling terminal opens
        return os.open(_CONTROLLING, _OPENING)


def _raw(found: list[int | list[bytes | int]]) -> list[int | list[bytes | int]]:
    """Modes without line editing, echo, signals by keys, flow control or changed line ends."""
    modes = list(found)
    local, incoming, characters = modes[_LFLAG], modes[_IFLAG], modes[_CC]
    assert isinstance(local, int)
    assert isinstance(incoming, int)
    assert isinstance(characters, list)
    modes[_LFLAG] = local & ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
    translated = termios.ICRNL | termios.INLCR | termios.IGNCR
    modes[_IFLAG] = incoming & ~(termios.IXON | termios.IXOFF | translated)
    characters = list(characters)
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    modes[_CC] = characters
    return modes
