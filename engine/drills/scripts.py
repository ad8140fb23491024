"""The drills over several processes: who may write when an owner is passed over, or killed.

Each script measures and returns facts; what must hold in it is told as a sentence where it did
not. The successor's readers are the drill's readers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uds.model import SeriesKey, Symbol, Timeframe

from ..clock import SystemClock
from ..sayings import Saying, saying
from .drill import LOUD_S, Variant
from .facts import Moment, VariantFacts
from .nodes import Node, NodeFailed, node
from .readers import Readers, Truth, ask, reading
from .shape import DrillPhase

NOON_MS = 1_768_392_005_000
"""2026-01-14T12:00:05Z, a Wednesday on which both markets are open."""
_LATE_MS = NOON_MS + 52_000
"""A minute closes three seconds later: something the zombie wants to write."""
_MINUTE_DUE_S = 3.5
_PAUSED_S = 3.0
"""Longer than a gap between two heartbeats may be: then an owner asks before it writes."""
_AFTERWARDS_S = 2.0
_FENCING = {"OWNER_CHANGED", "FENCED"}
_SLOW_MS = 1_500
_OPEN_S = 12.0


@dataclass(slots=True)
class Account:
    """What a script measured so far."""

    variant: Variant
    """What is run."""
    folder: Path
    """The data folder."""
    tell: Callable[[DrillPhase, str], None]
    """Hears of each phase."""
    readers: Readers
    """The successor's."""
    clock: SystemClock = field(default_factory=SystemClock)
    """Real time."""
    began_s: float = 0.0
    """When it began, by the monotonic clock."""
    injected: int = 0
    """How often somebody was stopped, killed or started in vain."""
    loud_s: float | None = None
    """From the awakening to the reason."""
    recovered_s: float | None = None
    """From the successor's start to its open gate."""
    failed: list[Saying] = field(default_factory=list)
    """What did not hold."""
    timeline: list[Moment] = field(default_factory=list)
    """What happened."""

    @property
    def now_s(self) -> float:
        """The monotonic clock."""
        return self.clock.monotonic_s()

    def note(self, code: str, *args: object) -> None:
        """A line of the time line."""
        at_s = round(self.now_s - self.began_s, 3)
        self.timeline.append(Moment(at_s, saying(code, *args)))

    def must(self, holds: bool, code: str, *args: object) -> None:
        """Note what does not hold."""
        if not holds:
            self.failed.append(saying(code, *args))

    def facts(self) -> VariantFacts:
        """All of it."""
        codes = self.variant.codes
        return VariantFacts(
            variant=self.variant.name,
            was_well=True,
            injected=self.injected,
            wants_reason=bool(codes),
            code=codes[-1].value if codes and self.loud_s is not None else None,
            loud_s=self.loud_s,
            loud_max_s=self.variant.detectable_s + LOUD_S,
            recovered_s=self.recovered_s,
            recovered_max_s=self.variant.recovers_s,
            failed=tuple(self.failed),
            readers=self.readers.facts,
            answer_max_s=self.variant.radius.answer_s,
            compares_needed=int(self.readers.compares),
            timeline=tuple(self.timeline),
        )


async def run_script(
    variant: Variant,
    folder: Path,
    symbols: tuple[Symbol, ...],
    tell: Callable[[DrillPhase, str], None],
    truth: Truth,
) -> VariantFacts:
    """Run one over a fresh data folder; `truth` is the market that all its engines simulate."""
    clock = SystemClock()
    keys = tuple(SeriesKey(symbol, tf) for symbol in symbols for tf in Timeframe)
    account = Account(variant, folder, tell, Readers(clock, keys, truth), clock)
    account.began_s = account.now_s
    tell(DrillPhase.OBSERVE, variant.name)
    try:
        await _SCRIPTS[variant.detail](account)
    except NodeFailed as failure:
        account.failed.append(failure.said)
    return account.facts()


async def _two_boots(account: Account) -> None:
    """The market's clock says the same at both; one folder has one owner at a time."""
    async with (
        node(account.folder, NOON_MS) as first,
        _served(account, first),
        node(account.folder, NOON_MS) as second,
    ):
        refusal = await second.line()
        account.must(str(first.pid) in refusal.get("refused", ""), "two_owners")
        account.injected += 1
        account.note("second_refused")
    async with node(account.folder, NOON_MS) as successor, _served(account, successor):
        account.injected += 1
        account.must(successor.token > first.token, "token_small")
        account.must(successor.boot_id != first.boot_id, "same_name")
        await asyncio.sleep(1.0)


async def _zombie(account: Account) -> None:
    """Stopped while it serves, and woken when a minute is due."""
    async with node(account.folder, _LATE_MS) as zombie:
        await zombie.listen()
        await zombie.until(_is_open)
        await _pass_over(account, zombie, _MINUTE_DUE_S)


