"""Planted bugs, and which strategy of the simulation notices each, after how many runs.

    python -m tests.simulation.mutants              all of them, as a table
    python -m tests.simulation.mutants "slot" …     those whose names hold one of the words

No violation means nothing unless the same runs notice a bug. A mutant is planted by a patch
around each run, so the product knows nothing of it. A run catches it when it finds a violation
that the same run without the bug does not find. What two layers guard against is planted in
each alone, which must stay unnoticed, and in both at once, which must be caught.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec, module_from_spec
from itertools import count
from random import Random

import pytest

from engine.clock import cpu_s
from engine.degraded import DegradedCode
from engine.simulation import stored
from engine.simulation.case import Case
from engine.simulation.run import Outcome, run_case
from engine.simulation.strategies import cases_of
from engine.simulation.world import World
from tests.uds.waist_bugs import both, leaving_out

from . import engine_bugs, store_bugs
from .store_bugs import Bug


def _sound_derive() -> Callable[..., object]:
    """A second copy of derive, which no patch of the engine's reaches."""
    spec = find_spec("engine.derive")
    assert spec is not None
    assert spec.loader is not None
    copy = module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy.derive  # type: ignore[no-any-return]


_SOUND_DERIVE = _sound_derive()
CPU_MAX_S = 120.0
"""A bug that hides longer than this is not caught."""
_CODE = DegradedCode


def nemesis() -> Iterator[Case]:
    """Random faults."""
    return (Case("nemesis", seed, 3, 90) for seed in count())


def power() -> Iterator[Case]:
    """Random faults and power cuts."""
    return (Case("power", seed, 3, 90) for seed in count())


def struck(strategy: str) -> Iterator[Case]:
    """A life hit before each operation, in an order that does not begin with the dull ones."""
    cases = _all_struck(strategy)
    return iter(Random(strategy).sample(cases, len(cases)))


@lru_cache(maxsize=8)
def _all_struck(strategy: str) -> tuple[Case, ...]:
    return tuple(cases_of(strategy, 10_000, 1, 60, lambda case: run_case(case).operations_by_boot))


