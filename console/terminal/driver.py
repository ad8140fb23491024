"""The driver between Textual and a terminal that may stall, hang up or talk nonsense.

Theory of operation. The engine runs on the same loop as the screen, so nothing here may wait. The
driver that Textual brings has two threads: its writer's queue is put to from the loop and blocks
it once thirty frames wait; its reader takes an end of file for "nothing yet" and asks again at
once, for ever; its decoder raises at the first byte that is not UTF-8; and it stops the process
at SIGTSTP. So this one has no threads and leaves out all of that.

- Writing: `outlet.py`. A terminal that does not keep up loses frames, never the loop's time;
  when it has caught up, the whole screen is drawn.
- Reading: the loop tells when there is something. End of file, or an error of the reader or the
  writer, means that the terminal is lost. That is posted once, as `TerminalLost`, and from then
  on nothing is read or written.
- Decoding: `keystrokes.py`. What no parser understands is dropped, with the parser.
- Modes: the kitty keyboard protocol, focus reports and resizing in band are never asked for,
  the mouse only when wanted. All modes are left within CLOSING_S, whether the terminal reads or
  not, and not at all while a shell has put another job in front.
- Signals: SIGWINCH resizes. After SIGCONT the modes are taken and the screen is drawn again. The
  rest is the process's business (`hosting.py`).

What is used of Textual beyond its documented driver: `XTermParser`, and that `flush` ends a
frame, which is not relied upon.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.constants import ESCAPE_DELAY
from textual.driver import Driver
from textual.events import Resize
from textual.message import Message

from .device import Terminal
from .keystrokes import Keystrokes
from .outlet import Outlet

if TYPE_CHECKING:
    from textual.app import App

CLOSING_S = 0.25
"""How long leaving may wait for a terminal that does not read; the loop waits with it."""
_READ_BYTES = 4_096
_MOUSE_ON = "\x1b[?1000h\x1b[?1003h\x1b[?1006h"
_MOUSE_OFF = "\x1b[?1006l\x1b[?1003l\x1b[?1000l"
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?7l\x1b[?2026$p"
"""The other screen, no cursor, pastes told apart, no wrapping; can it hold back half frames?"""
_LEAVE = "\x1b[0m\x1b[H\x1b[2J\x1b[?2004l\x1b[?7h\x1b[?1049l\x1b[?25h"
_NO_QUERIES = ("Apple_Terminal",)
"""Terminals that print the question instead of answering it, by TERM_PROGRAM."""


class TerminalLost(Message):
    """The terminal hung up; posted once."""

    def __init__(self, cause: str) -> None:
        super().__init__()
        self.cause = cause
        """What was seen, in a few words."""


class TerminalStalled(Message):
    """The terminal stopped reading, or reads again."""

    def __init__(self, is_stalled: bool) -> None:
        super().__init__()
        self.is_stalled = is_stalled
        """False: it reads again, and the whole screen is drawn."""


class ConsoleDriver(Driver):
    """Takes nothing for granted; wants the loop of the main thread."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._terminal = Terminal(sys.__stdin__.fileno() if sys.__stdin__ else 0)
        self._outlet = Outlet(
            self._terminal.fd, lost=self._failed, stalled=self._stalled, redraw=self._redraw
        )
        self._parser = XTermParser()
        self._keystrokes = Keystrokes()
        self._escape: asyncio.TimerHandle | None = None
        self._is_started = False
        self._is_lost = False

    def write(self, data: str) -> None:
        """A part of a frame; never waits."""
        self._outlet.write(data)

    def start_application_mode(self) -> None:
        """Take the terminal; started in the background, there is none to take."""
        if not self._terminal.is_ours:
            self._lose("another job is in front")
            return
        self._terminal.take()
        self._outlet.switch(self._modes())
        self._resize()
        self._loop.add_reader(self._terminal.fd, self._read)
        self._loop.add_signal_handler(signal.SIGWINCH, self._resize)
        self._loop.add_signal_handler(signal.SIGCONT, self._continued)
        self._is_started = True

    def disable_input(self) -> None:
        """Listen to nothing any more."""
        if not self._is_started:
            return
        self._is_started = False
        self._loop.remove_reader(self._terminal.fd)
        self._loop.remove_signal_handler(signal.SIGWINCH)
        self._loop.remove_signal_handler(signal.SIGCONT)
        if self._escape is not None:
            self._escape.cancel()

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was, unless it is gone or somebody else's by now."""
        self.disable_input()
        if self._terminal.is_closed:
            return
        if self._is_lost or not self._terminal.is_ours:
            self._outlet.abandon()
            return
        self._outlet.close((_MOUSE_OFF if self._mouse else "") + _LEAVE, CLOSING_S)
        self._terminal.give_back()

    def close(self) -> None:
        """Let go of the device; may be called again."""
        self.disable_input()
        self._outlet.abandon()
        self._terminal.close()

    def send_message(self, message: Message) -> None:
        """Straight into the application's queue: we are on its loop."""
        self._app.post_message(message)

    def _modes(self) -> str:
        enter = _ENTER
        if os.environ.get("TERM_PROGRAM") in _NO_QUERIES:
            enter = enter.removesuffix("\x1b[?2026$p")
        return enter + (_MOUSE_ON if self._mouse else "")

    def _read(self) -> None:
        try:
            data = os.read(self._terminal.fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._failed(error)
            return
        if not data:
            self._lose("end of file")
            return
        self._feed(self._keystrokes.text(data))

    def _feed(self, text: str) -> None:
        """What was typed, as messages; an escape alone is a key once nothing follows it."""
        if not text:
            return
        try:
            for message in self._parser.feed(text):
                self.process_message(message)
        except (ParseError, ValueError, OverflowError):
            # numbers beyond any key: the parser's generator has ended with them
            self._parser = XTermParser()
        if self._escape is not None:
            self._escape.cancel()
        self._escape = self._loop.call_later(1.1 * ESCAPE_DELAY, self._nothing_followed)

    def _nothing_followed(self) -> None:
        for message in self._parser.tick():
            self.process_message(message)

    def _resize(self) -> None:
        self.send_message(Resize.from_dimensions(self._terminal.size, None))

    def _continued(self) -> None:
        """We were stopped; whoever ran meanwhile left the terminal in modes of his own."""
        if self._terminal.is_ours:
            self._terminal.take()
            self._outlet.switch(self._modes())
            self._resize()
            self._redraw()

    def _stalled(self, is_stalled: bool) -> None:
        self.send_message(TerminalStalled(is_stalled))

    def _redraw(self) -> None:
        self._app.refresh()

    def _failed(self, error: OSError) -> None:
        self._lose(error.strerror or type(error).__name__)

    def _lose(self, cause: str) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self.disable_input()
        self._outlet.abandon()
        self.send_message(TerminalLost(cause))
