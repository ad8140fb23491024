"""How each fault is put in, proved and taken out again.

Every injection is one object that is used once. `put_in` comes after the way back was written
down; `take_out` needs no waiting, may be called at any time and twice, and leaves nothing in;
`tidy` does afterwards what must wait. What they count proves that something was befallen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from uds import Fault, FaultPlan, started
from uds import FaultKind as Harm
from uds.model import SeriesKey, Symbol, Timeframe

from ..bootstrap import derive_all, has_lost
from ..broker.faulty import BrokerFault, FaultKind
from ..clock import Clock, hold_up
from ..ground import Seams
from ..process import Tools
from ..supervisor import Supervisor
from .drill import Variant, Way

LOST = (Timeframe.M5, Timeframe.M15, Timeframe.M30, Timeframe.H1)
"""What F3 drops."""
_LONG_S = 60.0
_LOOK_S = 0.002
_LOOKS = 100


class Jumping(Clock, Protocol):
    """A clock whose wall time a drill may set."""

    def jump(self, by_s: float) -> None:
        """Say something else from now on; the monotonic clock goes on."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """The engine that a drill is run on."""

    tools: Tools
    """All that its processes are given."""
    supervisor: Supervisor
    """Keeper of its processes."""
    seams: Seams
    """Where faults are put in."""
    victim: Symbol
    """The symbol that suffers, where a drill is about one."""

    @property
    def folder(self) -> str:
        """The victim's folder."""
        return self.victim.replace("/", "_")


class Injection(Protocol):
    """One fault of one variant."""

    def undo(self) -> Mapping[str, object]:
        """What the next boot must know to take it out; in JSON's types."""
        ...

    async def put_in(self) -> None:
        """From now on it is wrong. Raises UdsError when it cannot be done."""
        ...

    def take_out(self) -> None:
        """From now on it is not."""
        ...

    async def tidy(self) -> None:
        """Away with what it left behind."""
        ...

    @property
    def hits(self) -> int:
        """How often it befell something."""
        ...

    def left(self) -> tuple[str, ...]:
        """What is still there of it, each in a clause."""
        ...


class _Nothing:
    """The half that most injections share."""

    def undo(self) -> Mapping[str, object]:
        """All of it is gone with the process."""
        return {}

    def take_out(self) -> None:
        """It is over by itself."""

    async def tidy(self) -> None:
        """Nothing is left."""

    def left(self) -> tuple[str, ...]:
        """Nothing."""
        return ()


class BrokerIn(_Nothing):
    """The broker misbehaves, to one symbol or to all."""

    def __init__(self, scene: Scene, variant: Variant) -> None:
        assert variant.broker is not None
        is_login = variant.broker.is_of_login
        symbol = None if is_login else scene.victim
        is_m1 = not is_login and variant.broker is not FaultKind.EMPTY
        timeframe = Timeframe.M1 if is_m1 else None
        self._fault = BrokerFault(variant.broker, symbol, timeframe, variant.times)
        self._scene = scene
        self._loses_login = variant.way is Way.LOGIN
        self._is_in = False

    async def put_in(self) -> None:
        """At the broker's seam; a login that is to fail is forgotten first."""
        self._is_in = True
        self._scene.seams.broker.inject(self._fault)
        if self._loses_login:
            self._scene.tools.session.forget_login()
            self._scene.supervisor.restart("connector")

    def take_out(self) -> None:
        """Well again; after credentials that were wrong for good somebody must say so."""
        if not self._is_in:
            return
        self._is_in = False
        self._scene.seams.broker.heal(self._fault)
        if self._fault.kind is FaultKind.LOGIN_PERMANENT or self._hangs():
            self._scene.supervisor.restart("connector")

    def _hangs(self) -> bool:
        """A login lost in a live drill is not left to its last hanging try."""
        return self._loses_login and self._fault.kind is FaultKind.LOGIN_HANGS

    @property
    def hits(self) -> int:
        """Calls it befell."""
        return self._fault.hits

    def left(self) -> tuple[str, ...]:
        """Whether the broker still misbehaves."""
        is_in = any(fault is self._fault for fault in self._scene.seams.broker.faults)
        return ("the broker's fault is still in",) if is_in else ()


class PlanIn(_Nothing):
    """Disk or Redis misbehave."""

    def __init__(self, scene: Scene, variant: Variant, path: str = "") -> None:
        assert variant.fault is not None
        names = {"symbol": scene.victim, "folder": scene.folder, "path": path}
        subject = variant.fault.subject.format(**names)
        self._fault = replace(variant.fault, subject=subject)
        self._name = f"drill {variant.name}"
        self._scene = scene
        self._restarts = 0

    @property
    def plan(self) -> FaultPlan:
        """What disk and Redis obey."""
        return self._scene.seams.plan

    async def put_in(self) -> None:
        """Armed."""
        self._restarts = self._poller_restarts()
        self.plan.arm(self._name, self._fault)

    def take_out(self) -> None:
        """Disarmed; whoever hangs in it is brought back."""
        hung = self._fault.delay_s >= _LONG_S and self.plan.injected(self._name)
        is_stuck = hung and self._poller_restarts() == self._restarts and not self._is_failing()
        if self._name in self.plan.armed and is_stuck:
            self._scene.supervisor.restart("m1_poller")
        self.plan.revert(self._name)

    def _poller_restarts(self) -> int:
        processes = self._scene.tools.board.status.processes
        return next(p.restarts for p in processes if p.name == "m1_poller")

    def _is_failing(self) -> bool:
        """Whether the deadline has seen to it."""
        reasons = self._scene.tools.board.status.reasons
        return any(reason.code.value == "NO_PROGRESS" for reason in reasons)

    @property
    def hits(self) -> int:
        """Operations it befell."""
        return self.plan.injected(self._name)

    def left(self) -> tuple[str, ...]:
        """Whether it is still armed."""
        return (
            (f"the fault {self._name!r} is still armed",) if self._name in self.plan.armed else ()
        )


