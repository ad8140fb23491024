"""The keeper of the screen: it shows one, puts up another when it crashes, and knows when to stop.

The screen is a guest of nobody: it may end in any way while the engine goes on beside it. What the
keeper notices is said as a degraded reason, so that whoever looks later, from another terminal or
by `status`, learns that there was something to see.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Protocol

from engine import DegradedCode

from ..clean import clean
from .device import TerminalGone

CRASHES_MAX = 3
"""More crashes than this within the period and there is no screen any more."""
PERIOD_S = 60.0
_PAUSE_S = 0.2
_ENDING_S = 2.0
"""How long a screen may take to end before it is taken down."""
_FLOOR = __name__.partition(".")[0]


class Parting(Enum):
    """How the screen and its operator parted."""

    DETACHED = "detached"
    """The operator wanted the prompt back."""
    STOPPED = "stopped"
    """The engine is to stop, or has stopped."""
    LOST = "lost"
    """The terminal hung up."""
    BROKEN = "broken"
    """It crashed too often."""


class Screen(Protocol):
    """A Textual application as far as the keeper needs it."""

    @property
    def failure(self) -> Exception | None:
        """What it crashed with; None while it runs and when it ended well."""
        ...

    async def crashed(self) -> None:
        """Wait until it has crashed."""
        ...

    async def run_async(self, *, mouse: bool = False) -> Parting | None:
        """Until it ends; None when it was not told why."""
        ...

    def part(self, parting: Parting) -> None:
        """End soon, for this reason."""
        ...

    def leave(self) -> None:
        """Ask the operator whether to detach or to stop."""
        ...

    def give_terminal_back(self) -> None:
        """What it would do at its end, when it does not come to its end."""
        ...


class Complaints:
    """What is wrong with the screen, kept until there is an engine to tell."""

    def __init__(self) -> None:
        self._tell: Callable[[DegradedCode, str | None], None] | None = None
        self._standing: dict[DegradedCode, str] = {}

    def told_to(self, tell: Callable[[DegradedCode, str | None], None]) -> None:
        """From now on tell: a reason and its sentence, or None when it stands no more."""
        self._tell = tell
        for code, sentence in self._standing.items():
            tell(code, sentence)

    def stand(self, code: DegradedCode, sentence: str) -> None:
        """Something is wrong."""
        self._standing[code] = sentence
        if self._tell is not None:
            self._tell(code, sentence)

    def clear(self, code: DegradedCode) -> None:
        """It is well again."""
        if self._standing.pop(code, None) is not None and self._tell is not None:
            self._tell(code, None)


class Keeper:
    """Shows screens, one at a time."""

    def __init__(
        self, make: Callable[[], Screen], complaints: Complaints, *, mouse: bool = False
    ) -> None:
        self._make = make
        self._complaints = complaints
        self._mouse = mouse
        self._screen: Screen | None = None
        self._parted: asyncio.Future[Parting] = asyncio.get_running_loop().create_future()
        self._crashed_at_s: list[float] = []

    async def keep(self) -> Parting:
        """Until the operator, the terminal or too many crashes end it."""
        while not self._parted.done():
            self._screen = screen = self._make()
            parting = await self._show(screen)
            failure = screen.failure
            if failure is None:
                return parting or (self._parted.result() if self._parted.done() else Parting.LOST)
            if isinstance(failure, TerminalGone):
                return Parting.LOST
            if self._has_crashed_too_often(failure):
                return Parting.BROKEN
            await asyncio.sleep(_PAUSE_S)
        return self._parted.result()

    def part(self, parting: Parting) -> None:
        """End the screen from outside; the first reason counts."""
        if not self._parted.done():
            self._parted.set_result(parting)
            if self._screen is not None:
                self._screen.part(parting)

    def leave(self) -> None:
        """Let the operator be asked, as if the key had been pressed."""
        if self._screen is not None:
            self._screen.leave()

    async def _show(self, screen: Screen) -> Parting | None:
        """One screen to its end. One that should end and does not is taken down."""
        showing = asyncio.create_task(_run(screen, self._mouse), name="screen")
        crashed = asyncio.create_task(screen.crashed(), name="screen crash")
        try:
            await asyncio.wait(
                (showing, crashed, self._parted), return_when=asyncio.FIRST_COMPLETED
            )
            await asyncio.wait((showing,), timeout=_ENDING_S)
        finally:
            crashed.cancel()
            if not showing.done():
                showing.cancel()
                await asyncio.wait((showing,), timeout=_ENDING_S)
                screen.give_terminal_back()
            self._complaints.clear(DegradedCode.TERMINAL_STALLED)
        return showing.result() if showing.done() and not showing.cancelled() else None

    def _has_crashed_too_often(self, failure: BaseException) -> bool:
        now_s = asyncio.get_running_loop().time()
        recent = [at_s for at_s in self._crashed_at_s if now_s - at_s < PERIOD_S]
        self._crashed_at_s = [*recent, now_s]
        is_over = len(self._crashed_at_s) > CRASHES_MAX
        after = "no screen is shown any more" if is_over else "it was put up again"
        sentence = f"The screen crashed, {after}: {what_and_where(failure)}."
        self._complaints.stand(DegradedCode.UI_CRASHED, sentence)
        return is_over


def what_and_where(failure: BaseException) -> str:
    """The error, and the last line of ours that it passed through."""
    what = clean(f"{type(failure).__name__}: {failure}", 160)
    frames = traceback.extract_tb(failure.__traceback__)
    ours = [frame for frame in frames if _FLOOR in Path(frame.filename).parts] or list(frames)
    if not ours:
        return what
    last = ours[-1]
    return f"{what}, in {Path(last.filename).name}:{last.lineno} {last.name}"


async def _run(screen: Screen, mouse: bool) -> Parting | None:
    """The loop keeps its way of making tasks, which Textual would change for everybody."""
    loop = asyncio.get_running_loop()
    loop.call_soon(loop.set_task_factory, loop.get_task_factory())
    return await screen.run_async(mouse=mouse)
