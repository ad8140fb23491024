"""How long from a key to the screen while a symbol is being rebuilt behind it.

The whole console on a pty, engine included: a simulated market is rebuilt symbol by symbol, and
between the questions the cursor goes up and down. Timed is from the write of the key to the
marker standing in another row of an emulated screen, so the emulator's own time is in it.
Run it as `python -m benchmarks.console_keys`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from statistics import quantiles

from tests.terminal.glass import Glass
from tests.terminal.hosted import console

from .machine import Usage, description, in_words, load_before, other_load

_LOOK_S = 0.000_5
_APART_S = 0.03
_LOST_S = 2.0
_MOVES_PER_REBUILD = 8


def marked(terminal: Glass) -> int:
    """The row the cursor is in."""
    return next((at for at, row in enumerate(terminal.text()) if row.startswith(">")), -1)


def move_s(terminal: Glass, key: str) -> float:
    """From the key to the marker in another row; as long as it takes to lose patience."""
    before = marked(terminal)
    begun_s = time.monotonic()
    terminal.type(key)
    while marked(terminal) == before and time.monotonic() - begun_s < _LOST_S:
        time.sleep(_LOOK_S)
    return time.monotonic() - begun_s


def moves(terminal: Glass, rebuilds: int, is_rebuilding: bool) -> list[float]:
    """Some moves, each rebuild asked for with keys as an operator would."""
    took: list[float] = []
    for _ in range(rebuilds):
        if is_rebuilding:
            terminal.type("b")
            terminal.until("Esc mean no")
            terminal.type("y")
        for key in islice(cycle("jk"), _MOVES_PER_REBUILD):
            took.append(move_s(terminal, key))
            time.sleep(_APART_S)
        terminal.until("gate OPEN")
    return took


def main() -> None:
    """The whole report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short and rough")
    rebuilds = 6 if parser.parse_args().quick else 25
    before, since = load_before(1.0), Usage.now()
    print(f"{description()}; others used {in_words(before)} before")
    with tempfile.TemporaryDirectory() as folder, console(Path(folder)) as (terminal, _):
        terminal.type("A")
        terminal.until("[ARMED")
        for is_rebuilding, says in ((False, "idle"), (True, "rebuilding")):
            took = moves(terminal, rebuilds, is_rebuilding)
            cuts = quantiles(took, n=20)
            print(
                f"{says:<12}{len(took):>4} keys   p50 {1_000 * cuts[9]:>6.1f} ms"
                f"   p95 {1_000 * cuts[18]:>6.1f} ms   max {1_000 * max(took):>6.1f} ms"
            )
    print(f"others and our own console used {in_words(other_load(since, Usage.now()))} meanwhile")


if __name__ == "__main__":
    main()
