"""Which start of a child is at work here, and whether it may still touch anything.

A cancelled `asyncio.to_thread` goes on writing after its task was restarted. Tasks and worker
threads copy the context they are started in, so both carry the incarnation of the child that
started them, and the seams ask before every step whether it was revoked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import UdsError


class Revoked(UdsError):
    """A child that was replaced tried to go on; nothing of it may reach disk or Redis."""


class Incarnation:
    """One start of a child; its supervisor revokes it before it starts the next."""

    __slots__ = ("_is_revoked", "n", "name")

    def __init__(self, name: str, n: int) -> None:
        self.name = name
        self.n = n
        self._is_revoked = False

    @property
    def is_revoked(self) -> bool:
        """Whether its right to touch anything is gone; it never comes back."""
        return self._is_revoked

    def revoke(self) -> None:
        """Stop everything that runs under it at its next step; may be called twice."""
        self._is_revoked = True

    @contextmanager
    def active(self) -> Iterator[None]:
        """Run the block, and every task and thread it starts, under this incarnation."""
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)

    def __repr__(self) -> str:
        return f"Incarnation({self.name!r}, {self.n})"


_current: ContextVar[Incarnation | None] = ContextVar("incarnation", default=None)


def check_incarnation() -> None:
    """Raise Revoked when this code runs under a revoked incarnation; without one do nothing."""
    current = _current.get()
    if current is not None and current.is_revoked:
        raise Revoked(f"Start {current.n} of {current.name} was revoked and may not go on.")
