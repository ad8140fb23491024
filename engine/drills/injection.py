"""What an injection is: one fault of one variant, put in, proved, taken out and tidied up after.

Every injection is one object that is used once. `put_in` comes after the way back was written
down; `take_out` needs no waiting, may be called at any time and twice, and leaves nothing in;
`tidy` does afterwards what must wait. What they count proves that something was befallen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from uds.model import Symbol

from ..ground import Seams
from ..process import Tools
from ..sayings import Saying
from ..supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Scene:
    """The engine that a drill is run on."""

    tools: Tools
    """All that its processes are given."""
    supervisor: Supervisor
    """Keeper of its processes."""
    seams: Seams
    """Where faults are put in."""
    victim: Symbol
    """The symbol that suffers, where a drill is about one."""

    @property
    def folder(self) -> str:
        """The victim's folder."""
        return self.victim.replace("/", "_")


class Injection(Protocol):
    """One fault of one variant."""

    def undo(self) -> Mapping[str, object]:
        """What the next boot must know to take it out; in JSON's types."""
        ...

    async def put_in(self) -> None:
        """From now on it is wrong. Raises UdsError when it cannot be done."""
        ...

    def take_out(self) -> None:
        """From now on it is not."""
        ...

    async def tidy(self) -> None:
        """Away with what it left behind."""
        ...

    @property
    def hits(self) -> int:
        """How often it befell something."""
        ...

    def left(self) -> tuple[Saying, ...]:
        """What is still there of it."""
        ...


class Harmless:
    """The half that most injections share."""

    def undo(self) -> Mapping[str, object]:
        """All of it is gone with the process."""
        return {}

    def take_out(self) -> None:
        """It is over by itself."""

    async def tidy(self) -> None:
        """Nothing is left."""

    def left(self) -> tuple[Saying, ...]:
        """Nothing."""
        return ()
