"""What was measured in a drill, and the verdict that follows from it and from nothing else.

The hypothesis of a variant is a conjunction: the fault was proved to be in, its reason was said
in time and stood, nothing beyond the blast radius moved, readers saw no broken invariant, all
was well again in time, and nothing stayed behind. One part that is false is FAIL. Where the
drill says nothing about them it is INCONCLUSIVE: all was not well before, the fault befell
nobody, or somebody ended it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from .shape import DrillOutcome, Place, Verdict

READS_MIN = 3
"""Fewer answers than this prove nothing about readers."""


@dataclass(frozen=True, slots=True)
class ReaderFacts:
    """What the readers beside a drill got."""

    given: int = 0
    """Answers with bars."""
    refused: int = 0
    """Refusals that said why."""
    empty: int = 0
    """Answers without bars."""
    silent: int = 0
    """Refusals without a ground, and connections that broke."""
    mixed: int = 0
    """Answers that differ from another of the same generation and number."""
    backward: int = 0
    """Answers from an older generation than was seen before."""
    wrong: int = 0
    """Answers with a bar that the source does not have."""
    compared: int = 0
    """Answers that could be held against the source."""
    slowest_s: float = 0.0
    """The longest wait."""

    @property
    def total(self) -> int:
        """All that were asked."""
        return self.given + self.refused + self.silent

    def broken(self, answer_s: float) -> tuple[str, ...]:
        """The invariants that did not hold, each in a clause."""
        counts = {
            "answers without bars": self.empty,
            "refusals without a ground": self.silent,
            "answers that mix generations": self.mixed,
            "answers from an older generation": self.backward,
            "answers with a wrong bar": self.wrong,
        }
        found = [f"{count} {name}" for name, count in counts.items() if count]
        if self.slowest_s > answer_s:
            found.append(f"a reader waited {self.slowest_s:.2f} s")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the time line."""

    at_s: float
    """Seconds since the variant began."""
    what: str
    """What happened."""


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """What was measured of one way of failing."""

    variant: str
    """Its name."""
    was_well: bool = False
    """Whether the hypothesis held before."""
    injected: int = 0
    """How often the fault befell something: 0 proves nothing."""
    wants_reason: bool = True
    """Whether a reason must be said; else it must stay quiet."""
    code: str | None = None
    """The reason that was said; None when none was."""
    loud_s: float | None = None
    """Seconds from the origin to the reason; None when none was said."""
    loud_max_s: float = 1.0
    """In how many seconds it had to be said."""
    stood: bool = True
    """Whether the reason stood as long as the fault was held in."""
    recovered_s: float | None = None
    """Seconds until all was well again; None when it was not."""
    recovered_max_s: float = 10.0
    """In how many seconds it had to be."""
    wider: tuple[str, ...] = ()
    """What moved beyond the blast radius, each in a clause."""
    failed: tuple[str, ...] = ()
    """What had to hold besides and did not, each in a clause."""
    left: tuple[str, ...] = ()
    """What stayed behind, each in a clause."""
    readers: ReaderFacts = field(default_factory=ReaderFacts)
    """What readers got meanwhile."""
    answer_max_s: float = 0.6
    """How long one may wait."""
    reads_needed: int = READS_MIN
    """How many answers prove something about readers."""
    restarted: tuple[str, ...] = ()
    """Which processes restarted."""
    gates: tuple[str, ...] = ()
    """The gate's words, in the order they came."""
    aborted: str = ""
    """Why it was ended early, in a sentence; empty when it was not."""
    timeline: tuple[Moment, ...] = ()
    """What happened, in order."""

    def document(self) -> dict[str, object]:
        """The same in JSON's types."""
        return asdict(self)


def judged(facts: VariantFacts) -> tuple[Verdict, str]:
    """The verdict of one variant, and why."""
    broken = _broken(facts)
    doubt = _doubt(facts)
    if broken and not (doubt and not facts.was_well):
        return Verdict.FAIL, f"{facts.variant}: {'; '.join(broken)}."
    if doubt:
        return Verdict.INCONCLUSIVE, f"{facts.variant}: {doubt}."
    return Verdict.PASS, ""


def _doubt(facts: VariantFacts) -> str:
    """Why nothing can be said about the hypothesis; empty when something can."""
    if not facts.was_well:
        return "all was not well before"
    if facts.aborted:
        return facts.aborted.rstrip(".")
    if not facts.injected:
        return "the fault befell nothing"
    if facts.readers.total < facts.reads_needed:
        return f"readers asked only {facts.readers.total} times"
    return ""


def _broken(facts: VariantFacts) -> list[str]:
    """What did not hold; of a drill that was ended early only what had happened by then."""
    found = [*facts.wider, *facts.readers.broken(facts.answer_max_s), *facts.failed, *facts.left]
    if facts.aborted or not facts.injected:
        return found
    if facts.wants_reason and facts.loud_s is None:
        found.append("no reason was said")
    elif facts.loud_s is not None and facts.loud_s > facts.loud_max_s:
        found.append(f"{facts.code} after {facts.loud_s:.2f} s, not {facts.loud_max_s:.2f} s")
    if not facts.stood:
        found.append(f"{facts.code} cleared while the fault was in")
    if facts.recovered_s is None:
        found.append(f"not well again within {facts.recovered_max_s:.1f} s")
    elif facts.recovered_s > facts.recovered_max_s:
        found.append(f"well after {facts.recovered_s:.2f} s, not {facts.recovered_max_s:.2f} s")
    return found


@dataclass(frozen=True, slots=True)
class DrillFacts:
    """What was measured of one drill."""

    id: str
    """F1 to F10, Z1 to Z7."""
    place: Place
    """Where it ran."""
    variants: tuple[VariantFacts, ...]
    """All ways of failing that were run."""
    trouble: str = ""
    """What kept the drill itself from its end, in a sentence; empty when nothing did."""

    @property
    def judged(self) -> tuple[Verdict, str]:
        """The conjunction of all variants, and why: the grounds of the worst."""
        found = [judged(facts) for facts in self.variants]
        for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            grounds = [why for one, why in found if one is verdict]
            is_told = any(self.trouble in ground for ground in grounds)
            if verdict is Verdict.INCONCLUSIVE and self.trouble and not is_told:
                grounds.append(self.trouble)
            if grounds:
                return verdict, " ".join(grounds)
        if not found:
            return Verdict.INCONCLUSIVE, "Nothing of it can be run here."
        return Verdict.PASS, "Said in time, no wider than predicted, healed, nothing left behind."

    @property
    def loud_s(self) -> float | None:
        """Of the slowest variant."""
        return _slowest([f.loud_s for f in self.variants])

    @property
    def recovered_s(self) -> float | None:
        """Of the slowest variant."""
        return _slowest([f.recovered_s for f in self.variants])

    def outcome(self, ended_ms: int) -> DrillOutcome:
        """The line of the history; ended_ms is the host's clock."""
        verdict, why = self.judged
        loud_s, recovered_s = self.loud_s, self.recovered_s
        return DrillOutcome(self.id, self.place, verdict, why, loud_s, recovered_s, ended_ms)


def _slowest(seconds: Sequence[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return round(max(known), 3) if known else None
