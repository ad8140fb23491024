"""The strategies by name, and the cases each is made of.

`nemesis` and `power` draw faults from a seed, the second with power cuts in every run. `crash`,
`cut` and `zombie` go through one life operation by operation and kill, cut the power or send to
sleep before each: seed 0 is a cold start with a rebuild behind it, seed 1 the restart after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .case import ActKind, BadCase, Case, Strike

DRAWN = ("nemesis", "power")
_KINDS = {"crash": ActKind.KILL, "cut": ActKind.POWER_CUT, "zombie": ActKind.ZOMBIE}
STRATEGIES = (*DRAWN, *_KINDS)
_LIVES = 2
_NEVER = 1 << 40
_SHARES = {"nemesis": 5, "power": 2, "crash": 1, "cut": 1, "zombie": 1}
_ID = re.compile(r"(?:([a-z]+):)?(\d{1,9})(?:@(\d{1,4})\.(\d{1,9}))?")

Counted = Callable[[Case], tuple[int, ...]]
"""Runs a case and says how many operations each of its boots made."""


def cases_of(
    strategy: str | None, count: int, symbol_count: int, m1_bars: int, counted: Counted
) -> Iterator[Case]:
    """`count` cases of a strategy at most, or of all of them by their shares."""
    whole = sum(_SHARES.values())
    for name in STRATEGIES if strategy is None else (strategy,):
        wanted = count if strategy is not None else -(-count * _SHARES[name] // whole)
        if name in DRAWN:
            yield from (Case(name, seed, symbol_count, m1_bars) for seed in range(wanted))
        else:
            yield from _struck(name, wanted, symbol_count, m1_bars, counted)


def case_named(text: str, strategy: str | None, symbol_count: int, m1_bars: int) -> Case:
    """From what a report calls it: `7`, `power:7` or `crash:1@2.350`; raises BadCase."""
    match = _ID.fullmatch(text)
    name = (match[1] if match else None) or strategy or DRAWN[0]
    if match is None or name not in STRATEGIES or (match[3] is None) is (name in _KINDS):
        raise BadCase(f"{text[:40]!r} names no case; write 7, power:7 or crash:1@2.350.")
    strike = None
    if match[3] is not None:
        strike = Strike(int(match[3]), int(match[4]), _KINDS[name])
    return Case(name, int(match[2]), symbol_count, m1_bars, strike=strike)


def _struck(
    name: str, wanted: int, symbol_count: int, m1_bars: int, counted: Counted
) -> Iterator[Case]:
    """Before every operation of both lives; evenly spread when they are more than wanted."""
    places = []
    for life in range(_LIVES):
        boot = life + 1
        whole = Case(name, life, symbol_count, m1_bars, strike=Strike(boot, _NEVER, _KINDS[name]))
        places += [(life, boot, number) for number in range(counted(whole)[boot - 1])]
    stride = max(1, -(-len(places) // max(1, wanted)))
    for life, boot, number in places[::stride]:
        strike = Strike(boot, number, _KINDS[name])
        yield Case(name, life, symbol_count, m1_bars, strike=strike)
