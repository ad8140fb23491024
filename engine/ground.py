"""What an engine stands on: its source, its time, its store, and where faults may be put in.

The engine itself does not know whether the ground is this host's or a simulation's. Everything
it asks of the world passes the seams, which let it through unless a drill says otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from uds import FaultPlan, Store, new_boot_id, open_store

from .broker.faulty import FaultyBroker
from .clock import MovableClock
from .config import Config
from .first_look import settled
from .sources import open_source, store_terms


@dataclass(frozen=True, slots=True)
class Seams:
    """Where faults may be put in: nothing is wrong until somebody says so."""

    broker: FaultyBroker
    """In front of the source."""
    plan: FaultPlan
    """What disk and Redis obey."""


@dataclass(frozen=True, slots=True)
class Ground:
    """All that one boot is given."""

    config: Config
    """The whole configuration, its open mode settled as far as the folder tells."""
    boot_id: str
    """128 bits in hex, of this boot alone."""
    clock: MovableClock
    """The market's time."""
    opened_s: float
    """When the folder was ours and the engine could begin, by the monotonic clock."""
    store: Store
    """The waist, owned."""
    seams: Seams
    """Its broker is the source."""


@asynccontextmanager
async def open_ground(config: Config, at_ms: int | None) -> AsyncIterator[Ground]:
    """This host: the configured source, its clock, and the data folder, owned until the end.

    Raises BadConfig, BrokerError for a source that cannot be opened, FolderLocked,
    FolderUnreadable.
    """
    broker, clock = await open_source(config, at_ms)
    boot_id = new_boot_id()
    config = await settled(config)
    seams = Seams(FaultyBroker(broker, clock), FaultPlan())
    async with open_store(
        store_terms(config),
        config.data_root,
        boot_id,
        clock.real_ms(),
        config.redis.url,
        config.redis.namespace,
        seams.plan,
    ) as store:
        yield Ground(config, boot_id, clock, clock.monotonic_s(), store, seams)
