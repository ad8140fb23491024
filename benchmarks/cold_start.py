"""How far a cold start is from the floor its broker sets, and from slower ways of doing it.

Each start is a whole engine in a process of its own: real disk, embedded server, API, and the
simulated broker with the manners named in the table.
Run it as `python -m benchmarks.cold_start`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from engine.bench.parent import overrides, start
from engine.bench.quick import ratio_limit
from engine.bench.starting import Start

from . import cold_start_ways
from .cold_start_case import CASES, QUICK, Case
from .processes import ProcessWatch
from .session import Target, run

_FIRST_LIMIT = 1.08


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit code."""
    sentence = "Cold starts against the floor of their broker, and against slower ways."
    return run("cold_start", sentence, arguments, lambda quick: asyncio.run(_measure(quick)))


async def _measure(quick: bool) -> list[Target]:
    with TemporaryDirectory(prefix="coldstart-bench-") as scratch:
        root = Path(scratch)
        cases, rounds = (QUICK, 1) if quick else (CASES, 3)
        return [
            *await _starts(root, cases, rounds),
            *await cold_start_ways.measure(root, rounds),
        ]


async def _starts(root: Path, cases: Sequence[Case], rounds: int) -> list[Target]:
    watch = ProcessWatch()
    found: dict[Case, list[Start]] = {case: [] for case in cases}
    for number in range(rounds):
        first = number % len(cases)
        for case in (*cases[first:], *cases[:first]):
            folder = root / f"{case.name.replace(' ', '')}-{number}"
            found[case].append(await start(folder, overrides(**case.manners)))
    print(watch.heading(f"{len(cases)} cold starts of 13 symbols, median of {rounds}"))
    print(
        f"{'ms x slots x page':26}{'asked':>6}{'floor s':>9}{'all s':>8}{'x':>7}{'limit':>7}"
        f"{'floor s':>9}{'first s':>8}{'x':>7}{'limit':>7}{'cpu s':>7}  engine says"
    )
    targets: list[Target] = []
    for case, starts in found.items():
        targets += _row(case, starts)
    return targets


def _row(case: Case, starts: Sequence[Start]) -> tuple[Target, Target]:
    """One line; the engine's own floor and time stand beside ours where they differ."""
    ratio, first = (median(s.ratio for s in starts), median(s.first_ratio for s in starts))
    floor_s = median(s.floor_s for s in starts)
    limit = ratio_limit(floor_s)
    floors_ms = max(abs(s.floor_s - s.told_floor_s) for s in starts) * 1e3
    times_ms = max(abs(s.elapsed_s - s.told_elapsed_s) for s in starts) * 1e3
    print(
        f"{case.name:26}{len(starts[0].requests):6}"
        f"{floor_s:9.3f}{median(s.elapsed_s for s in starts):8.3f}{ratio:7.3f}{limit:7.2f}"
        f"{median(s.first_floor_s for s in starts):9.3f}{median(s.first_s for s in starts):8.3f}"
        f"{first:7.3f}{_FIRST_LIMIT:7.2f}{median(s.cpu_s for s in starts):7.2f}"
        f"  floor within {floors_ms:.1f} ms, time within {times_ms:.1f} ms"
    )
    return (
        Target(f"{case.name}: all / floor", ratio, limit),
        Target(f"{case.name}: first symbol / its floor", first, _FIRST_LIMIT),
    )


if __name__ == "__main__":
    sys.exit(main())
