"""What the host says of processes: enough to word a refusal, and to kill nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from uds.host_process import started, state_of


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that does nothing."""
    with subprocess.Popen(("sleep", "60")) as process:
        yield process
        process.kill()


def test_a_state_is_a_word_for_the_operator(child: subprocess.Popen[bytes]) -> None:
    """A stopped holder of the lock is the riddle this word solves."""
    assert "running" == state_of(child.pid)
    os.kill(child.pid, signal.SIGSTOP)
    os.waitpid(child.pid, os.WUNTRACED)

    assert "stopped (SIGSTOP)" == state_of(child.pid)


def test_a_process_that_is_gone_is_not_visible(child: subprocess.Popen[bytes]) -> None:
    """Or it lives in another container and shares the folder only: we cannot tell."""
    child.kill()
    child.wait()

    assert "not visible from here (perhaps in another container)" == state_of(child.pid)
    assert "" == started(child.pid)


def test_a_dead_child_nobody_waited_for_is_gone(child: subprocess.Popen[bytes]) -> None:
    """A zombie cannot be killed again, so waiting for it to go would never end."""
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert "" == started(child.pid)


def test_a_start_does_not_change(child: subprocess.Popen[bytes]) -> None:
    """Pid and start together name a process for ever."""
    assert started(child.pid)
    assert started(child.pid) == started(child.pid)
    assert started(os.getpid()) != started(child.pid)