STRATEGIES: dict[str, Callable[[], Iterator[Case]]] = {
    "nemesis": nemesis,
    "power": power,
    "crash": lambda: struck("crash"),
    "cut": lambda: struck("cut"),
    "zombie": lambda: struck("zombie"),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted bug."""

    name: str
    """What is wrong, in a few words."""
    strategy: str
    """Which strategy catches it; of a harmless one, which tries to."""
    plant: Bug
    """Plants it."""
    is_cheap: bool = False
    """Whether it is caught so soon that every run of the tests may try it."""
    guarded_by: str = ""
    """The other layer, when it alone changes nothing anybody sees; empty when it must be seen."""


@dataclass(frozen=True, slots=True)
class Hunt:
    """What came of looking for one."""

    runs: int
    """Runs with the bug, the catching one included."""
    cpu_s: float
    """Of all of them."""
    caught_by: Outcome | None
    """The run that noticed; None when none did."""


def hunt(mutant: Mutant, cpu_max_s: float = CPU_MAX_S, runs_max: int = 10_000) -> Hunt:
    """Run its strategy until it is noticed, or the time is up."""
    began_s, runs = cpu_s(), 0
    for case in STRATEGIES[mutant.strategy]():
        runs += 1
        outcome = bitten(mutant, case)
        if outcome.violations and not run_case(case).violations:
            return Hunt(runs, cpu_s() - began_s, outcome)
        if cpu_s() - began_s > cpu_max_s or runs >= runs_max:
            break
    return Hunt(runs, cpu_s() - began_s, None)


def bitten(mutant: Mutant, case: Case) -> Outcome:
    """One run with the bug."""
    with pytest.MonkeyPatch.context() as patch:

        def planted(world: World) -> None:
            for symbol in world.config.symbols:  # what is true was drawn before the bug
                for timeframe in world.config.timeframes:
                    world.truth.series(symbol, timeframe, 0)
            patch.setattr(stored, "derive", _SOUND_DERIVE)  # who judges must not have it as well
            mutant.plant(patch, world)

        return run_case(case, planted)


_HALF = store_bugs.half_primed
_UNREAD = store_bugs.flip_unread
_ANEW = store_bugs.extend_anew
_REVISED = store_bugs.extend_revised
_BEHIND = store_bugs.sequence_unrestored

MUTANTS: tuple[Mutant, ...] = (
    Mutant("no fsync of segments before the commit link", "power", leaving_out("append.Sync")),
    Mutant("no fsync of the manifest before the link", "cut", leaving_out("replace.Sync"), True),
    Mutant("no fsync of the commit's folder", "power", leaving_out("link.SyncFolder")),
    Mutant("no fsync of a new segment's folder", "power", leaving_out("append.SyncFolder")),
    Mutant("token read, then written", "zombie", store_bugs.token_read_then_written),
    Mutant("mutable pointer", "zombie", store_bugs.mutable_pointer),
    Mutant("flip without fence", "zombie", store_bugs.flip_unfenced),
    Mutant("flip before complete", "crash", both(_HALF, _UNREAD, store_bugs.flip_incomplete), True),
    Mutant("immediate collection", "nemesis", store_bugs.collected_at_once),
    Mutant("files of live bars collected", "nemesis", store_bugs.live_collected),
    Mutant("reader re-reading the pointer", "nemesis", store_bugs.pointer_reread),
    Mutant("extend without sequence", "nemesis", store_bugs.extend_unsequenced),
    Mutant("lost reply retried as another call", "nemesis", both(_ANEW, _BEHIND), True),
    Mutant("lost reply repeated with newer bars", "nemesis", both(_REVISED, engine_bugs.unaudited)),
    Mutant("rolled back Redis left behind", "nemesis", _BEHIND),
    Mutant("acknowledged before fsync", "nemesis", store_bugs.acknowledged_early),
    Mutant("write after a failed write to the same file", "nemesis", store_bugs.unpoisoned),
    Mutant("killed owner's bytes taken for durable", "crash", store_bugs.unsettled),
    Mutant("journal of another draft believed", "nemesis", store_bugs.any_journal),
    Mutant("served and never committed", "nemesis", store_bugs.never_committed, True),
    Mutant("emptied Redis not primed again", "nemesis", store_bugs.unrestored),
    Mutant("preview stored as final", "nemesis", store_bugs.preview_as_final, True),
    Mutant("gate opens by time", "nemesis", engine_bugs.gate_by_time),
    Mutant("gate opens by flags", "nemesis", engine_bugs.gate_by_flags, True),
    Mutant("gate open before the flip is read back", "nemesis", engine_bugs.gate_before_read_back),
    Mutant("a spoiled state file believed", "nemesis", store_bugs.state_unchecked),
    Mutant("removed state files not missed", "nemesis", store_bugs.state_unmissed),
    Mutant("a spoiled state file not said", "nemesis", engine_bugs.state_unsaid),
    Mutant("a late gate not said", "nemesis", engine_bugs.late_unsaid),
    Mutant("reason never raised", "nemesis", engine_bugs.never_raising(_CODE.REDIS_TIMEOUT)),
    Mutant(
        "fetch failures never said", "nemesis", engine_bugs.never_raising(_CODE.BROKER_FETCH_FAILED)
    ),
    Mutant(
        "reason cleared without its predicate",
        "nemesis",
        engine_bugs.clearing_early(_CODE.REDIS_DOWN, _CODE.REDIS_TIMEOUT),
    ),
    Mutant(
        "fetch failure cleared without a fetch",
        "nemesis",
        engine_bugs.clearing_early(_CODE.BROKER_FETCH_FAILED),
    ),
    Mutant(
        "reason never cleared", "nemesis", engine_bugs.clearing_never(_CODE.BROKER_FETCH_FAILED)
    ),
    Mutant("derive counts bars", "nemesis", engine_bugs.counting_bars, True),
    Mutant("final by the clock, fetched or not", "nemesis", engine_bugs.final_by_clock),
    Mutant("final a minute early", "nemesis", engine_bugs.final_too_early),
    Mutant("merge instead of replace", "nemesis", engine_bugs.merging),
    Mutant("D1 not first", "nemesis", engine_bugs.days_last),
    Mutant("catch-up skips the newest hour", "nemesis", engine_bugs.newest_hour_skipped),
    Mutant("coverage past the newest row", "nemesis", engine_bugs.proved_to_the_end),
    Mutant("slot lost when cancelled under way", "nemesis", engine_bugs.slot_leaks_under_way),
    Mutant("one child's failure stops another", "nemesis", engine_bugs.all_for_one),
    Mutant("a failed child is not begun again", "nemesis", engine_bugs.never_restarted),
    Mutant("lost tails in Redis not noticed", "nemesis", engine_bugs.unaudited),
    Mutant(
        "one layer: a flip's reply taken for granted",
        "crash",
        _UNREAD,
        guarded_by="the heartbeat, which compares the pointer",
    ),
    Mutant(
        "one layer: a lost reply retried as another call",
        "nemesis",
        _ANEW,
        guarded_by="the watch of Redis, which brings its sequence up to ours",
    ),
    Mutant(
        "one layer: a lost reply repeated with newer bars",
        "nemesis",
        _REVISED,
        guarded_by="the audit, which compares tails",
    ),
    Mutant(
        "one layer: the owner folder not looked at",
        "zombie",
        store_bugs.folder_unwatched,
        guarded_by="the token that every call of Redis carries",
    ),
    Mutant(
        "one layer: who slept writes on unasked",
        "zombie",
        engine_bugs.tenure_unasked,
        guarded_by="recovery, which believes no file of another owner",
    ),
    Mutant(
        "one layer: Redis compares no tokens",
        "zombie",
        store_bugs.server_unfenced,
        guarded_by="the owner folder and the order of generations",
    ),
)


def table(mutants: tuple[Mutant, ...], cpu_max_s: float) -> bool:
    """Print a line for each; whether all came out as they must."""
    all_well = True
    print(f"{'mutant':45} {'strategy':8} {'runs':>5} {'CPU s':>6}  what was seen")
    for mutant in mutants:
        found = hunt(mutant, cpu_max_s)
        seen = found.caught_by.violations[0] if found.caught_by else "NOT CAUGHT"
        if mutant.guarded_by:
            seen = f"guarded by {mutant.guarded_by}" if found.caught_by is None else f"BUT {seen}"
        all_well &= bool(mutant.guarded_by) is (found.caught_by is None)
        row = f"{mutant.name:45} {mutant.strategy:8} {found.runs:5} {found.cpu_s:6.1f}"
        print(f"{row}  {seen[:150]}", flush=True)
    return all_well


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--cpu=")]
    limits = [float(word[6:]) for word in sys.argv[1:] if word.startswith("--cpu=")]
    chosen = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    sys.exit(0 if table(tuple(chosen), limits[0] if limits else CPU_MAX_S) else 1)
