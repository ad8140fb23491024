"""Where an answer cannot be written as it is: other locales, a full disk, nobody who reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import FAST, ROOT, coldstart, held

PIPE_BYTES = 65_536


def run_into(stdout: int, stderr: int, *arguments: str, cwd: Path) -> tuple[int, bytes]:
    """(exit code, what came on stderr if that was a pipe) of a command."""
    done = subprocess.run(
        [sys.executable, "-m", "console", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **FAST},
        timeout=100,
        check=False,
    )
    return done.returncode, done.stderr or b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_sign_that_the_locale_lacks_costs_that_sign(tmp_path: Path, encoding: str) -> None:
    """An answer in Ukrainian on LANG=C once was a traceback and exit 1."""
    done = coldstart(
        "drill", "list", "--lang", "uk", cwd=tmp_path, env={"PYTHONIOENCODING": encoding}
    )

    assert (0, "") == (done.code, done.err)
    assert "????" in done.out


@pytest.mark.parametrize("command", [("config", "show"), ("--help",), ("drill", "run", "--help")])
def test_an_answer_that_cannot_be_written_is_a_failure_in_one_sentence(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Whoever keeps the report in a file must not believe that it is there."""
    with open("/dev/full", "wb") as full:
        code, said = run_into(full.fileno(), subprocess.PIPE, *command, cwd=tmp_path)

    assert (6, b"The answer cannot be written: No space left on device.\n") == (code, said)


def test_nobody_who_reads_changes_no_exit_code(tmp_path: Path) -> None:
    """Of a failure that is told into a closed pipe the code is all that is left."""
    ours, theirs = os.pipe()
    os.close(ours)
    answered, _ = run_into(theirs, theirs, "config", "show", cwd=tmp_path)
    failed, _ = run_into(theirs, theirs, "status", cwd=tmp_path)
    os.close(theirs)

    assert (0, 3) == (answered, failed)


@pytest.mark.parametrize(("code", "command"), [(3, "status"), (2, "doctor"), (2, "stattus")])
def test_a_reason_that_cannot_be_written_changes_no_exit_code(
    tmp_path: Path, code: int, command: str
) -> None:
    """A log on a full disk: 1 would say that an engine answers and is degraded."""
    ours, theirs = os.pipe()
    os.close(ours)
    with open("/dev/full", "wb") as full:
        for place in (full.fileno(), theirs):
            assert (code, b"") == run_into(place, place, command, cwd=tmp_path)
    os.close(theirs)


def test_an_engine_that_failed_ends_though_nobody_reads_why(tmp_path: Path) -> None:
    """A service manager restarts what has ended, not what hangs in its last sentence."""
    ours, theirs = os.pipe()
    os.write(theirs, b" " * PIPE_BYTES)
    code, _ = run_into(theirs, theirs, "up", "--headless", "--socket", "/dev/null", cwd=tmp_path)
    os.close(ours)
    os.close(theirs)

    assert 2 == code


def test_without_any_stream_a_command_goes_on(tmp_path: Path) -> None:
    """Diagnostics without a stderr must not go among the answers."""
    shell = f"{sys.executable} -m console status"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    without = subprocess.run(
        ["sh", "-c", f"{shell} 2>&-"], capture_output=True, cwd=tmp_path, env=env, check=False
    )
    nothing = subprocess.run(
        ["sh", "-c", f"{shell} <&- >&- 2>&-"], cwd=tmp_path, env=env, check=False
    )

    assert (3, b"") == (without.returncode, without.stdout)
    assert 3 == nothing.returncode


@pytest.mark.parametrize(
    ("code", "command"), [(2, "attach <&-"), (6, "verify 2>&-"), (6, "export --all >&- 2>&-")]
)
def test_a_closed_stream_is_one_to_which_nobody_listens(
    tmp_path: Path, code: int, command: str
) -> None:
    """Its number would be given to the next file that is opened, be it the lock."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    shell = ["sh", "-c", f"{sys.executable} -m console {command}"]
    done = subprocess.run(shell, capture_output=True, cwd=tmp_path, env=env, check=False)

    assert (code, False) == (done.returncode, b"Traceback" in done.stderr)


def test_a_hangup_stops_a_headless_engine_in_order(tmp_path: Path) -> None:
    """The shell it was started from is gone; a torn end would cost the next start its proof."""
    (tmp_path / "config.json").write_text('{"symbols": ["USD/JPY"]}')
    with held(cwd=tmp_path) as engine:
        engine.until(0)
        engine.process.send_signal(signal.SIGHUP)
        assert 0 == engine.process.wait(30)

    assert not (tmp_path / "data_v3" / "run" / "control.sock").exists()


def test_a_password_on_the_command_line_is_warned_of_and_not_repeated(tmp_path: Path) -> None:
    """Everybody on the host sees it in the list of processes."""
    address = "redis://:hunter2@127.0.0.1:6390"
    seen = coldstart("config", "show", "--redis", address, cwd=tmp_path)
    named = "unix:///run/user@1000/redis.sock"
    plain = coldstart("config", "show", "--redis", named, cwd=tmp_path)
    kept = coldstart("config", "show", cwd=tmp_path, env={"COLDSTART_REDIS__URL": address})

    assert (0, 0, 0) == (seen.code, plain.code, kept.code)
    assert ("", "") == (plain.err, kept.err)
    assert "give the address in COLDSTART_REDIS__URL" in seen.err
    assert "hunter2" not in seen.out + seen.err + kept.out
