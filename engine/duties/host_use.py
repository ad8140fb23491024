"""What the engine takes from its host, and which of its processes takes it.

The five processes are tasks of one operating-system process, so the host knows processor time
and memory of them together only; the embedded server is a process of its own. Who of the five
holds the loop is counted by `containment.py`. Everything is a total since the start: two
readings and their distance make a share, each reader over its own stretch of time. Nothing is
read while nobody asks; /proc is read in a thread, so that a host that swaps delays the answer
and not the loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass

from uds import Used, used

from ..acts.action import Operable
from ..broker.lanes import Lane
from ..replica import built


@dataclass(frozen=True, slots=True)
class HostUse:
    """One reading."""

    at_s: float
    """When, in seconds since the engine opened."""
    engine: Used | None
    """The whole process, the console included where it runs here; None where the host is mute."""
    server: Used | None
    """The embedded server; None while it does not run, or where Redis is somebody else's."""
    busy_s: Mapping[str, float]
    """By process, how long its tasks have held the loop."""
    waiting: Mapping[str, int]
    """By process, what waits in its queue now: requests, or ticks. No entry where it has none."""


async def host_use(engine: Operable) -> HostUse:
    """Read everything now."""
    tools = engine.tools
    server = tools.store.server
    pid = None if server is None else server.pid
    own, others = await asyncio.to_thread(lambda: (used(os.getpid()), pid and used(pid)))
    return HostUse(
        at_s=round(tools.since_opened_s(), 4),
        engine=own,
        server=others or None,
        busy_s={name: round(busy_s, 6) for name, busy_s in engine.supervisor.busy_s.items()},
        waiting=_waiting(tools.board.status.broker.queue, tools.ticks.waiting),
    )


def host_use_of(raw: object) -> HostUse:
    """What the operation `host` answers, as a value; raises BadReplica."""
    found = built(HostUse, raw, "host")
    assert isinstance(found, HostUse)
    return found


def _waiting(queue: Mapping[str, int], ticks: int) -> dict[str, int]:
    """Days are asked for by the connector, every other lane is the M1 poller's."""
    days = queue.get(Lane.D1.name, 0)
    return {
        "connector": days,
        "m1_poller": sum(queue.values()) - days,
        "tick_preview": ticks,
    }
