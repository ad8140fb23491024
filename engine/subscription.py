"""A place in the stream of events: the state once, then what changed since, or the state again.

There is no backlog per subscriber. A subscription is a number that points into the board's one
log, so a subscriber that is slow, stopped or forgotten costs nothing; one that falls too far
behind is given the newest status instead of the events it missed.
"""

from __future__ import annotations

from typing import Protocol

from .event_log import EventLog, Posted
from .status import Status

BATCH_EVENTS_MAX = 256
LAG_EVENTS_MAX = 1_024


class Posting(Protocol):
    """Where events come from: the board."""

    @property
    def status(self) -> Status:
        """The newest one."""
        ...

    @property
    def log(self) -> EventLog:
        """The events that led to it."""
        ...

    async def changed(self) -> object:
        """Wait for the next one."""
        ...


class Subscription:
    """Everything after one status: no gap, no overlap."""

    def __init__(self, board: Posting) -> None:
        self._board = board
        self.status = board.status
        """What the subscriber begins with, or was last reset to."""
        self.seq = board.status.seq
        """The newest event that was handed out."""

    async def batch(self) -> tuple[Posted, ...] | Status:
        """The next events, one at least; a whole status when too many of them were missed."""
        while self._board.status.seq == self.seq:
            await self._board.changed()
        return self.taken()

    def taken(self) -> tuple[Posted, ...] | Status:
        """What there is by now, without waiting; no events when there is nothing new."""
        newest = self._board.status
        posted = self._board.log.after(self.seq, BATCH_EVENTS_MAX)
        if posted is None or newest.seq - self.seq > LAG_EVENTS_MAX:
            self.status, self.seq = newest, newest.seq
            return newest
        if posted:
            self.seq = posted[-1].seq
        return posted
