"""What an action is: what it must be told, what it would touch, and how it must be asked for."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from ..drills.choice import Choice
from ..process import Tools
from ..refusals import refusal
from ..sayings import Saying, saying, sentences
from ..supervisor import Supervisor

_PROGRAM = "coldstart-console"


class Drilling(Protocol):
    """Whoever runs drills on a running engine."""

    def must_be_possible(self, drill_id: str, *, is_allowed: bool) -> None:
        """Raises ActionRefused with the ground; `is_allowed` is the word for production."""
        ...

    def choice(self, drill_id: str) -> Choice:
        """Which of its ways of failing would be run here."""
        ...

    def begin(self, drill_id: str, by: str) -> None:
        """Start it; its course is in the status."""
        ...

    def abort(self, by: str) -> None:
        """End the one that runs: its fault is taken out. Raises ActionRefused."""
        ...

    def report(self) -> Mapping[str, object] | None:
        """What was measured in the last one that ended, in JSON's types; None before."""
        ...


class Operable(Protocol):
    """An engine as those see it who operate it."""

    tools: Tools
    """Everything its processes are given."""
    supervisor: Supervisor
    """Keeper of its processes."""
    is_read_only: bool
    """Whether it was started to be looked at only."""
    drills: Drilling | None
    """Who runs drills on it; None where nobody may."""

    def stop(self) -> None:
        """Ask for an orderly stop."""
        ...


class Danger(Enum):
    """How an action must be asked for."""

    VIEW = "view"
    """Nothing asked."""
    ACT = "act"
    """y/n, no by default."""
    DESTROY = "destroy"
    """The phrase of its question must be typed."""


class Kind(Enum):
    """What an argument names, so that a screen can offer what there is."""

    PROCESS = "process"
    SYMBOL = "symbol"
    REASON = "reason"
    SCOPE = "scope"
    DRILL = "drill"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an action."""

    name: str
    """Its name on the wire."""
    kind: Kind
    """What it names."""
    is_many: bool = False
    """Whether it takes several values."""
    is_required: bool = True
    """Whether the action cannot do without it."""
    option: str = ""
    """What the command line says instead of its value; empty where it says the value."""


Given: TypeAlias = Mapping[str, tuple[str, ...]]
"""Arguments by name; a single value is a tuple of one."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an action would touch, before it does."""

    said: tuple[Saying, ...]
    """The question, with the blast radius in it."""
    radius: Mapping[str, object] = field(default_factory=dict)
    """The same as data, in JSON's types."""
    phrase: str | None = None
    """What must be typed; None when yes is enough."""

    @property
    def sentence(self) -> str:
        """In English."""
        return sentences(self.said)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done."""

    id: str
    """Its name for keys and socket."""
    shell: tuple[str, ...]
    """The command and options that ask for it in a shell; its arguments follow."""
    danger: Danger
    """How it must be asked for."""
    summary: str
    """What it does, in a few words."""
    arguments: tuple[Argument, ...]
    """What it must be told."""
    ask: Callable[[Operable, Given], Question]
    """The blast radius from fresh state; raises ActionRefused."""
    run: Callable[[Operable, Given, str], Saying]
    """Do it at once, or begin it, for an actor; what was done. Raises ActionRefused."""

    def command(self, given: Given) -> str:
        """The command line that does the same in a shell."""
        words = (
            word
            for argument in self.arguments
            if (values := given.get(argument.name, ()))
            for word in ((argument.option,) if argument.option else values)
        )
        return shlex.join((_PROGRAM, *self.shell, *words))

    def bound(self, raw: Given) -> Given:
        """The arguments as the action takes them; raises ActionRefused."""
        known = {argument.name: argument for argument in self.arguments}
        foreign = next((name for name in raw if name not in known), None)
        if foreign is not None:
            raise refusal(saying("no_argument", self.id, foreign[:40]), code="bad_args")
        for name, argument in known.items():
            values, kind = raw.get(name, ()), argument.kind.value
            if argument.is_required and not values:
                raise refusal(saying("must_be_told", self.id, kind), code="bad_args")
            if len(values) > 1 and not argument.is_many:
                raise refusal(saying("takes_one", self.id, kind), code="bad_args")
        return {name: tuple(dict.fromkeys(raw[name])) for name in raw}
