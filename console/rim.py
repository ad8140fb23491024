"""What stands around every picture: the last answer, the hold on the engine, the keys."""

from __future__ import annotations

from typing import NamedTuple

from .commands import SECTIONS, Tables
from .hold import Hold


class Rim(NamedTuple):
    """It goes on while a picture is frozen."""

    told: str = ""
    """The last answer; empty when it is old."""
    path: str = ""
    """The file that the answer speaks of; of it the end is shown, whatever is cut."""
    hold: Hold = Hold()
    """Whether the engine is there, and may be told to act."""
    tables: Tables = SECTIONS
    """The operator's keys."""
    is_frozen: bool = False
    """Whether the picture stands still."""
