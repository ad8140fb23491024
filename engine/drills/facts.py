"""What was measured in a drill, and the verdict that follows from it and from nothing else.

The hypothesis of a variant is a conjunction: the fault was proved to be in, its reason was said
in time and stood, nothing beyond the blast radius moved, readers saw no broken invariant, all
was well again in time, and nothing stayed behind. One part that is false is FAIL. Where the
drill says nothing about them it is INCONCLUSIVE: all was not well before, the fault befell
nobody, or somebody ended it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..replica import plain
from ..sayings import Saying, saying
from .grounds import Ground
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

    def broken(self, answer_s: float) -> tuple[Saying, ...]:
        """The invariants that did not hold."""
        counts = {
            "answers_empty": self.empty,
            "answers_silent": self.silent,
            "answers_mixed": self.mixed,
            "answers_backward": self.backward,
            "answers_wrong": self.wrong,
        }
        found = [saying(code, count) for code, count in counts.items() if count]
        if self.slowest_s > answer_s:
            found.append(saying("answer_slow", f"{self.slowest_s:.2f}"))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the time line."""

    at_s: float
    """Seconds since the variant began."""
    what: Saying
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
    was_over: bool = False
    """Whether all was well before the fault was taken out: then nothing healed."""
    recovered_s: float | None = None
    """Seconds until all was well again; None when it was not."""
    recovered_max_s: float = 10.0
    """In how many seconds it had to be."""
    wider: tuple[Saying, ...] = ()
    """What moved beyond the blast radius."""
    failed: tuple[Saying, ...] = ()
    """What had to hold besides and did not."""
    left: tuple[Saying, ...] = ()
    """What stayed behind."""
    readers: ReaderFacts = field(default_factory=ReaderFacts)
    """What readers got meanwhile."""
    answer_max_s: float = 0.6
    """How long one may wait."""
    reads_needed: int = READS_MIN
    """How many answers prove something about readers."""
    reads_meanwhile: int = 0
    """How often readers were answered before all was well again."""
    reads_meanwhile_needed: int = 0
    """How many of these prove something; 0 where nobody can be answered meanwhile."""
    compares_needed: int = 0
    """How many answers must have been held against the source; 0 where nobody knows it."""
    restarted: tuple[str, ...] = ()
    """Which processes restarted."""
    gates: tuple[str, ...] = ()
    """The gate's words, in the order they came."""
    aborted: Saying | None = None
    """Why it was not begun, or ended early; None when it came to its end."""
    timeline: tuple[Moment, ...] = ()
    """What happened, in order."""

    def document(self) -> dict[str, object]:
        """The same for programs: what is said in English, in JSON's types."""
        found = plain(self)
        assert isinstance(found, dict)
        aborted = "" if self.aborted is None else str(self.aborted)
        timeline = [
            {"at_s": moment.at_s, "what": str(moment.what), "said": plain(moment.what)}
            for moment in self.timeline
        ]
        told = {name: list(map(str, getattr(self, name))) for name in ("wider", "failed", "left")}
        return {**found, **told, "aborted": aborted, "timeline": timeline}


def judged(facts: VariantFacts) -> tuple[Verdict, Ground | None]:
    """The verdict of one variant, and why; a PASS has no ground of its own."""
    broken = _broken(facts)
    doubt = _doubt(facts)
    if broken and not (doubt and not facts.was_well):
        return Verdict.FAIL, Ground(facts.variant, tuple(broken))
    if doubt is not None:
        return Verdict.INCONCLUSIVE, Ground(facts.variant, (doubt,))
    return Verdict.PASS, None


def _doubt(facts: VariantFacts) -> Saying | None:
    """Why nothing can be said about the hypothesis; None when something can."""
    if not facts.was_well:
        return saying("not_well")
    if facts.aborted is not None:
        return facts.aborted
    if not facts.injected:
        return saying("befell_nothing")
    if facts.readers.total < facts.reads_needed:
        return saying("few_reads", facts.readers.total)
    if facts.reads_meanwhile < facts.reads_meanwhile_needed:
        return saying("few_reads_meanwhile", facts.reads_meanwhile)
    if facts.readers.compared < facts.compares_needed:
        return saying("none_compared")
    if facts.was_over:
        return saying("over_before")
    return None


def _broken(facts: VariantFacts) -> list[Saying]:
    """What did not hold; of a drill that was ended early only what had happened by then."""
    found = [*facts.wider, *facts.readers.broken(facts.answer_max_s), *facts.failed, *facts.left]
    if facts.aborted or not facts.injected:
        return found
    if facts.wants_reason and facts.loud_s is None:
        found.append(saying("no_reason"))
    elif facts.loud_s is not None and facts.loud_s > facts.loud_max_s:
        found.append(_late("late", facts.loud_s, facts.loud_max_s, facts.code))
    if not facts.stood:
        found.append(saying("not_stood", facts.code))
    if facts.recovered_s is None:
        found.append(saying("not_healed", f"{facts.recovered_max_s:.1f}"))
    elif facts.recovered_s > facts.recovered_max_s:
        found.append(_late("healed_late", facts.recovered_s, facts.recovered_max_s))
    return found


def _late(code: str, seconds: float, bound_s: float, *of: object) -> Saying:
    return saying(code, *of, f"{seconds:.2f}", f"{bound_s:.2f}")


@dataclass(frozen=True, slots=True)
class DrillFacts:
    """What was measured of one drill."""

    id: str
    """F1 to F10, Z1 to Z7."""
    place: Place
    """Where it ran."""
    variants: tuple[VariantFacts, ...]
    """All ways of failing that were run."""
    trouble: Saying | None = None
    """What kept the drill itself from its end; None when nothing did."""
    planned: int = 0
    """How many ways of failing were to be run."""

    @property
    def judged(self) -> tuple[Verdict, tuple[Ground, ...]]:
        """The conjunction of all variants, and why: the grounds of the worst."""
        found = [judged(facts) for facts in self.variants]
        for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            grounds = [why for one, why in found if one is verdict and why is not None]
            is_told = any(self.trouble in ground.said for ground in grounds)
            if verdict is Verdict.INCONCLUSIVE and self.trouble is not None and not is_told:
                grounds.append(Ground("", (self.trouble,)))
            if grounds:
                return verdict, tuple(grounds)
        if found and len(found) < self.planned:
            missing = saying("not_all_run", len(found), self.planned)
            return Verdict.INCONCLUSIVE, (Ground("", (missing,)),)
        if not found:
            return Verdict.INCONCLUSIVE, (Ground("", (saying("nothing_run"),)),)
        return Verdict.PASS, (Ground("", (saying("passed"),)),)

    @property
    def why(self) -> str:
        """The grounds in English."""
        return in_english(self.judged[1])

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
        verdict, grounds = self.judged
        loud_s, recovered_s = self.loud_s, self.recovered_s
        why = in_english(grounds)
        return DrillOutcome(
            self.id, self.place, verdict, why, loud_s, recovered_s, ended_ms, grounds
        )


def in_english(grounds: Sequence[Ground]) -> str:
    """Sentences, one after the other."""
    return " ".join(map(str, grounds))


def _slowest(seconds: Sequence[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return round(max(known), 3) if known else None
