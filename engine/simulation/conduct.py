"""How a boot must behave beside what it serves: what it says, in which order it asks, whom it ends.

The oracles ask what readers get. Here is asked for the promises that readers do not see at once:

- a reason clears only when what it waits for has happened: no call has succeeded while every
  call failed from before the reason was raised until it was cleared;
- D1 before M1: at a start no M1 is sent for while a D1 waits;
- isolation: a process that did not fail and was not told to is not begun again;
- nobody holds the token of another;
- what is served was committed before;
- of a state file that cannot be believed the right thing is said, of a good one nothing;
- what Redis was given is what it has in the end.

Where an observation can be explained by something else, nothing is held against the boot.
"""

from __future__ import annotations

from uds import Snapshot, pack_tail
from uds.model import Generation, Symbol, Timeframe

from ..broker.lanes import PATIENCE_S
from ..degraded import DegradedCode, Scope
from ..status import Mode, ProcessState, ProcessStatus
from .boot import Boot
from .case import Act, ActKind
from .loudness import Loudness
from .stage import Stage

_CODE, _KIND = DegradedCode, ActKind
_IN_FLIGHT_S = 2.0
"""So long a call may take that was let through before the fault began."""
_OF_REDIS = frozenset(kind for kind in ActKind if kind.value.startswith("redis_"))
_OF_DISK = frozenset(kind for kind in ActKind if kind.value.startswith("disk_"))
_OF_STATE = frozenset({_CODE.STATE_FALLBACK_PREV, _CODE.STATE_REBUILT})
_OF_CHILD = frozenset({_CODE.CHILD_RESTARTING, _CODE.CHILD_HELD})
_OF_BROKER = frozenset(code for code in DegradedCode if code.value.startswith("BROKER_"))
_TOLD = frozenset({_KIND.RESTART, _KIND.RESTART_FORCE})
_SHUT_OUT: dict[DegradedCode, tuple[frozenset[ActKind], frozenset[str]]] = {
    _CODE.REDIS_DOWN: (frozenset({_KIND.REDIS_REFUSES, _KIND.REDIS_SILENT}), frozenset()),
    _CODE.REDIS_TIMEOUT: (frozenset({_KIND.REDIS_REFUSES, _KIND.REDIS_SILENT}), frozenset()),
    _CODE.BROKER_FETCH_FAILED: (
        frozenset({_KIND.BROKER}),
        frozenset({"fetch_error", "fetch_hangs", "rate_limit"}),
    ),
    _CODE.BROKER_LOGIN_TRANSIENT: (frozenset({_KIND.LOGIN}), frozenset()),
    _CODE.DISK_FULL: (frozenset({_KIND.DISK_FULL}), frozenset()),
}
"""Under which acts, with which subjects, what clears a reason cannot happen."""
_ALIKE: tuple[frozenset[ActKind], ...] = (_OF_REDIS, _OF_DISK)
"""Acts of one kind of partner: where two hold at once, the first alone is felt."""


