"""The newest events in the order they were posted, so many and no more."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice

from .events import Event

KEPT_EVENTS = 4_096


@dataclass(frozen=True, slots=True)
class Posted:
    """An event with its place: whoever has the status of `seq - 1` can take the same step."""

    seq: int
    """The sequence number of the status it led to."""
    at_ms: int
    """The market's clock when it was posted, UTC ms."""
    event: Event
    """What happened."""


class EventLog:
    """A window onto the events; what falls out of it is gone, and that is said."""

    def __init__(self, kept: int = KEPT_EVENTS) -> None:
        self._posted: deque[Posted] = deque(maxlen=kept)

    def __len__(self) -> int:
        return len(self._posted)

    @property
    def oldest_seq(self) -> int | None:
        """The number of the oldest event that is still here; None before the first."""
        return self._posted[0].seq if self._posted else None

    def note(self, posted: Posted) -> None:
        """Add the next one; their numbers grow by one."""
        self._posted.append(posted)

    def after(self, seq: int, limit: int) -> tuple[Posted, ...] | None:
        """At most `limit` events behind `seq`; None when some of them are gone."""
        oldest = self.oldest_seq
        if oldest is None:
            return ()
        if seq < oldest - 1:
            return None
        first = seq - oldest + 1
        return tuple(islice(self._posted, first, first + limit))
