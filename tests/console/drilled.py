"""Drills for the console's tests: a history, one under way, one that passed and one that failed."""

from __future__ import annotations

from dataclasses import replace

from engine.degraded import DegradedCode
from engine.drills.catalog import CATALOG
from engine.drills.shape import (
    DrillOutcome,
    DrillPhase,
    DrillStatus,
    DrillStep,
    Place,
    StepState,
    Verdict,
)
from engine.events import DrillChanged, DrillEnded, DrillsRemembered
from engine.status import Status

from . import scenes
from .scenes import OPENED_MS

BEGAN_MS = OPENED_MS + 8_000
_DAY_MS = 86_400_000
_PARTS = ("inject", "loud", "revert", "recovered")
HISTORY = (
    DrillOutcome(
        "F2", Place.SANDBOX, Verdict.PASS, "Said in time, healed.", 0.62, 0.9, OPENED_MS - _DAY_MS
    ),
    DrillOutcome(
        "F8", Place.LIVE, Verdict.FAIL, "It was loud after 2.4 s, not 1.0 s.", 2.4, 0.8,
        OPENED_MS - 7_200_000,
    ),
    DrillOutcome(
        "Z4", Place.SANDBOX, Verdict.INCONCLUSIVE, "The flip was never asked for.", None, None,
        OPENED_MS - 3_600_000,
    ),
)  # fmt: skip


def remembered() -> Status:
    """All is well, and there is a history."""
    return scenes.played(scenes.end_of_boot(), DrillsRemembered(HISTORY), at_ms=BEGAN_MS)


def under_way() -> Status:
    """F9 in the middle: one way of failing healed, the second observed."""
    now = scenes.played(remembered(), DrillChanged(_running()), at_ms=BEGAN_MS + 3_000)
    said = "the request hangs, attempt 1"
    return scenes.raised(now, DegradedCode.BROKER_FETCH_FAILED, "XAU/USD", said, BEGAN_MS + 3_000)


def ended(verdict: Verdict, why: str) -> Status:
    """F9 with its verdict; a failed one was too late with its second way."""
    is_good = verdict is Verdict.PASS
    steps = [_step("hypothesis", "", 0.1, "")]
    steps.append(_step("journal", "", 0.2, ""))
    for at, name in enumerate(_variants()):
        at_s = 0.3 + 2.0 * at
        for part, name_of in enumerate(_PARTS):
            steps.append(_step(name_of, name, at_s + 0.3 * part, _SEEN[name_of]))
    steps.append(_step("readers", "", 12.8, "312 answers, 0 refusals, slowest 4 ms"))
    steps.append(_step("clean", "", 12.9, ""))
    if not is_good:
        late = next(at for at, step in enumerate(steps) if step.variant == "hangs") + 1
        said = "BROKER_FETCH_FAILED 7.40 of 6.0 s"
        steps[late] = replace(steps[late], state=StepState.FAILED, detail=said)
    loud_s = 0.42 if is_good else 7.4
    drill = replace(
        _running(), phase=DrillPhase.ENDED, variant="", steps=tuple(steps), dead_man_ms=None,
        verdict=verdict, why=why, loud_s=loud_s, recovered_s=1.9,
    )  # fmt: skip
    outcome = DrillOutcome("F9", Place.LIVE, verdict, why, loud_s, 1.9, BEGAN_MS + 13_000)
    events = (DrillChanged(drill), DrillEnded(outcome))
    return scenes.played(remembered(), *events, at_ms=BEGAN_MS + 13_000)


def passed() -> Status:
    """F9 as it should be."""
    return ended(Verdict.PASS, "6 ways of failing were said in time and healed; nothing is left.")


def failed() -> Status:
    """F9 too late."""
    return ended(Verdict.FAIL, "hangs: loud after 7.40 s, 6.00 s were allowed.")


def _running() -> DrillStatus:
    steps = [_step("hypothesis", "", 0.1, "")]
    steps.append(_step("journal", "", 0.2, ""))
    first, second, *rest = _variants()
    steps += [_step(p, first, 0.3 + 0.4 * at, _SEEN[p]) for at, p in enumerate(_PARTS)]
    steps.append(_step("inject", second, 2.0, _SEEN["inject"]))
    steps.append(DrillStep("loud", second, StepState.RUNNING))
    steps += [DrillStep(part, second) for part in _PARTS[2:]]
    steps += [DrillStep(part, name) for name in rest for part in _PARTS]
    steps += [DrillStep("readers"), DrillStep("clean")]
    card = CATALOG["F9"]
    return DrillStatus(
        card.id,
        card.title,
        card.hypothesis,
        card.blast_radius,
        by="pid 4711",
        began_ms=BEGAN_MS,
        phase=DrillPhase.OBSERVE,
        variant=second,
        steps=tuple(steps),
        dead_man_ms=BEGAN_MS + 62_000,
    )


def _variants() -> list[str]:
    return [variant.name for variant in CATALOG["F9"].of(Place.LIVE)]


def _step(name: str, variant: str, at_s: float, detail: str) -> DrillStep:
    return DrillStep(name, variant, StepState.DONE, at_s, detail)


_SEEN = {
    "inject": "befell 2",
    "loud": "BROKER_FETCH_FAILED 0.42 of 1.0 s",
    "revert": "",
    "recovered": "1.90 of 15.0 s",
}
