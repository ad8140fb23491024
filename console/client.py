"""What the console asks of an engine, and the client of an engine in this very process.

There are two clients, this one and the one behind the control socket (`remote_client.py`). Both
send the same operations to the same table of the engine (`engine/control/operations.py`); only
the road differs, so what a question says and what is refused cannot differ.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from engine import Status, refusal, saying, sayings_of
from uds.model import Symbol

from .hold import Hold
from .offers import Asking, Deed, Done, Offer, given, offer_of
from .words import Words

if TYPE_CHECKING:
    from engine import Engine


class Client(Protocol):
    """An engine as its operator sees it: one status, and acts that are asked before.

    Whatever asks the engine raises ActionRefused, also when it does not answer.
    """

    @property
    def status(self) -> Status:
        """The newest value; the same object until something changes."""
        ...

    @property
    def hold(self) -> Hold:
        """Whether the engine is there, and may be told to act."""
        ...

    async def changed(self) -> Status:
        """Wait for the next change of the status, or of whether the engine is there."""
        ...

    async def offers(self) -> tuple[Offer, ...]:
        """The engine's registry."""
        ...

    async def question(self, deed: Deed) -> Asking:
        """What the act would touch, computed from fresh state."""
        ...

    async def act(self, deed: Deed, phrase: str = "") -> Done:
        """Do it; what was done."""
        ...

    async def arm(self) -> None:
        """Take the scope to act for a while."""
        ...

    async def disarm(self) -> None:
        """Give it back."""
        ...

    async def look(self, op: str, args: Mapping[str, object]) -> Any:
        """What an operation of the control socket answers."""
        ...

    async def prefer(self, symbol: Symbol) -> None:
        """Let the M1 of a symbol be fetched next."""
        ...

    def look_again(self) -> None:
        """Try at once to reach an engine that is lost."""
        ...


class Host(Protocol):
    """Whoever runs the engine in this process: who leaves the console may end both."""

    def stop_question(self, words: Words) -> str:
        """What ends with the engine, in the operator's language."""
        ...

    def stop(self) -> None:
        """End it in order; whoever hosts an engine may always leave."""
        ...

    def shown(self) -> None:
        """The first picture stands."""
        ...


class Operating(ABC):
    """The half of a client that asks; how a question travels is the subclass's."""

    def __init__(self) -> None:
        self._offers: tuple[Offer, ...] = ()
        self._armed_until_s = 0.0
        self._actor = ""

    @abstractmethod
    async def look(self, op: str, args: Mapping[str, object]) -> Any:
        """The result of one operation; raises ActionRefused."""

    async def offers(self) -> tuple[Offer, ...]:
        if not self._offers:
            told = await self.look("actions", {})
            self._offers = tuple(map(offer_of, told["actions"]))
        return self._offers

    async def question(self, deed: Deed) -> Asking:
        told = await self.look("question", await self._args(deed))
        said = sayings_of(told.get("said"))
        return Asking(told["sentence"], told["phrase"], told["command"], said)

    async def act(self, deed: Deed, phrase: str = "") -> Done:
        told = await self.look("act", {**await self._args(deed), "phrase": phrase})
        return Done(str(told["said"]), sayings_of(told.get("said_codes")))

    async def arm(self) -> None:
        told = await self.look("arm", {})
        self._armed_until_s = asyncio.get_running_loop().time() + told["armed_left_s"]
        self._actor = str(told.get("actor", ""))

    async def disarm(self) -> None:
        await self.look("disarm", {})
        self._armed_until_s = 0.0

    async def prefer(self, symbol: Symbol) -> None:
        await self.look("prefer", {"symbol": symbol})

    @property
    def _armed_left_s(self) -> float:
        return max(0.0, self._armed_until_s - asyncio.get_running_loop().time())

    async def _args(self, deed: Deed) -> dict[str, object]:
        known = {offer.id: offer for offer in await self.offers()}
        offer = known.get(deed.action_id)
        if offer is None:
            raise refusal(saying("not_offered", deed.action_id[:40]), code="unknown")
        return {"action": deed.action_id, "arguments": given(offer, deed.words)}


class LocalClient(Operating):
    """The engine on the same loop; it sits in a seat of its own, as every connection does."""

    def __init__(self, engine: Engine) -> None:
        from engine import Seat

        super().__init__()
        self._engine = engine
        self._seat = Seat(engine, "console")

    @property
    def status(self) -> Status:
        return self._engine.board.status

    @property
    def hold(self) -> Hold:
        return Hold(self._armed_left_s, actor=self._seat.actor)

    async def changed(self) -> Status:
        return await self._engine.board.changed()

    def look_again(self) -> None:
        """It is never lost."""

    def stop_question(self, words: Words) -> str:
        _, question = self._seat.ask("shutdown", {})
        return words.asked(question.said, question.sentence)

    def stop(self) -> None:
        if self._engine.is_read_only:
            self._engine.stop()
        else:
            self._seat.act("shutdown", {}, is_armed=True)

    def shown(self) -> None:
        """It was opened before there was a screen."""

    async def look(self, op: str, args: Mapping[str, object]) -> Any:
        from engine import look

        return await look(self._engine, self._seat, op, args)