class Conduct:
    """What is held against one boot."""

    def __init__(self, stage: Stage, node: Boot, loudness: Loudness) -> None:
        self._stage = stage
        self._node = node
        self._loudness = loudness
        self._raised_us: dict[tuple[DegradedCode, Scope], int] = {}
        self._restarts: dict[str, int] = {}
        self._has_failed: set[str] = set()
        self._of_state: DegradedCode | None = None
        """What must be said of the state files it found; None when nothing."""
        self._committed: dict[Symbol, Generation] = {}

    # -- reasons -----------------------------------------------------------------------------

    def raised(self, code: DegradedCode, scope: Scope) -> None:
        """A reason was raised, perhaps again."""
        self._raised_us.setdefault((code, scope), self._stage.now_us())
        is_newest = self._node is self._stage.nodes[-1]  # who slept read what two owners wrote
        if code in _OF_STATE and code is not self._of_state and is_newest:
            self._violated(f"{code.value} was said of state files that are not so")
        if code in _OF_CHILD and isinstance(scope, str):
            self._has_failed.add(scope)

    def cleared(self, code: DegradedCode, scope: Scope) -> None:
        """A reason that stood was cleared."""
        raised_us = self._raised_us.pop((code, scope), None)
        act = self._shutting_out(code)
        if raised_us is None or act is None:
            return
        self._stage.oracles.counts["a reason was held against its end"] += 1
        began_us, now_us = round(act.at_s * 1e6), self._stage.now_us()
        if began_us < raised_us and now_us - began_us > _IN_FLIGHT_S * 1e6:
            self._violated(f"{code.value} was cleared in the middle of {act.told()}")

    def _shutting_out(self, code: DegradedCode) -> Act | None:
        """The one act under which this reason cannot end now."""
        kinds, subjects = _SHUT_OUT.get(code, (frozenset(), frozenset()))
        now_s = self._stage.now_us() / 1e6
        acts = self._stage.case.acts or ()
        current = [act for act in acts if act.at_s <= now_s + 0.01 and now_s < act.until_s - 0.01]
        found = [act for act in current if act.kind in kinds]
        if len(found) != 1 or (subjects and found[0].subject not in subjects):
            return None
        alike = next((group for group in _ALIKE if found[0].kind in group), kinds)
        return None if sum(act.kind in alike for act in current) > 1 else found[0]

    # -- the state files ---------------------------------------------------------------------

    def read_state(self, code: DegradedCode | None) -> None:
        """It reads the second of the state files; this must be said of both."""
        self._of_state = code
        now_s, acts = self._stage.now_us() / 1e6, self._stage.case.acts or ()
        current = (act for act in acts if act.at_s <= now_s + 1.0 and now_s < act.until_s)
        if code is not None and not any(act.kind in _OF_DISK for act in current):
            self._loudness.expect_state(self._node, code)

    def _check_state_was_said(self) -> None:
        said = {code for _, code, _ in self._node.view.raised}
        if self._of_state is not None and self._of_state not in said:
            self._violated(f"opened and {self._of_state.value} was never said")

    # -- processes ---------------------------------------------------------------------------

    def moved(self, process: ProcessStatus) -> None:
        """A process says where it stands."""
        if process.state is ProcessState.NEEDS_OPERATOR:
            self._restarts.pop(process.name, None)
            self._has_failed.add(process.name)
        before = self._restarts.get(process.name)
        self._restarts[process.name] = process.restarts
        if before is None or process.restarts == before:
            return
        self._stage.oracles.counts["a process was begun again"] += 1
        if process.name not in self._has_failed and not self._was_told(process.name):
            self._violated(f"{process.name} was begun again though it had not failed")
        if process.state is not ProcessState.NEEDS_OPERATOR:
            self._has_failed.discard(process.name)

    def _was_told(self, name: str) -> bool:
        now_s, acts = self._stage.now_us() / 1e6, self._stage.case.acts or ()
        return any(act.kind in _TOLD and act.subject == name and act.at_s <= now_s for act in acts)

    # -- the start ---------------------------------------------------------------------------

    def opened(self) -> None:
        """The gate opened for the first time: in which order was the broker asked?"""
        self._check_state_was_said()
        node = self._node
        assert node.engine is not None
        if any(code in _OF_BROKER for _, code, _ in node.view.raised):
            return  # who failed, was limited or probes alone keeps no order
        answered, modes = node.engine.tools.session.answered, node.engine.board.status.modes
        is_day = {id(one): one.request.timeframe is Timeframe.D1 for one in answered}
        cold = {symbol for symbol, mode in modes.items() if mode is Mode.COLD}
        days = [one for one in answered if is_day[id(one)] and one.request.symbol in cold]
        until_s = min((one.sent_s for one in answered), default=0.0) + PATIENCE_S
        for minutes in answered:
            if is_day[id(minutes)] or minutes.sent_s >= until_s:
                continue
            late = [day for day in days if day.queued_s < minutes.sent_s < day.sent_s]
            self._stage.oracles.counts["D1 went first"] += bool(days) and not late
            if late:
                asked = f"{minutes.request.symbol} {minutes.request.timeframe.name}"
                self._violated(f"{asked} was sent for while a D1 waited")
                return

    def minted(self, token: int) -> None:
        """This boot was given its token."""
        others = (node for node in self._stage.nodes if node is not self._node)
        if any(node.token == token for node in others):
            self._violated(f"token {token} was given twice")

    # -- what is served ----------------------------------------------------------------------

    def committed(self, symbol: Symbol, generation: Generation) -> None:
        """A generation is durable."""
        self._committed[symbol] = generation

    def served(self, symbol: Symbol, snapshot: Snapshot) -> None:
        """Readers get this."""
        if self._committed.get(symbol) != snapshot.generation:
            self._violated(f"{symbol}: {snapshot.generation.short} is served and not committed")

    def judge_tails(self) -> None:
        """All is well: what Redis has of each symbol is what the boot has in RAM."""
        node = self._node
        assert node.store is not None
        for symbol in self._stage.config.symbols:
            snapshot = node.store.tail(symbol)
            assert snapshot is not None
            for timeframe in self._stage.config.timeframes:
                self._judge_tail(symbol, snapshot, timeframe)

    def _judge_tail(self, symbol: Symbol, snapshot: Snapshot, timeframe: Timeframe) -> None:
        found = self._stage.cache.tails.get((symbol, snapshot.generation, timeframe))
        if found != pack_tail(timeframe, snapshot.tails[timeframe]):
            what = "another tail than" if found else "no tail where"
            self._violated(f"{symbol} {timeframe.name}: Redis has {what} we serve")

    def _violated(self, sentence: str) -> None:
        self._stage.oracles.violated(f"{self._node.view.name}: {sentence}")
