"""What the operator has of the engine: whether it answers, and whether it may be told to act."""

from __future__ import annotations

from typing import NamedTuple

from engine import Saying


class Hold(NamedTuple):
    """The hold of one console on one engine at one moment."""

    armed_left_s: float = 0.0
    """Seconds for which acts are taken; 0 while the console only looks."""
    lost_s: float | None = None
    """Seconds since the engine was heard last; None while it is there."""
    why: str = ""
    """Why it is not there, as a sentence; foreign text."""
    why_said: tuple[Saying, ...] = ()
    """The same as codes."""
    replay: str = ""
    """Where a recorded boot stands, in the place of both; empty while there is an engine."""

    actor: str = ""
    """How the engine names what is done from here; empty until it said so."""

    @property
    def is_armed(self) -> bool:
        """Whether acts are taken."""
        return self.armed_left_s > 0

    @property
    def is_counting(self) -> bool:
        """Whether a time runs that is shown."""
        return self.is_armed or self.lost_s is not None or bool(self.replay)
