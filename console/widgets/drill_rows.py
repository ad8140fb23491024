"""A drill under way and its verdict: the headline, and the checklist as a table or in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from engine import DrillOutcome, DrillStatus, DrillStep, StepState, Verdict

from .. import moments
from ..clean import clean
from ..glyphs import sign
from ..lines import Line, Look, Span, boxed, width_of
from ..words import Words

VERDICTS = {
    Verdict.PASS: Look.READY,
    Verdict.FAIL: Look.FAILED,
    Verdict.INCONCLUSIVE: Look.STALE,
}
STEPS = {
    StepState.WAITING: Look.WAITING,
    StepState.RUNNING: Look.FETCHING,
    StepState.DONE: Look.READY,
    StepState.FAILED: Look.FAILED,
    StepState.SKIPPED: Look.STALE,
}
_COLUMNS = ("inject", "loud", "revert", "recovered")
_SEEN_FIRST = ("loud", "recovered", "revert", "inject")
_STEP_WIDTH, _VARIANT_WIDTH, _CELL_WIDTH, _STATE_WIDTH, _DOING_WIDTH = 18, 25, 9, 10, 27
_DETAIL_MIN = 20
_TEXT_MAX = 2_000


def drill_head(drill: DrillStatus, now_ms: int, width: int, words: Words) -> Iterator[Line]:
    """What it is at and when the fault goes at the latest; at last the verdict and its ground."""
    if drill.verdict is None:
        yield _running(drill, now_ms, words)
        return
    look = VERDICTS[drill.verdict]
    called = f"{sign(look)} {clean(drill.id)} {words.verdicts[drill.verdict.value]}"
    told = _times(drill.loud_s, drill.recovered_s, words)
    yield (Span(called, look), Span(f"  {told}", Look.STRONG))
    why = words.grounds(drill.grounds, drill.why)
    for text in wrap(clean(why, _TEXT_MAX), max(10, width)):
        yield (Span(text),)


def drill_table(drill: DrillStatus, now_ms: int, words: Words) -> Iterator[Line]:
    """The checklist with one row for each way of failing."""
    elapsed_s = elapsed(drill, now_ms)
    is_told = False
    for step in drill.steps:
        if step.name not in _COLUMNS:
            yield _step(step, elapsed_s, words)
        elif not is_told:
            is_told = True
            yield from _variants(drill.steps, elapsed_s, words)


def drill_steps(drill: DrillStatus, now_ms: int, width: int, words: Words) -> Iterator[Line]:
    """The checklist with a row for each step, and more where what was seen needs them."""
    elapsed_s = elapsed(drill, now_ms)
    longest = max((len(clean(step.variant)) for step in drill.steps), default=0)
    for step in drill.steps:
        state, look = words.step_states[step.state.value], STEPS[step.state]
        left = (
            *_named(step, words),
            Span(boxed(clean(step.variant), longest + 2)),
            Span(state, look),
            Span(" " * max(1, _STATE_WIDTH - len(state))),
            Span(boxed(_when(step, elapsed_s), _CELL_WIDTH)),
        )
        room = max(_DETAIL_MIN, width - width_of(left))
        for at, text in enumerate(wrap(clean(_told(step, words), _TEXT_MAX), room) or [""]):
            said = Span(text, Look.DIM)
            yield (Span(" " * width_of(left)), said) if at else (*left, said)


def outcome_rows(outcome: DrillOutcome, width: int, words: Words) -> Iterator[Line]:
    """One verdict of the history, its ground below."""
    look = VERDICTS[outcome.verdict]
    yield (
        Span(f"{sign(look)} {words.verdicts[outcome.verdict.value]}", look),
        Span(f" {words.drill_places[outcome.place.value]} {moments.stamp(outcome.ended_ms)}"),
        Span(f"  {_times(outcome.loud_s, outcome.recovered_s, words)}", Look.STRONG),
    )
    yield from folded("", words.grounds(outcome.grounds, outcome.why), 2, width)


def doing(drill: DrillStatus, words: Words) -> str:
    """What a drill is at: its phase, and the way of failing that is in turn."""
    phase = words.drill_phases[drill.phase.value]
    return f"{phase}: {clean(drill.variant)}" if drill.variant else phase


def elapsed(drill: DrillStatus, now_ms: int) -> float:
    """Seconds since it began; a clock that was set back makes none of them negative."""
    return max(0.0, (now_ms - drill.began_ms) / 1_000)


def fault_left(drill: DrillStatus, now_ms: int, words: Words) -> str:
    """When the fault is taken out whatever happens."""
    if drill.dead_man_ms is None:
        return words.drill_harmless
    left_s = max(0, drill.dead_man_ms - now_ms) / 1_000
    return words.drill_dead_man.format(left=moments.minutes(left_s))


def _running(drill: DrillStatus, now_ms: int, words: Words) -> Line:
    look = STEPS[StepState.RUNNING]
    return (
        Span(f"{sign(look)} {clean(drill.id)} {words.drill_runs}  ", look),
        Span(f"{boxed(doing(drill, words), _DOING_WIDTH - 1)} ", Look.STRONG),
        Span(boxed(f"+{elapsed(drill, now_ms):.1f}s", _CELL_WIDTH)),
        Span(fault_left(drill, now_ms, words), Look.STRONG),
    )


def _variants(steps: Sequence[DrillStep], elapsed_s: float, words: Words) -> Iterator[Line]:
    table: dict[str, dict[str, DrillStep]] = {}
    for step in steps:
        if step.name in _COLUMNS:
            table.setdefault(step.variant, {})[step.name] = step
    longest = max(len(name) for name in table) + 1
    width = max(_STEP_WIDTH, min(_VARIANT_WIDTH, longest))
    heads = (words.drill_steps[name] for name in _COLUMNS)
    yield (
        Span(boxed(words.heads["variant"], width), Look.DIM),
        *(Span(boxed(head, _CELL_WIDTH), Look.DIM) for head in heads),
        Span(words.heads["seen"], Look.DIM),
    )
    for name, row in table.items():
        cells = (part for column in _COLUMNS for part in _cell(row.get(column), elapsed_s))
        told = Span(clean(_seen(row, words), _TEXT_MAX), Look.DIM)
        yield (Span(f"{boxed(clean(name), width - 1)} "), *cells, told)


def _told(step: DrillStep, words: Words) -> str:
    """What was seen, in the operator's language."""
    return words.clauses(step.said, step.detail)


