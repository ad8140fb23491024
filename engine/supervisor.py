"""One keeper per child: spawn all, restart within intensity, hold loudly, stop in reverse.

Theory of operation. A child is an asyncio task. Tasks put directly into a TaskGroup would be
one-for-all: a crash cancels the siblings. So each child has a keeper (`keeper.py`), a loop that
runs it, waits out its failure and runs it again; keepers share nothing but the board, and that
is one-for-one. A restart of one child, by whomever, is seen in no other row of the table.

All children are spawned at once and nobody awaits another's readiness; only cells, lanes and
the broker's session couple them. They are stopped one by one, the last in the list first.

When another owner is found to have the data, by whoever finds it, every child that writes is
stopped for good. What only reads lives on, so that the engine can still be asked what happened.

Not even here is an except broad: the child's task holds what it failed with. An unexpected
failure so becomes a restart, a number and a sentence, instead of the end of the platform; a
`sys.exit` in any of its tasks as well (`containment.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from .config import SupervisorConfig
from .containment import contain_exits
from .degraded import DegradedCode
from .keeper import Keeper, Life, Lives
from .process import ProcessSpec, Tools
from .status import Status


class Supervisor:
    """The five children of one engine."""

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        tools_for: Callable[[str], Tools],
        limits: SupervisorConfig,
        lives: Lives | None = None,
    ) -> None:
        """`lives` makes the incarnations that the waist checks; None when nothing checks them."""
        made = lives or _unchecked
        self._keepers = {s.name: Keeper(s, tools_for(s.name), limits, made) for s in specs}
        self._board = tools_for("engine").board
        self._fence: asyncio.Task[None] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The children, in the order they are spawned."""
        return tuple(self._keepers)

    @property
    def busy_s(self) -> dict[str, float]:
        """Seconds that the tasks of each child have held the loop (`containment.py`)."""
        return {name: keeper.loop_time.busy_s for name, keeper in self._keepers.items()}

    def spawn_all(self) -> None:
        """Start every child at once; nobody waits for another's readiness."""
        contain_exits()
        for keeper in self._keepers.values():
            keeper.spawn()
        self._fence = asyncio.create_task(self._stop_when_fenced(), name="fence")

    def restart(self, name: str, *, is_forced: bool = False) -> None:
        """End one child now and run it again, whatever it was doing; siblings do not notice.

        It is given 5 s to end; when forced none, and it may write nothing from now on.
        """
        self._keepers[name].restart(is_forced=is_forced)

    def fail(self, name: str, failure: BaseException) -> None:
        """End one child as if it had failed with this: it comes back by its schedule."""
        self._keepers[name].fail(failure)

    async def stop_all(self) -> None:
        """End the children one by one, the last spawned first."""
        if self._fence is not None:
            self._fence.cancel()
        for keeper in reversed(self._keepers.values()):
            await keeper.stop()

    async def _stop_when_fenced(self) -> None:
        status = await self._board.until(_is_fenced)
        sentence = next(r.detail for r in status.reasons if r.code is DegradedCode.FENCED)
        for keeper in reversed(self._keepers.values()):
            if not keeper.spec.only_reads:
                await keeper.fence(sentence)


def _is_fenced(status: Status) -> bool:
    return any(reason.code is DegradedCode.FENCED for reason in status.reasons)


class _Unchecked:
    """A life in a house where nobody asks for papers."""

    def revoke(self) -> None:
        """Nobody would notice."""

    def active(self) -> AbstractContextManager[object]:
        """Nothing is entered."""
        return nullcontext()


def _unchecked(_name: str, _n: int) -> Life:
    return _Unchecked()
