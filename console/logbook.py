"""The newest log lines of this process, kept in memory for the log page."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .clean import clean
from .moments import stamped

KEPT = 2_000
"""Lines remembered; older ones are forgotten."""
_FLOORS = ("engine", "uds", "coldstart")
"""Loggers of ours, heard from INFO on; foreign ones from WARNING on."""
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
        """One record; its exception becomes part of the line."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            text = f"{text}: {type(error).__name__}: {error}"
        self._add(round(record.created * 1_000), record.levelname, _source(record), text)

    @contextmanager
    def listening(self) -> Iterator[LogBook]:
        """Hear every logger of this process until the block ends."""
        root, floors = logging.getLogger(), [logging.getLogger(name) for name in _FLOORS]
        levels = [floor.level for floor in floors]
        root.addHandler(self)
        for floor in floors:
            floor.setLevel(logging.INFO)
        try:
            yield self
        finally:
            root.removeHandler(self)
            for floor, level in zip(floors, levels, strict=True):
                floor.setLevel(level)

    def _add(self, at_ms: int, level: str, source: str, text: str) -> None:
        self._number += 1
        line = LogLine(self._number, at_ms, level, clean(source, 40), clean(text, _LENGTH_MAX))
        self._lines.append(line)
        if self._heard is not None:
            self._heard()


def _source(record: logging.LogRecord) -> str:
    """The supervised process whose task speaks: the keeper names the task after it."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    named = task.get_name() if task is not None else ""
    named = named.removeprefix("keeper of ")  # who keeps a process speaks of it
    return record.name if not named or named.startswith("Task-") else named
