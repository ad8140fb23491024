"""Options and folders that nobody means: one sentence and exit 2, whatever was typed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from console.shell.errands import loaded
from console.shell.exits import Exit
from console.shell.options import Options
from tests.running import coldstart


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Options], str]:
    """What a command says that cannot use its options; it must end with exit 2."""
    monkeypatch.chdir(tmp_path)

    def said(options: Options) -> str:
        with pytest.raises(SystemExit) as ended:
            loaded(options)
        assert Exit.USAGE == ended.value.code
        return capsys.readouterr().err

    return said


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("nope", "is not an instant"),
        ("", "is not an instant"),
        ("0001-01-01T00:00:00+14:00", "is not in the years 1980 to 2198"),
        ("1979-12-31T23:59:59Z", "is not in the years 1980 to 2198"),
        ("2199-01-01", "is not in the years 1980 to 2198"),
        ("9999-12-31T23:59:59-14:00", "is not in the years 1980 to 2198"),
    ],
)
def test_an_instant_that_no_calendar_knows_is_refused(
    refused: Callable[[Options], str], at: str, why: str
) -> None:
    """Also by commands that run nothing: a typing error must not wait for the one that does."""
    assert f"--at {at!r} {why}" in refused(Options(at=at))


def test_the_first_and_the_last_instant_are_taken(tmp_path: Path) -> None:
    """The bounds are inside."""
    for at in ("1980-01-01T00:00:00Z", "2198-12-31T23:59:59Z"):
        assert loaded(Options(at=at, data=tmp_path)).data_root == tmp_path


def test_a_broker_without_a_folder_is_refused(refused: Callable[[Options], str]) -> None:
    """The current folder was not what was meant."""
    assert "--broker 'replay:' names no folder" in refused(Options(broker="replay:"))


def test_a_home_of_nobody_and_a_link_to_itself_are_names_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They end in a sentence where they are opened, not in a traceback where they are typed."""
    monkeypatch.chdir(tmp_path)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    config = loaded(Options(data=loop, broker="replay:~nobody-of-that-name/x"))

    assert (loop, tmp_path / "~nobody-of-that-name" / "x") == (
        config.data_root,
        config.broker.replay.path,
    )
    done = coldstart("bootstrap", "--data", "loop", cwd=tmp_path)
    assert (6, 1) == (done.code, len(done.err.splitlines())), done.err
    assert f"The data folder {loop} cannot be used: " in done.err


def test_a_folder_whose_name_is_no_text_is_refused(refused: Callable[[Options], str]) -> None:
    """No document could name it."""
    for options in (Options(data=Path("b\udcff")), Options(broker="replay:b\udcff")):
        assert "has a name that is no UTF-8: choose another." in refused(options)


def test_a_removed_current_folder_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shell may stand in a folder that a script has cleaned away."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SystemExit):
        loaded(Options())
    os.chdir(tmp_path)

    assert "The current folder was removed: change to another.\n" == capsys.readouterr().err


def test_a_time_that_no_timer_knows_is_refused(tmp_path: Path) -> None:
    """Infinity once ended in a traceback of the system's own timers."""
    for text in ("inf", "nan", "1e300"):
        done = coldstart("status", "--timeout", text, cwd=tmp_path)
        assert 2 == done.code
        assert "Invalid value for '--timeout'" in done.err
