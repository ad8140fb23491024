"""Does to a world what its case says, takes it back in time, and notes what must be said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from uds import DiskFailed, Fault, FaultKind, Fenced
from uds.model import MINUTE_MS

from ..acts.action import Given
from ..acts.actions import find_action
from ..broker.faulty import BrokerFault
from ..broker.faulty import FaultKind as BrokerFaultKind
from ..broker.port import BarsRequest
from ..degraded import DegradedCode
from ..errors import ActionRefused, StoredLater
from ..sayings import sentences
from .case import Act, ActKind
from .losses import LOSSES
from .node import SimNode
from .oracles import REDIS_CODES
from .world import World

_CODE, _KIND = DegradedCode, ActKind
_DISK = frozenset({_CODE.DISK_ERROR, _CODE.DISK_FULL})
_FETCH = frozenset({_CODE.BROKER_FETCH_FAILED, _CODE.BROKER_RATE_LIMITED})
_CHILD = frozenset({_CODE.CHILD_RESTARTING, _CODE.CHILD_HELD})
_LOUD_BROKER: dict[BrokerFaultKind, tuple[frozenset[DegradedCode], float]] = {
    BrokerFaultKind.FETCH_ERROR: (_FETCH, 0.0),
    BrokerFaultKind.FETCH_HANGS: (_FETCH, 5.0),
    BrokerFaultKind.RATE_LIMIT: (_FETCH, 0.0),
    BrokerFaultKind.LOGIN_REFUSED: (frozenset({_CODE.BROKER_LOGIN_TRANSIENT}), 0.0),
    BrokerFaultKind.LOGIN_HANGS: (frozenset({_CODE.BROKER_LOGIN_TIMEOUT}), 10.0),
    BrokerFaultKind.LOGIN_PERMANENT: (frozenset({_CODE.BROKER_LOGIN_PERMANENT}), 0.0),
}
_LIES = (BrokerFaultKind.SHORT, BrokerFaultKind.EMPTY)
_QUIET_OPERATIONS = ("cache.preview", "cache.publish_tick", "cache.forget")


_AHEAD_OF_DOUBT_MS = 3 * MINUTE_MS
"""A clock so far ahead believes in minutes that are still to come when it is next looked at."""
_WOKEN_S = 5.0
"""How long a zombie that woke up may live on."""
_UNDER_WAY_S = 0.7
"""A call that was under way when its partner went may take so long to end well."""


class HeardFault(BrokerFault):
    """A broker fault that tells whom it hits."""

    __slots__ = ("heard",)
    heard: Callable[[], None]

    def strikes(self, request: BarsRequest | None, at_s: float) -> bool:
        """As the fault, aloud."""
        does = super().strikes(request, at_s)
        if does:
            self.heard()
        return does


class Acts:
    """The hand of the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._plan_acts: dict[int, Act] = {}
        self._loudness = world.loudness
        self._gone: list[tuple[str, float, float]] = []
        """(partner, from, until) in virtual seconds in which it does nothing."""
        self._armed: list[Fault] = []
        """Kept, because they are known by their identity."""

    # -- by the clock ------------------------------------------------------------------------

    def schedule(self, acts: Iterable[Act]) -> None:
        """Do each when its time comes."""
        for number, act in enumerate(acts):
            self._later(act.at_s, self._begin, number, act)

    def _begin(self, number: int, act: Act) -> None:
        world = self._world
        world.tell("NEMESIS", act.told())
        world.oracles.counts[f"act {act.kind.value}"] += 1
        node = world.current
        kind = act.kind
        if kind in _PLANNED:
            self._arm(number, act)
        elif kind in (_KIND.BROKER, _KIND.LOGIN):
            self._spoil(number, act)
        elif kind in LOSSES:
            LOSSES[kind](world, act)
        elif kind is _KIND.CLOCK_JUMP:
            self._jump(act.amount)
            if act.for_s:
                self._later(act.for_s, self._jump, -act.amount)
        elif node is not None:
            self._do_to(node, act)

    def _do_to(self, node: SimNode, act: Act) -> None:
        world, kind = self._world, act.kind
        if kind is _KIND.KILL:
            world.kill(node)
            world.boot_later(act.amount)
        elif kind is _KIND.POWER_CUT:
            world.cut_power()
            world.boot_later(act.amount)
        elif kind is _KIND.STOP:
            if node.engine is not None:
                node.reboot_s = act.amount
                node.engine.stop()
        elif kind is _KIND.PAUSE:
            self._pause(node)
            self._later(act.for_s, self._resume, node)
        elif kind is _KIND.ZOMBIE:
            self.make_zombie(node, act.for_s)
        elif kind is _KIND.STALL:
            self._loudness.disturb(node)
            world.loop.call_soon(world.loop.stall, round(act.amount * 1e6), context=world.context)
        elif kind is _KIND.BUG:
            self._explode(node, act.subject)
        else:
            self._operate(node, act)

    def _operate(self, node: SimNode, act: Act) -> None:
        """What an operator does, through the registry of actions."""
        given: Given = {}
        if act.kind in (_KIND.RESTART, _KIND.RESTART_FORCE):
            given = {"process": (act.subject,)}
        elif act.kind is _KIND.REBUILD:
            given = {"symbols": (act.subject,)}
        if node.engine is None:
            return
        engine = node.engine
        try:
            said = node.node.context().run(
                find_action(act.kind.value).run, engine, given, "nemesis"
            )
        except ActionRefused as error:
            self._world.tell(node.node.name, f"refused: {error}")
        else:
            self._world.tell(node.node.name, sentences((said,)))

    # -- death and sleep ---------------------------------------------------------------------

    def strike(self, node: SimNode, kind: ActKind) -> None:
        """Before an operation of this very node."""
        world = self._world
        world.tell("NEMESIS", f"{kind.value} before operation {node.operations - 1}")
        world.oracles.counts[f"act {kind.value}"] += 1
        if kind is _KIND.ZOMBIE:
            self.make_zombie(node, 20.0)
            return
        if kind is _KIND.POWER_CUT:
            world.cut_power()
        else:
            world.kill(node)
        world.boot_later(0.5)

    def make_zombie(self, node: SimNode, for_s: float) -> None:
        """It sleeps, a successor boots, it wakes up."""
        if node.node.is_paused:
            return
        self._pause(node)
        node.reboot_s = None
        self._world.boot_later(0.1)
        self._later(for_s, self._wake_zombie, node)

    def _wake_zombie(self, node: SimNode) -> None:
        if not node.is_alive:
            return
        self._resume(node)
        self._later(_WOKEN_S, self._bury_zombie if node.token else self._bury_older, node)

    def _bury_older(self, node: SimNode) -> None:
        """It slept before it had a token: it is the successor, unless its number was taken."""
        if not node.is_alive:
            return
        living = [other for other in self._world.nodes if other.is_alive]
        if node.token != max(other.token or 0 for other in living):
            self._bury_zombie(node)
            return
        node.reboot_s = 1.0
        for other in living:
            if other is not node:
                other.reboot_s = None
                self._bury_zombie(other)

    def _bury_zombie(self, node: SimNode) -> None:
        world = self._world
        if not node.is_alive:
            return
        said = {code for _, code, _ in node.view.raised}
        can_tell = not (node.node.is_paused or self._hides_owners())
        if node.engine is not None and can_tell and node.token != world.newest_token():
            if _CODE.FENCED in said:
                world.oracles.counts["a zombie was fenced"] += 1
            else:
                world.oracles.violated(f"{node.view.name}: woke up as a zombie and was not fenced")
        world.kill(node)

    def _hides_owners(self) -> bool:
        """Whether neither disk nor Redis can be asked who owns the data."""
        now_s, acts = self._world.now_us() / 1e6, self._world.case.acts or ()
        current = (act for act in acts if act.at_s <= now_s < act.until_s + _WOKEN_S)
        return any(act.kind is _KIND.DISK_FAILS and act.subject == "*" for act in current)

    def _pause(self, node: SimNode) -> None:
        self._loudness.disturb(node)
        self._world.tell(node.node.name, "is paused")
        self._world.loop.pause(node.node)

    def _resume(self, node: SimNode) -> None:
        self._loudness.disturb(node)
        if node.is_alive:
            self._world.tell(node.node.name, "is resumed")
        self._world.loop.resume(node.node)

    def _explode(self, node: SimNode, process: str) -> None:
        bomb = node.bombs.get(process)
        if bomb is not None and not bomb.is_set() and node.engine is not None:
            self._loudness.expect(node, _CHILD, 0.0, f"a bug in {process}")
            bomb.set()

    def judge_end(self, error: BaseException) -> None:
        """A boot may end by itself only because the world did not let it live."""
        if not isinstance(error, (DiskFailed, StoredLater, Fenced)):
            self._world.oracles.violated(f"the engine ended with {error!r}")

    # -- faults that hold --------------------------------------------------------------------

    def _arm(self, number: int, act: Act) -> None:
        name = f"act {number}"
        fault = _PLANNED[act.kind](act)
        self._plan_acts[id(fault)] = act
        self._world.plan.arm(name, fault)
        self._armed.append(fault)
        partner = _wholly_gone(act)
        if partner is not None:
            now_s = self._world.now_us() / 1e6
            self._gone.append((partner, now_s + _UNDER_WAY_S, act.until_s))
        self._later(act.for_s, self._world.plan.revert, name)

    def gone(self, partner: str) -> bool:
        """Whether it has done nothing at all for longer than a call takes."""
        now_s = self._world.now_us() / 1e6
        return any(p == partner and a < now_s < b for p, a, b in self._gone)

    def hit(self, fault: Fault, operation: str) -> None:
        """A fault of the plan was answered."""
        world, act = self._world, self._plan_acts.get(id(fault))
        world.oracles.counts[f"hit {fault.kind.value} {operation.partition('.')[0]}"] += 1
        if fault.kind is FaultKind.LOSE_REPLY:
            world.oracles.counts[f"a reply was lost: {operation}"] += 1
        node = self._loudness.running()
        if act is None or node is None or (act.amount and act.kind is _KIND.REDIS_LOSES):
            return
        if fault.kind is FaultKind.SLOW or operation in _QUIET_OPERATIONS:
            return
        if not operation.startswith("cache."):
            world.oracles.is_disk_faulty = True
        if operation.startswith("cache."):
            slack_s = 1.0 if fault.kind is FaultKind.TIME_OUT else 0.25
            self._loudness.expect_once(node, id(fault), REDIS_CODES, slack_s, act)
        elif act.subject in ("*", "append.*", "append.Sync", "replace.*"):
            self._loudness.expect_once(node, id(fault), _DISK, 0.0, act)

    def _spoil(self, number: int, act: Act) -> None:
        world = self._world
        kind = BrokerFaultKind(act.subject)
        fault = HeardFault(kind)
        loud = _LOUD_BROKER.get(kind)

        def heard() -> None:
            world.oracles.counts[f"hit broker {kind.value}"] += 1
            world.oracles.has_broker_lied |= kind in _LIES
            node = self._loudness.running()
            if node is not None and loud is not None:
                self._loudness.expect_once(node, id(fault), loud[0], loud[1], act)

        fault.heard = heard
        world.broker_faults.append(fault)
        for node in world.nodes:
            node.broker.inject(fault)
        self._later(act.for_s, self._unspoil, fault)

    def _unspoil(self, fault: BrokerFault) -> None:
        world = self._world
        world.broker_faults = [one for one in world.broker_faults if one is not fault]
        for node in world.nodes:
            node.broker.heal(fault)

    def _jump(self, by_s: float) -> None:
        world = self._world
        world.skew_ms += round(by_s * 1_000)
        self._loudness.note_jump()
        oracles = world.oracles
        oracles.has_clock_jumped = True
        oracles.was_clock_late |= world.skew_ms < 0
        oracles.clock_early_ms = max(oracles.clock_early_ms, world.skew_ms)
        # So far ahead two askings for a minute come before it is published: silence is believed.
        # When the clock is set back it is doubted again, but of minutes that came meanwhile.
        oracles.has_broker_lied |= MINUTE_MS <= world.skew_ms < _AHEAD_OF_DOUBT_MS
        for node in world.nodes:
            node.clock.skew_ms = world.skew_ms
        current = world.current
        if current is not None and current.view.has_opened:
            self._loudness.expect(
                current, frozenset({_CODE.CLOCK_JUMP}), 0.25, f"a jump of {by_s:g} s"
            )

    def heal(self) -> None:
        """Take back all that still holds."""
        world = self._world
        world.plan.revert_all()
        self._gone.clear()
        for fault in tuple(world.broker_faults):
            self._unspoil(fault)
        if world.skew_ms:
            self._jump(-world.skew_ms / 1_000)

    def _later(self, delay_s: float, call: Callable[..., object], *args: object) -> None:
        self._world.loop.call_later(delay_s, call, *args, context=self._world.context)


