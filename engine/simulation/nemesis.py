"""Draws what is done to a run: each seed its own mix of faults."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from uds.model import MINUTE_MS

from .case import Act, ActKind, Case
from .ground import SETTLE_MS, start_ms
from .state_files import REMOVED, SPOILED

_PROCESSES = ("connector", "m1_poller", "tick_publisher", "tick_preview", "ui")
_SPANS_S = (0.3, 1.0, 3.0, 75.0, 75.0, 75.0)
"""Acts come within so many seconds: a start takes half a second, a minute is fetched in a tenth."""
_AT_EDGE = 0.35
"""How many acts of a long span come when a closed minute is being fetched."""
_ACTS_MAX = 7
_STATE_SHARE = 0.1
_REMOVED_SHARE = 0.3
"""Of those."""
_EXTENSION_SHARE = 0.1
_ROLLED_BACK_SHARE = 0.1
_OPEN_S = 3.0
"""A gate that nothing holds back is open by then."""
_KIND = ActKind
_PAUSES_S = (0.2, 0.2, 1.0, 3.0, 15.0, 70.0, 250.0)
"""How long nobody runs between two boots."""
_STEPS = (
    "*",
    "append.*",
    "append.Sync",
    "append.Write",
    "replace.*",
    "replace.Rename",
    "link.*",
    "create.*",
    "read",
    "names",
    "truncate.*",
    "remove.*",
)
_CALLS = ("cache.*", "cache.flip", "cache.extend", "cache.write", "cache.claim", "cache.read")
_BROKER = (
    "fetch_error",
    "fetch_hangs",
    "rate_limit",
    "short",
    "duplicate",
    "unordered",
    "empty",
)
_LOGINS = ("login_refused", "login_hangs", "login_permanent")

_WEIGHTS: dict[ActKind, int] = {
    _KIND.KILL: 8,
    _KIND.POWER_CUT: 5,
    _KIND.STOP: 3,
    _KIND.PAUSE: 3,
    _KIND.ZOMBIE: 5,
    _KIND.REDIS_EMPTIED: 4,
    _KIND.REDIS_REFUSES: 4,
    _KIND.REDIS_SILENT: 4,
    _KIND.REDIS_LOSES: 5,
    _KIND.REDIS_SLOW: 2,
    _KIND.REDIS_TAIL_LOST: 2,
    _KIND.DISK_FAILS: 6,
    _KIND.DISK_FULL: 2,
    _KIND.DISK_PARTIAL: 2,
    _KIND.DISK_SLOW: 2,
    _KIND.BIT_FLIPPED: 3,
    _KIND.BROKER: 8,
    _KIND.LOGIN: 3,
    _KIND.CLOCK_JUMP: 2,
    _KIND.STALL: 2,
    _KIND.BUG: 4,
    _KIND.RESTART: 4,
    _KIND.RESTART_FORCE: 3,
    _KIND.REBUILD: 6,
    _KIND.REBUILD_ALL: 2,
}
_LIVES = (
    (Act(3.0, _KIND.REBUILD, 0.0, "XAU/USD"), Act(14.0, _KIND.STOP, 0.0, "", 0.5)),
    (
        Act(2.0, _KIND.KILL, 0.0, "", 0.2),
        Act(4.0, _KIND.REBUILD, 0.0, "XAU/USD"),
        Act(14.0, _KIND.STOP, 0.0, "", 0.5),
    ),
)
"""Lives that are gone through operation by operation: a cold start, and what follows a kill."""


def acts_of(case: Case) -> tuple[Act, ...]:
    """The acts of a case that names none; the same for the same seed."""
    random = Random(f"{case.seed}/acts")
    if case.strategy == "nemesis":
        return _with_rare_acts(case, _drawn(random, case, dict(_WEIGHTS), 0))
    if case.strategy == "power":
        left_out = (_KIND.KILL, _KIND.ZOMBIE)
        weights = {kind: weight for kind, weight in _WEIGHTS.items() if kind not in left_out}
        return _with_rare_acts(case, _drawn(random, case, weights, 2))
    return _LIVES[case.seed % len(_LIVES)] if case.strike is not None else ()


def _drawn(random: Random, case: Case, weights: dict[ActKind, int], cuts: int) -> tuple[Act, ...]:
    """Some acts over the span, and so many power cuts at least."""
    count = random.randint(2, _ACTS_MAX)
    # A seed knows few kinds, so that it knows them well.
    kinds = random.choices(tuple(weights), tuple(weights.values()), k=random.randint(1, count))
    chosen = [random.choice(kinds) for _ in range(count)] + [_KIND.POWER_CUT] * cuts
    span_s = random.choice(_SPANS_S)
    acts = [_act(random, case, kind, span_s) for kind in chosen]
    return tuple(sorted(acts, key=lambda act: act.at_s))


def _with_rare_acts(case: Case, acts: tuple[Act, ...]) -> tuple[Act, ...]:
    """Some seeds have more done to them, which chance alone would seldom bring about."""
    last_s = max((act.at_s for act in acts), default=0.0)
    rare = (*_spoiled_state(case, last_s), *_lost_extension(case), *_rolled_back(case, last_s))
    return tuple(sorted((*acts, *rare), key=lambda act: act.at_s))


def _spoiled_state(case: Case, last_s: float) -> tuple[Act, ...]:
    """State files are spoiled or taken away, and the engine is started again."""
    random = Random(f"{case.seed}/state")
    if random.random() >= _STATE_SHARE:
        return ()
    at_s = round(random.uniform(1.2, max(last_s, 4.0)), 3)
    subject, pause_s = random.choice(SPOILED), random.choice(_PAUSES_S)
    if Random(f"{case.seed}/removed").random() < _REMOVED_SHARE:
        subject = REMOVED
    return (Act(at_s, _KIND.STATE_SPOILED, 0.0, subject, pause_s),)


def _lost_extension(case: Case) -> tuple[Act, ...]:
    """Redis shows a minute and its reply is lost, for long enough that the next one closes."""
    random = Random(f"{case.seed}/extension")
    if random.random() >= _EXTENSION_SHARE:
        return ()
    at_s = _edge_s(case) - random.uniform(0.0, 1.0)
    if at_s < _OPEN_S:
        at_s += 60.0
    for_s = random.choice((3.0, 25.0, 70.0))
    return (Act(round(at_s, 3), _KIND.REDIS_LOSES, for_s, "cache.extend", 1.0),)


def _rolled_back(case: Case, last_s: float) -> tuple[Act, ...]:
    """The server of Redis falls and has lost its last seconds, or takes an older backup."""
    random = Random(f"{case.seed}/rolled back")
    if random.random() >= _ROLLED_BACK_SHARE:
        return ()
    at_s = round(random.uniform(0.0, max(last_s, 4.0)), 3)
    return (Act(at_s, _KIND.REDIS_ROLLED_BACK, random.choice((0.2, 1.0, 1.0, 5.0, 65.0))),)


def _act(random: Random, case: Case, kind: ActKind, span_s: float) -> Act:
    at_s = random.uniform(0.0, span_s)
    if span_s > 60.0 and random.random() < _AT_EDGE:
        at_s = _edge_s(case) + random.uniform(-0.05, 0.35)
    at_s = round(max(0.0, at_s), 3)
    for_s, subject, amount = _TERMS.get(kind, _plain)(random, case)
    return Act(at_s, kind, round(for_s, 3), subject, round(amount, 4))


def _edge_s(case: Case) -> float:
    """When the first minute that closes in this run is fetched."""
    return (MINUTE_MS + SETTLE_MS - start_ms(case.seed) % MINUTE_MS) / 1_000 % 60


_Terms = tuple[float, str, float]


def _plain(random: Random, case: Case) -> _Terms:
    return 0.0, "", 0.0


def _a_while(random: Random) -> float:
    return random.choice((random.uniform(0.2, 2.0), random.uniform(2.0, 12.0), 25.0))


def _reboot(random: Random, case: Case) -> _Terms:
    return 0.0, "", random.choice(_PAUSES_S)


def _symbol(random: Random, case: Case) -> _Terms:
    return 0.0, random.choice(case.symbols), random.random()


def _process(random: Random, case: Case) -> _Terms:
    return 0.0, random.choice(_PROCESSES), 0.0


_TERMS: dict[ActKind, Callable[[Random, Case], _Terms]] = {
    _KIND.KILL: _reboot,
    _KIND.POWER_CUT: _reboot,
    _KIND.STOP: _reboot,
    _KIND.PAUSE: lambda r, c: (r.choice((0.5, 1.9, 3.0, 20.0)), "", 0.0),
    _KIND.ZOMBIE: lambda r, c: (r.choice((1.0, 4.0, 20.0)), "", 0.0),
    _KIND.REDIS_REFUSES: lambda r, c: (_a_while(r), "", 0.0),
    _KIND.REDIS_SILENT: lambda r, c: (_a_while(r), "", 0.0),
    _KIND.REDIS_LOSES: lambda r, c: (_a_while(r), r.choice(_CALLS), r.choice((0.1, 0.4, 1.0))),
    _KIND.REDIS_SLOW: lambda r, c: (_a_while(r), "", r.choice((0.05, 0.3))),
    _KIND.REDIS_TAIL_LOST: _symbol,
    _KIND.DISK_FAILS: lambda r, c: (_a_while(r), r.choice(_STEPS), r.choice((0.05, 0.3, 1.0))),
    _KIND.DISK_FULL: lambda r, c: (_a_while(r), "*", 0.0),
    _KIND.DISK_PARTIAL: lambda r, c: (_a_while(r), "append.Write", r.choice((0, 40, 200, 900))),
    _KIND.DISK_SLOW: lambda r, c: (_a_while(r), r.choice(_STEPS), r.choice((0.02, 0.3))),
    _KIND.BIT_FLIPPED: _symbol,
    _KIND.BROKER: lambda r, c: (_a_while(r), r.choice(_BROKER), 0.0),
    _KIND.LOGIN: lambda r, c: (_a_while(r), r.choice(_LOGINS), 0.0),
    _KIND.CLOCK_JUMP: lambda r, c: (
        r.choice((0.0, 10.0, 30.0, 150.0)),
        "",
        r.choice((3_600.0, -3_600.0, 5.0, -5.0, 90.0, -90.0)),
    ),
    _KIND.STALL: lambda r, c: (0.0, "", r.choice((0.4, 1.0, 3.0, 12.0))),
    _KIND.BUG: _process,
    _KIND.RESTART: _process,
    _KIND.RESTART_FORCE: _process,
    _KIND.REBUILD: lambda r, c: (0.0, r.choice(c.symbols), 0.0),
}
