"""Whether the thousandth symbol costs what the tenth did: rebuild and prime, and memory.

Engine, store and status over disk and cache in memory, so that only our own work is timed;
each size in a process of its own.
Run it as `python -m benchmarks.growth`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from statistics import median

from engine.bench.parent import told

from .growth_case import D1_BARS, M1_BARS
from .processes import ProcessWatch
from .session import Target, run

_SIZES = (13, 130, 1_300, 13_000)
_YARDSTICK = 130
_ONCE = 13_000
"""A minute's work, and long enough to be measured once."""
_LIMIT = 1.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit code."""
    sentence = "What a symbol costs beside 12, 129, 1 299 and 12 999 others."
    return run("growth", sentence, arguments, lambda quick: asyncio.run(_measure(quick)))


async def _measure(quick: bool) -> list[Target]:
    sizes, rounds = (_SIZES[:3], 1) if quick else (_SIZES, 3)
    watch = ProcessWatch()
    found: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    for number in range(rounds):
        for size in sizes if number % 2 == 0 else reversed(sizes):
            if number and size == _ONCE:
                continue
            found[size].append(await told("grow", {"symbols": size}, "benchmarks.growth_case"))
    often = f"median of {rounds}, {_ONCE:,} symbols once"
    print(watch.heading(f"{M1_BARS} M1 and {D1_BARS} D1 a symbol, {often}"))
    print(f"{'symbols':>8}{'cpu us a symbol':>18}{'x 130':>8}{'KB a cell':>12}{'x 130':>8}")
    targets: list[Target] = []
    for size in sizes:
        us, kb = (median(one[what] for one in found[size]) for what in ("us", "kb"))
        ratio, fat = (_ratio(found, size, what) for what in ("us", "kb"))
        print(f"{size:8,}{us:18,.0f}{ratio:8.2f}{kb:12.2f}{fat:8.2f}")
        if size > _YARDSTICK:
            targets.append(Target(f"{size:,} symbols: time each / at 130", ratio, _LIMIT))
            targets.append(Target(f"{size:,} symbols: memory a cell / at 130", fat, _LIMIT))
    return targets


def _ratio(found: dict[int, list[dict[str, float]]], size: int, what: str) -> float:
    """To the yardstick of the same round."""
    pairs = zip(found[size], found[_YARDSTICK], strict=False)
    return median(a[what] / b[what] for a, b in pairs)


if __name__ == "__main__":
    sys.exit(main())
