"""What the engine did before this console looked, as entries of its journal.

An operator attaches because something happened an hour ago. The engine still has its newest
events (`events` on the control socket); they are read once, from the oldest on, and told in the
sentences that a console would have told, had it looked. What an event does not say by itself,
the phase and the gate's earlier words, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine import (
    ActionRefused,
    DegradedCode,
    DegradedReason,
    EngineError,
    ProcessState,
    Severity,
    Status,
    sayings_of,
)
from uds.model import Generation

from .lines import Look
from .lookout import Ask
from .widgets.journal import FAILING, Told
from .widgets.process_rows import LOOKS
from .words import Words

_PAGE = 256
"""Events in one answer: it must not hold the engine's loop for long."""
_NONSENSE = (KeyError, TypeError, ValueError)


async def recalled(look: Ask, first: Status, words: Words) -> tuple[Told, ...]:
    """What the engine still knows of before `first`, oldest first; nothing where it tells nothing.

    The gate's word stands with the moment at which it was last changed.
    """
    recall, told, seq = Recall(words), list[Told](), 0
    try:
        while seq < first.seq:
            page: Any = await look("events", {"since": seq, "limit": _PAGE})
            events = [event for event in page["events"] if event["seq"] <= first.seq]
            if not events:
                break
            told.extend(recall.tell(events))
            seq = events[-1]["seq"]
    except (ActionRefused, EngineError, *_NONSENSE):
        return tuple(told)
    if told and first.gate_since_ms >= told[0].at_ms:
        word = words.gates.get(first.gate_state.value, first.gate_state.value)
        told.append(Told(first.gate_since_ms, Look.STRONG, words.gate_moved.format(word=word)))
    return tuple(told)


class Recall:
    """Events in their order, and what was said of them."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._standing: set[str] = set()
        self._states: dict[str, str] = {}
        self._serving: dict[str, str] = {}

    def tell(self, events: Iterable[Mapping[str, Any]]) -> Iterator[Told]:
        """What is worth telling of them; raises one of _NONSENSE where they are none."""
        for posted in events:
            for look, text in self._said(str(posted["type"]), posted["event"]):
                yield Told(int(posted["at_ms"]), look, text)

    def _said(self, kind: str, event: Mapping[str, Any]) -> Iterator[tuple[Look, str]]:
        match kind:
            case "ReasonRaised" | "ReasonCleared":
                yield from self._reason(event, is_raised=kind == "ReasonRaised")
            case "ProcessChanged":
                yield from self._process(event["process"])
            case "BrokerChanged":
                state = str(event["broker"]["state"])
                if self._moved("", state):
                    look = Look.FAILED if state == "failed" else Look.PLAIN
                    named = self._words.broker_states[state]
                    yield look, self._words.broker_moved.format(state=named)
            case "DrillEnded":
                drill = event["outcome"]
                verdict = self._words.verdicts[drill["verdict"]]
                ended = self._words.drill_news_ended
                yield Look.STRONG, ended.format(id=drill["id"], verdict=verdict, why=drill["why"])
            case "CellsChanged":
                yield from self._flip(str(event["symbol"]), event["cells"])

    def _reason(self, event: Mapping[str, Any], *, is_raised: bool) -> Iterator[tuple[Look, str]]:
        code, where = DegradedCode(event["code"]), _scope(event["scope"], self._words.platform)
        named = f"{where} {code.value}"
        if is_raised and named not in self._standing:
            self._standing.add(named)
            severity = DegradedReason(code, None, 0, "").severity
            look = Look.DEGRADED if severity is Severity.DEGRADED else Look.DIM
            told = self._words.told(sayings_of(event.get("said")), str(event["detail"]))
            yield look, f"{named} {told}"
        elif not is_raised:
            self._standing.discard(named)
            yield Look.READY, f"{named} {self._words.cleared}"

    def _process(self, process: Mapping[str, Any]) -> Iterator[tuple[Look, str]]:
        name, state = str(process["name"]), ProcessState(process["state"])
        if self._moved(name, state.value):
            named = self._words.process_states[state.value]
            moved = self._words.process_moved.format(name=name, state=named)
            why = process["last_exit"] if state in FAILING else None
            yield LOOKS[state], f"{moved} {why}" if why else moved

    def _flip(self, symbol: str, cells: Mapping[str, Any]) -> Iterator[tuple[Look, str]]:
        for cell in cells.values():
            serving = cell["serving"]
            if serving and self._serving.get(symbol) != serving:
                self._serving[symbol] = serving
                generation = Generation.parse(serving).short
                said = self._words.symbol_served.format(symbol=symbol, generation=generation)
                yield Look.READY, said

    def _moved(self, name: str, state: str) -> bool:
        was, self._states[name] = self._states.get(name), state
        return was != state


def _scope(scope: Any, platform: str) -> str:
    if isinstance(scope, Mapping):
        return f"{scope['symbol']}/{scope['timeframe']}"
    return str(scope or platform)
