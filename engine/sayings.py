"""What the engine says to operators, as codes with arguments: tables here, screens have their own.

Questions before an act, what was done, why not, what happened to raise a reason, and all that
drills measure travel as a code and its arguments, so that a console can say it in the operator's
language; the shell and documents for programs hold the English of these tables. A code that an
older or newer version wrote stands for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from uds import UDS_SAYINGS, UdsError

from .acts.sayings import ACT_SAYINGS
from .drills.sayings import DRILL_SAYINGS
from .reason_sayings import REASON_SAYINGS

SAYINGS: Mapping[str, str] = {**ACT_SAYINGS, **DRILL_SAYINGS, **REASON_SAYINGS, **UDS_SAYINGS}
"""Clauses by code; what stands in braces are the arguments in their order."""


@dataclass(frozen=True, slots=True)
class Saying:
    """One thing said."""

    code: str
    """Of the table."""
    args: tuple[str, ...] = ()
    """What stands in the braces."""

    def __str__(self) -> str:
        """In English, a clause."""
        return filled(SAYINGS.get(self.code), self)


def saying(code: str, *args: object) -> Saying:
    """One of the table; an argument is written as it is."""
    return Saying(code, tuple(map(str, args)))


def sayings_of(raw: object) -> tuple[Saying, ...]:
    """What another process sent as such; what is none is left out."""
    found = raw if isinstance(raw, list) else []
    return tuple(
        saying(one["code"], *one["args"])
        for one in found
        if isinstance(one, Mapping)
        and isinstance(one.get("code"), str)
        and isinstance(one.get("args"), list)
    )


def said_of(failure: BaseException) -> tuple[Saying, ...]:
    """What a failure says, in codes as far as it knows them; str() of it is the same in English."""
    if isinstance(failure, UdsError) and failure.told:
        return tuple(Saying(*one) for one in failure.told)
    (one,) = failure.args if len(failure.args) == 1 else (None,)
    return (one if isinstance(one, Saying) else saying("as_it_is", failure),)


def in_a_row(said: Sequence[Saying]) -> str:
    """As the details of reasons are said: each as it stands in its table."""
    return " ".join(map(str, said))


def sentences(said: Sequence[Saying], clauses: Mapping[str, str] = SAYINGS) -> str:
    """Each as a sentence, of some table; an argument at its head is a name and keeps its letter."""
    return " ".join(_alone(clauses.get(one.code), one) for one in said)


def filled(clause: str | None, said: Saying) -> str:
    """A clause of some table with the arguments in it; the bare code where there is none."""
    bare = " ".join((said.code, *said.args))
    try:
        return bare if clause is None else clause.format(*said.args)
    except (IndexError, KeyError, ValueError):
        return bare


def sentence(variant: str, clauses: Sequence[str]) -> str:
    """Clauses as a sentence: behind the name of their way of failing, or with a capital."""
    text = "; ".join(clauses)
    text = f"{variant}: {text}" if variant else text[:1].upper() + text[1:]
    return _ended(text)


def _alone(clause: str | None, said: Saying) -> str:
    text = filled(clause, said)
    return _ended(text) if (clause or "").startswith("{") else sentence("", [text])


def _ended(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."
