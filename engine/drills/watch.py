"""Everything that happens to an engine during a drill, with the second it happened in.

The board's events are taken as they come; what moves beyond the blast radius is noted at once,
what a reason was raised or cleared for is asked later. Seconds are the monotonic clock's, so a
drill that sets the wall clock measures right.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from uds.model import Generation, SeriesKey, Symbol

from ..cell import CellState
from ..cells import Cells
from ..degraded import MEANINGS, DegradedCode, Scope, Severity
from ..event_log import Posted
from ..events import (
    BecameOverdue,
    CellsChanged,
    ModesDecided,
    PrimingBegan,
    ProcessChanged,
    ReasonCleared,
    ReasonRaised,
    SymbolPrimed,
)
from ..process import Tools
from ..sayings import Saying, saying
from ..status import Status
from ..subscription import Subscription
from .drill import VICTIM, Radius, Stage, Variant
from .facts import Moment

_POLLER = "m1_poller"
_PLATFORM = "platform"
_OPEN_WORDS = frozenset({"open", "open_degraded"})


@dataclass(frozen=True, slots=True)
class Said:
    """A reason that was raised."""

    code: DegradedCode
    """Which."""
    scope: Scope
    """Where."""
    at_s: float
    """When, by the monotonic clock."""
    detail: str
    """What it said."""


@dataclass(slots=True)
class Watch:
    """What was seen since it began."""

    tools: Tools
    """Of the engine that is watched."""
    variant: Variant
    """What is expected."""
    victim: Symbol
    """The symbol that it is about."""
    before: Status
    """The status when it began."""
    began_s: float
    """When it began, by the monotonic clock."""
    is_in: bool = True
    """Whether the fault is in: then the gate's words are narrower."""
    said: list[Said] = field(default_factory=list)
    """Reasons raised, in order."""
    standing: set[tuple[DegradedCode, Scope]] = field(default_factory=set)
    """Which of the expected reasons stand, and where."""
    lapsed_s: float | None = None
    """When the last one of them was cleared; None while none was."""
    gates: list[str] = field(default_factory=list)
    """The gate's words, each noted when it changed."""
    wider: dict[Saying, None] = field(default_factory=dict)
    """What moved beyond the radius, each once."""
    timeline: list[Moment] = field(default_factory=list)
    """What happened, in order."""
    decided_s: float | None = None
    """When the modes were decided; None until then."""
    priming_s: float | None = None
    """When the first tail went to Redis; None until then."""
    moved_s: float = 0.0
    """When m1_poller got further last."""
    silent_from_s: float = 0.0
    """When it had got further last as it was said to be silent."""
    torn_flips: int = 0
    """Symbols whose eight cells did not come from one generation."""
    primed_s: dict[Symbol, float] = field(default_factory=dict)
    """When each symbol was primed last."""
    sealed_s: dict[Symbol, float] = field(default_factory=dict)
    """When each symbol was sealed last."""

    @property
    def radius(self) -> Radius:
        """What may be touched."""
        return self.variant.radius

    @property
    def restarted(self) -> tuple[str, ...]:
        """Which processes restarted."""
        before = {p.name: p.restarts for p in self.before.processes}
        now = self.tools.board.status.processes
        return tuple(p.name for p in now if p.restarts != before.get(p.name, 0))

    def first_said(self, codes: Collection[DegradedCode], from_s: float = 0.0) -> Said | None:
        """The first of these reasons raised since, where it is expected; None when none was."""
        found = (one for one in self.said if one.at_s >= from_s and one.code in codes)
        return next((one for one in found if self._is_there(one)), None)

    def _is_there(self, said: Said) -> bool:
        """Whether a reason is about what the drill is about."""
        if not self.variant.about:
            return True
        scope = said.scope.symbol if isinstance(said.scope, SeriesKey) else said.scope
        return scope == (self.victim if self.variant.about == VICTIM else self.variant.about)

    def note(self, code: str, *args: object) -> None:
        """A line of the time line."""
        at_s = round(self.tools.clock.monotonic_s() - self.began_s, 3)
        self.timeline.append(Moment(at_s, saying(code, *args)))

    def note_wider(self, code: str, *args: object) -> None:
        """Something moved beyond the radius."""
        self.wider[saying(code, *args)] = None

    def take(self, posted: Posted) -> None:
        """One event."""
        now_s = self.tools.clock.monotonic_s()
        match posted.event:
            case ReasonRaised(code, scope, detail):
                self._raised(Said(code, scope, now_s, detail))
            case BecameOverdue():
                late = (r for r in self.tools.board.status.reasons)
                detail = next((r.detail for r in late if r.code is DegradedCode.GATE_OVERDUE), "")
                self._raised(Said(DegradedCode.GATE_OVERDUE, None, now_s, detail))
            case ReasonCleared(code, scope):
                if any(one.code is code and one.scope == scope for one in self.said):
                    self.note("reason_cleared", code.value, scope or _PLATFORM)
                    self._cleared(code, scope, now_s)
            case CellsChanged():
                self._cells_moved(posted.event, now_s)
            case ProcessChanged(process):
                allowed = process.name in self.radius.processes
                if process.name in self.restarted and not allowed:
                    self.note_wider("restarted", process.name)
            case ModesDecided():
                self.decided_s = self.decided_s or now_s
            case PrimingBegan():
                self.priming_s = self.priming_s or now_s
            case SymbolPrimed(symbol):
                self.primed_s[symbol] = now_s

    def look(self) -> None:
        """The gate's word and the poller's moves, as they are now."""
        status = self.tools.board.status
        word = status.gate_state.value
        if word not in self.gates[-1:]:
            self.gates.append(word)
            self.note("gate_is", word)
            allowed = self.radius.gates if self.is_in else self.radius.gates | _OPEN_WORDS
            if word not in allowed:
                self.note_wider("gate_was", word)

    def _cleared(self, code: DegradedCode, scope: Scope, now_s: float) -> None:
        if (code, scope) in self.standing:
            self.standing.discard((code, scope))
            self.lapsed_s = self.lapsed_s if self.standing else now_s

    def _raised(self, said: Said) -> None:
        is_first = all((one.code, one.scope) != (said.code, said.scope) for one in self.said)
        self.said.append(said)
        if said.code in self.variant.codes:
            self.standing.add((said.code, said.scope))
        if is_first and said.code is DegradedCode.NO_PROGRESS:
            self.silent_from_s = self.moved_s
        if is_first:
            self.note("reason_said", said.code.value, said.scope or _PLATFORM, said.detail)
        is_expected = said.code in self.variant.radius.also or (
            said.code in self.variant.codes and self._is_there(said)
        )
        is_degraded = MEANINGS[said.code].severity is Severity.DEGRADED
        if is_degraded and not is_expected:
            self.note_wider("raised", said.code.value, said.scope or _PLATFORM)

    def _cells_moved(self, event: CellsChanged, now_s: float) -> None:
        symbol, cells = event.symbol, event.cells
        served = {cell.serving for cell in cells.values()}
        if all(cell.state is CellState.SEALED for cell in cells.values()):
            self.sealed_s[symbol] = now_s
            is_whole = len(cells) == len(self.tools.config.timeframes)
            self.torn_flips += is_whole and len(served) != 1
        if self.variant.stage is not Stage.OPEN or (symbol == self.victim and self.radius.unseals):
            return
        states = {cell.state for cell in cells.values()}
        if states != {CellState.SEALED} or served != {self._generation_before(symbol)}:
            self.note_wider("unsealed", symbol)

    def _generation_before(self, symbol: Symbol) -> Generation | None:
        row = Cells.of(self.before.cells).row(symbol)
        return next((cell.serving for cell in row.values()), None)


@asynccontextmanager
async def watching(watch: Watch) -> AsyncIterator[None]:
    """Take every event for the length of the block."""
    subscription = watch.tools.board.subscribe()  # now: what happens next is part of it
    work = asyncio.create_task(_follow(watch, subscription), name="drill watch")
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def _follow(watch: Watch, subscription: Subscription) -> None:
    board = watch.tools.board
    moves = watch.before.moves.get(_POLLER, 0)
    watch.look()
    while True:
        found = await subscription.batch()
        if isinstance(found, Status):
            watch.note_wider("too_much")
        else:
            for posted in found:
                watch.take(posted)
        if board.status.moves.get(_POLLER, 0) != moves:
            moves, watch.moved_s = (
                board.status.moves.get(_POLLER, 0),
                watch.tools.clock.monotonic_s(),
            )
        watch.look()