async def _zombie_filling(account: Account) -> None:
    """Stopped while its first answers are on their way."""
    async with node(account.folder, NOON_MS, broker__sim__latency_ms=_SLOW_MS) as zombie:
        await zombie.listen()
        await zombie.until(lambda status: status["phase"] == "filling")
        await _pass_over(account, zombie, _PAUSED_S)


async def _pass_over(account: Account, zombie: Node, later_s: float) -> None:
    """Somebody removes LOCK while the owner is stopped: the fence holds all the same."""
    zombie.stop()
    account.injected += 1
    stopped_s = account.now_s
    account.note("owner_stopped", zombie.token)
    (account.folder / "LOCK").unlink()
    async with node(account.folder, _LATE_MS) as successor, _served(account, successor):
        account.must(successor.token > zombie.token, "token_small")
        account.must(successor.boot_id != zombie.boot_id, "same_name")
        mine = await successor.status()
        await asyncio.sleep(max(0.0, stopped_s + later_s - account.now_s))
        before = _written(account.folder, zombie.token)
        woken_s = account.now_s
        zombie.go_on()
        account.note("owner_goes_on", zombie.token)
        fenced = await zombie.until(lambda status: status["gate"]["state"] == "fenced", 10.0)
        account.loud_s = round(account.now_s - woken_s, 3)
        account.note("owner_fenced", zombie.token)
        codes = {reason["code"] for reason in fenced["reasons"]}
        account.must(codes >= _FENCING, "zombie_says", ", ".join(sorted(codes)) or "–")
        await _must_be_still(account, zombie, before)
        await _must_be_undisturbed(account, successor, mine)


async def _must_be_still(
    account: Account, zombie: Node, before: Mapping[str, tuple[int, int]]
) -> None:
    await asyncio.sleep(_AFTERWARDS_S)
    code, refusal = await ask("127.0.0.1", zombie.port, "/api/bars?symbol=XAU/USD&tf=H1&limit=5")
    account.must(code == 503 and bool(refusal["reasons"]), "zombie_answers", code)
    now = _written(account.folder, zombie.token)
    changed = sorted(path for path in now if now[path] != before.get(path))
    account.must(not changed, "zombie_wrote", ", ".join(changed))


async def _must_be_undisturbed(account: Account, successor: Node, mine: Any) -> None:
    again = await successor.status()
    codes = [r["code"] for r in again["reasons"] if r["severity"] == "degraded"]
    account.must(not codes, "successor_says", ", ".join(codes))
    account.must(mine["generations"] == again["generations"], "successor_moved")
    restarts = [p["name"] for p in again["processes"] if p["restarts"]]
    account.must(not restarts, "successor_restarted", ", ".join(restarts))


async def _killed(account: Account, operation: str, is_kept: bool) -> None:
    """kill -9 in front of one step of sealing; the next boot goes on from what is durable."""
    subject = "*" if operation.startswith("disk") else "USD/JPY"
    async with node(account.folder, NOON_MS, hangs_at=operation, subject=subject) as victim:
        await victim.listen()
        hit = await victim.line()
        account.must(bool(hit.get("hit")), "never_sealed")
        await victim.kill()
        account.injected += 1
        account.note("killed_before", operation)
    async with node(account.folder, NOON_MS) as successor, _served(account, successor):
        account.must(successor.token > victim.token, "token_small")
        status = await successor.status()
        asked = sum(status["broker"]["requests"].values())
        account.must(asked <= _requests_max(is_kept), "requests_made", asked)
        cold = [symbol for symbol, mode in status["modes"].items() if mode == "cold"]
        account.must(not (is_kept and cold), "began_cold", ", ".join(cold))
        await asyncio.sleep(0.5)


def _requests_max(is_kept: bool) -> int:
    """After a commit nothing but the edge is asked for; before it the missing pages."""
    return 4 if is_kept else 8


@asynccontextmanager
async def _served(account: Account, successor: Node) -> AsyncIterator[None]:
    """Readers at an engine from when it listens, and its gate open; no refusal is an empty one."""
    began_s = account.now_s
    await successor.listen()
    async with reading(account.readers, "127.0.0.1", successor.port):
        await successor.until(_is_open)
        account.recovered_s = round(account.now_s - began_s, 3)
        account.note("owner_open", successor.token)
        yield


def _is_open(status: Any) -> bool:
    return bool(status["gate"]["state"] == "open")


def _written(folder: Path, token: int) -> dict[str, tuple[int, int]]:
    """Size and time of every file that names this owner."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob(f"*{token:08d}*")
        if path.is_file()
    }


async def _before_commit(account: Account) -> None:
    await _killed(account, "disk.link", is_kept=False)


async def _before_flip(account: Account) -> None:
    await _killed(account, "cache.flip", is_kept=True)


_SCRIPTS: dict[str, Callable[[Account], Awaitable[None]]] = {
    "two boots, frozen clock": _two_boots,
    "zombie resumed": _zombie,
    "zombie filling": _zombie_filling,
    "killed before the commit": _before_commit,
    "killed before the flip": _before_flip,
}
