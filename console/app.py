"""The Textual application: it follows the engine, asks before acts, and owns no engine state."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.events import Event, Key
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from engine import ActionRefused, DegradedCode, Status

from .clean import clean
from .client import Client, Host
from .commands import EVERYWHERE, SECTIONS, Keys, Tables, all_keys, bindings, rekeyed
from .glyphs import needs_ascii
from .lines import Look
from .link import follow
from .logbook import LogBook
from .messages import StatusChanged, Told
from .operating import Operator
from .paint import Brush
from .screens.home import HomeScreen
from .screens.leave import LeaveScreen
from .terminal.driver import ConsoleDriver, TerminalLost, TerminalStalled
from .terminal.keeper import Complaints, Parting
from .themes import THEMES
from .typeahead import TypeAhead
from .words import Words

if TYPE_CHECKING:
    from engine import Config

_STALLED = "The terminal takes nothing; frames are dropped until it reads again."


class ConsoleApp(App[Parting], inherit_bindings=False):
    """The screen in front of an engine; run it with `run_async(mouse=False)`.

    It returns how it and its operator parted; when it crashed, `failure` says with what.
    """

    TITLE = "coldstart-console"
    CSS_PATH = "console.tcss"
    BINDINGS = bindings(EVERYWHERE, is_fixed=False)
    ENABLE_COMMAND_PALETTE = False
    HOME: ClassVar[type[HomeScreen]] = HomeScreen
    TABLES: ClassVar[Tables] = SECTIONS

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
        theme: str = "default",
        logs: LogBook | None = None,
        complaints: Complaints | None = None,
        host: Host | None = None,
        keys: Keys | None = None,
        config: Config | None = None,
    ) -> None:
        """Screens of a client; `now_ms` is the market's clock, None asks the terminal.

        Without a host the engine is elsewhere, and leaving needs no question. Without a
        configuration there is none, and an incident bundle holds the screen only.
        """
        mono = bool(os.environ.get("NO_COLOR")) if mono is None else mono
        mono = mono or theme not in THEMES
        self._colours = THEMES.get(theme, THEMES["default"])
        super().__init__(driver_class=ConsoleDriver, ansi_color=mono)
        if ascii_only is None:
            ascii_only = needs_ascii(sys.stdout.encoding, os.environ.get("TERM"))
        self._client = client
        self._words = words or Words()
        self._brush = Brush(ascii_only=ascii_only, mono=mono, theme=theme)
        self._complaints = complaints or Complaints()
        self._host = host
        self._keys = keys or {}
        self._config = config
        self._logs = logs or LogBook()
        self._typed = TypeAhead(self, super().on_event)
        self._tables = tables = rekeyed(self.TABLES, self._keys)
        self._home = self.HOME(
            now_ms, lambda: client.hold, self._brush, self._words, self._logs, tables
        )
        self.operator = Operator(self, client, self._home, self._brush, self._words, tables)

    def get_default_screen(self) -> Screen[None]:
        """Home, which knows the status before its first frame."""
        self._home.show(self._client.status)
        return self._home

    def get_css_variables(self) -> dict[str, str]:
        """The colours that the style sheet needs; Textual asks while it is being made."""
        theme = self._colours
        own = {"ground": theme.ground, "ink": theme.ink, "alarm": theme.states[Look.DEGRADED]}
        return {**super().get_css_variables(), **own}

    @property
    def failure(self) -> Exception | None:
        """What it crashed with; None while it runs and when it ended well."""
        return self._exception

    async def crashed(self) -> None:
        """Wait until it has crashed."""
        await self._exception_event.wait()

    def give_terminal_back(self) -> None:
        """What it would do at its end, when it does not come to its end."""
        if self._driver is not None:
            self._driver.stop_application_mode()
            self._driver.close()

    async def on_event(self, event: Event) -> None:
        """Keys wait for one another."""
        if isinstance(event, Key) and not event.is_forwarded:
            await self._typed.add(event)
        else:
            await super().on_event(event)

    def part(self, parting: Parting) -> None:
        """End soon, for this reason."""
        self.exit(parting)

    def leave(self) -> None:
        """Ask whether to detach or to stop, as the key does."""
        self.call_later(self.action_leave)

    def on_mount(self) -> None:
        """Begin to follow the engine."""
        commands = (c for table in self._tables.values() for c in table if c.id in self._keys)
        self.set_keymap({command.id: ",".join(all_keys(command)) for command in commands})
        if self._host is not None:
            self.call_after_refresh(self._host.shown)
        self.run_worker(follow(self._client, self._post_status), group="link")
        self.operator.learn()
        self.run_worker(self._home.look_out(self._client.look), group="looks")
        self.run_worker(self._home.wait_for(self._client.prefer), group="looks")
        self.run_worker(self._home.recall(self._client.look), group="looks")

    def on_status_changed(self, message: StatusChanged) -> None:
        """Draw the newest status."""
        self.status = message.status

    def on_told(self, message: Told) -> None:
        """Show an answer."""
        self._home.tell(message.sentence, message.path)

    def watch_status(self, status: Status | None) -> None:
        """Hand the status to the home screen."""
        if status is not None:
            self._home.show(status)

    def action_help(self) -> None:
        """Open the help page."""
        self.operator.help()

    def action_arm(self) -> None:
        """Let this console act for a while, or only look again."""
        self.operator.arm()

    def action_command(self) -> None:
        """Open the line behind the colon."""
        self.operator.type_command()

    def action_palette(self) -> None:
        """Open the list of all commands."""
        self.operator.open_palette()

    def action_act(self, action_id: str) -> None:
        """Begin an act about the operator's place."""
        self.operator.begin(action_id)

    def action_incident(self) -> None:
        """Keep the screen and all that explains it in one file."""
        screen = {
            "screen.svg": self.export_screenshot(),
            "screen.txt": self._screen_text(),
            "logs.txt": self._logs.text(),
        }
        self.run_worker(self._report(screen), name="incident", group="acts", exit_on_error=False)

    def action_again(self) -> None:
        """Paint all of it again, and look at once for an engine that is lost."""
        self._client.look_again()
        self._home.refresh(layout=True)

    def on_terminal_lost(self, message: TerminalLost) -> None:
        """Nobody can see us; the engine goes on."""
        self.part(Parting.LOST)

    def on_terminal_stalled(self, message: TerminalStalled) -> None:
        """Say so where others can see it."""
        if message.is_stalled:
            self._complaints.stand(DegradedCode.TERMINAL_STALLED, _STALLED)
        else:
            self._complaints.clear(DegradedCode.TERMINAL_STALLED)

    def action_detach(self) -> None:
        """Give the prompt back; the engine goes on."""
        self.part(Parting.DETACHED)

    def action_leave(self) -> None:
        """Ask whether to detach or to stop; where the engine is elsewhere, just leave."""
        if isinstance(self.screen, LeaveScreen):
            return
        if self._host is None:
            self.part(Parting.DETACHED)
            return
        try:
            question = self._host.stop_question(self._words)
        except ActionRefused as refusal:
            question = self._words.refused(refusal)
        screen = LeaveScreen(question, self._words, ascii_only=self._brush.ascii_only)
        self.push_screen(screen, self._parted)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An act that failed in an unexpected way is told, it does not end the screen."""
        if event.worker.group == "acts" and event.state is WorkerState.ERROR:
            error = clean(repr(event.worker.error))
            sentence = self._words.action_failed.format(action=event.worker.name, error=error)
            self.post_message(Told(sentence))

    def _screen_text(self) -> str:
        rows = self.screen._compositor.render_strips(self.size)
        return "".join(f"{row.text.rstrip()}\n" for row in rows)

    async def _report(self, screen: Mapping[str, str]) -> None:
        from .incident import report_screen  # nobody waits for it at the start

        try:
            path = await report_screen(self._config, self._client.look, screen)
        except OSError as error:
            said = self._words.incident_unkept.format(error=error.strerror or error)
            self.post_message(Told(said))
        else:
            self.post_message(Told(self._words.incident_kept.format(path=path), str(path)))

    def _post_status(self, status: Status) -> None:
        self.post_message(StatusChanged(status))

    def _parted(self, parting: Parting | None) -> None:
        if parting is Parting.STOPPED and self._host is not None:
            self._host.stop()
        if parting is not None:
            self.part(parting)

    def _handle_exception(self, error: Exception) -> None:
        """Textual's way out of a crash, without the page of traceback that blocks the loop.

        The keeper says what happened and puts up another screen.
        """
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()
