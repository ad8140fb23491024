"""The newest log lines of this process, kept in memory for the log page."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from engine import uttered

from .clean import clean
from .moments import stamped

KEPT = 2_000
"""Lines remembered; older ones are forgotten."""
_LENGTH_MAX = 2_000


class LogLine(NamedTuple):
    """One line."""

    number: int
    """Grows by one with each line: its identity."""
    at_ms: int
    """The host's clock, UTC ms."""
    level: str
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    source: str
    """The process it was said in, or the logger where that is not known."""
    text: str
    """One line, safe to draw."""

    @property
    def is_fault(self) -> bool:
        """Whether somebody should look at it."""
        return self.level not in ("DEBUG", "INFO")


class LogBook(logging.Handler):
    """Remembers what is logged, in whichever thread that happens."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._number = 0
        self._heard: Callable[[], None] | None = None

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """Oldest first."""
        return tuple(self._lines)

    def of(self, source: str, count: int) -> tuple[LogLine, ...]:
        """The newest lines of one process, oldest first."""
        return tuple(line for line in self._lines if line.source == source)[-count:]

    def text(self) -> str:
        """All of them for a file, a line each."""
        return "".join(f"{stamped(o.at_ms)} {o.level} {o.source}: {o.text}\n" for o in self._lines)

    def hear(self, heard: Callable[[], None] | None) -> None:
        """Call this, in the thread that logs, whenever there is a new line; None stops it."""
        self._heard = heard

    def write(self, lines: Iterable[tuple[int, str, str, str]]) -> None:
        """Add lines from elsewhere: time in ms, level, source, text."""
        for at_ms, level, source, text in lines:
            self._add(at_ms, level, source, text)

    def emit(self, record: logging.LogRecord) -> None:
        """One record as a line; `hearing` brings them."""
        self._add(*uttered(record))

    def _add(self, at_ms: int, level: str, source: str, text: str) -> None:
        self._number += 1
        line = LogLine(self._number, at_ms, level, clean(source, 40), clean(text, _LENGTH_MAX))
        self._lines.append(line)
        if self._heard is not None:
            self._heard()
