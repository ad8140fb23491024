"""The bytes that a terminal receives of five hundred hostile texts: only what the console says.

What is tested as text elsewhere is tested here behind everything that writes: the driver, the
streams, the kernel's line discipline.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections import Counter
from pathlib import Path

import pytest

from tests.hostile import steering

from .glass import environment

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads a pty to its end"
)
_SIZE = (130, 150)
_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\\\)|[ -/]*[0-~]?)"
)
_COLOURS = re.compile(rb"\x1b\[(?:0|(?:\d;)*38;2;\d+;\d+;\d+;48;2;\d+;\d+;\d+)m")
_PLACE = re.compile(rb"\x1b\[\d+;\d+H")
_BEGINNING = Counter(
    (
        *(b"\x1b[?1049h", b"\x1b[?25l", b"\x1b[?2004h", b"\x1b[?7l"),
        *(b"\x1b[?2026$p", b"\x1b]22;default\x07"),
    )
)
_END = Counter(
    (
        *(b"\x1b[H", b"\x1b[2J", b"\x1b[?2004l", b"\x1b[?7h", b"\x1b[?1049l", b"\x1b[?25h"),
        b"\x1b]22;default\x07",
    )
)


def received(*arguments: str, cwd: Path) -> bytes:
    """All that a program writes to its terminal, to the last byte."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", *_SIZE, 0, 0))
    command = (sys.executable, "-m", "tests.terminal.hostile_child", *arguments)
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env=environment(),
        start_new_session=True,
    ) as process:
        os.close(theirs)
        portions = []
        try:
            while data := os.read(ours, 65_536):
                portions.append(data)
        except OSError:
            pass  # nobody has the other end open any more
        os.close(ours)
    assert 0 == process.returncode
    return b"".join(portions)


def raw(data: bytes) -> list[str]:
    """What could steer a terminal and is no sequence of the console's own."""
    text = data.decode("utf-8").replace("\r\n", "")
    return steering(text)


def test_a_screen_sends_its_own_sequences_and_nothing_else(tmp_path: Path) -> None:
    """As a broker's errors, scopes, exceptions, acts, answers and log lines, on every page."""
    data = received("screen", cwd=tmp_path)
    said = [
        sequence
        for sequence in _SEQUENCE.findall(data)
        if not _COLOURS.fullmatch(sequence) and not _PLACE.fullmatch(sequence)
    ]

    assert data.endswith(b"THE END\r\n")
    assert 1_000_000 < len(data)
    assert [] == list((Counter(said) - _BEGINNING - _END).elements())
    assert [] == raw(_SEQUENCE.sub(b"", data))


def test_commands_send_no_sequence_at_all(tmp_path: Path) -> None:
    """As symbols of a configuration, names of files, log records and answers."""
    data = received("commands", str(tmp_path), cwd=tmp_path)

    assert data.endswith(b"THE END\r\n")
    assert 2_000 <= data.count(b"\r\n")
    assert [] == raw(data)
