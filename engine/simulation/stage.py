"""What a run is to who holds a boot to its manners: its case, time, boots and account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from uds import MemoryCache

from ..config import Config
from .boot import Boot
from .case import Case
from .loop import SimLoop
from .oracles import Oracles


class Stage(Protocol):
    """One run under way."""

    @property
    def case(self) -> Case:
        """What it is a run of."""
        ...

    @property
    def config(self) -> Config:
        """Of every boot."""
        ...

    @property
    def loop(self) -> SimLoop:
        """Its time."""
        ...

    @property
    def cache(self) -> MemoryCache:
        """The server that all boots share."""
        ...

    @property
    def oracles(self) -> Oracles:
        """Where what does not hold is written down."""
        ...

    @property
    def nodes(self) -> Sequence[Boot]:
        """Every boot so far."""
        ...

    def now_us(self) -> int:
        """Virtual time."""
        ...
