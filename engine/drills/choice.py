"""Which ways of failing a live drill runs on an engine, and why the others are left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..sayings import Saying, saying
from .drill import Drill, Variant
from .shape import Place


@dataclass(frozen=True, slots=True)
class Choice:
    """The ways of failing of one drill, sorted by whether they are run."""

    runs: tuple[Variant, ...]
    """Those that are run, in their order."""
    left_out: tuple[tuple[str, tuple[Variant, ...]], ...]
    """Those that are not, by the code of their ground."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that are run."""
        return tuple(variant.name for variant in self.runs)

    @property
    def about_s(self) -> float:
        """What must pass before each can be told, roughly."""
        return sum(v.detectable_s + (v.hold_s or 0.0) + 2.0 for v in self.runs)

    @property
    def why_not(self) -> tuple[Saying, ...]:
        """Why the others are not run, each ground once."""
        return tuple(saying(code, _names(variants)) for code, variants in self.left_out)

    def document(self) -> dict[str, object]:
        """In JSON's types."""
        return {
            "runs": list(self.names),
            "left_out": [
                {"variant": variant.name, "why": code}
                for code, variants in self.left_out
                for variant in variants
            ],
        }


def chosen(drill: Drill, *, is_ours: bool) -> Choice:
    """Our own server may be killed, another's may only be hidden."""
    grounds: dict[str, list[Variant]] = {}
    for variant, ground in _told_apart(drill, is_ours):
        grounds.setdefault(ground, []).append(variant)
    runs = tuple(grounds.pop("", ()))
    return Choice(runs, tuple((code, tuple(found)) for code, found in grounds.items()))


def _told_apart(drill: Drill, is_ours: bool) -> Iterator[tuple[Variant, str]]:
    for variant in drill.variants:
        if Place.LIVE not in variant.places:
            yield variant, "sandbox_only"
        elif variant.needs_server and not is_ours:
            yield variant, "not_ours"
        else:
            yield variant, "is_ours" if variant.needs_foreign_server and is_ours else ""


def _names(variants: tuple[Variant, ...]) -> str:
    return ", ".join(variant.name for variant in variants)
