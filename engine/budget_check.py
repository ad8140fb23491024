"""Whether the priming budget of a configuration can be kept, told before anything is started."""

from __future__ import annotations

from .boots.records import last_prime_rate
from .budget import shortfall_saying, shortfalls
from .config import Config
from .first_status import prime_budget


def unkept_budgets(config: Config) -> tuple[str, ...]:
    """Each budget that the tails of a cold start will not keep, with the number to set.

    The rate is that of the newest recorded boot that primed anything, else the guessed one.
    """
    rate = last_prime_rate(config.data_root)
    found = shortfalls(prime_budget(config), len(config.symbols), rate)
    return tuple(str(shortfall_saying(one, rate)) for one in found)
