"""Facts of drills for tests: one that passes, and what is changed about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.drills.facts import DrillFacts, Moment, ReaderFacts, VariantFacts
from engine.drills.shape import Place
from engine.sayings import Saying, saying

GOOD = VariantFacts(
    variant="killed",
    was_well=True,
    injected=1,
    code="REDIS_DOWN",
    loud_s=0.1,
    loud_max_s=1.8,
    recovered_s=0.4,
    recovered_max_s=1.5,
    readers=ReaderFacts(given=40, refused=2, compared=9, slowest_s=0.02),
    gates=("open", "open_degraded", "open"),
    timeline=(Moment(0.0, saying("put_in", "killed")), Moment(0.5, saying("well_again"))),
)
"""Nothing is wrong with it."""


def facts(**changes: Any) -> VariantFacts:
    """The good ones, but for this."""
    return replace(GOOD, **changes)


def readers(**changes: Any) -> VariantFacts:
    """The good ones, but for this about the readers."""
    return replace(GOOD, readers=replace(GOOD.readers, **changes))


def drill(*variants: VariantFacts, trouble: Saying | None = None) -> DrillFacts:
    """A drill of these variants; the good one when none is named."""
    return DrillFacts("F2", Place.SANDBOX, variants or (GOOD,), trouble)