def _seen(row: Mapping[str, DrillStep], words: Words) -> str:
    """What was seen of one way of failing, first what was wrong, then the reason."""
    told = [step for name in _SEEN_FIRST if (step := row.get(name)) and step.detail]
    told.sort(key=lambda step: step.state is not StepState.FAILED)
    return " · ".join(_told(step, words) for step in told)


def _cell(step: DrillStep | None, elapsed_s: float) -> Line:
    """Sign and time; what is reversed ends with its text."""
    look = Look.DIM if step is None else STEPS[step.state]
    text = "" if step is None else f"{sign(look)} {_when(step, elapsed_s)}".rstrip()
    return (Span(text, look), Span(" " * max(1, _CELL_WIDTH - len(text))))


def _step(step: DrillStep, elapsed_s: float, words: Words) -> Line:
    when = Span(boxed(_when(step, elapsed_s), _CELL_WIDTH))
    return (*_named(step, words), when, Span(clean(_told(step, words), _TEXT_MAX), Look.DIM))


def _named(step: DrillStep, words: Words) -> Line:
    look = STEPS[step.state]
    name = boxed(words.drill_steps[step.name], _STEP_WIDTH - 2)
    return (Span(f"{sign(look)} ", look), Span(name))


def _when(step: DrillStep, elapsed_s: float) -> str:
    """When it ended; of one that runs, how late it is now."""
    if step.state is StepState.RUNNING:
        return f"+{elapsed_s:.1f}s"
    return "" if step.at_s is None else f"+{step.at_s:.1f}s"


def _times(loud_s: float | None, recovered_s: float | None, words: Words) -> str:
    loud, healed = (words.nothing if s is None else f"{s:.2f}s" for s in (loud_s, recovered_s))
    return words.drill_times.format(loud=loud, healed=healed)


def folded(label: str, text: str, label_width: int, width: int) -> Iterator[Line]:
    """A text on as many rows as it needs, its label before the first."""
    pieces = wrap(clean(text, _TEXT_MAX), max(10, width - label_width)) or [""]
    for at, piece in enumerate(pieces):
        yield (Span(boxed("" if at else label, label_width), Look.DIM), Span(piece))
