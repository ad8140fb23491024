"""What must be true at every moment of a run, held against what was observed.

Each method is one kind of observation: an answer to a reader, a turn of the status board, an
acknowledgement of the store. They keep account and say what does not hold; they change nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from uds import BadTail, CacheDown, CacheRegressed, Reader
from uds.model import MINUTE_MS, Generation, SeriesKey, Symbol, Timeframe

from ..degraded import DegradedCode, Scope
from ..events import BecameOverdue, GenerationFailed, ProcessChanged, ReasonCleared, ReasonRaised
from ..gate import GateState
from ..serving.api import Answer
from .boot import Boot, Scene
from .truth import BASE, Truth, revision_of

_PARTNERS = {
    DegradedCode.REDIS_DOWN: "redis",
    DegradedCode.REDIS_TIMEOUT: "redis",
}
REDIS_CODES = frozenset(
    {DegradedCode.REDIS_DOWN, DegradedCode.REDIS_TIMEOUT, DegradedCode.REDIS_REGRESSED}
)
"""What is said while Redis is not ours."""


class Oracles:
    """The account of one run."""

    def __init__(self, scene: Scene, truth: Truth, symbols: tuple[Symbol, ...]) -> None:
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.damaged: set[Symbol] = set()
        """Whose files somebody changed on the medium: what they held may be lost."""
        self.is_disk_faulty = False
        """Whether writes failed: files that were never acknowledged may hold anything."""
        self.has_clock_jumped = False
        """Whether the host's wall clock was ever set."""
        self.clock_early_ms = 0
        """How far it was ever ahead of the world's."""
        self.was_clock_late = False
        """Whether the host's wall clock was ever behind the world's."""
        self.has_broker_lied = False
        """Whether the broker left out bars: a short silence is believed, as it must be."""
        self.losses = 0
        """How often Redis lost something that nobody of ours took away."""
        self._scene = scene
        self._truth = truth
        self._symbols = symbols
        self._of_generation: dict[tuple[Symbol, Generation], int] = {}
        self._pointers: dict[Symbol, tuple[Generation, int]] = {}
        self._http: dict[Symbol, Generation] = {}
        self._through_ms: dict[Symbol, int] = {}
        self._has_emptied = False

    def violated(self, sentence: str) -> None:
        """Something that must hold does not."""
        if sentence not in self.violations:
            self.violations.append(sentence)
            self._scene.tell("ORACLE", sentence)

    def emptied(self) -> None:
        """Redis lost everything: what it serves may go back once."""
        self._pointers.clear()
        self._has_emptied = True
        self.losses += 1

    # -- readers -----------------------------------------------------------------------------

    def answered(
        self, node: Boot, key: SeriesKey, query: Mapping[str, str], answer: Answer
    ) -> None:
        """A reader over HTTP was answered."""
        self.counts[f"answers {answer.code}"] += 1
        who = f"{node.view.name} {key}"
        if answer.code == 503:
            problem = json.loads(answer.body)
            self.must(bool(problem["waiting_for"] or problem["reasons"]), f"{who}: a mute 503")
            return
        if answer.code != 200:
            self.violated(f"{who}: {query} was answered {answer.code}")
            return
        assert node.engine is not None
        state = node.engine.board.status.gate_state
        self.must(state.is_open, f"{who}: answered while the gate is {state.value}")
        body = json.loads(answer.body)
        generation = Generation.parse(body["generation"])
        self._see(node, key, generation, body["seq"], body["complete_through_ms"])
        bars = body["bars"]
        self.must(bool(bars), f"{who}: an empty answer")
        finals = bars
        if bars and not bars[-1]["complete"]:
            self.must(query["preview"] == "1", f"{who}: a forming bar that nobody asked for")
            finals = bars[:-1]
        for bar in finals:
            self.must(bar["complete"], f"{who}: a forming bar among final ones")
            self._check_bar(
                who,
                key,
                generation,
                bar["open_time_ms"],
                bar["v"],
                (bar["o"], bar["h"], bar["low"], bar["c"]),
            )
            closed = bar["close_time_ms"] <= self._scene.true_ms() + self.clock_early_ms
            self.must(closed, f"{who}: a bar that has not closed is called final")

    async def read_redis(
        self, reader: Reader, symbol: Symbol, timeframes: tuple[Timeframe, ...]
    ) -> None:
        """A reader of Redis looks at several series of a symbol in one call."""
        try:
            served = await reader.read(symbol, timeframes)
        except CacheRegressed as error:
            self.must(self._has_emptied, f"a reader of Redis was refused: {error}")
            return
        except (CacheDown, BadTail) as error:
            self.violated(f"a reader of Redis failed: {error}")
            return
        if served is None:
            return
        self.counts["reads of Redis"] += 1
        for timeframe, bars in served.tails.items():
            key = SeriesKey(symbol, timeframe)
            columns = (bars.o, bars.h, bars.low, bars.c)
            prices = zip(*(column[-8:].tolist() for column in columns), strict=True)
            opens, volumes = bars.open_time_ms[-8:].tolist(), bars.v[-8:].tolist()
            for open_ms, v, price in zip(opens, volumes, prices, strict=True):
                self._check_bar(f"Redis {key}", key, served.generation, open_ms, v, price)

    def _see(
        self, node: Boot, key: SeriesKey, generation: Generation, seq: int, through_ms: int
    ) -> None:
        symbol, place = key.symbol, (generation, seq)
        before = node.view.seen.get(symbol, place)
        self.must(place >= before, f"{node.view.name} {symbol}: {place} after {before}")
        node.view.seen[symbol] = place
        if node.token != self._scene.newest_token():
            return
        known = self._http.get(symbol, generation)
        self.must(
            generation >= known, f"{symbol}: a reader got {generation.short} after {known.short}"
        )
        self._http[symbol] = generation
        if key.timeframe is Timeframe.M1:
            seen_ms = self._through_ms.get(symbol, through_ms)
            back_s = (seen_ms - through_ms) / 1_000
            # A host that believes it is earlier than it is rebuilds until then only.
            holds = back_s <= 0 or self.was_clock_late
            self.must(holds, f"{symbol}: a reader's M1 fell back by {back_s:g} s")
            self._through_ms[symbol] = through_ms

    def _check_bar(
        self,
        who: str,
        key: SeriesKey,
        generation: Generation,
        open_ms: int,
        volume: int,
        prices: tuple[float, ...],
    ) -> None:
        revision = revision_of(volume)
        known = self._of_generation.setdefault((key.symbol, generation), revision or 0)
        if revision != known:
            found = "several revisions" if revision is None else f"revision {revision}"
            self.violated(f"{who}: {generation.short} of revision {known} holds a bar of {found}")
            return
        true = self._truth.row(key.symbol, key.timeframe, open_ms)
        if true is None:
            self.violated(f"{who}: the market has no bar at {open_ms}")
        elif key.timeframe.is_derived and (
            self.has_broker_lied or self.clock_early_ms >= MINUTE_MS
        ):
            return  # made of what M1 there were; whether it stays so is asked in the end
        elif true[:4] != prices or true[4] * (BASE + known) != volume:
            self.violated(f"{who}: the bar at {open_ms} is {prices} where the market has {true}")

    # -- the status --------------------------------------------------------------------------

    def looked(self, node: Boot) -> None:
        """A turn of the loop in which something was posted is over."""
        assert node.engine is not None
        board, view, now_us = node.engine.board, node.view, self._scene.now_us()
        status = board.status
        for posted in board.log.after(view.seq, status.seq) or ():
            event = posted.event
            if isinstance(event, ReasonRaised):
                view.raised.append((now_us, event.code, event.scope))
                node.conduct.raised(event.code, event.scope)
                self.counts[event.code.value] += 1
                self._scene.tell(
                    view.name, f"says {event.code.value} {_of(event.scope)}{event.detail}"
                )
            elif isinstance(event, BecameOverdue):
                view.raised.append((now_us, DegradedCode.GATE_OVERDUE, None))
                self.counts[DegradedCode.GATE_OVERDUE.value] += 1
                self._scene.tell(view.name, f"says {DegradedCode.GATE_OVERDUE.value}")
                self.must(not view.has_opened, f"{view.name}: was late though it had opened")
            elif isinstance(event, GenerationFailed):
                view.raised.append((now_us, DegradedCode.CORRUPT_JSONL, event.symbol))
                self.violated(f"{view.name}: {event.detail}")
            elif isinstance(event, ReasonCleared):
                view.cleared.append((now_us, event.code, event.scope))
                node.conduct.cleared(event.code, event.scope)
                if (event.code, event.scope) in view.standing:
                    partner = _PARTNERS.get(event.code)
                    is_true = partner is None or not self._scene.gone(partner)
                    self.must(is_true, f"{view.name}: cleared {event.code.value} while it held")
                    self._scene.tell(view.name, f"clears {event.code.value} {_of(event.scope)}")
            elif isinstance(event, ProcessChanged):
                node.conduct.moved(event.process)
        view.seq = status.seq
        view.standing = {(reason.code, reason.scope) for reason in status.reasons}
        if view.mode is None and status.mode is not None:
            view.mode = status.mode.value
            for mode in status.modes.values():
                self.counts[f"started {mode.value}"] += 1
            self._scene.tell(view.name, f"starts {view.mode}: {status.mode_reason}")
        self._look_at_gate(node, status.gate_state)

    def _look_at_gate(self, node: Boot, state: GateState) -> None:
        assert node.engine is not None
        view, status, store = node.view, node.engine.board.status, node.engine.store
        if state is not view.gate:
            self._scene.tell(view.name, f"gate {state.value}")
            self.counts[f"gate {state.value}"] += 1
            view.gate = state
        if state in (GateState.OPEN, GateState.OPEN_DEGRADED):
            self.must(not status.overdue, f"{view.name}: open and still overdue")
            unserved = [str(key) for key, cell in status.cells.items() if cell.serving is None]
            self.must(not unserved, f"{view.name}: open without {unserved}")
            for symbol in self._symbols:
                self.must(store.tail(symbol) is not None, f"{view.name}: open without {symbol}")
            if not view.has_opened:
                view.has_opened = True
                self._check_first_opening(node)
        self.look_at_redis()

    def _check_first_opening(self, node: Boot) -> None:
        assert node.engine is not None
        standing = {reason.code for reason in node.engine.board.status.reasons}
        self.must(not standing & REDIS_CODES, f"{node.view.name}: opened while Redis is not ours")
        node.conduct.opened()

    def look_at_redis(self) -> None:
        """What readers are pointed to never goes back, but when the server lost all it had."""
        for symbol in self._symbols:
            now, before = self._scene.pointer(symbol), self._pointers.get(symbol)
            if now is None:
                continue
            if before is not None and now < before:
                self.violated(f"{symbol}: the pointer went back from {before} to {now}")
            self._pointers[symbol] = now

    def must(self, holds: bool, sentence: str) -> None:
        """The same, where it does not."""
        if not holds:
            self.violated(sentence)


def _of(scope: Scope) -> str:
    return "" if scope is None else f"of {scope}: "
