"""What a headless engine writes on stderr: warnings, and nothing that steers a terminal."""

from __future__ import annotations

import logging

import pytest

from console.shell.stderr_log import log_to_stderr


@pytest.mark.parametrize(("level", "is_told"), [("info", True), ("warning", False)])
def test_foreign_words_steer_no_terminal_and_notes_are_told_if_wanted(
    capsys: pytest.CaptureFixture[str], level: str, is_told: bool
) -> None:
    """A broker's sentence may hold anything; `logging.level` says how much is said."""
    root = logging.getLogger()
    before, floor = list(root.handlers), logging.getLogger("engine.test")
    log_to_stderr(level)
    floor.setLevel(logging.INFO)
    try:
        floor.warning("the broker said \x1b[2J\x07 no")
        floor.info("a note")
    finally:
        floor.setLevel(logging.NOTSET)
        for handler in set(root.handlers) - set(before):
            root.removeHandler(handler)

    said = capsys.readouterr().err
    assert "WARNING engine.test: the broker said" in said
    assert not {"\x1b", "\x07"} & set(said)
    assert is_told == ("a note" in said)
