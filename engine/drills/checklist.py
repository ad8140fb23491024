"""The checklist of a drill as it is ticked off: a status from each phase and from the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..sayings import Saying, saying
from .drill import DEAD_MAN_S, Drill, Variant
from .facts import DrillFacts, ReaderFacts, VariantFacts, in_english
from .shape import DrillPhase, DrillStatus, DrillStep, StepState

_PER_VARIANT = ("inject", "loud", "revert", "recovered")
_NOTHING = "–"
_ENDED = (StepState.DONE, StepState.FAILED, StepState.SKIPPED)
_BEGINS = {
    DrillPhase.HYPOTHESIS: "hypothesis",
    DrillPhase.INJECT: "inject",
    DrillPhase.OBSERVE: "loud",
    DrillPhase.REVERT: "revert",
    DrillPhase.RECOVER: "recovered",
}
"""The step that a phase is about."""


def first_status(drill: Drill, variants: Sequence[Variant], by: str, now_ms: int) -> DrillStatus:
    """All steps, none of them taken."""
    steps = [
        DrillStep("hypothesis", state=StepState.RUNNING),
        DrillStep("journal"),
        *(DrillStep(name, variant.name) for variant in variants for name in _PER_VARIANT),
        DrillStep("readers"),
        DrillStep("clean"),
    ]
    return DrillStatus(
        id=drill.id,
        title=drill.title,
        hypothesis=drill.hypothesis,
        blast_radius=drill.blast_radius,
        by=by,
        began_ms=now_ms,
        steps=tuple(steps),
    )


def ticked(
    status: DrillStatus, name: str, variant: str, state: StepState, now_ms: int, *said: Saying
) -> DrillStatus:
    """One step in another state; a step that ended keeps its time."""
    at_s = (now_ms - status.began_ms) / 1_000 if state in _ENDED else None
    detail = "; ".join(map(str, said))
    steps = tuple(
        replace(
            step,
            state=state,
            at_s=step.at_s or at_s,
            detail=detail or step.detail,
            said=said or step.said,
        )
        if (step.name, step.variant) == (name, variant)
        else step
        for step in status.steps
    )
    return replace(status, steps=steps)


def entered(status: DrillStatus, phase: DrillPhase, variant: str, now_ms: int) -> DrillStatus:
    """A phase begins: its step runs, those before it are over."""
    if phase is DrillPhase.INJECT:
        for name in ("hypothesis", "journal"):
            status = _over(status, name, "", now_ms)
    if phase is DrillPhase.OBSERVE:
        status = _over(status, "inject", variant, now_ms)
    if phase in (DrillPhase.REVERT, DrillPhase.RECOVER):
        status = _over(status, "loud", variant, now_ms)
    if phase is DrillPhase.REVERT and _step(status, "recovered", variant) is StepState.RUNNING:
        status = _over(status, "recovered", variant, now_ms)
    if phase is DrillPhase.RECOVER and _step(status, "revert", variant) is StepState.RUNNING:
        status = _over(status, "revert", variant, now_ms)
    status = ticked(status, _BEGINS[phase], variant, StepState.RUNNING, now_ms)
    dead_man_ms = status.dead_man_ms
    if phase is DrillPhase.INJECT:
        dead_man_ms = now_ms + round(DEAD_MAN_S * 1_000)
    elif phase is DrillPhase.REVERT:
        dead_man_ms = None
    return replace(status, phase=phase, variant=variant, dead_man_ms=dead_man_ms)


def measured(status: DrillStatus, facts: VariantFacts, now_ms: int) -> DrillStatus:
    """What was measured of one variant, in its lines; what an early end cut off did not fail."""
    name, done = facts.variant, StepState.DONE
    failed = StepState.SKIPPED if facts.aborted else StepState.FAILED
    is_late = facts.loud_s is None or facts.loud_s > facts.loud_max_s or not facts.stood
    loud, said = done, saying("quiet")
    if facts.wants_reason:
        loud = failed if is_late else done
        bound_s = f"{facts.loud_max_s:.1f}"
        said = saying("said_in", facts.code or _NOTHING, _seconds(facts.loud_s), bound_s)
    is_slow = facts.recovered_s is None or facts.recovered_s > facts.recovered_max_s
    well = saying("healed_in", _seconds(facts.recovered_s), f"{facts.recovered_max_s:.1f}")
    status = ticked(status, "inject", name, done, now_ms, saying("befell", facts.injected))
    status = ticked(status, "loud", name, loud, now_ms, said)
    reverted = StepState.FAILED if facts.left else done
    status = ticked(status, "revert", name, reverted, now_ms, *facts.left)
    status = ticked(status, "recovered", name, failed if is_slow else done, now_ms, well)
    return replace(status, variant="", dead_man_ms=None)


def ended(status: DrillStatus, facts: DrillFacts, now_ms: int) -> DrillStatus:
    """The verdict; steps that were not come to are skipped."""
    if facts.variants:
        readers = [one.readers for one in facts.variants]
        broken = [b for f in facts.variants for b in f.readers.broken(f.answer_max_s)]
        state = StepState.FAILED if broken else StepState.DONE
        status = ticked(status, "readers", "", state, now_ms, _read(readers), *broken)
        left = [what for f in facts.variants for what in f.left]
        state = StepState.FAILED if left else StepState.DONE
        status = ticked(status, "clean", "", state, now_ms, *left)
    steps = tuple(
        step if step.state in _ENDED else replace(step, state=StepState.SKIPPED)
        for step in status.steps
    )
    verdict, grounds = facts.judged
    return replace(
        status,
        phase=DrillPhase.ENDED,
        variant="",
        steps=steps,
        dead_man_ms=None,
        verdict=verdict,
        why=in_english(grounds),
        grounds=grounds,
        loud_s=facts.loud_s,
        recovered_s=facts.recovered_s,
    )


def _over(status: DrillStatus, name: str, variant: str, now_ms: int) -> DrillStatus:
    if _step(status, name, variant) in _ENDED:
        return status
    return ticked(status, name, variant, StepState.DONE, now_ms)


def _step(status: DrillStatus, name: str, variant: str) -> StepState | None:
    found = (s.state for s in status.steps if (s.name, s.variant) == (name, variant))
    return next(found, None)


def _seconds(seconds: float | None) -> str:
    return _NOTHING if seconds is None else f"{seconds:.2f}"


def _read(readers: Sequence[ReaderFacts]) -> Saying:
    given = sum(one.given for one in readers)
    refused = sum(one.refused for one in readers)
    slowest_s = max(one.slowest_s for one in readers)
    return saying("reads", given, refused, f"{slowest_s * 1_000:.0f}")
