"""The priming budget: what each symbol may take, what is late, and what would have been enough.

The budget is a promise, not a cut: past it priming goes on, and says so. A symbol is promised
its own share and, on top, what the symbols before it did not use, never more than is left of
the whole. All tails of a symbol cross to Redis in one call, so D1 and H4 cannot come last and
a generation cannot be seen half primed; what the budget judges is when that call has come back.

Time is counted from a symbol's first call to its last, waits for Redis included: that is what
readers wait for. The rate is that of the calls that succeeded in this boot: an hour of waiting
says nothing about the server's speed. Until the first symbol is primed a cautious guess stands
in for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from uds.model import Symbol, Timeframe

from .figures import grouped
from .sayings import Saying
from .status import PrimeStatus

GUESSED_BARS_PER_S = 20_000.0
"""Well below the 110 000 to 250 000 that a host with two cores and the embedded server took."""
_ADVISED_SHARE = 1.5
"""The number to set leaves half as much again for a busy moment."""


def expected_bars(
    warmup_m1: int,
    warmup_d1: int,
    tail_bars: Mapping[Timeframe, int],
    timeframes: tuple[Timeframe, ...],
) -> int:
    """How many bars of one symbol are primed after a cold start."""
    minute = Timeframe.M1.ms
    return sum(
        min(tail_bars[tf], warmup_d1 if tf is Timeframe.D1 else warmup_m1 * minute // tf.ms)
        for tf in timeframes
    )


def spent_s(prime: PrimeStatus, now_s: float) -> float:
    """Seconds of the budget that are gone: of what is done, and of the longest under way."""
    under_way = (now_s - began_s for began_s in prime.began_s.values())
    return _done_s(prime) + max(under_way, default=0.0)


def allowance_s(prime: PrimeStatus, symbol: Symbol) -> float:
    """What a symbol may take: its share and what others left, within what the whole has left."""
    done = [taken_s for other, taken_s in prime.per_symbol_s.items() if other != symbol]
    handed_on_s = max(0.0, prime.per_symbol_budget_s * len(done) - sum(done))
    left_s = max(0.0, prime.budget_s - sum(done))
    return min(prime.per_symbol_budget_s + handed_on_s, left_s)


def is_late(prime: PrimeStatus, now_s: float) -> bool:
    """Whether a symbol that is being primed now takes longer than was promised."""
    if prime.began_s and spent_s(prime, now_s) > prime.budget_s:
        return True
    return any(now_s - at_s > allowance_s(prime, s) for s, at_s in prime.began_s.items())


def rate_bars_per_s(prime: PrimeStatus) -> float | None:
    """Bars a second as measured in this boot; None before the first symbol is primed."""
    bars, taken_s = sum(prime.bars.values()), sum(prime.call_s.values())
    return bars / taken_s if bars and taken_s > 0 else None


def remaining_s(prime: PrimeStatus, symbols: int) -> float | None:
    """How much longer priming takes at the measured rate; None while there is none."""
    rate = rate_bars_per_s(prime)
    if rate is None or not prime.bars:
        return None
    per_symbol = sum(prime.bars.values()) / len(prime.bars)
    return (symbols - len(prime.bars)) * per_symbol / rate


class Shortfall(NamedTuple):
    """A budget that cannot be kept."""

    option: str
    """Its name in the configuration."""
    budget_s: float
    """What it is."""
    needed_s: float
    """What priming takes at the rate."""
    advised_s: float
    """What to set."""


def shortfall(prime: PrimeStatus, symbols: int) -> Shortfall | None:
    """The first budget that the rate shows to be too small; None when both will do."""
    return next(iter(shortfalls(prime, symbols, rate_bars_per_s(prime))), None)


def shortfalls(prime: PrimeStatus, symbols: int, rate: float | None) -> tuple[Shortfall, ...]:
    """The budgets that are too small at a measured rate, or at the guessed one without any."""
    per_symbol_s = max((prime.symbol_bars, *prime.bars.values())) / (rate or GUESSED_BARS_PER_S)
    both = (
        ("bootstrap.redis_priming_budget_s", prime.budget_s, per_symbol_s * symbols),
        ("bootstrap.prime_budget_per_symbol_s", prime.per_symbol_budget_s, per_symbol_s),
    )
    return tuple(
        Shortfall(option, budget_s, needed_s, _advised_s(needed_s))
        for option, budget_s, needed_s in both
        if needed_s > budget_s
    )


def shortfall_saying(found: Shortfall, rate: float | None) -> Saying:
    """What is too small, by how much, and the number to set."""
    figures = f"{found.advised_s:g}", f"{found.budget_s:g}", f"{found.needed_s:.2f}"
    bars_per_s = grouped(rate or GUESSED_BARS_PER_S)
    code = "budget_small" if rate else "budget_small_guessed"
    return Saying(code, (found.option, *figures, bars_per_s))


def _done_s(prime: PrimeStatus) -> float:
    return sum(prime.per_symbol_s.values())


def _advised_s(needed_s: float) -> float:
    """A tenth of a second is as fine as a promise should be."""
    return math.ceil(needed_s * _ADVISED_SHARE * 10) / 10
