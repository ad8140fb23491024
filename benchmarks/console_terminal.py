"""What the console costs a terminal and a core: idle, at 30 changes a second, while booting.

Each scene runs in a process of its own on a real pty, because a headless run neither encodes nor
writes. The process measures its own CPU time; what the scripted engine takes is measured alone
and subtracted. The first frame is timed from outside against a bare Textual application, in
turn. Run it as `python -m benchmarks.console_terminal`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from .machine import Usage, description, in_words, load_before, other_load

_ROWS, _COLUMNS = 24, 80
_WORD = b"SYMBOL"
_PATIENCE_S = 30.0
_GUEST = "benchmarks.console_guest"
_SCENES = (
    ("idle", "nothing happens"),
    ("changes", "30 changes/s"),
    ("boot", "cold start"),
    ("logs", "1 000 log lines/s"),
)
_KEYS = {"logs": b"l"}
"""What is typed once the screen is there."""


class Seen(NamedTuple):
    """One guest as seen from outside."""

    first_frame_s: float
    """From exec to the word on the screen."""
    cpu_share: float
    """CPU time of its process per second, settled."""
    bytes_per_s: float
    """What it wrote to the terminal per second, settled."""


def look_at(scene: str, driver: str, measure_s: float) -> Seen:
    """Run one guest to its end and read all that it writes."""
    told, telling = os.pipe()
    begun_s = time.monotonic()
    argv = [sys.executable, "-m", _GUEST, scene, driver, str(measure_s), str(telling)]
    guest, screen = _in_terminal(argv, (telling,))
    os.close(telling)
    try:
        return _watched(screen, told, begun_s, measure_s, _KEYS.get(scene, b""))
    finally:
        guest.kill()
        guest.wait()
        os.close(screen)
        os.close(told)


def first_frame_s(argv: list[str]) -> float:
    """Seconds from exec to the word on the screen; then all of it is ended in order."""
    begun_s, written, took_s = time.monotonic(), b"", 0.0
    guest, screen = _in_terminal(argv)
    try:
        while not took_s and time.monotonic() - begun_s < _PATIENCE_S:
            if select.select([screen], [], [], 1.0)[0]:
                written = (written + os.read(screen, 65_536))[-70_000:]
                took_s = time.monotonic() - begun_s if _WORD in written else 0.0
        os.killpg(guest.pid, signal.SIGTERM)
        while guest.poll() is None and time.monotonic() - begun_s < 2 * _PATIENCE_S:
            if select.select([screen], [], [], 0.1)[0]:
                with suppress(OSError):  # what it wrote last; the terminal's end is no news
                    os.read(screen, 65_536)
    finally:
        guest.kill()
        guest.wait()
        os.close(screen)
    return took_s


def _in_terminal(
    argv: list[str], kept: tuple[int, ...] = ()
) -> tuple[subprocess.Popen[bytes], int]:
    """A program on a terminal of its own, and our end of it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    guest = subprocess.Popen(
        argv,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        pass_fds=kept,
        start_new_session=True,
        env=env,
    )
    os.close(theirs)
    return guest, ours


def _watched(screen: int, told: int, begun_s: float, measure_s: float, keys: bytes) -> Seen:
    first_frame_s, written, counted, is_settled = 0.0, b"", 0, False
    while time.monotonic() - begun_s < _PATIENCE_S + measure_s:
        ready, _, _ = select.select([screen, told], [], [], 1.0)
        if screen in ready:
            more = os.read(screen, 65_536)
            counted += len(more) if is_settled else 0
            written = (written + more)[-70_000:]
            if not first_frame_s and _WORD in written:
                first_frame_s = time.monotonic() - begun_s
                os.write(screen, keys)
        if told in ready:
            lines = os.read(told, 4_096).splitlines()
            is_settled = True
            for line in map(json.loads, lines):
                if "cpu_share" in line:
                    return Seen(first_frame_s, line["cpu_share"], counted / measure_s)
    raise TimeoutError("The guest never reported.")


def costs(measure_s: float, drivers: tuple[str, ...]) -> None:
    """Print a row for each scene and driver."""
    print(f"\n{'scene':<18}{'driver':<8}{'engine alone':>14}{'screen':>10}{'bytes/s':>10}")
    for scene, says in _SCENES:
        alone = look_at(scene, "none", measure_s).cpu_share
        for driver in drivers:
            seen = look_at(scene, driver, measure_s)
            print(
                f"{says:<18}{driver:<8}{alone:>13.2%}{seen.cpu_share - alone:>10.2%}"
                f"{seen.bytes_per_s:>10,.0f}"
            )


def first_frames(rounds: int) -> None:
    """Print how long each takes to its first frame, and the ratios within the rounds."""
    python = [sys.executable, "-m"]
    times: dict[str, list[float]] = {name: [] for name in ("bare", "command", "same", "ours")}
    for turn in range(rounds):
        for name in list(times)[:: 1 if turn % 2 else -1]:
            if name in ("same", "ours"):
                driver = "bare" if name == "same" else name
                taken_s = look_at("idle", driver, 0.1).first_frame_s
            elif name == "bare":
                taken_s = first_frame_s([*python, "benchmarks.console_bare"])
            else:
                with TemporaryDirectory(prefix="cs-") as data:
                    taken_s = first_frame_s([*python, "console", "--data", data, "--port", "0"])
            times[name].append(taken_s)
    print("\nfirst frame")
    for name, against, says in (
        ("command", "bare", "the command, against a bare Textual program"),
        ("ours", "same", "drawing alone, against Textual with as much loaded"),
    ):
        ratio = median(a / b for a, b in zip(times[name], times[against], strict=True))
        ours_ms, theirs_ms = (1_000 * median(times[one]) for one in (name, against))
        print(f"{says:<52}{ours_ms:>6.0f} ms{theirs_ms:>8.0f} ms{ratio:>7.2f}")


def main() -> None:
    """The whole report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short and rough")
    parser.add_argument("--stock", action="store_true", help="Textual's own driver beside ours")
    asked = parser.parse_args()
    before, since = load_before(1.0), Usage.now()
    print(f"{description()}, {_COLUMNS}x{_ROWS}; others used {in_words(before)} before")
    costs(4.0 if asked.quick else 15.0, ("ours", "stock") if asked.stock else ("ours",))
    first_frames(3 if asked.quick else 11)
    print(f"others and our own guests used {in_words(other_load(since, Usage.now()))} meanwhile")


if __name__ == "__main__":
    main()
