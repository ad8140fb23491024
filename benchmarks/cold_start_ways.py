"""The slower ways of a cold start beside the engine's own, and what makes them slower.

Two things are told apart: *scheduling* (nobody waits for a phase of all symbols to end) and
*local rebuild* (M3 to H4 are made of M1 instead of being fetched).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from engine.bench.floors import Request, all_floor_s
from engine.bench.parent import overrides, start, told
from engine.bench.starting import NOON_MS

from .cold_start_case import WAYS, Case
from .processes import ProcessWatch
from .session import Target

_OURS = "ours: D1 first, then symbol by symbol, M3-H4 made here"
_BARRIER = "M1 and D1 fetched, M3-H4 made here, phase by phase"
_EIGHT_STREAMED = "all eight fetched, symbol by symbol"
_EIGHT = "all eight fetched, phase by phase (today's way)"
_KINDS = {_BARRIER: "barrier", _EIGHT_STREAMED: "eight_streamed", _EIGHT: "eight"}


@dataclass(frozen=True, slots=True)
class Way:
    """What one start came to, whichever way it went; seconds since its login began."""

    elapsed_s: float
    """Until every symbol was served."""
    first_s: float
    """Until a first one was."""
    floor_s: float
    """The least its requests could have taken."""
    asked: int
    """Requests it made."""


async def measure(root: Path, rounds: int) -> list[Target]:
    """Every way, in turn."""
    targets: list[Target] = []
    for case in WAYS:
        targets += await _compared(root, case, rounds)
    return targets


async def _compared(root: Path, case: Case, rounds: int) -> list[Target]:
    watch = ProcessWatch()
    names = [_OURS, *_KINDS]
    found: dict[str, list[Way]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            folder = root / f"way-{_KINDS.get(name, 'ours')}-{case.name.replace(' ', '')}-{number}"
            found[name].append(await _went(name, case, folder))
    print(watch.heading(f"ways at {case.name}, median of {rounds}"))
    print(
        f"{'':54}{'asked':>6}{'floor s':>9}{'all s':>8}{'first s':>9}{'x ours all':>11}{'first':>8}"
    )
    for name, ways in found.items():
        print(
            f"{name:54}{ways[0].asked:6}{median(w.floor_s for w in ways):9.3f}"
            f"{median(w.elapsed_s for w in ways):8.3f}{median(w.first_s for w in ways):9.3f}"
            f"{_times(found, name, _OURS, 'elapsed_s'):11.2f}"
            f"{_times(found, name, _OURS, 'first_s'):8.2f}"
        )
    for what, field in (("all", "elapsed_s"), ("first symbol", "first_s")):
        scheduling = _times(found, _BARRIER, _OURS, field)
        rebuild = _times(found, _EIGHT, _BARRIER, field)
        print(f"{what}: scheduling {scheduling:.2f} x local rebuild {rebuild:.2f}")
    return [
        Target(
            f"{case.name}: first, phase by phase / ours",
            _times(found, _BARRIER, _OURS, "first_s"),
            3,
            is_least=True,
        ),
        Target(
            f"{case.name}: first, today's way / ours",
            _times(found, _EIGHT, _OURS, "first_s"),
            5,
            is_least=True,
        ),
    ]


def _times(found: Mapping[str, list[Way]], name: str, to: str, field: str) -> float:
    """How many times as long one way takes as another, round by round."""
    pairs = zip(found[name], found[to], strict=True)
    return median(getattr(a, field) / getattr(b, field) for a, b in pairs)


async def _went(name: str, case: Case, folder: Path) -> Way:
    manners = overrides(**case.manners)
    if name == _OURS:
        ours = await start(folder, manners)
        return Way(ours.elapsed_s, ours.first_s, ours.floor_s, len(ours.requests))
    job = {"folder": str(folder), "overrides": manners, "at_ms": NOON_MS}
    raw: dict[str, Any] = await told(_KINDS[name], job, "benchmarks.cold_start_drivers")
    requests = [Request("", "", latency_s) for latency_s in raw["latencies_s"]]
    floor_s = all_floor_s(raw["login_s"], requests, case.slots)
    return Way(raw["elapsed_s"], raw["first_s"], floor_s, len(requests))
