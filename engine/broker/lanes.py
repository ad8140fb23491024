"""Who is sent next: lanes by urgency, an order within each, and ageing so that none starves.

A lane's next ticket is the one of the lowest rank (symbol, page), then of the oldest number. In
the lanes that fill M1 the symbol an operator prefers comes before others, but a symbol of which
some pages were sent is not interrupted: half of two symbols makes no cell ready. A symbol of
which the last request was met with silence comes after all others of its lane until one is
answered: each silence holds a slot for as long as we are patient, and asked again in its turn it
would soon hold all of them.
Between lanes the more urgent goes first. A lane that was passed over for `PATIENCE_S` gets one
slot and waits anew: under any flood from above each lane still moves, and nothing else changes.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum

from uds.model import Symbol

PATIENCE_S = 10.0
"""How long a lane lets others pass before one of its own is sent."""


class Lane(IntEnum):
    """What a request is for, the most urgent first."""

    D1 = 0
    LIVE = 1
    CATCH_UP = 2
    FILL = 3
    BACKFILL = 4


_REORDERED = frozenset({Lane.CATCH_UP, Lane.FILL})
"""Lanes in which an operator's wish changes the order: those that make M1 complete."""


@dataclass(order=True, slots=True)
class Ticket:
    """One request in the queue."""

    rank: tuple[int, int]
    """Order within the lane: symbol, then page."""
    number: int
    """Order of arrival."""
    lane: Lane = field(compare=False)
    """What it is for."""
    symbol: Symbol = field(compare=False)
    is_gone: bool = field(default=False, compare=False)
    """Whether it was sent or given up; the queue forgets it when it comes upon it."""
    is_probe: bool = field(default=False, compare=False)
    """Whether it was sent alone, to find out if the broker answers again."""


@dataclass(frozen=True, slots=True)
class LaneTally:
    """What the requests of one lane took so far."""

    answered_count: int = 0
    """Requests that were answered."""
    failed_count: int = 0
    """Requests that failed, or were not answered in time."""
    waited_s: float = 0.0
    """Time the answered ones spent in the queue, summed."""
    latency_s: float = 0.0
    """The broker's own time, summed over the answered ones."""
    latency_max_s: float = 0.0
    """The slowest answer."""

    def answered(self, waited_s: float, latency_s: float) -> LaneTally:
        """One answer more."""
        return LaneTally(
            self.answered_count + 1,
            self.failed_count,
            self.waited_s + waited_s,
            self.latency_s + latency_s,
            max(self.latency_max_s, latency_s),
        )

    def failed(self) -> LaneTally:
        """One failure more."""
        return replace(self, failed_count=self.failed_count + 1)


class LaneQueue:
    """The tickets that wait for a slot."""

    def __init__(self) -> None:
        self._heaps: dict[Lane, list[Ticket]] = {lane: [] for lane in Lane}
        self._counts: dict[Lane, int] = dict.fromkeys(Lane, 0)
        self._passed_over_since_s: dict[Lane, float] = {}
        self._waiting: Counter[tuple[Lane, Symbol]] = Counter()
        self._begun: set[tuple[Lane, Symbol]] = set()
        self._preferred: Symbol | None = None
        self._silent: set[Symbol] = set()

    def __len__(self) -> int:
        return sum(self._counts.values())

    def __iter__(self) -> Iterator[Ticket]:
        """All that wait, in no order."""
        return (t for heap in self._heaps.values() for t in heap if not t.is_gone)

    def counts(self) -> dict[str, int]:
        """How many wait, by the names of the lanes that are not empty."""
        return {lane.name: count for lane, count in self._counts.items() if count}

    def push(self, ticket: Ticket, now_s: float) -> None:
        """Let one wait."""
        if not self._counts[ticket.lane]:
            self._passed_over_since_s[ticket.lane] = now_s
        self._counts[ticket.lane] += 1
        self._waiting[(ticket.lane, ticket.symbol)] += 1
        heapq.heappush(self._heaps[ticket.lane], ticket)

    def discard(self, ticket: Ticket) -> None:
        """Forget one that waits no more; nothing happens when it is gone already."""
        if not ticket.is_gone:
            ticket.is_gone = True
            self._counts[ticket.lane] -= 1
            place = ticket.lane, ticket.symbol
            self._waiting[place] -= 1
            if not self._waiting[place]:
                del self._waiting[place]
                self._begun.discard(place)

    def prefer(self, symbol: Symbol | None) -> None:
        """Let the M1 of one symbol come next, until another is preferred; None for none."""
        self._preferred = symbol

    def note_silence(self, symbol: Symbol) -> None:
        """Let a symbol that got no answer wait behind the others of its lane."""
        self._silent.add(symbol)

    def note_answer(self, symbol: Symbol) -> None:
        """Let it come in its turn again."""
        self._silent.discard(symbol)

    def has_only(self, lane: Lane) -> bool:
        """Whether all that wait are of one lane."""
        return self._counts[lane] == len(self)

    def begin(self, now_s: float) -> None:
        """Slots are there from now on: no lane was passed over before."""
        self._passed_over_since_s = dict.fromkeys(Lane, now_s)

    def pop(self, now_s: float) -> Ticket:
        """The one to send next; there must be one."""
        waiting = [lane for lane in Lane if self._counts[lane]]
        starved = [
            lane for lane in waiting if now_s - self._passed_over_since_s[lane] >= PATIENCE_S
        ]
        lane = min(starved or waiting[:1], key=self._passed_over_since_s.__getitem__)
        heap = self._heaps[lane]
        while heap[0].is_gone:
            heapq.heappop(heap)
        ticket = heap[0]
        if self._must_wait(ticket):
            ticket = min(t for t in heap if not t.is_gone and t.symbol == self._preferred)
        elif ticket.symbol in self._silent:
            others = (t for t in heap if not t.is_gone and t.symbol not in self._silent)
            ticket = min(others, default=ticket)
        self.take(ticket, now_s)
        return ticket

    def _must_wait(self, ticket: Ticket) -> bool:
        """Whether it must let the preferred symbol pass."""
        if self._preferred in (None, ticket.symbol) or ticket.lane not in _REORDERED:
            return False
        if self._preferred in self._silent:
            return False
        place = ticket.lane, ticket.symbol
        return place not in self._begun and (ticket.lane, self._preferred) in self._waiting

    def take(self, ticket: Ticket, now_s: float) -> None:
        """Send this one, whoever is before it."""
        self._begun.add((ticket.lane, ticket.symbol))
        self.discard(ticket)
        self._passed_over_since_s[ticket.lane] = now_s
