"""What a supervised process is, and the tools it is given."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from uds import Store
from uds.model import Symbol

from .board import StatusBoard
from .boots.timeline import Timeline
from .boots.waterfall import Earlier
from .broker.session import BrokerSession
from .cascade import Derived
from .clock import Clock
from .config import Config
from .damage import Damage
from .degraded import Scope
from .events import ProcessChanged
from .log_ring import LogRing
from .plan import Market
from .serving.listener import Listener
from .status import ProcessState
from .tenure import Tenure
from .tick_feed import TickFeed
from .witness import OpenMode


@dataclass(frozen=True, slots=True)
class Tools:
    """Everything a process may use."""

    name: str
    """The process's own name."""
    config: Config
    """The whole configuration."""
    clock: Clock
    """The market's time, and the only way to wait."""
    board: StatusBoard
    """Where what happened is posted and the status is read."""
    store: Store
    """The waist."""
    session: BrokerSession
    """The queue in front of the broker."""
    markets: Mapping[Symbol, Market]
    """What planning must know of each symbol, in the configuration's order."""
    timeline: Timeline
    """Where spans are noted."""
    chance: Random
    """The one generator of jitter, seeded by whoever opened the engine."""
    opened_s: float
    """When the engine opened, by the monotonic clock."""
    spawned_s: float
    """When this life of the process began, by the monotonic clock."""
    ticks: TickFeed
    """Where ticks pass from the publisher to the previews."""
    listener: Listener
    """Where the API listens."""
    tenure: Tenure
    """Whether the data are still ours, asked anew after every pause."""
    unsettled: Counter[tuple[str, Scope]] = field(default_factory=Counter)
    """Calls under way that have failed and not succeeded since, by partner and scope."""
    derived: dict[Symbol, Derived] = field(default_factory=dict)
    """What of each symbol's M3 to H4 was derived: what is less was lost."""
    damage: Damage = field(default_factory=Damage)
    """What recovery found damaged and nobody has made good yet."""
    recut_from_ms: dict[Symbol, int] = field(default_factory=dict)
    """Where the M1 of a symbol begins whose anchors changed in this boot, UTC ms."""
    claimed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once Redis was claimed for the first time: nothing is primed before."""
    priming: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held during one call that primes: the server takes them one by one in any case."""
    computing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held for one turn of the loop by whoever is about to compute for some milliseconds."""
    logs: LogRing = field(default_factory=LogRing)
    """The newest log lines of this process."""
    earlier: Earlier = field(default_factory=Earlier)
    """The boot before this one."""

    @property
    def open_mode(self) -> OpenMode:
        """What the opens of our bars mean."""
        return "previous_close" if self.store.terms.open_mode == "previous_close" else "first_tick"

    async def turn(self) -> None:
        """Wait for a turn of the loop without another long step: readers come in between.

        Before the gate opens there are none, and a start has no turn to spare.
        """
        if self.board.status.opened_gate_after_s is None:
            return
        async with self.computing:
            await self.clock.sleep(0)

    def since_opened_s(self) -> float:
        """Seconds since the engine opened."""
        return self.clock.monotonic_s() - self.opened_s

    def ready(self, detail: str = "") -> None:
        """Say that the process does its work."""
        self._post(ProcessState.READY, detail)

    def warming(self, detail: str) -> None:
        """Say how far the process has come before it is ready."""
        self._post(ProcessState.WARMING, detail)

    def _post(self, state: ProcessState, detail: str) -> None:
        before = next(p for p in self.board.status.processes if p.name == self.name)
        moved = replace(before, state=state, detail=detail)
        if state is ProcessState.READY and before.ready_after_s is None:
            after_s = self.clock.monotonic_s() - self.spawned_s
            moved = replace(moved, ready_after_s=after_s)
        if moved != before:
            self.board.post(ProcessChanged(moved))


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One of the five supervised processes."""

    name: str
    """What the operator calls it."""
    run: Callable[[Tools], Awaitable[None]]
    """Runs until it is cancelled; returning is a failure like any other."""
    backoff_max_s: float | None = None
    """Its own longest restart delay; None means the configured one."""
    only_reads: bool = False
    """Whether it writes nothing, and so lives on to say so when another owner has the data."""
