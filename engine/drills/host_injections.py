"""Faults that are put in beside the seams: of our own server, of memory, of the loop, of time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from uds import started
from uds.model import SeriesKey, Timeframe

from ..bootstrap import derive_all, has_lost
from ..clock import Clock, hold_up
from ..sayings import Saying, saying
from .drill import Variant, Way
from .injection import Harmless, Scene

LOST = (Timeframe.M5, Timeframe.M15, Timeframe.M30, Timeframe.H1)
"""What F3 drops."""
_LOOK_S = 0.002
_LOOKS = 100


class Jumping(Clock, Protocol):
    """A clock whose wall time a drill may set."""

    def jump(self, by_s: float) -> None:
        """Say something else from now on; the monotonic clock goes on."""
        ...


class ServerIn(Harmless):
    """Our own server is killed, stopped, emptied, or comes back empty."""

    def __init__(self, scene: Scene, variant: Variant) -> None:
        server = scene.tools.store.server
        assert server is not None
        self._server = server
        self._way = variant.way
        self._pid = server.pid
        self._began = started(self._pid) if self._pid else ""
        self._hits = 0

    def undo(self) -> Mapping[str, object]:
        """A stopped server is ended by the next boot, as any survivor is."""
        return {"server": self._pid, "started": self._began}

    async def put_in(self) -> None:
        """By signal, or by a command of its own."""
        match self._way:
            case Way.SERVER_KILLED:
                self._server.kill()
            case Way.SERVER_STOPPED:
                self._server.pause()
                self._hits = int(await self._is_felt())
            case Way.SERVER_EMPTIED:
                await self._server.empty()
                self._hits = 1
            case _:
                await self._server.lose()

    async def _is_felt(self) -> bool:
        """Whether the host has stopped it; that takes it a moment."""
        for _look in range(_LOOKS):
            if self._server.is_paused:
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    def take_out(self) -> None:
        """A stopped one goes on; anything else is put right by the engine."""
        self._server.resume()

    @property
    def hits(self) -> int:
        """Whether the signal was felt; of a killed one, whether it is gone."""
        if self._way in (Way.SERVER_STOPPED, Way.SERVER_EMPTIED) or self._pid is None:
            return self._hits
        is_told = bool(self._began)  # not every host tells when a process began
        return int(not is_told or started(self._pid) != self._began)

    def left(self) -> tuple[Saying, ...]:
        """Whether it is still stopped."""
        return (saying("server_stopped"),) if self._server.is_paused else ()


class MemoryIn(Harmless):
    """Derived tails of one symbol are dropped from RAM."""

    def __init__(self, scene: Scene, variant: Variant) -> None:
        self._scene = scene
        self._keys = tuple(SeriesKey(scene.victim, tf) for tf in LOST)
        self._hits = 0

    async def put_in(self) -> None:
        """Dropped; what readers get is another value and stays."""
        store = self._scene.tools.store
        self._hits = sum(len(store.load(key)) > 0 for key in self._keys)
        for key in self._keys:
            store.lose(key)

    async def tidy(self) -> None:
        """What no minute has made again by now is made now."""
        if has_lost(self._scene.tools, self._scene.victim):
            await derive_all(self._scene.tools, self._scene.victim)

    @property
    def hits(self) -> int:
        """Tails that were dropped."""
        return self._hits

    def left(self) -> tuple[Saying, ...]:
        """Whether tails are still missing."""
        is_lost = has_lost(self._scene.tools, self._scene.victim)
        return (saying("tails_missing"),) if is_lost else ()


class StallIn(Harmless):
    """Nothing runs in the whole process for a while."""

    def __init__(self, scene: Scene, variant: Variant) -> None:
        self._for_s = variant.amount_s
        self._hits = 0

    async def put_in(self) -> None:
        """From the loop's next turn on."""
        asyncio.get_running_loop().call_soon(self._stall)

    def _stall(self) -> None:
        hold_up(self._for_s)
        self._hits += 1

    @property
    def hits(self) -> int:
        """Whether it has happened."""
        return self._hits


class JumpIn(Harmless):
    """The wall clock is set, and set right again."""

    def __init__(self, clock: Jumping, variant: Variant) -> None:
        self._clock = clock
        self._by_s = variant.amount_s
        self._is_in = False
        self._hits = 0

    async def put_in(self) -> None:
        """At once."""
        self._is_in = True
        self._hits = 1
        self._clock.jump(self._by_s)

    def take_out(self) -> None:
        """Back by as much."""
        if self._is_in:
            self._is_in = False
            self._clock.jump(-self._by_s)

    @property
    def hits(self) -> int:
        """Whether it was set."""
        return self._hits

    def left(self) -> tuple[Saying, ...]:
        """Whether it is still set."""
        return (saying("clock_set"),) if self._is_in else ()
