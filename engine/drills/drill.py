"""What a drill is: a hypothesis about one failure, the ways it is brought about, and the bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from uds import Fault

from ..broker.faulty import FaultKind
from ..degraded import DegradedCode
from .shape import Place

DEAD_MAN_S = 60.0
"""A fault is taken out after so long, whatever happens."""
LOUD_S = 1.0
"""A reason stands at most so long after it is detectable."""
ANSWER_S = 0.6
"""No reader waits longer."""
VICTIM = "{symbol}"
"""Stands for the symbol that a drill is about."""
BOTH = frozenset(Place)
SANDBOX = frozenset({Place.SANDBOX})
LIVE = frozenset({Place.LIVE})


class Stage(Enum):
    """What the engine is doing when the fault is there."""

    COLD = "cold"
    """It starts without any data."""
    START = "start"
    """It starts on data that an engine before it left."""
    OPEN = "open"
    """It serves readers."""
    SCRIPT = "script"
    """Several engines, each in a process of its own."""


class Origin(Enum):
    """From when on the seconds to loud are counted: the failure could not be seen before."""

    INJECTED = "injected"
    """The fault is put in."""
    HIT = "hit"
    """The first operation that it befalls."""
    OPENED = "opened"
    """The engine is opened."""
    DECIDED = "decided"
    """The engine knows how it starts each symbol."""
    PRIMING = "priming"
    """The first tail is on its way into Redis."""
    SILENT = "silent"
    """The last move of m1_poller."""
    MINUTE = "minute"
    """The next minute is final."""


class Way(Enum):
    """How the fault is put in, and taken out again."""

    BROKER = "broker"
    """The broker misbehaves."""
    LOGIN = "login"
    """The broker misbehaves, and the session has lost its login."""
    PLAN = "plan"
    """A fault of disk or Redis is armed."""
    SERVER_KILLED = "server_killed"
    SERVER_STOPPED = "server_stopped"
    SERVER_EMPTIED = "server_emptied"
    SERVER_RESTARTED_EMPTY = "server_restarted_empty"
    MEMORY = "memory"
    """Derived tails are dropped from RAM."""
    OVERLAY = "overlay"
    """What is read of one file has a flipped bit; the file stays as it is."""
    FILE = "file"
    """A file is damaged between two starts."""
    STALL = "stall"
    """Nothing runs for a while."""
    JUMP = "jump"
    """The wall clock is set."""
    SCRIPT = "script"
    """Processes are stopped, continued and killed."""


@dataclass(frozen=True, slots=True)
class Radius:
    """What a failure may touch; anything beyond is a failed drill."""

    processes: frozenset[str] = frozenset()
    """Which may restart."""
    unseals: bool = False
    """Whether cells of the symbol it is about may leave `sealed`; of others none may."""
    gates: frozenset[str] = frozenset({"open", "open_degraded"})
    """The gate's words while the fault is in."""
    also: frozenset[DegradedCode] = frozenset()
    """Reasons that may be raised beside the expected ones; `info` may always."""
    stays: frozenset[DegradedCode] = frozenset()
    """Of these, which may stand on: the sandbox's own configuration is their ground."""
    answer_s: float = ANSWER_S
    """How long a reader may wait."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of failing."""

    name: str
    """What it is called in facts, in one word or two."""
    way: Way
    """How the fault is put in."""
    codes: tuple[DegradedCode, ...]
    """The reasons it is known by, any of them; none where it must stay quiet."""
    about: str = ""
    """Where the reason stands: VICTIM for its symbol or one of its cells, else a process; empty
    where it is the platform's or anybody's."""
    stage: Stage = Stage.OPEN
    """What the engine is doing."""
    places: frozenset[Place] = BOTH
    """Where it can be run."""
    fault: Fault | None = None
    """What disk or Redis do; `{symbol}`, `{folder}` and `{path}` stand for the victim's."""
    broker: FaultKind | None = None
    """What the broker does."""
    times: int | None = None
    """How many of the broker's calls it befalls; None means until it is taken out."""
    detail: str = ""
    """What the way must know: the damage to a file, the script's name."""
    amount_s: float = 0.0
    """For how long nothing runs, or by how much the clock is set."""
    rebuilds: bool = False
    """Whether the victim is rebuilt meanwhile, so that the fault has something to befall."""
    detectable_s: float = 0.0
    """Seconds from the origin until it can be told at all."""
    origin: Origin = Origin.INJECTED
    """What the seconds are counted from."""
    hold_s: float | None = None
    """How long it stays in after the reason, to see that the reason stands; None: it need not
    be taken out, all heals by itself."""
    recovers_s: float = 10.0
    """It is well again so long after it was taken out; after the reason, if it was not held."""
    radius: Radius = field(default_factory=Radius)
    """What it may touch."""
    checks: tuple[str, ...] = ()
    """What must hold besides, by name (`checks.py`)."""
    config: Mapping[str, object] = field(default_factory=dict)
    """Keys of the sandbox's configuration that it needs otherwise."""
    needs_server: bool = False
    """Whether it needs a server of our own; where there is none, it is left out."""
    needs_foreign_server: bool = False
    """Whether it stands in where the server is not ours."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill of the catalogue."""

    id: str
    """F1 to F10, Z1 to Z7."""
    title: str
    """What fails, in a few words."""
    hypothesis: str
    """What we believe will happen, in a sentence."""
    seam: str
    """Where the fault is put in."""
    blast_radius: str
    """What it may touch, in a sentence."""
    recovery: str
    """When it is well again, in a clause."""
    variants: tuple[Variant, ...]
    """All of them are run; the verdict is their conjunction."""
    live: str = ""
    """What a live run does, in a sentence; empty where there is none."""

    @property
    def can_live(self) -> bool:
        """Whether it can be run on the running engine."""
        return any(Place.LIVE in variant.places for variant in self.variants)

    @property
    def codes(self) -> tuple[DegradedCode, ...]:
        """The reasons it is known by."""
        return tuple(dict.fromkeys(code for v in self.variants for code in v.codes))

    def of(self, place: Place) -> tuple[Variant, ...]:
        """What is run there."""
        return tuple(variant for variant in self.variants if place in variant.places)


STOPS = frozenset({DegradedCode.FENCED, DegradedCode.OWNER_CHANGED, DegradedCode.CHILD_HELD})
"""Reasons at which a live drill that does not expect them ends at once."""

STOP_CONDITIONS = (
    "the gate has a word that was not predicted",
    "FENCED, OWNER_CHANGED or CHILD_HELD is raised and was not predicted",
    "an operator aborts, or the engine stops",
    f"{DEAD_MAN_S:.0f} s have passed since the fault was put in",
)
"""What ends a drill early; the fault is taken out in every case."""

INVARIANTS = (
    "no answer without bars",
    "no answer that mixes two generations",
    "no bar that the source does not have",
    f"no reader waits longer than {ANSWER_S} s",
    "no refusal without its reasons",
    "no reader sees an older generation than before",
)
"""What readers beside the drill must see."""