class OverlayIn(PlanIn):
    """One file is read with a flipped bit, the next one of the scrub; evidence is made up."""

    def __init__(self, scene: Scene, variant: Variant, path: str) -> None:
        super().__init__(scene, variant, path)
        self._mark = path.removesuffix(".jsonl").replace("/", ".")
        self._before: frozenset[str] = frozenset()
        self._evidence: frozenset[str] = frozenset()

    def undo(self) -> Mapping[str, object]:
        """Evidence about a file that is sound must go."""
        return {"evidence_of": self._mark, "evidence_before": sorted(self._before)}

    async def note_evidence(self) -> None:
        """What lies in quarantine already is none of ours."""
        self._before = await self._scene.tools.store.drills.evidence()

    async def tidy(self) -> None:
        """The made-up evidence goes."""
        files = self._scene.tools.store.drills
        await files.discard(made_up(await files.evidence(), self._before, self._mark))
        self._evidence = made_up(await files.evidence(), self._before, self._mark)

    def left(self) -> tuple[str, ...]:
        """Whether evidence of it lies about."""
        lying = ("evidence of the overlay lies in quarantine",) if self._evidence else ()
        return (*super().left(), *lying)


def made_up(now: frozenset[str], before: frozenset[str], mark: str) -> frozenset[str]:
    """The evidence about one file that came since."""
    return frozenset(name for name in now - before if f".{mark}." in name)


class ServerIn(_Nothing):
    """Our own server is killed, stopped, emptied, or comes back empty."""

    def __init__(self, scene: Scene, variant: Variant) -> None:
        server = scene.tools.store.server
        assert server is not None
        self._server = server
        self._way = variant.way
        self._pid = server.pid
        self._hits = 0

    def undo(self) -> Mapping[str, object]:
        """A stopped server is ended by the next boot, as any survivor is."""
        return {"server": self._pid, "started": started(self._pid) if self._pid else ""}

    async def put_in(self) -> None:
        """By signal, or by a command of its own."""
        match self._way:
            case Way.SERVER_KILLED:
                self._server.kill()
                self._hits = int(self._pid is not None)
            case Way.SERVER_STOPPED:
                self._server.pause()
                self._hits = int(await self._is_felt())
            case Way.SERVER_EMPTIED:
                await self._server.empty()
                self._hits = 1
            case _:
                await self._server.lose()
                self._hits = int(self._pid is not None)

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
        """Whether the signal was felt."""
        return self._hits

    def left(self) -> tuple[str, ...]:
        """Whether it is still stopped."""
        return ("the server is still stopped",) if self._server.is_paused else ()


class MemoryIn(_Nothing):
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

    def left(self) -> tuple[str, ...]:
        """Whether tails are still missing."""
        is_lost = has_lost(self._scene.tools, self._scene.victim)
        return ("derived tails are still missing",) if is_lost else ()


class StallIn(_Nothing):
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


class JumpIn(_Nothing):
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

    def left(self) -> tuple[str, ...]:
        """Whether it is still set."""
        return ("the clock is still set",) if self._is_in else ()


class FileIn(PlanIn):
    """A file that was damaged before the start: a fault that does nothing counts its readers."""

    def __init__(self, scene: Scene, variant: Variant, path: str) -> None:
        super().__init__(scene, replace(variant, fault=Fault(Harm.SLOW, "disk.read", path)))


_BROKER_WAYS = (Way.BROKER, Way.LOGIN)
_SERVER_WAYS = (
    *(Way.SERVER_KILLED, Way.SERVER_STOPPED, Way.SERVER_EMPTIED),
    Way.SERVER_RESTARTED_EMPTY,
)


def about(scene: Scene, variant: Variant) -> Scene:
    """The same scene with the symbol that this variant is about."""
    found = scene.tools.store.scrubbed_in(2) if variant.way is Way.OVERLAY else None
    return scene if found is None else replace(scene, victim=found[0].symbol)


async def injection_of(scene: Scene, variant: Variant) -> Injection | None:
    """How this variant is put in; None where it cannot be now."""
    if variant.way in _BROKER_WAYS:
        return BrokerIn(scene, variant)
    if variant.way in _SERVER_WAYS:
        return ServerIn(scene, variant)
    match variant.way:
        case Way.PLAN:
            return PlanIn(scene, variant)
        case Way.MEMORY:
            return MemoryIn(scene, variant)
        case Way.STALL:
            return StallIn(scene, variant)
        case Way.OVERLAY:
            found = scene.tools.store.scrubbed_in(2)
            if found is None or found[0].symbol != scene.victim:
                return None
            overlay = OverlayIn(scene, variant, found[1].path)
            await overlay.note_evidence()
            return overlay
    return None
