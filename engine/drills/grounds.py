"""What the verdict of a drill follows from, as codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..sayings import Saying, sayings_of, sentence


@dataclass(frozen=True, slots=True)
class Ground:
    """What a verdict follows from: clauses about one way of failing, or about all of them."""

    variant: str
    """Its name; empty for the whole drill."""
    said: tuple[Saying, ...]
    """Each a clause."""

    def __str__(self) -> str:
        """In English, a sentence."""
        return sentence(self.variant, list(map(str, self.said)))


def grounds_of(raw: object) -> tuple[Ground, ...]:
    """The same for the grounds of a verdict."""
    found = raw if isinstance(raw, list) else []
    return tuple(
        Ground(str(one.get("variant", "")), sayings_of(one.get("said")))
        for one in found
        if isinstance(one, Mapping)
    )
