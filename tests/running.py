"""Real processes of the command line, for tests: run one to its end, or hold one and talk to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from uds.model import Timeframe

ROOT = Path(__file__).resolve().parent.parent
FAST = {"COLDSTART_BROKER__SIM__LOGIN_S": "0.05", "COLDSTART_BROKER__SIM__LATENCY_MS": "5"}
NO_DEPTH = {"depth_bars": dict.fromkeys((timeframe.name for timeframe in Timeframe), 0)}
"""A section `bootstrap` under which nothing older is fetched behind the open gate."""
_PATIENCE_S = 30.0
_POLL_S = 0.02


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output as one JSON object."""
        return json.loads(self.out)


def coldstart(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str] = FAST,
    before: Callable[[], None] | None = None,
) -> Done:
    """Run a command to its end; `before` is called in its process, just before it begins."""
    done = subprocess.run(
        [sys.executable, "-m", "console", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        timeout=400,
        check=False,
        preexec_fn=before,
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Running:
    """An engine in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], cwd: Path) -> None:
        self.process = process
        self.cwd = cwd

    def ask(self, op: str = "status") -> Done:
        """A command about it."""
        return coldstart(op, "--json", cwd=self.cwd)

    def until(self, code: int) -> Any:
        """Its status once `status` exits with this code."""
        for _ in range(round(_PATIENCE_S / _POLL_S)):
            asked = self.ask()
            if asked.code == code:
                return asked.json if asked.out else None
            time.sleep(_POLL_S)
        raise AssertionError(f"status never exited with {code}: {asked}")

    def port(self) -> int:
        """Where its API listens, from its own log."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if " port " in line:
                return int(line.split(" port ")[1].split(":")[0])
        raise AssertionError("it never said its port")

    def kill(self) -> None:
        """kill -9, and wait for the corpse."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(_PATIENCE_S)


@contextmanager
def held(*arguments: str, cwd: Path, env: Mapping[str, str] = FAST) -> Iterator[Running]:
    """`up --headless --port 0` for the length of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "console", "up", "--headless", "--port", "0", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )
    try:
        yield Running(process, cwd)
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)
        assert process.stderr is not None
        process.stderr.close()


def get(port: int, path: str) -> tuple[int, Any]:
    """(status, JSON body) of one GET."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())
