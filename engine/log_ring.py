"""The newest log lines of the engine's process, for whoever looks from another one.

Whoever listens hears every logger of the process, from INFO on for our own floors. The ring is
bounded in lines and in length, so that neither a flood nor a page-long exception can make it
grow; the console's own log page listens by the same `hearing` and `uttered`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

KEPT_LINES = 2_000
_LENGTH_MAX = 2_000
_FLOORS = ("console", "engine", "uds")
"""Loggers of ours, heard from INFO on; foreign ones from WARNING on."""


class Utterance(NamedTuple):
    """What one log record says, whoever keeps it."""

    at_ms: int
    """The host's clock, UTC ms."""
    level: str
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    source: str
    """The process it was said in, or the logger where that is not known."""
    text: str
    """What was said, as it was said, at any length; an exception is part of it."""


def uttered(record: logging.LogRecord) -> Utterance:
    """A record in our words; to be asked in the task that logged it."""
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        text = f"{text}: {type(error).__name__}: {error}"
    return Utterance(round(record.created * 1_000), record.levelname, _source(record), text)


@contextmanager
def hearing(handler: logging.Handler) -> Iterator[None]:
    """Let a handler hear every logger of this process until the block ends."""
    root, floors = logging.getLogger(), [logging.getLogger(name) for name in _FLOORS]
    levels = [floor.level for floor in floors]
    root.addHandler(handler)
    for floor in floors:
        floor.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for floor, level in zip(floors, levels, strict=True):
            floor.setLevel(level)


@dataclass(frozen=True, slots=True)
class LoggedLine:
    """One line."""

    number: int
    """Grows by one with each line, from 1."""
    at_ms: int
    """The host's clock, UTC ms."""
    level: str
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    source: str
    """The process it was said in, or the logger where that is not known."""
    text: str
    """What was said, as it was said."""


class LogRing(logging.Handler):
    """Remembers what is logged, in whichever thread that happens."""

    def __init__(self, kept: int = KEPT_LINES) -> None:
        super().__init__()
        self._lines: deque[LoggedLine] = deque(maxlen=kept)
        self.newest = 0
        """Number of the newest line; 0 before the first."""

    @property
    def sources(self) -> frozenset[str]:
        """Who said what is kept."""
        return frozenset(line.source for line in self._lines.copy())

    def after(self, number: int, limit: int, source: str = "") -> tuple[LoggedLine, ...]:
        """At most so many kept lines behind a number, oldest first; `source` keeps one's own."""
        lines = self._lines.copy()  # one step for the interpreter, whatever thread logs
        found = (line for line in lines if line.number > number and source in ("", line.source))
        return tuple(line for line, _ in zip(found, range(limit), strict=False))

    def emit(self, record: logging.LogRecord) -> None:
        """One record as a line."""
        said = uttered(record)
        self.newest += 1
        line = LoggedLine(self.newest, said.at_ms, said.level, said.source, said.text[:_LENGTH_MAX])
        self._lines.append(line)


def _source(record: logging.LogRecord) -> str:
    """The process that speaks: by its own word, else by its task's name, the keeper's gift."""
    own = getattr(record, "process_of_ours", None)
    if isinstance(own, str):
        return own
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    named = task.get_name() if task is not None else ""
    named = named.removeprefix("keeper of ")  # who keeps a process speaks of it
    return record.name if not named or named.startswith("Task-") else named
