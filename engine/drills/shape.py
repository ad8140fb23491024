"""What everybody sees of drills: the one that runs, its checklist, what came of earlier ones."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..sayings import Saying
from .grounds import Ground


class Verdict(Enum):
    """What came of a drill; made of measured facts only."""

    PASS = "PASS"
    """The failure was proved, said in time, no wider than predicted, healed, and left nothing."""
    FAIL = "FAIL"
    """One of these did not hold."""
    INCONCLUSIVE = "INCONCLUSIVE"
    """It says nothing: not well before, not proved, aborted or interrupted."""


class Place(Enum):
    """Where a drill runs."""

    SANDBOX = "sandbox"
    """In a process, a data folder and a server of its own."""
    LIVE = "live"
    """On the running engine, through its own seams."""


class DrillPhase(Enum):
    """How far a drill has come."""

    HYPOTHESIS = "hypothesis"
    """Looks whether all is well; nothing is wrong yet."""
    INJECT = "inject"
    """The way back is written down, the fault is put in."""
    OBSERVE = "observe"
    """The fault is in; what it does is measured."""
    REVERT = "revert"
    """It is taken out."""
    RECOVER = "recover"
    """It is out; what it did heals."""
    ENDED = "ended"
    """There is a verdict."""


class StepState(Enum):
    """One line of the checklist."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


STEPS = ("hypothesis", "journal", "inject", "loud", "revert", "recovered", "readers", "clean")
"""The names of the steps, in their order; those from `inject` to `recovered` for each variant."""


@dataclass(frozen=True, slots=True)
class DrillStep:
    """One line of the checklist of a drill."""

    name: str
    """One of STEPS."""
    variant: str = ""
    """Which way of failing it is about; empty for a step of the whole drill."""
    state: StepState = StepState.WAITING
    """Where it stands."""
    at_s: float | None = None
    """Seconds from the drill's beginning to the step's end; None before."""
    detail: str = ""
    """What was seen, with its figures, in English."""
    said: tuple[Saying, ...] = ()
    """The same as codes."""


@dataclass(frozen=True, slots=True)
class DrillStatus:
    """The drill that runs, or the last one that ran in this boot."""

    id: str
    """F1 to F10, Z1 to Z7."""
    title: str
    """What fails, in a few words."""
    hypothesis: str
    """What we believe will happen, in a sentence."""
    blast_radius: str
    """What it may touch, in a sentence."""
    by: str
    """Who asked."""
    began_ms: int
    """When it began, the market's clock, UTC ms."""
    phase: DrillPhase = DrillPhase.HYPOTHESIS
    """How far it has come."""
    variant: str = ""
    """The way of failing that is in turn; empty between two."""
    steps: tuple[DrillStep, ...] = ()
    """The checklist, in order; all lines are there from the beginning."""
    dead_man_ms: int | None = None
    """When the fault is taken out whatever happens, UTC ms; None while none is in."""
    verdict: Verdict | None = None
    """None until it has ended."""
    why: str = ""
    """The verdict's ground, in English; empty until then."""
    grounds: tuple[Ground, ...] = ()
    """The same as codes."""
    loud_s: float | None = None
    """Seconds from the slowest variant's fault to its reason; None when none was said."""
    recovered_s: float | None = None
    """Seconds the slowest variant took to heal; None when none did."""

    @property
    def is_running(self) -> bool:
        """Whether there is no verdict yet."""
        return self.phase is not DrillPhase.ENDED


@dataclass(frozen=True, slots=True)
class DrillOutcome:
    """What came of one drill: a line of the history."""

    id: str
    """F1 to F10, Z1 to Z7."""
    place: Place
    """Where it ran."""
    verdict: Verdict
    """What came of it."""
    why: str
    """The verdict's ground, in English."""
    loud_s: float | None
    """Seconds from the slowest variant's fault to its reason; None when none was said."""
    recovered_s: float | None
    """Seconds the slowest variant took to heal; None when none did."""
    ended_ms: int
    """When it ended, the host's clock, UTC ms."""
    grounds: tuple[Ground, ...] = ()
    """Why, as codes; those of earlier versions have none."""


@dataclass(frozen=True, slots=True)
class RevertedDrill:
    """A drill of an earlier boot that was cut off while its fault was in, and taken back."""

    id: str
    """F1 to F10, Z1 to Z7; empty when its journal could not be read."""
    variant: str
    """The way of failing that was in; empty when that is not known."""
    by: str
    """Who had asked for it; empty when that is not known."""
    began_ms: int | None
    """When its fault was put in, the host's clock, UTC ms; None when that is not known."""
    done: str
    """What became of the fault and of what it left, in English, in a clause or more."""
    at_ms: int
    """When it was taken back, the market's clock, UTC ms."""
    said: tuple[Saying, ...] = ()
    """The same as codes."""
