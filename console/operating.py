"""From a key, a typed line or a choice to an act of the engine: armed, asked, answered, told."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Protocol

from textual.app import App

from engine import ActionRefused

from . import moments
from .board import Places
from .client import Client
from .commands import Tables
from .messages import Told
from .offers import Deed, Offer
from .paint import Brush
from .screens.command import CommandScreen
from .screens.confirm import ConfirmScreen
from .screens.help import HelpScreen
from .screens.palette import Choice, PaletteScreen
from .screens.phrase import PhraseScreen
from .speech import NotUnderstood, Speech
from .terminal.keeper import Parting
from .widgets.help_rows import act_summary, keys_of
from .words import Words


class Desk(Protocol):
    """The screen the operator sits at."""

    @property
    def places(self) -> Places:
        """What an act would be about."""
        ...

    def choose(self, kind: str, key: str) -> None:
        """Let a process, a symbol or a reason be chosen, for this key."""
        ...

    def note_refusal(self, deed: Deed, said: str, command: str) -> None:
        """Keep in the journal what was refused; what was done comes from the engine."""
        ...

    def redraw(self) -> None:
        """Show the hold on the engine as it is now."""
        ...


class Operator:
    """Asks in the operator's name, one question after the other; the engine decides."""

    def __init__(
        self,
        app: App[Parting],
        client: Client,
        desk: Desk,
        brush: Brush,
        words: Words,
        tables: Tables,
    ) -> None:
        self._app = app
        self._client = client
        self._desk = desk
        self._brush = brush
        self._words = words
        self._tables = tables
        self._keys = {c.id: keys_of(c) for table in tables.values() for c in table}
        self._history: list[str] = []
        self._known: tuple[Offer, ...] = ()
        self._turn = asyncio.Lock()
        self._waiting: set[str] = set()

    def learn(self) -> None:
        """Look at the registry, so that the colon need not wait for it."""
        self._begin(self._learn(), "learn")

    def arm(self) -> None:
        """Let this console act for a while, or only look again."""
        self._begin(self._arm(), "arm")

    def begin(self, action_id: str) -> None:
        """An act about the operator's place."""
        self._begin(self._act_here(action_id, self._desk.places), action_id)

    def type_command(self) -> None:
        """Open the line behind the colon; at once, for whoever types goes on typing."""
        self.learn()
        screen = CommandScreen(self._speech(), self._history, self._brush, self._words)
        self._app.push_screen(screen, self._typed)

    def open_palette(self) -> None:
        """Open the list of all commands; at once too."""
        self.learn()
        words, speech = self._words, self._speech()
        views = speech.views.values()
        choices = [Choice(c.id, keys_of(c), words.commands[c.id]) for c in views]
        for offer in speech.offers.values():
            key = self._keys.get(offer.id, "")
            choices.append(Choice(offer.id, key, act_summary(offer, words)))
        self._app.push_screen(PaletteScreen(choices, self._brush, words), self._picked)

    def help(self) -> None:
        """Open the help page."""
        self.learn()
        market, words = self._client.status.market, self._words
        screen = HelpScreen(market, self._brush, words, self._tables, self._known)
        self._app.push_screen(screen)

    def _begin(self, work: Coroutine[None, None, None], name: str) -> None:
        """In a worker, because an engine elsewhere may take its time; the same waits once."""
        if name in self._waiting:
            work.close()
            return
        self._waiting.add(name)
        self._app.run_worker(
            self._in_turn(work, name), name=name, group="acts", exit_on_error=False
        )

    async def _in_turn(self, work: Coroutine[None, None, None], name: str) -> None:
        try:
            async with self._turn:
                await work
        except NotUnderstood as refusal:
            self._tell(str(refusal))
        except ActionRefused as refusal:
            self._tell(self._words.refused(refusal))
        finally:
            self._waiting.discard(name)

    async def _learn(self) -> None:
        """The registry; of an engine that cannot be asked now it stays what was known before."""
        with suppress(ActionRefused):
            self._known = await self._client.offers()

    async def _arm(self) -> None:
        words, key = self._words, self._key("arm")
        if self._client.hold.is_armed:
            await self._client.disarm()
            said = words.disarmed
        else:
            await self._client.arm()
            left = moments.minutes(round(self._client.hold.armed_left_s))
            said = words.armed.format(left=left, key=key)
        self._desk.redraw()
        self._tell(said)

    async def _act_here(self, action_id: str, places: Places) -> None:
        offer = await self._offer(action_id)
        words = places.words_for(offer.slots)
        if words is None and offer.slots[0].kind == "drill":
            self._desk.choose("drill", self._key(action_id))  # cards are there to be read first
        elif not self._may(offer):
            return
        elif words is None:
            self._desk.choose(offer.slots[0].kind, self._key(action_id))
        else:
            await self._ask(offer, Deed(action_id, words))

    def _typed(self, text: str | None) -> None:
        line = (text or "").strip()
        if line:
            self._history = [*(old for old in self._history if old != line), line]
            self._begin(self._say(line), line)

    async def _say(self, line: str) -> None:
        await self._learn()
        speech = self._speech()
        said = speech.understood(line)
        if said.view is not None:
            self._run_view(said.view.run)
        elif said.deed is not None and self._may(offer := speech.offers[said.deed.action_id]):
            await self._ask(offer, said.deed)

    def _picked(self, name: str | None) -> None:
        views = self._speech().views
        if name in views:
            self._run_view(views[name].run)
        elif name is not None:
            self.begin(name)

    def _may(self, offer: Offer) -> bool:
        """Whether it is worth asking; the engine would refuse the act behind the question."""
        if offer.danger == "view" or self._client.hold.is_armed:
            return True
        self._tell(self._words.arm_first.format(key=self._key("arm")))
        return False

    async def _ask(self, offer: Offer, deed: Deed) -> None:
        """Put the engine's question; on yes, or on the word, act."""
        asking, is_ascii = await self._client.question(deed), self._brush.ascii_only
        asking = asking._replace(sentence=self._words.asked(asking.said, asking.sentence))
        phrase = ""
        if asking.phrase is not None:
            typed = PhraseScreen(asking, self._words, ascii_only=is_ascii)
            said = await self._app.push_screen_wait(typed)
            if said is None:
                return
            phrase = said.strip()
            if phrase != asking.phrase:
                self._tell(self._words.phrase_differs.format(phrase=asking.phrase))
                return
        elif offer.danger != "view":
            confirm = ConfirmScreen(asking.sentence, self._words, ascii_only=is_ascii)
            if not await self._app.push_screen_wait(confirm):
                return
        try:
            done = await self._client.act(deed, phrase)
            sentence = self._words.asked(done.said, done.sentence)
        except ActionRefused as refusal:
            sentence = self._words.refused(refusal)
            self._desk.note_refusal(deed, sentence, asking.command)
        self._tell(sentence)

    async def _offer(self, action_id: str) -> Offer:
        found = next((o for o in await self._client.offers() if o.id == action_id), None)
        if found is None:
            raise ActionRefused(self._words.no_command.format(name=action_id), "unknown")
        return found

    def _speech(self) -> Speech:
        return Speech(self._tables, self._known, self._client.status, self._words)

    def _key(self, command_id: str) -> str:
        return self._keys.get(command_id, command_id)

    def _run_view(self, action: str) -> None:
        """When what asked for it is closed."""
        home = self._app.screen_stack[0]
        self._app.call_later(self._app.run_action, action, home)

    def _tell(self, sentence: str) -> None:
        self._app.post_message(Told(sentence))
