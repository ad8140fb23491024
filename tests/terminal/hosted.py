"""The engine behind a console in a terminal: its process, its socket, and its gaps."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine import EngineUnreachable, call_engine

from .glass import CONSOLE, Glass, glass, until

GAP_MAX_S = 0.5
_ASK_TIMEOUT_S = 30.0
_EVERY_S = 0.02
DATA = "data"
AT = "2025-11-19T15:30:20Z"
"""Just after a minute has settled on a Wednesday: the next one changes no picture for 55 s."""
UP = ("up", "--data", DATA, "--port", "0", "--at", AT)


class Hosted:
    """The child of a console's parent, by the kernel's word and over its socket."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid = pid
        self.folder = folder

    def status(self) -> Any:
        """Its status; raises EngineUnreachable."""
        root = self.folder / DATA
        return call_engine(root, "status", {}, path=None, timeout_s=_ASK_TIMEOUT_S)

    @property
    def answers(self) -> bool:
        """Whether the socket is there."""
        try:
            self.status()
        except EngineUnreachable:
            return False
        return True

    def reasons(self) -> dict[str, str]:
        """What is wrong, by code."""
        return {reason["code"]: reason["detail"] for reason in self.status()["reasons"]}

    @property
    def state(self) -> str:
        """The kernel's letter: R, S, T for stopped; empty when it is gone."""
        fields = _stat(self.pid)
        return fields[0] if fields and fields[0] != "Z" else ""

    def cpu_s(self) -> float:
        """CPU time it has used."""
        fields = _stat(self.pid)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def send(self, number: signal.Signals) -> None:
        """A signal from outside."""
        os.kill(self.pid, number)

    @contextmanager
    def watched(self) -> Iterator[list[float]]:
        """Ask for the status all the time; the list gets the longest time without an answer.

        How late this process itself was woken for the next question is not the engine's gap.
        """
        worst: list[float] = [0.0]
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.wait(_EVERY_S):
                asked_s = time.monotonic()
                self.status()
                worst[0] = max(worst[0], _EVERY_S + time.monotonic() - asked_s)

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield worst
        finally:
            is_over.set()
            watching.join()

    def end(self) -> None:
        """Whatever is left of it."""
        if self.state:
            self.send(signal.SIGKILL)
            until(lambda: not self.state, lambda: "it does not die")


@contextmanager
def console(
    folder: Path, *, ignored: tuple[int, ...] = (), command: tuple[str, ...] = CONSOLE
) -> Iterator[tuple[Glass, Hosted]]:
    """The console in a terminal with its gate open."""
    with glass(*UP, cwd=folder, ignored=ignored, command=command) as terminal:
        terminal.until("gate OPEN")
        terminal.until("detach")
        hosted = Hosted(_child_of(terminal.pid), folder)
        try:
            yield terminal, hosted
        finally:
            hosted.end()


def _child_of(parent: int) -> int:
    """The process that the parent forked."""
    found = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent(path) == parent]
    assert len(found) == 1, f"{parent} should have one child and has {found}"
    return found[0]


def _parent(process: Path) -> int:
    fields = _stat(int(process.name))
    return int(fields[1]) if fields else 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
