"""Faults that are put in at a seam: of the broker, of disk and Redis, of one file's reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from uds import Fault, FaultPlan
from uds import FaultKind as Harm
from uds.model import Timeframe

from ..broker.faulty import BrokerFault, FaultKind
from ..sayings import Saying, saying
from .drill import Variant, Way
from .injection import Harmless, Scene

_LONG_S = 60.0


class BrokerIn(Harmless):
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

    def left(self) -> tuple[Saying, ...]:
        """Whether the broker still misbehaves."""
        is_in = any(fault is self._fault for fault in self._scene.seams.broker.faults)
        return (saying("broker_in"),) if is_in else ()


class PlanIn(Harmless):
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

    def left(self) -> tuple[Saying, ...]:
        """Whether it is still armed."""
        is_armed = self._name in self.plan.armed
        return (saying("still_armed", self._name),) if is_armed else ()


class OverlayIn(PlanIn):
    """One file is read with a flipped bit, the next one of the scrub; evidence is made up."""

    def __init__(self, scene: Scene, variant: Variant, path: str) -> None:
        super().__init__(scene, variant, path)
        self._mark = path.removesuffix(".jsonl").replace("/", ".")
        self._before: frozenset[str] = frozenset()
        self._evidence: frozenset[str] = frozenset()

    def undo(self) -> Mapping[str, object]:
        """Evidence about a file that is sound must go."""
        token = self._scene.tools.store.token.value
        return {"evidence_of": self._mark, "evidence_by": token, "known": sorted(self._before)}

    async def note_evidence(self) -> None:
        """What lies in quarantine already is none of ours."""
        self._before = await self._scene.tools.store.drills.evidence()

    async def tidy(self) -> None:
        """The made-up evidence goes."""
        files = self._scene.tools.store.drills
        token = self._scene.tools.store.token.value
        await files.discard(made_up(await files.evidence(), self._before, self._mark, token))
        self._evidence = made_up(await files.evidence(), self._before, self._mark, token)

    def left(self) -> tuple[Saying, ...]:
        """Whether evidence of it lies about."""
        lying = (saying("overlay_evidence"),) if self._evidence else ()
        return (*super().left(), *lying)


def made_up(now: frozenset[str], before: frozenset[str], mark: str, token: int) -> frozenset[str]:
    """The evidence about one file that an owner has left since."""
    fresh = (name for name in now - before if name.startswith(f"{token:08d}-"))
    return frozenset(name for name in fresh if f".{mark}." in name)


class FileIn(PlanIn):
    """A file that was damaged before the start: a fault that does nothing counts its readers."""

    def __init__(self, scene: Scene, variant: Variant, path: str) -> None:
        super().__init__(scene, replace(variant, fault=Fault(Harm.SLOW, "disk.read", path)))
