"""What a headless engine says on stderr: foreign words in it steer no terminal, nor does it wait.

Theory of operation. Whoever started the engine may have stopped reading: a pipe that nobody
drains, a terminal held by Ctrl-S. A write to it would then hold the loop, and with it readers,
feed and the stop signal, for as long as they please. So the loop only puts lines into a bounded
queue, and a thread writes them; lines beyond are left out, and how many is said as soon as the
reader is back. The thread writes to the descriptor itself, past Python's buffers, so that the
process can end while it hangs in a write.
"""

from __future__ import annotations

import logging
import os
import queue
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..clean import defused

LINES_MAX = 1_000
"""Lines that wait for a reader."""
_LAST_WORDS_S = 0.5


class _Shown(logging.Formatter):
    """A record as text that cannot steer."""

    def format(self, record: logging.LogRecord) -> str:
        return defused(super().format(record))


class StderrLines(logging.Handler):
    """Lines and records on their way to one descriptor; nobody waits for them."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        self._waiting: queue.Queue[str | None] = queue.Queue(LINES_MAX)
        self._left_out = 0  # only grows: the thread counts for itself how many it told
        self.thread_name = f"stderr {fd}"
        self._thread = threading.Thread(target=self._write_all, name=self.thread_name, daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        """One line, as it is."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._left_out += 1

    def emit(self, record: logging.LogRecord) -> None:
        """A record as a line; one whose arguments do not fit is said without them."""
        try:
            self.say(self.format(record))
        except (TypeError, ValueError, KeyError):
            self.say(defused(f"{record.levelname} {record.name}: {record.msg}"))

    def close(self) -> None:
        """Let what waits be read, if anybody reads."""
        try:
            self._waiting.put(None, timeout=_LAST_WORDS_S)
        except queue.Full:
            pass
        else:
            self._thread.join(_LAST_WORDS_S)
        super().close()

    def _write_all(self) -> None:
        told = 0
        while (line := self._waiting.get()) is not None:
            left_out = self._left_out - told
            told += left_out
            if left_out:
                line += f"\nWARNING console: {left_out} lines were left out: nobody read them."
            if not self._is_written(f"{line}\n".encode(errors="backslashreplace")):
                return

    def _is_written(self, data: bytes) -> bool:
        """Whether somebody may still read."""
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                select.select((), (self._fd,), ())
            except OSError:
                return False
        return True


@contextmanager
def logging_to_stderr(level: str = "warning") -> Iterator[Callable[[str], None]]:
    """From this level on; what is less is heard by the engine's own ring.

    Gives what says a line of our own, in one order with the log.
    """
    lines = StderrLines(os.dup(sys.stderr.fileno()))
    lines.setLevel(level.upper())
    lines.setFormatter(_Shown("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(lines)
    try:
        yield lambda text: lines.say(defused(text))
    finally:
        root.removeHandler(lines)
        lines.close()
