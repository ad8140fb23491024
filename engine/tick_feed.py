"""Ticks on their way inside the engine: whoever subscribed takes what came since."""

from __future__ import annotations

from collections import deque

from .broker.port import Tick

_BACKLOG_TICKS = 50_000


class TickFeed:
    """From one publisher to any number of readers; publishing never waits."""

    def __init__(self) -> None:
        self._backlogs: list[deque[Tick]] = []

    @property
    def waiting(self) -> int:
        """Ticks that the reader who is furthest behind has still to take."""
        return max(map(len, self._backlogs), default=0)

    def publish(self, tick: Tick) -> None:
        """Give a tick to every reader."""
        for backlog in self._backlogs:
            backlog.append(tick)

    def subscribe(self) -> deque[Tick]:
        """A backlog that fills from now on; its reader empties it.

        A reader that falls 50 000 ticks behind loses the oldest.
        """
        backlog: deque[Tick] = deque(maxlen=_BACKLOG_TICKS)
        self._backlogs.append(backlog)
        return backlog

    def unsubscribe(self, backlog: deque[Tick]) -> None:
        """Stop filling a backlog."""
        self._backlogs = [other for other in self._backlogs if other is not backlog]
