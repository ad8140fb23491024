"""The last events, read off the difference between two pictures of the engine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine import Act, DegradedReason, ProcessState, RevertedDrill, Severity, Status

from ..clean import clean
from ..lines import Look
from ..offers import Deed
from ..words import Words
from .drill_notice import drill_news, reverted_news
from .facts import Facts
from .faults import scope_of
from .process_rows import LOOKS

KEPT = 1_000
"""Events remembered; older ones are in the logs."""
_ACTOR_MAX, _TEXT_MAX = 40, 1_000


class Entry(NamedTuple):
    """One event, or one act."""

    number: int
    """Grows by one with each entry: its identity."""
    at_ms: int
    """When the screen learned of it, UTC ms."""
    look: Look
    """How grave it is."""
    text: str
    """What happened, safe to draw."""
    actor: str = ""
    """Who did it, where it is an operator's act; empty for an event."""
    command: str = ""
    """The command line that does the same as the act."""


class Told(NamedTuple):
    """An event of before the console looked."""

    at_ms: int
    """When it happened, UTC ms."""
    look: Look
    """How grave it is."""
    text: str
    """What happened, as the engine said it."""


class Journal:
    """The events since the console looked, and those that the engine still knew then."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._last: Facts | None = None
        self._told: frozenset[tuple[int, int]] = frozenset()
        self._reverted: RevertedDrill | None = None
        self._number = 0
        self.first: Status | None = None
        """The status it began with; None before that."""
        self.own_actor = ""
        """How the engine names whoever acts from this console; empty where that is not known."""
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        """Newest first."""

    def learn(self, facts: Facts, at_ms: int) -> None:
        """Take the next picture; acts of before the console looked are told as well."""
        self._note_reverted(facts.status.reverted)
        acts = {(act.seq, act.at_ms): act for act in facts.status.acts}
        for act in (act for identity, act in acts.items() if identity not in self._told):
            self._note(act)
        self._told = frozenset(acts)
        self.first = self.first or facts.status
        if self._last is not None:
            was, now = self._last.status, facts.status
            if now.boot_id != was.boot_id:
                said = self._words.engine_anew.format(boot_id=now.boot_id[:8])
                self._add(at_ms, Look.DEGRADED, said)
            for look, text in differences(self._last, facts, self._words):
                self._add(at_ms, look, text)
        self._last = facts

    def recall(self, told: Iterable[Told]) -> None:
        """Put what happened before between what is told already; each entry keeps its time."""
        before = [self._entry(*event) for event in told]
        newest_first = [*self.entries, *reversed(before)]
        newest_first.sort(key=lambda entry: -entry.at_ms)
        self.entries = deque(newest_first[:KEPT], maxlen=KEPT)

    def rewind(self, at_ms: int) -> None:
        """Forget what was later than this, and what was seen last: time has been turned back."""
        kept = [entry for entry in self.entries if entry.at_ms <= at_ms]
        self.entries = deque(kept, maxlen=KEPT)
        self._told = frozenset(told for told in self._told if told[1] <= at_ms)
        self._last = None
        if self._reverted is not None and self._reverted.at_ms > at_ms:
            self._reverted = None

    def note_refusal(self, at_ms: int, deed: Deed, said: str, command: str) -> None:
        """An act of this console that the engine refused: nobody else hears of it."""
        self._add(at_ms, Look.DIM, f"{deed.text}: {said}", self._words.by_console, clean(command))

    def note_file(self, at_ms: int, said: str) -> None:
        """What this console has written, and where."""
        self._add(at_ms, Look.DIM, said, self._words.by_console)

    def _note_reverted(self, drill: RevertedDrill | None) -> None:
        """Once, also when the console comes later: what a killed boot had left in is out."""
        if drill is not None and drill != self._reverted:
            self._reverted = drill
            self._add(drill.at_ms, Look.DEGRADED, reverted_news(drill, self._words))

    def _note(self, act: Act) -> None:
        deed = Deed(act.action, tuple(word for words in act.given.values() for word in words))
        is_own = act.by == self.own_actor
        actor = self._words.by_console if is_own else clean(act.by, _ACTOR_MAX)
        text = f"{deed.text}: {self._words.asked(act.said_codes, act.said)}"
        self._add(act.at_ms, Look.STRONG, text, actor, clean(act.command))

    def _add(self, at_ms: int, look: Look, text: str, actor: str = "", command: str = "") -> None:
        self.entries.appendleft(self._entry(at_ms, look, text, actor, command))

    def _entry(
        self, at_ms: int, look: Look, text: str, actor: str = "", command: str = ""
    ) -> Entry:
        self._number += 1
        return Entry(self._number, at_ms, look, clean(text, _TEXT_MAX), actor, command)


def differences(was: Facts, now: Facts, words: Words) -> Iterator[tuple[Look, str]]:
    """What changed, causes first and the gate last."""
    yield from drill_news(was.status, now.status, words)
    yield from _reasons(was.status.reasons, now.status.reasons, words)
    yield from _moves(was.status, now.status, words)
    broker = now.status.broker
    if was.status.broker.state != broker.state:
        state = words.broker_states.get(broker.state, broker.state)
        look = Look.FAILED if broker.state == "failed" else Look.PLAIN
        yield look, words.broker_moved.format(state=state)
    yield from _flips(was.status, now.status, words)
    if was.phase is not now.phase:
        yield Look.PLAIN, words.phase_moved.format(phase=words.phases[now.phase.value])
    if was.gate.state is not now.gate.state:
        word = words.gates.get(now.gate.state.value, now.gate.state.value)
        yield Look.STRONG, words.gate_moved.format(word=word)


def _flips(was: Status, now: Status, words: Words) -> Iterator[tuple[Look, str]]:
    before = was.generations
    for symbol, generation in now.generations.items():
        if before.get(symbol) != generation:
            served = words.symbol_served.format(symbol=symbol, generation=generation.short)
            yield Look.READY, served


def _moves(was: Status, now: Status, words: Words) -> Iterator[tuple[Look, str]]:
    before = {process.name: process.state for process in was.processes}
    for process in now.processes:
        if before.get(process.name) is not process.state:
            state = words.process_states[process.state.value]
            moved = words.process_moved.format(name=process.name, state=state)
            failing = process.state in FAILING
            why = f" {process.last_exit}" if failing and process.last_exit else ""
            yield LOOKS[process.state], moved + why


def _reasons(
    was: tuple[DegradedReason, ...], now: tuple[DegradedReason, ...], words: Words
) -> Iterator[tuple[Look, str]]:
    before = {(reason.code, reason.scope) for reason in was}
    after = {(reason.code, reason.scope) for reason in now}
    for reason in now:
        if (reason.code, reason.scope) not in before:
            look = Look.DEGRADED if reason.severity is Severity.DEGRADED else Look.DIM
            yield look, f"{_named(reason, words)} {words.detail(reason)}"
    for reason in was:
        if (reason.code, reason.scope) not in after:
            yield Look.READY, f"{_named(reason, words)} {words.cleared}"


def _named(reason: DegradedReason, words: Words) -> str:
    return f"{scope_of(reason, words.platform)} {reason.code.value}"


FAILING = (
    ProcessState.BACKOFF,
    ProcessState.WAITING,
    ProcessState.HELD,
    ProcessState.NEEDS_OPERATOR,
)
