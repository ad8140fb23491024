"""A bell for one moment that is put off ten times a second and seldom rings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings once, so long after it was last set.

    Putting it off costs a comparison: the loop's timer is left where it is and looks, when it
    fires, whether the moment has moved on. A timer of Textual's is a task each time.
    """

    def __init__(self, ring: Callable[[], object]) -> None:
        """`ring` is called on the loop, outside any task: it should only pass the word on."""
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._due_s: float | None = None

    def set(self, after_s: float | None) -> None:
        """Ring then and at no other moment; None for not at all."""
        if after_s is None:
            self._due_s = None
            return
        loop = asyncio.get_running_loop()
        self._due_s = loop.time() + after_s
        if self._timer is not None and self._timer.when() > self._due_s:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(self._due_s, self._look)

    def stop(self) -> None:
        """Never ring again unless set anew."""
        self._due_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._due_s is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._due_s:
            self._timer = loop.call_at(self._due_s, self._look)
            return
        self._due_s = None
        self._ring()