def _wholly_gone(act: Act) -> str | None:
    """Which partner does nothing while this holds; None when some calls succeed."""
    if act.kind in (_KIND.REDIS_REFUSES, _KIND.REDIS_SILENT):
        return "redis"
    return None


_PLANNED: dict[ActKind, Callable[[Act], Fault]] = {
    _KIND.REDIS_REFUSES: lambda act: Fault(FaultKind.REFUSE, "cache.*"),
    _KIND.REDIS_SILENT: lambda act: Fault(FaultKind.TIME_OUT, "cache.*"),
    _KIND.REDIS_LOSES: lambda act: Fault(FaultKind.LOSE_REPLY, act.subject, chance=act.amount),
    _KIND.REDIS_SLOW: lambda act: Fault(FaultKind.SLOW, "cache.*", delay_s=act.amount),
    _KIND.DISK_FAILS: lambda act: Fault(FaultKind.REFUSE, act.subject, chance=act.amount),
    _KIND.DISK_FULL: lambda act: Fault(FaultKind.FULL, "*"),
    _KIND.DISK_PARTIAL: lambda act: Fault(
        FaultKind.FULL, "append.Write", kept_bytes=round(act.amount)
    ),
    _KIND.DISK_SLOW: lambda act: Fault(FaultKind.SLOW, act.subject, delay_s=act.amount),
}
