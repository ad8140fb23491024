"""A real terminal to look at: a pty, what was written to it drawn by an emulator, and a keyboard.

It reads in a thread of its own, because a terminal that nobody reads is one of the things tested.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyte

from tests.running import FAST, NO_DEPTH, ROOT

CONSOLE = (sys.executable, "-m", "console")
PATIENCE_S = 20.0
_POLL_S = 0.02
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTSTP)


class Glass:
    """A terminal with a program in front of it."""

    def __init__(self, command: Sequence[str], cwd: Path, ignored: Sequence[int] = ()) -> None:
        self.columns, self.rows = 80, 24
        self._ours, theirs = pty.openpty()
        self.modes_before = termios.tcgetattr(theirs)
        self._resize_kernel()
        self._screen = pyte.Screen(self.columns, self.rows)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        """All that the program wrote."""
        self._lock = threading.Lock()
        self._is_reading = threading.Event()
        self._is_reading.set()
        self._is_over = False

        def lead() -> None:
            """A session of its own, with this terminal, as a login has it."""
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env=environment(),
            preexec_fn=lead,
        )
        self._theirs = theirs
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The program that was started."""
        return self.process.pid

    @property
    def modes(self) -> list[object]:
        """The terminal's modes now."""
        return list(termios.tcgetattr(self._theirs))

    def text(self) -> list[str]:
        """The rows of the screen."""
        with self._lock:
            return [row.rstrip() for row in self._screen.display]

    def shows(self, words: str) -> bool:
        """Whether the words stand on the screen."""
        return any(words in row for row in self.text())

    def until(self, words: str) -> None:
        """Wait until the words stand on the screen."""
        until(lambda: self.shows(words), lambda: f"{words!r} never appeared:\n{self}")

    def type(self, keys: str | bytes) -> None:
        """Press keys, or send what a terminal would send."""
        os.write(self._ours, keys.encode() if isinstance(keys, str) else keys)

    def stall(self) -> None:
        """Stop reading."""
        self._is_reading.clear()

    def read_on(self) -> None:
        """Read again."""
        self._is_reading.set()

    def wipe(self) -> None:
        """Forget what is on the screen, as a terminal that was just opened."""
        with self._lock:
            self._screen.reset()

    def resize(self, columns: int, rows: int) -> None:
        """Another window size; the program is told."""
        with self._lock:
            self.columns, self.rows = columns, rows
            self._screen.resize(rows, columns)
        self._resize_kernel()

    def hang_up(self) -> None:
        """The line drops."""
        self._is_over = True
        self._is_reading.set()
        self._reader.join()
        os.close(self._theirs)
        os.close(self._ours)
        self._ours = -1

    def close(self) -> None:
        """End the program that is still there, and everything."""
        if self._ours >= 0:
            self.hang_up()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)

    def __str__(self) -> str:
        return "\n".join(self.text())

    def _resize_kernel(self) -> None:
        size = struct.pack("HHHH", self.rows, self.columns, 0, 0)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, size)

    def _read(self) -> None:
        while not self._is_over:
            self._is_reading.wait()
            if not select.select([self._ours], [], [], _POLL_S)[0]:
                continue
            data = os.read(self._ours, 65_536)
            with self._lock:
                self.written += data
                self._stream.feed(data)


@contextmanager
def glass(
    *arguments: str,
    cwd: Path,
    ignored: Sequence[int] = (),
    command: Sequence[str] = CONSOLE,
) -> Iterator[Glass]:
    """The console, or another command, in a terminal for the length of the block."""
    opened = Glass([*command, *arguments], cwd, ignored)
    try:
        yield opened
    finally:
        opened.close()


def until(reached: Callable[[], object], else_say: Callable[[], str]) -> None:
    """Wait for it."""
    end_s = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < end_s, else_say()
        time.sleep(_POLL_S)


def environment() -> Mapping[str, str]:
    """Of a program in such a terminal, whatever the tests were started in."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "COLUMNS", "LINES", "TERM_PROGRAM")
    }
    pinned = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "LC_ALL": ""}
    depth = {"COLDSTART_BOOTSTRAP__DEPTH_BARS": json.dumps(NO_DEPTH["depth_bars"])}
    return {
        **inherited,
        **FAST,
        **depth,
        **pinned,
        "PYTHONPATH": str(ROOT),
        "PS1": "PROMPT> ",
        "ENV": "",
    }
