"""The Textual application: it follows the engine, asks before acts, and owns no engine state."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

from textual.app import App
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from engine import ActionRefused, Status

from .clean import clean
from .client import Client
from .commands import EVERYWHERE, bindings
from .glyphs import needs_ascii
from .link import follow
from .messages import StatusChanged, Told
from .paint import Brush
from .screens.confirm import ConfirmScreen
from .screens.help import HelpScreen
from .screens.home import HomeScreen
from .words import Words


class ConsoleApp(App[str], inherit_bindings=False):
    """The screen in front of an engine; run it with `run_async(mouse=False)`.

    It returns what the engine said at shutdown, or None when it was ended from outside.
    """

    TITLE = "coldstart-console"
    CSS_PATH = "console.tcss"
    BINDINGS = bindings(EVERYWHERE)
    ENABLE_COMMAND_PALETTE = False

    status: reactive[Status | None] = reactive(None, repaint=False, always_update=True, init=False)
    """The newest value the screens draw; None until the engine was first looked at."""

    def __init__(
        self,
        client: Client,
        now_ms: Callable[[], int],
        *,
        ascii_only: bool | None = None,
        mono: bool | None = None,
        words: Words | None = None,
    ) -> None:
        """Screens of a client; `now_ms` is the market's clock, None asks the terminal."""
        mono = bool(os.environ.get("NO_COLOR")) if mono is None else mono
        super().__init__(ansi_color=mono)
        if ascii_only is None:
            ascii_only = needs_ascii(sys.stdout.encoding, os.environ.get("TERM"))
        self._client = client
        self._words = words or Words()
        self._brush = Brush(ascii_only=ascii_only, mono=mono)
        self._home = HomeScreen(now_ms, self.ask, self._brush, self._words)

    def get_default_screen(self) -> Screen[None]:
        """Home, which knows the status before its first frame."""
        self._home.show(self._client.status)
        return self._home

    def on_mount(self) -> None:
        """Begin to follow the engine."""
        self.run_worker(follow(self._client, self._post_status), group="link")

    def on_status_changed(self, message: StatusChanged) -> None:
        """Draw the newest status."""
        self.status = message.status

    def on_told(self, message: Told) -> None:
        """Show an answer."""
        self._home.tell(message.sentence)

    def watch_status(self, status: Status | None) -> None:
        """Hand the status to the home screen."""
        if status is not None:
            self._home.show(status)

    def action_help(self) -> None:
        """Open the help page."""
        self.push_screen(HelpScreen(self._client.status.market, self._brush, self._words))

    def action_stop(self) -> None:
        """Ask to stop the engine and leave."""
        self.ask("shutdown", "")

    def ask(self, action_id: str, target: str) -> None:
        """Put the engine's question; on yes, act."""
        try:
            question = self._client.question(action_id, target)
        except ActionRefused as refusal:
            self.post_message(Told(str(refusal)))
            return
        screen = ConfirmScreen(question, self._words, ascii_only=self._brush.ascii_only)
        self.push_screen(screen, partial(self._answered, action_id, target))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An act that failed in an unexpected way is told, it does not end the screen."""
        if event.worker.group == "acts" and event.state is WorkerState.ERROR:
            error = clean(repr(event.worker.error))
            sentence = self._words.action_failed.format(action=event.worker.name, error=error)
            self.post_message(Told(sentence))

    def _post_status(self, status: Status) -> None:
        self.post_message(StatusChanged(status))

    def _answered(self, action_id: str, target: str, yes: bool | None) -> None:
        if yes:
            act = self._act(action_id, target)
            name = f"{action_id} {target}".strip()
            self.run_worker(act, name=name, group="acts", exit_on_error=False)

    async def _act(self, action_id: str, target: str) -> None:
        try:
            sentence = await self._client.act(action_id, target)
        except ActionRefused as refusal:
            sentence = str(refusal)
        else:
            if action_id == "shutdown":
                self.exit(sentence)
                return
        self.post_message(Told(sentence))
