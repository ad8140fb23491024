"""The catalogue of drills as whoever asked the engine reads it: cards, one for each drill."""

from __future__ import annotations

from dataclasses import dataclass

from ..replica import built
from .drill import LOUD_S
from .shape import Place


@dataclass(frozen=True, slots=True)
class VariantCard:
    """One way of failing."""

    name: str
    """What it is called."""
    places: tuple[Place, ...]
    """Where it is run."""
    codes: tuple[str, ...]
    """The reasons it is known by, any of them; none where it must stay quiet."""
    detectable_s: float
    """Seconds until it can be told at all."""
    recovers_s: float
    """It is well again so many seconds after the fault went."""
    may_restart: tuple[str, ...] = ()
    """Processes that may restart for it."""

    @property
    def loud_within_s(self) -> float:
        """Its reason stands at most so many seconds after its origin."""
        return self.detectable_s + LOUD_S


@dataclass(frozen=True, slots=True)
class DrillCard:
    """One drill."""

    id: str
    """F1 to F10, Z1 to Z7."""
    title: str
    """What fails, in a few words."""
    hypothesis: str
    """What we believe will happen, in a sentence."""
    seam: str
    """Where the fault is put in."""
    blast_radius: str
    """What it may touch."""
    codes: tuple[str, ...]
    """The reasons it is known by."""
    recovery: str
    """When it is well again, in a clause."""
    can_live: bool
    """Whether it can be run on the running engine."""
    live: str = ""
    """What a live run does, in a sentence; empty where there is none."""
    variants: tuple[VariantCard, ...] = ()
    """The ways of failing, in the order they are run."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What an engine can drill."""

    drills: tuple[DrillCard, ...]
    """In the catalogue's order."""
    stops: tuple[str, ...] = ()
    """What ends a live drill early, in clauses."""
    invariants: tuple[str, ...] = ()
    """What readers beside a drill must see, in clauses."""


def catalogue_of(raw: object) -> Catalogue:
    """The catalogue an answer of `drills` stands for; raises BadReplica."""
    found = built(Catalogue, raw, "drills")
    assert isinstance(found, Catalogue)
    return found
