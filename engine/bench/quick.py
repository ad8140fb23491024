"""The quick set: half a minute of measurements that need nothing but the program itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..clock import SystemClock
from ..figures import grouped
from .load import ask_in_turn, body_of, question
from .parent import Server, overrides, serving, start
from .starting import NOON_MS, Start

RESTART_PAUSE_MS = 10 * 60_000
"""How long an engine was away that is started again."""
_RESTART_RATIO, _RESTART_SPARE_S = 1.10, 0.3
_ALL_RATIO, _ALL_RATIO_SHORT, _SHORT_S = 1.02, 1.05, 2.0
_FIRST_RATIO = 1.08
_BARE_RATIO = 5.0
ASKED = [question(symbol, "M1", 300) for symbol in ("XAU/USD", "USD/JPY", "GER30")]
"""What readers ask, in turn."""
_CONNECTIONS, _ANSWERS = 4, 4_000
_REST_S = 0.5
_AT_ONCE: dict[str, object] = {"broker.sim.login_s": 0, "broker.sim.latency_ms": 0}
_CASES = (
    {"latency_ms": 50, "slots": 4, "page_bars": 1_000, "jitter": 0.0},
    {"latency_ms": 50, "slots": 4, "page_bars": 300, "jitter": 0.5},
    {"latency_ms": 250, "slots": 8, "page_bars": 1_000, "jitter": 0.5},
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure, and what it is held against."""

    name: str
    """What was measured, in words."""
    found: float
    """What came out."""
    limit: float | None
    """The most it should be; None when nothing is asked of it."""
    unit: str
    """Of both: `s`, `us` or `x`."""
    detail: str = ""
    """What it is made of, in words."""

    @property
    def is_reached(self) -> bool:
        """Whether it is within its limit."""
        return self.limit is None or self.found <= self.limit


def ratio_limit(floor_s: float) -> float:
    """What a cold start may take of its floor; short ones have less to hide in."""
    return _ALL_RATIO if floor_s >= _SHORT_S else _ALL_RATIO_SHORT


def restart_limit_s(floor_s: float) -> float:
    """What a restart may take beside its floor."""
    return _RESTART_RATIO * floor_s + _RESTART_SPARE_S


async def quick_set() -> AsyncGenerator[Finding, None]:
    """Each figure as soon as it is there; raises BenchFailed."""
    with TemporaryDirectory(prefix="coldstart-bench-") as scratch:
        root = Path(scratch)
        for number, case in enumerate(_CASES):
            found = await start(root / f"cold-{number}", overrides(**case))  # type: ignore[arg-type]
            name = (
                f"cold start, {case['latency_ms']} ms x {case['slots']} slots x "
                f"{grouped(case['page_bars'])} bars{', jitter' if case['jitter'] else ''}"
            )
            for finding in _cold(name, found):
                yield finding
        yield await _warm(root / "warm")
        for finding in await _answers(root / "serve"):
            yield finding


def _cold(name: str, found: Start) -> tuple[Finding, Finding]:
    detail = (
        f"{found.elapsed_s:.3f} s of {found.floor_s:.3f}, {len(found.requests)} requests, "
        f"cpu {found.cpu_s:.2f} s"
    )
    first = f"{found.first_s:.3f} s of {found.first_floor_s:.3f}"
    return (
        Finding(f"{name}: all", found.ratio, ratio_limit(found.floor_s), "x", detail),
        Finding(f"{name}: first symbol", found.first_ratio, _FIRST_RATIO, "x", first),
    )


async def _warm(folder: Path) -> Finding:
    """Ten minutes are missing."""
    await start(folder, _AT_ONCE)
    found = await start(folder, None, NOON_MS + RESTART_PAUSE_MS)
    detail = f"{found.mode}, floor {found.floor_s:.3f} s, {len(found.requests)} requests"
    limit_s = restart_limit_s(found.floor_s)
    return Finding("restart after 10 minutes", found.elapsed_s, limit_s, "s", detail)


async def _answers(folder: Path) -> tuple[Finding, Finding]:
    """CPU of the serving process for each answer, beside the least a server can do."""
    async with serving("serve", {"folder": str(folder)}) as ours:
        body = await body_of(ours.port, ASKED[0])
        mine_us = await cpu_us(ours)
    async with serving("bare", {}, b"%d\n%b" % (len(body), body)) as bare:
        least_us = await cpu_us(bare)
    ratio = mine_us / least_us
    return (
        Finding("/api/bars, cpu of an answer of 300 bars", mine_us, None, "us", "the whole engine"),
        Finding("/api/bars / a bare protocol", ratio, _BARE_RATIO, "x", f"{least_us:.1f} us"),
    )


async def cpu_us(server: Server) -> float:
    """For each answer, less what the server uses when nobody asks; after as many to warm it up."""
    clock = SystemClock()
    await ask_in_turn(server.port, ASKED, _CONNECTIONS, _ANSWERS // 4)
    begun_s, rested_cpu_s = clock.monotonic_s(), await server.cpu_s()
    await clock.sleep(_REST_S)
    asked_s, asked_cpu_s = clock.monotonic_s(), await server.cpu_s()
    await ask_in_turn(server.port, ASKED, _CONNECTIONS, _ANSWERS)
    took_s, used_cpu_s = clock.monotonic_s() - asked_s, await server.cpu_s() - asked_cpu_s
    idle = (asked_cpu_s - rested_cpu_s) / (asked_s - begun_s)
    return (used_cpu_s - idle * took_s) / _ANSWERS * 1e6
