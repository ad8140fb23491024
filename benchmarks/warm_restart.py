"""How long a restart takes after ten minutes of open market, beside the floor its broker sets.

A folder is filled once; each restart then works on a copy of it, in a process of its own.
Run it as `python -m benchmarks.warm_restart`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from engine.bench.parent import overrides, start
from engine.bench.quick import RESTART_PAUSE_MS, restart_limit_s
from engine.bench.starting import NOON_MS, Start

from .cold_start_case import Case
from .processes import ProcessWatch
from .session import Target, run

_CASES = (Case(50, 4, 1_000), Case(50, 1, 1_000), Case(250, 8, 1_000), Case(50, 4, 300, True))
_AT_ONCE = {"broker.sim.login_s": 0, "broker.sim.latency_ms": 0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit code."""
    sentence = "A restart after ten minutes, beside the floor of its broker."
    return run("warm_restart", sentence, arguments, lambda quick: asyncio.run(_measure(quick)))


async def _measure(quick: bool) -> list[Target]:
    cases, rounds = (_CASES[:1], 3) if quick else (_CASES, 5)
    found: dict[Case, list[Start]] = {case: [] for case in cases}
    with TemporaryDirectory(prefix="coldstart-bench-") as scratch:
        filled = Path(scratch) / "filled"
        await start(filled, _AT_ONCE)
        watch = ProcessWatch()
        for number in range(rounds):
            for at, case in enumerate(cases):
                copy = Path(scratch) / f"{number}-{at}"
                shutil.copytree(filled, copy, ignore=shutil.ignore_patterns("run", "embedded*"))
                manners = overrides(**case.manners)
                found[case].append(await start(copy, manners, NOON_MS + RESTART_PAUSE_MS))
                shutil.rmtree(copy)
    print(watch.heading(f"restarts of 13 symbols after 10 minutes, median of {rounds}"))
    print(
        f"{'ms x slots x page':26}{'mode':>10}{'asked':>6}{'opening s':>10}"
        f"{'floor s':>9}{'all s':>8}{'over ms':>9}{'limit s':>9}"
    )
    return [_row(case, starts) for case, starts in found.items()]


def _row(case: Case, starts: Sequence[Start]) -> Target:
    elapsed_s, floor_s = (
        median(s.elapsed_s for s in starts),
        median(s.floor_s for s in starts),
    )
    limit_s = restart_limit_s(floor_s)
    print(
        f"{case.name:26}{starts[0].mode:>10}{len(starts[0].requests):6}"
        f"{median(s.opening_s for s in starts):10.3f}{floor_s:9.3f}{elapsed_s:8.3f}"
        f"{(elapsed_s - floor_s) * 1e3:9.0f}{limit_s:9.3f}"
    )
    return Target(f"{case.name}: restart", elapsed_s, round(limit_s, 3), "s")


if __name__ == "__main__":
    sys.exit(main())
