"""What an answer of 300 bars costs the serving process, and how late it comes under load.

Ours is a whole engine with its gate open; beside it the same bytes from barer servers and from
fastapi. CPU is that of all threads of the serving process, asked of itself.
Run it as `python -m benchmarks.api_bars`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from engine.bench.load import body_of
from engine.bench.parent import Server, serving
from engine.bench.quick import ASKED, cpu_us

from . import api_lateness
from .processes import ProcessWatch
from .session import Row, Target, print_table, run

_BARE = "bare asyncio protocol"
_OURS = "ours: the whole engine"
_MODELS = "fastapi with models"
_RIVALS = {
    "asgi": "uvicorn, bare ASGI",
    "starlette": "starlette, bytes",
    "fastapi_bytes": "fastapi, bytes",
    "fastapi": _MODELS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit code."""
    sentence = "CPU and lateness of /api/bars."
    return run("api_bars", sentence, arguments, lambda quick: asyncio.run(_measure(quick)))


async def _measure(quick: bool) -> list[Target]:
    with TemporaryDirectory(prefix="coldstart-bench-") as scratch:
        targets = await _costs(Path(scratch) / "serve", rounds=3 if quick else 9)
        rounds, slice_s = (1, 1.5) if quick else (3, 2.0)
        targets += await api_lateness.measure(Path(scratch), rounds, slice_s)
    return targets


async def _costs(folder: Path, rounds: int) -> list[Target]:
    watch = ProcessWatch()
    has_fastapi = find_spec("fastapi") is not None
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(serving("serve", {"folder": str(folder)}))
        body = await body_of(ours.port, ASKED[0])
        given = b"%d\n%b" % (len(body), body)
        servers = {_BARE: await stack.enter_async_context(serving("bare", {}, given)), _OURS: ours}
        for kind, name in _RIVALS.items():
            if has_fastapi or "fastapi" not in kind:
                rival = serving(kind, {}, given, "benchmarks.api_servers")
                servers[name] = await stack.enter_async_context(rival)
        found = await _in_turn(servers, rounds)
    if not has_fastapi:
        print("fastapi is not installed: left out")
    rows = [
        Row(name, median(us) / 1e6, _ratio(found, name, _BARE), f"{len(body):,} bytes")
        for name, us in found.items()
    ]
    heading = watch.heading(f"cpu of an answer of 300 bars, {rounds} rounds")
    print_table(heading, rows, "x bare", {"k/s of cpu": 1e-3})
    targets = [Target("/api/bars: ours / bare protocol", _ratio(found, _OURS, _BARE), 5)]
    if has_fastapi:
        ratio = _ratio(found, _MODELS, _OURS)
        targets.append(Target("/api/bars: fastapi with models / ours", ratio, 12, is_least=True))
    return targets


async def _in_turn(servers: dict[str, Server], rounds: int) -> dict[str, list[float]]:
    """Microseconds of CPU for each answer, round by round."""
    names = list(servers)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            found[name].append(await cpu_us(servers[name]))
    return found


def _ratio(found: dict[str, list[float]], name: str, to: str) -> float:
    return median(a / b for a, b in zip(found[name], found[to], strict=True))


if __name__ == "__main__":
    sys.exit(main())
