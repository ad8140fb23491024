"""The driver on a real terminal: it is given back as it was, once, whatever comes first."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
from collections.abc import Iterator
from io import TextIOWrapper

import pytest
from textual.app import App
from textual.events import Key, Resize
from textual.message import Message

from console.terminal.device import Terminal, TerminalGone
from console.terminal.driver import ConsoleDriver, TerminalLost


class Heard(App[None]):
    """Remembers what the driver posts."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    def post_message(self, message: Message) -> bool:
        """Into the list, nowhere else."""
        self.heard.append(message)
        return True


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The terminal's side of a pty whose other side is our standard input."""
    far, near = pty.openpty()
    stdin = TextIOWrapper(os.fdopen(near, "rb"))
    monkeypatch.setattr("sys.__stdin__", stdin)
    yield far
    stdin.close()
    os.close(far)


def _written(far: int) -> bytes:
    os.set_blocking(far, False)
    try:
        return os.read(far, 65_536)
    except BlockingIOError:
        return b""


async def test_modes_are_taken_and_given_back_once(far: int) -> None:
    """Whoever ends a screen twice must not throw the shell out of its own modes."""
    before = termios.tcgetattr(far)
    driver = ConsoleDriver(app := Heard(), mouse=False)
    driver.start_application_mode()
    assert before != termios.tcgetattr(far)
    entered = _written(far)
    assert entered.startswith(b"\x1b[?1049h")
    for never in (b"?1000h", b"?1003h", b"?1004h", b"?2048", b"u"):
        assert never not in entered
    assert any(isinstance(message, Resize) for message in app.heard)

    for _ in range(2):
        driver.stop_application_mode()
        driver.close()
    assert before == termios.tcgetattr(far)
    assert _written(far).endswith(b"\x1b[?1049l\x1b[?25h")


async def test_keys_arrive_and_an_escape_alone_is_a_key(far: int) -> None:
    """An escape may begin a sequence: only silence tells."""
    driver = ConsoleDriver(app := Heard(), mouse=False)
    driver.start_application_mode()
    os.write(far, "qй".encode() + b"\x1b[A\x1b")
    await asyncio.sleep(0.3)
    driver.stop_application_mode()
    driver.close()

    keys = [message.key for message in app.heard if isinstance(message, Key)]
    assert ["q", "й", "up", "escape"] == keys


async def test_what_no_parser_understands_costs_itself_only(far: int) -> None:
    """A number beyond any key ended the parser, and with it every key after it."""
    driver = ConsoleDriver(app := Heard(), mouse=False)
    driver.start_application_mode()
    for noise in (b"\x1b[99999999999999999999999;3u", b"\x1b[1:2;3u", b"\x1b[M\xff\xff\xff"):
        os.write(far, noise)
        await asyncio.sleep(0.02)
    app.heard.clear()
    os.write(far, b"j")
    await asyncio.sleep(0.05)
    driver.stop_application_mode()
    driver.close()

    assert ["j"] == [message.key for message in app.heard if isinstance(message, Key)]


async def test_the_mouse_is_heard_when_wanted_and_left_alone_at_the_end(far: int) -> None:
    """A terminal that goes on reporting its mouse types into the shell."""
    driver = ConsoleDriver(Heard(), mouse=True)
    driver.start_application_mode()
    assert b"\x1b[?1006h" in _written(far)
    driver.stop_application_mode()
    driver.close()
    assert b"\x1b[?1000l" in _written(far)


async def test_a_hangup_is_posted_once_and_nothing_is_read_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stock reader asked again at once, for ever."""
    far, near = pty.openpty()
    with TextIOWrapper(os.fdopen(near, "rb")) as stdin:
        monkeypatch.setattr("sys.__stdin__", stdin)
        driver = ConsoleDriver(app := Heard(), mouse=False)
        driver.start_application_mode()
        os.close(far)
        await asyncio.sleep(0.05)
        driver.write("frame")
        await asyncio.sleep(0.05)
        driver.stop_application_mode()
        driver.close()

    assert 1 == sum(isinstance(message, TerminalLost) for message in app.heard)


def test_where_no_terminal_is_none_is_opened() -> None:
    """A pipe has no name to open again."""
    reading, writing = os.pipe()
    with pytest.raises(TerminalGone):
        Terminal(reading)
    os.close(reading)
    os.close(writing)
