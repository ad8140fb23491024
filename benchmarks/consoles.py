"""One console in the engine's process and two attached, ten minutes of a market that lives fast.

Do the three show the same, and does any of the processes grow? Each console is in a terminal of
its own and is led over its pages once a minute.
Run it as `python -m benchmarks.consoles`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.terminal.glass import Glass, glass, until

from .fast_clock import SPEED
from .session import Target, run

_DATA = "data"
_TOUR = ("2", "3", "t", "l", "7", "\r", "1", "z", "z")
_TOUR_PAUSE_S = 0.7
_REST_S = 4.0
_OWN_ROWS = (0, 22)
"""Header and notice: each console's own clock, hold and last answer."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 2**20
_NAMES = ("engine and console", "attached", "attached too")


@dataclass(frozen=True, slots=True)
class Look:
    """One process at one moment."""

    cpu_s: float
    """Time of a core it used since it began."""
    rss_bytes: int
    """What it has in memory."""
    descriptors: int
    """Open files and sockets."""
    written_bytes: int
    """What its terminal received so far."""


def measure(is_quick: bool) -> Sequence[Target]:
    """Three terminals, a line a process now and then, then the comparison."""
    duration_s, every_s = (40.0, 10.0) if is_quick else (600.0, 60.0)
    with tempfile.TemporaryDirectory(prefix="cs-consoles-") as name, ExitStack() as open_ones:
        folder = Path(name)
        command = (sys.executable, "-m", "benchmarks.consoles_host", str(folder / _DATA))
        terminals = [open_ones.enter_context(glass(cwd=folder, command=command))]
        _await_gate(terminals[0])
        for _ in range(2):
            attached = glass("attach", "--data", _DATA, cwd=folder)
            terminals.append(open_ones.enter_context(attached))
            _await_gate(terminals[-1])
        looks = _watched(terminals, duration_s, every_s)
        differing = _differing(terminals)
    return _judged(looks, differing)


def _await_gate(terminal: Glass) -> None:
    until(lambda: terminal.shows("gate OPEN"), lambda: str(terminal))
    until(lambda: terminal.shows("detach"), lambda: str(terminal))


def _watched(
    terminals: Sequence[Glass], duration_s: float, every_s: float
) -> list[tuple[Look, ...]]:
    print(f"\n{'min':>5}  {'process':<20}{'cpu':>8}{'RSS':>9}{'fds':>5}{'written':>12}")
    looks: list[tuple[Look, ...]] = []
    begun_s = time.monotonic()
    while len(looks) <= duration_s / every_s:
        for key in _TOUR:
            for terminal in terminals:
                terminal.type(key)
            time.sleep(_TOUR_PAUSE_S)
        time.sleep(max(0.0, begun_s + every_s * (len(looks) + 1) - time.monotonic()))
        looks.append(tuple(map(_look, terminals)))
        _print(looks, time.monotonic() - begun_s, every_s)
    return looks


def _look(terminal: Glass) -> Look:
    proc = Path(f"/proc/{terminal.pid}")
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[11:13])
    return Look(
        ticks / os.sysconf("SC_CLK_TCK"),
        int((proc / "statm").read_text().split()[1]) * _PAGE_BYTES,
        len(os.listdir(proc / "fd")),
        len(terminal.written),
    )


def _print(looks: Sequence[tuple[Look, ...]], at_s: float, every_s: float) -> None:
    if len(looks) < 2:
        return
    for name, now, before in zip(_NAMES, looks[-1], looks[-2], strict=True):
        cpu = (now.cpu_s - before.cpu_s) / every_s
        written = (now.written_bytes - before.written_bytes) / every_s
        print(
            f"{at_s / 60:5.1f}  {name:<20}{cpu:8.1%}{now.rss_bytes / _MIB:8.1f}M"
            f"{now.descriptors:5}{written:10,.0f}/s",
            flush=True,
        )


def _differing(terminals: Sequence[Glass]) -> int:
    """Rows that are not alike on all three once the market is held."""
    os.kill(terminals[0].pid, signal.SIGUSR1)
    time.sleep(_REST_S)
    pictures = [terminal.text() for terminal in terminals]
    different = [
        rows
        for at, rows in enumerate(zip(*pictures, strict=True))
        if at not in _OWN_ROWS and len(set(rows)) > 1
    ]
    for rows in different:
        print("\n".join(rows))
    return len(different)


def _judged(looks: Sequence[tuple[Look, ...]], differing: int) -> Sequence[Target]:
    """The end against the first third, when every page was drawn and caches are warm."""
    warm, end = looks[len(looks) // 3], looks[-1]
    targets = [Target("rows that differ between the three screens", differing, 0, "")]
    for name, first, last in zip(_NAMES, warm, end, strict=True):
        grown = last.rss_bytes / first.rss_bytes
        targets.append(Target(f"memory of {name}, end / first third", grown, 1.05))
        more = last.descriptors - first.descriptors
        targets.append(Target(f"descriptors of {name}, more than then", more, 2, ""))
    return targets


if __name__ == "__main__":
    sentence = f"Three consoles of one engine whose market lives {SPEED} times as fast."
    raise SystemExit(run("consoles", sentence, None, measure))
