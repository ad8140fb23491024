"""What outlives the boots of a run: the medium, the server, the market, and time.

The world boots nodes one after another, does to them what the case says, lets everything heal,
and asks in the end whether all is as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from hashlib import blake2b
from random import Random
from typing import Protocol

from uds import Fault, MemoryCache, Platter
from uds.model import Generation, Symbol

from ..broker.faulty import BrokerFault
from .case import Act, ActKind, Case
from .ground import BEGINNING_MS, config_of, start_ms
from .ledger import Ledger
from .loop import SimLoop
from .loudness import Loudness
from .node import SimNode
from .oracles import Oracles
from .seams import HeardPlan
from .state_files import StateFiles
from .truth import truth_of

_DEPTH_BARS = 600
"""M1 that every fourth seed wants behind its gate."""
_REBOOT_S = 1.0
_STORY_MAX = 20_000


class Hand(Protocol):
    """Who does to a world what its case says."""

    def schedule(self, acts: Iterable[Act]) -> None:
        """Do each when its time comes."""
        ...

    def strike(self, node: SimNode, kind: ActKind) -> None:
        """Do this before the operation it is about to do."""
        ...

    def hit(self, fault: Fault, operation: str) -> None:
        """A fault of the plan was answered."""
        ...

    def judge_end(self, error: BaseException) -> None:
        """A boot ended by itself."""
        ...

    def gone(self, partner: str) -> bool:
        """Whether it has done nothing at all for longer than a call takes."""
        ...

    def heal(self) -> None:
        """Take back all that still holds."""
        ...


class World:
    """One run under way."""

    def __init__(self, case: Case, loop: SimLoop, hand: Callable[[World], Hand]) -> None:
        self.case = case
        self.loop = loop
        self.start_ms = start_ms(case.seed)
        self.config = config_of(
            case.symbol_count, case.m1_bars, _DEPTH_BARS if case.seed % 4 == 3 else 0
        )
        self.market, self.truth = truth_of(self.config.model_dump_json(by_alias=True), BEGINNING_MS)
        self.platter = Platter()
        self.cache = MemoryCache()
        self.leaves_out: frozenset[str] = frozenset()
        """Steps of every disk that are never done: planted bugs of tests."""
        self.oracles = Oracles(self, self.truth, self.config.symbols)
        self.state_files = StateFiles(self.platter.files)
        self.ledger = Ledger(self.oracles, self)
        self.plan = HeardPlan(case.seed, self._hit)
        self.broker_faults: list[BrokerFault] = []
        """What every broker suffers from now."""
        self.skew_ms = 0
        """How far the wall clock of the host is ahead."""
        self.nodes: list[SimNode] = []
        self.story: list[tuple[int, str, str]] = []
        """(virtual µs, who, what)."""
        self.random = Random(f"{case.seed}/world")
        self.strike = case.strike
        """What still happens before an operation; None once it is too late for it."""
        self.ends = False
        """Whether the run is over and nobody is booted any more."""
        self.context: Context = copy_context()
        """Of what belongs to no node."""
        self.loudness = Loudness(self, self.context)
        self.acts = hand(self)
        self._digest = blake2b(digest_size=16)
        self._revision = 0
        self._awaited_boots = 0

    # -- time and trace ----------------------------------------------------------------------

    def now_us(self) -> int:
        """Virtual time."""
        return self.loop.now_us

    def true_ms(self) -> int:
        """The market's time, UTC ms."""
        return self.start_ms + self.loop.now_us // 1_000

    def trace(self, who: str, event: str, subject: str) -> None:
        """One line of what the digest is of."""
        self._digest.update(f"{self.loop.now_us} {who} {event} {subject}\n".encode())

    def tell(self, who: str, text: str) -> None:
        """One line of the story, which is traced as well."""
        self.trace(who, "tells", text)
        if len(self.story) < _STORY_MAX:
            self.story.append((self.loop.now_us, who, text))

    @property
    def digest(self) -> str:
        """Of everything that happened so far, in order."""
        return self._digest.hexdigest()

    # -- what the oracles ask ----------------------------------------------------------------

    def newest_token(self) -> int:
        """The highest token anybody was given."""
        return max((node.token or 0 for node in self.nodes), default=0)

    def next_revision(self) -> int:
        """A revision that nobody has seen."""
        self._revision += 1
        return self._revision

    def pointer(self, symbol: Symbol) -> tuple[Generation, int] | None:
        """What Redis serves."""
        live = self.cache.live.get(symbol)
        return None if live is None else (live.generation, live.seq)

    def gone(self, partner: str) -> bool:
        """Whether `redis` has done nothing at all for a while."""
        return self.acts.gone(partner)

    # -- boots -------------------------------------------------------------------------------

    @property
    def current(self) -> SimNode | None:
        """The newest boot that lives; None while there is none."""
        return next((node for node in reversed(self.nodes) if node.is_alive), None)

    @property
    def awake(self) -> SimNode | None:
        """The newest boot that lives and does not sleep; None while there is none."""
        living = (node for node in reversed(self.nodes) if node.is_alive)
        return next((node for node in living if not node.node.is_paused), None)

    @property
    def operations(self) -> int:
        """Of all boots."""
        return sum(node.operations for node in self.nodes)

    def boot(self) -> None:
        """Start the engine once more."""
        if self.ends:
            return
        node = SimNode(self, len(self.nodes) + 1)
        self.nodes.append(node)
        self.tell(node.node.name, "boots")
        node.task.add_done_callback(lambda _: self._ended(node), context=self.context)

    def boot_later(self, delay_s: float) -> None:
        """The same after a while."""
        self._awaited_boots += 1
        self.loop.call_later(delay_s, self._boot_awaited, context=self.context)

    def _boot_awaited(self) -> None:
        self._awaited_boots -= 1
        self.boot()

    def boot_if_none(self) -> None:
        """Where nobody lives and nobody is about to, as a service manager would."""
        if self.current is None and not self._awaited_boots:
            self.boot_later(_REBOOT_S)

    def kill(self, node: SimNode) -> None:
        """kill -9."""
        self.tell(node.node.name, "is killed")
        node.disk.crash()
        self.loop.crash(node.node)

    def cut_power(self) -> None:
        """Kill all there are, and lose what was not synced as chance wants it."""
        for node in self.nodes:
            if node.is_alive:
                self.kill(node)
        self.platter.power_cut(self.random)

    def _ended(self, node: SimNode) -> None:
        """A boot that ended by itself is begun again, as a service manager would."""
        error = None if node.task.cancelled() else node.task.exception()
        self.tell(node.node.name, "ends" if error is None else f"ends: {error!r}")
        if error is not None:
            self.oracles.counts["boots that failed"] += 1
            self.acts.judge_end(error)
        if node.reboot_s is not None and self.awake is None:
            self.boot_later(node.reboot_s)

    def operation(self, node: SimNode, number: int) -> None:
        """Asked before every operation: is this the one that is struck?"""
        strike = self.strike
        if strike is not None and (strike.boot, strike.operation) == (node.number, number):
            self.strike = None
            self.acts.strike(node, strike.kind)

    def _hit(self, fault: Fault, operation: str) -> None:
        self.acts.hit(fault, operation)
