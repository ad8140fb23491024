"""What the command line prints of five hundred hostile texts: not one raw control byte."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from console.shell.errands import loaded
from console.shell.options import Options
from console.shell.storing import bring_in

from .hostile import HOSTILE, steering
from .running import ROOT, coldstart

ESCAPE = "\x1b]0;owned\x07\x9b2J\u202e"


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed on both streams, without its line ends."""
    captured = capsys.readouterr()
    return (captured.out + captured.err).replace("\n", "")


def refused(work: Callable[[], object]) -> None:
    """A command that must end with a sentence."""
    with pytest.raises(SystemExit):
        work()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_refused_configuration_is_told_harmlessly(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A symbol, a key and a value that came from who knows where."""
    config = tmp_path / "config.json"
    for document in ({"symbols": [text]}, {text: 1}, {"broker": {"kind": text}}):
        config.write_text(json.dumps(document))
        refused(lambda: loaded(Options(config=config)))

    assert [] == steering(said(capsys))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_file_name_is_told_harmlessly(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names that no file can have, and names that a file has."""
    refused(lambda: loaded(Options(config=tmp_path / f"x{text}")))
    options = Options(data=tmp_path / "data")
    refused(lambda: bring_in(options, tmp_path / f"x{text}", None, None, None, is_replacing=False))

    printed = said(capsys)
    assert printed
    assert [] == steering(printed)


@pytest.mark.parametrize("at", [1, 3, 13, 18, 27, 34, 50, 51])
def test_a_process_says_it_harmlessly_on_both_streams(at: int, tmp_path: Path) -> None:
    """Through the real entry point: usage errors are not our sentences, and tracebacks neither."""
    text = "".join(c for c in HOSTILE[at] if c != "\x00" and not _is_no_byte(c))
    for arguments in ((f"--{text}",), (text, "x"), ("status", "--data", f"d{text}"), ("why", text)):
        done = coldstart(*arguments, cwd=tmp_path)
        assert done.code in (1, 2, 3)
        assert [] == steering((done.out + done.err).replace("\n", ""))


def _is_no_byte(character: str) -> bool:
    """Half a character that is not how Python writes a byte of an argument."""
    return "\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff"


def test_a_traceback_is_defused_too(tmp_path: Path) -> None:
    """What nobody foresaw ends a command with Python's own words, and foreign ones in them."""
    code = (
        "import console.cli as cli, console.shell.cli_looking as looking\n"
        f"def broken(ctx): raise RuntimeError({ESCAPE!r})\n"
        "looking.look_at_status = broken\n"
        "import sys; sys.argv = ['coldstart-console', 'status']\n"
        "cli.run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )

    assert 1 == done.returncode
    assert "RuntimeError: ?]0;owned??2J?" in done.stderr
    assert [] == steering(done.stderr.replace("\n", ""))
