"""The two status rows: who runs and how far, what the gate waits for, where the budget goes."""

from __future__ import annotations

from typing import NamedTuple

from engine import Closed, GateState, Phase, ProcessState

from .. import moments
from ..clean import clean
from ..glyphs import GAUGE_EMPTY, GAUGE_FULL, sign
from ..hold import Hold
from ..kept import kept
from ..lines import ALWAYS, Form, Line, Look, Part, Span, fitted
from ..words import Words
from .facts import Facts

_SEPARATOR = " · "
_WIDE = 110
_LASTING_S = 99
"""Beyond it the reason beside it says since when."""
_first_fitted, _second_fitted = kept(fitted), kept(fitted)


class Header:
    """The status rows of one status at one moment."""

    def __init__(self, facts: Facts, now_ms: int, words: Words, hold: Hold) -> None:
        self._facts = facts
        self._hold = hold
        self._status = facts.status
        self._gate = facts.gate
        self._now_ms = now_ms
        self._words = words

    def rows(self, width: int) -> tuple[Line, Line]:
        """Both rows."""
        return self._first(width), self._second(width)

    def compact_row(self, width: int) -> Line:
        """The gate, the count of ready cells and what is wrong; more where there is room."""
        *_, shortest = self._market()
        parts: tuple[Part, ...] = (
            (Form(ALWAYS, self._lost()),) if self._hold.lost_s is not None else (),
            (Form(ALWAYS, self._gate_word()),),
            (Form(ALWAYS, self._ready(short=True)),),
            (Form(ALWAYS, self._counts()),),
            (Form(ALWAYS if self._hold.is_armed or self._hold.replay else 3, self._scope()),),
            (shortest,),
            (Form(2, self._elapsed()),),
            (Form(1, self._phase()),),
        )
        return fitted(parts, width, gap=" ")

    def _first(self, width: int) -> Line:
        status, words = self._status, self._words
        boot = words.boot.format(boot_id=clean(status.boot_id)[:8])
        shows_boot = width >= _WIDE and status.boot_id
        token = status.owner_token
        name, scope = (Span(clean(status.name), Look.STRONG),), self._scope()
        owner = words.owner.format(token=token)
        parts: tuple[Part, ...] = (
            (Form(1, (*name, Span(" "), *scope)), Form(ALWAYS, scope)),
            (Form(ALWAYS, self._lost()),) if self._hold.lost_s is not None else (),
            self._market(),
            (Form(3, (Span(owner),)),) if token is not None else (),
            (Form(0, (Span(boot, Look.DIM),)),) if shows_boot else (),
            (Form(4, self._phase()),),
            (Form(2, self._elapsed()),),
            (Form(ALWAYS, self._ready()),),
            (Form(ALWAYS, self._counts()),),
        )
        return _first_fitted(parts, width)

    def _second(self, width: int) -> Line:
        word, waits = self._gate_word(), self._waits()
        gate = (Span(self._words.gate + " ", Look.DIM), *word)
        full = (Form(6, (*gate, Span(f" {waits}"))),) if waits else ()
        parts: tuple[Part, ...] = (
            (*full, Form(ALWAYS, gate)),
            tuple(Form(form.rank, self._prime(form)) for form in self._prime_forms()),
            self._broker(),
        )
        return _second_fitted(parts, width, _SEPARATOR)

    def _lost(self) -> Line:
        """Since when the picture is old."""
        ago = moments.minutes(self._hold.lost_s or 0.0).zfill(5)
        return (Span(f"{sign(Look.STALE)} {self._words.stale_for.format(ago=ago)}", Look.STALE),)

    def _scope(self) -> Line:
        """Whether keys may act, and for how long."""
        if self._hold.replay:
            return (Span(f"[{self._hold.replay}]", Look.STRONG),)
        if not self._hold.is_armed:
            return (Span(f"[{self._words.looks_only}]", Look.DIM),)
        left = moments.minutes(self._hold.armed_left_s)
        return (Span(f"[{self._words.armed_for.format(left=left)}]", Look.DEGRADED),)

    def _market(self) -> Part:
        market = self._status.market
        names = self._words.simulated if market == "simulated" else (clean(market),)
        return tuple(Form(5 + at, (Span(name, Look.STRONG),)) for at, name in enumerate(names))

    def _phase(self) -> Line:
        phase = self._facts.phase
        look = Look.READY if phase is Phase.PRIME_COMPLETE else Look.DERIVING
        return (Span(self._words.phases[phase.value], look),)

    def _elapsed(self) -> Line:
        took_s = self._status.opened_gate_after_s
        if took_s is not None:
            return (Span(moments.elapsed(round(took_s, 1))),)  # as the timeline and the log say it
        return (Span(moments.elapsed((self._now_ms - self._status.opened_ms) / 1_000)),)

    def _ready(self, short: bool = False) -> Line:
        ready, total = self._facts.ready_cells, len(self._status.cells)
        text = f"{ready}/{total}" if short else self._words.ready.format(ready=ready, total=total)
        return (Span(text, Look.READY if ready == total > 0 else Look.PLAIN),)

    def _counts(self) -> Line:
        degraded, failed = self._facts.faults.degraded, self._facts.faults.failed
        return (
            Span(f"{sign(Look.DEGRADED)}{degraded}", Look.DEGRADED if degraded else Look.DIM),
            Span(" "),
            Span(f"{sign(Look.FAILED)}{failed}", Look.FAILED if failed else Look.DIM),
        )

    def _gate_word(self) -> Line:
        state = self._gate.state
        word = self._words.gates.get(state.value, state.value.upper())
        forced_until_ms = self._status.forced_until_ms
        if state is GateState.FORCED_OPEN and forced_until_ms is not None:
            word = f"{word} {moments.minutes((forced_until_ms - self._now_ms) / 1_000)}"
        if self._status.overdue:
            word = f"{word} {self._words.overdue}"
        return (Span(word, _GATE_LOOKS.get(state, Look.DERIVING)),)

    def _waits(self) -> str:
        if not isinstance(self._gate, Closed):
            return ""
        if self._gate.state is not GateState.CLOSED:
            return clean(self._gate.why[0].subject)
        held = [p.name for p in self._status.processes if p.state in _NOT_READY and p.name != "ui"]
        names = clean(held[0]) + (f"+{len(held) - 1}" if len(held) > 1 else "") if held else ""
        return f"{names} {len(self._facts.served)}/{len(self._facts.symbols)}".strip()

    def _prime_forms(self) -> tuple[_PrimeForm, ...]:
        """Where room is short a late finish is worth more than the bar."""
        last = _PrimeForm(5, 0, pace=True) if self._is_late() else _PrimeForm(5, 4, pace=False)
        return (*_PRIME_FORMS, last)

    def _prime(self, form: _PrimeForm) -> Line:
        prime, words = self._status.prime, self._words
        total = len(self._status.cells)
        full = int(prime.cells / total * form.gauge) if total else 0
        gauge = GAUGE_FULL * full + GAUGE_EMPTY * (form.gauge - full)
        bar = (Span(f"{gauge} ", Look.PRIMING),) if gauge else ()
        spent = f"{prime.cells}/{total} {prime.elapsed_s:.1f}/{prime.budget_s:.1f}s"
        if form.sentence:
            left_s = max(0.0, prime.budget_s - prime.elapsed_s)
            used = words.prime_used.format(used=prime.elapsed_s, left=left_s)
            spent = f"{prime.cells}/{total} {used}"
        pace = self._pace(form.sentence) if form.pace else ()
        return (Span(f"{words.prime} ", Look.DIM), *bar, Span(spent), *pace)

    def _projected_s(self) -> float | None:
        prime, total = self._status.prime, len(self._status.cells)
        if not 0 < prime.cells < total:
            return None
        return prime.elapsed_s * total / prime.cells

    def _is_late(self) -> bool:
        return (self._projected_s() or 0.0) > self._status.prime.budget_s > 0

    def _pace(self, sentence: bool) -> Line:
        projected_s = self._projected_s()
        if projected_s is None:
            return ()
        late, budget_s = self._is_late(), self._status.prime.budget_s
        look = Look.DEGRADED if late else Look.DIM
        if sentence:
            template = self._words.prime_late if late else self._words.prime_pace
            return (Span(f", {template.format(projected=projected_s, budget=budget_s)}", look),)
        return (Span(f" {sign(look) if late else ''}≈{projected_s:.1f}s", look),)

    def _broker(self) -> Part:
        broker, words = self._status.broker, self._words
        head = Span(f"{words.broker} ", Look.DIM)
        if broker.state != "ready":
            look = Look.FAILED if broker.state == "failed" else Look.PLAIN
            short = (head, Span(words.broker_states.get(broker.state, clean(broker.state)), look))
            if broker.next_attempt_ms is None:
                lasted_s = (self._now_ms - broker.since_ms) // 1_000 if broker.since_ms else 0
                since = (Span(f" {lasted_s}s"),) if 0 < lasted_s <= _LASTING_S else ()
                return (Form(5, (*short, *since)),)
            left_s = max(0.0, (broker.next_attempt_ms - self._now_ms) / 1_000)
            again = Span(f" {words.again_in.format(left_s=left_s)}")
            return (Form(2, (*short, again)), Form(5, short))
        return self._asked(head)

    def _asked(self, head: Span) -> Part:
        """What waits and what is under way; an answer that is late before there is a reason."""
        broker, words = self._status.broker, self._words
        lanes = " ".join(f"{clean(lane)}:{count}" for lane, count in broker.queue.items())
        slots = words.slots.format(used=broker.slots_used, total=broker.slots_total)
        short = (head, Span(lanes or words.broker_states["ready"]))
        sent_ms = broker.unanswered_since_ms
        silent_s = (self._now_ms - sent_ms) // 1_000 if sent_ms is not None else 0
        if 0 < silent_s <= _LASTING_S:
            silent = Span(words.no_answer.format(silent_s=silent_s), Look.STRONG)
            return (Form(2, (*short, Span(" "), silent)), Form(5, (head, silent)))
        return (Form(0, (*short, Span(f" {slots}", Look.DIM))), Form(4, short))


class _PrimeForm(NamedTuple):
    rank: int
    gauge: int
    pace: bool
    sentence: bool = False


_PRIME_FORMS = (
    _PrimeForm(0, 20, pace=True, sentence=True),
    _PrimeForm(1, 10, pace=True),
    _PrimeForm(2, 6, pace=True),
    _PrimeForm(3, 4, pace=True),
)
_NOT_READY = (
    ProcessState.STARTING,
    ProcessState.WARMING,
    ProcessState.BACKOFF,
    ProcessState.WAITING,
    ProcessState.HELD,
    ProcessState.NEEDS_OPERATOR,
)
_GATE_LOOKS = {
    GateState.OPEN: Look.READY,
    GateState.OPEN_DEGRADED: Look.DEGRADED,
    GateState.FORCED_OPEN: Look.DEGRADED,
    GateState.FENCED: Look.FAILED,
    GateState.UNSAFE: Look.FAILED,
    GateState.NEEDS_OPERATOR: Look.FAILED,
}
