"""What a headless engine writes on stderr: nothing that steers a terminal, nothing that waits."""

from __future__ import annotations

import logging
import os
import re
import threading

import pytest

from console.shell.stderr_log import LINES_MAX, StderrLines, logging_to_stderr

PIPE_BYTES = 65_536


@pytest.mark.parametrize(("level", "is_told"), [("info", True), ("warning", False)])
def test_foreign_words_steer_no_terminal_and_notes_are_told_if_wanted(
    capfd: pytest.CaptureFixture[str], level: str, is_told: bool
) -> None:
    """A broker's sentence may hold anything; `logging.level` says how much is said."""
    floor = logging.getLogger("engine.test")
    floor.setLevel(logging.INFO)
    try:
        with logging_to_stderr(level) as say:
            floor.warning("the broker said \x1b[2J\x07 no")
            floor.info("a note")
            say("gate \x1b[2J open")
    finally:
        floor.setLevel(logging.NOTSET)

    said = capfd.readouterr().err
    assert "WARNING engine.test: the broker said" in said
    assert said.endswith("open\n")
    assert not {"\x1b", "\x07"} & set(said)
    assert is_told == ("a note" in said)


def test_who_does_not_read_stops_nobody_and_hears_what_he_missed() -> None:
    """A paused terminal once froze readers, feed and the stop signal."""
    ours, theirs = os.pipe()
    lines = StderrLines(theirs)
    for number in range(9_999):
        lines.say(f"{number:99}")
    lines.close()

    heard = b""
    while not (said := re.search(rb"console: (\d+) lines were left out: nobody read", heard)):
        heard += os.read(ours, PIPE_BYTES)
    os.close(ours)
    assert heard.lstrip().startswith(b"0\n")
    assert LINES_MAX < int(said[1]) < 9_999


def test_a_record_whose_arguments_do_not_fit_is_said_without_them() -> None:
    """A mistake in a library's log call must not become one of the engine's."""
    ours, theirs = os.pipe()
    lines = StderrLines(theirs)
    lines.handle(logging.LogRecord("a.library", logging.WARNING, "", 1, "%d %d", (1,), None))
    lines.close()

    assert b"WARNING a.library: %d %d\n" == os.read(ours, PIPE_BYTES)
    os.close(ours)


def test_who_left_is_not_written_to() -> None:
    """`| head -1` ends the reading, not the engine."""
    ours, theirs = os.pipe()
    os.close(ours)
    lines = StderrLines(theirs)
    for _ in range(2 * LINES_MAX):
        lines.say("a line")
    lines.close()

    assert lines.thread_name not in {thread.name for thread in threading.enumerate()}
