"""A terminal of tmux on a socket of its own: keys go in, what stands on the screen comes out."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 60.0
_POLL_S = 0.05
_NAMED_KEYS = {"\r": "Enter", "\t": "Tab", "\x1b": "Escape", "\x10": "C-p"}
_FIGURE = re.compile(r"(?<![A-Za-z\d#])[+-]?\d[\d.,:]*(?<![.,:])(?:Z|s\b|ms\b)?")
_NUMBER_OF_BOOT = re.compile(r"\b[0-9a-f]{8,}\b")
_NOTES = re.compile(r"(all is well) .*")


class Multiplexer:
    """One session with one window, a shell in it."""

    def __init__(self, socket: Path, cwd: Path, columns: int, rows: int, env: Mapping[str, str]):
        self._socket = socket
        self._run("-f", "/dev/null", "start-server", ";", "set-option", "-g", "escape-time", "0")
        size = ("-x", str(columns), "-y", str(rows))
        given = [part for name, value in env.items() for part in ("-e", f"{name}={value}")]
        self._run("new-session", "-d", *size, "-c", str(cwd), *given, "sh", "-i")

    def keys(self, *typed: str) -> None:
        """Press keys one after the other; a text of several characters is typed."""
        for text in typed:
            named = _NAMED_KEYS.get(text)
            self._run("send-keys", named) if named else self._run("send-keys", "-l", text)

    def screen(self) -> list[str]:
        """The rows as they are seen; lines that the terminal broke are whole again."""
        return [row.rstrip() for row in self._run("capture-pane", "-p", "-J").split("\n")[:-1]]

    def until(self, *words: str) -> list[str]:
        """Wait until all of these are seen; the rows then."""
        return self._wait(lambda rows: all(word in "\n".join(rows) for word in words), words)

    def until_row(self, *words: str) -> list[str]:
        """Wait until one row has all of them; the rows then."""
        return self._wait(
            lambda rows: any(all(word in row for word in words) for row in rows), words
        )

    def _wait(self, reached: Callable[[list[str]], bool], wanted: Sequence[str]) -> list[str]:
        end_s = time.monotonic() + PATIENCE_S
        while not reached(rows := self.screen()):
            assert time.monotonic() < end_s, f"{wanted} never came:\n" + "\n".join(rows)
            time.sleep(_POLL_S)
        return rows

    def close(self) -> None:
        """End it and whatever is left in it."""
        self._run("kill-server")

    def _run(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-S", str(self._socket), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout


@contextmanager
def multiplexed(
    socket: Path, cwd: Path, env: Mapping[str, str], columns: int = 80, rows: int = 24
) -> Iterator[Multiplexer]:
    """For the length of the block."""
    opened = Multiplexer(socket, cwd, columns, rows, env)
    try:
        yield opened
    finally:
        opened.close()


def timeless(rows: list[str]) -> str:
    """The rows without what differs from run to run: figures, times, and the gaps that they leave.

    Names that hold digits stay (M15, US30), and so does a column's order, not its width. What is
    only to be known, as that the host was slow, differs as well.
    """
    text = "\n".join(rows).rstrip("\n") + "\n"
    text = _FIGURE.sub("#", _NUMBER_OF_BOOT.sub("#", _NOTES.sub(r"\1", text)))
    return re.sub(r"#(?: #)+", "#", re.sub(r"(?<=\S) {2,}", "  ", text))
