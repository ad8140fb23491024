"""How fast Redis is primed, from memory and from disk, and what the fence and one read cost.

104 cells of 300 bars through the store to its embedded server, beside the protocol written by
hand, plain pipelines of redis-py, and the bar-by-bar way.
Run it as `python -m benchmarks.redis_prime`; `benchmarks/README.md` has the rules.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from uds import ServerMissing
from uds.model import Generation

from . import redis_calls
from .redis_case import OK, Case, case_in, prime_one_by_one, prime_together
from .redis_rivals import SAMPLED_CELLS, Rival
from .resp import command
from .session import Row, Target, Watch, print_table, run
from .turns import Step, take_turns
from .waist_case import configuration
from .waist_store import Asked, bench_folder

_FLOOR = "floor: SET of the same values, by hand, one buffer"
_OURS = "ours: fenced, packed, one call a symbol"
_OURS_TOGETHER = "ours, all symbols at once"
_PIPELINES = "redis-py: plain SET, one pipeline a symbol"
_PUSH = "redis-py: RPUSH of a JSON a bar"
_ADD = "redis-py: ZADD of a JSON a bar"
_DISK = "ours from disk: recover and prove, then prime"
_DISK_PUSH = "from disk bar by bar: json of the file, RPUSH each"
_LEAST_S = 0.005


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit code."""
    sentence = "Priming Redis from memory and from disk, beside other ways."
    return run("redis_prime", sentence, arguments, _measure)


def _measure(quick: bool) -> list[Target]:
    rounds = 5 if quick else 21
    with bench_folder() as (folder, asked):
        context = case_in(configuration(), folder)
        try:
            case = asked(context.__aenter__())
        except ServerMissing as error:
            raise SystemExit(f"{error.detail} {error.hint}") from error
        rival = Rival(case, folder)
        targets = _prime(case, rival, asked, rounds)
        redis_calls.measure(case, asked, rounds)
        asked(rival.close())
        asked(context.__aexit__(None, None, None))
    return targets


def _prime(case: Case, rival: Rival, asked: Asked, rounds: int) -> list[Target]:
    floor = _plain_sets(case)
    share = SAMPLED_CELLS / len(case.tails)
    steps = {
        _FLOOR: Step(lambda: case.wire.ask(b"".join(floor), len(OK) * len(floor))),
        _OURS: Step(lambda: asked(prime_one_by_one(case))),
        _OURS_TOGETHER: Step(lambda: asked(prime_together(case))),
        _PIPELINES: Step(lambda: asked(rival.set_by_symbol())),
        _PUSH: Step(lambda: asked(rival.push_each()), units=share),
        _ADD: Step(lambda: asked(rival.add_each()), units=share),
        _DISK: Step(lambda: asked(_from_disk(case))),
        _DISK_PUSH: Step(lambda: asked(rival.push_each_from_disk()), units=share),
    }
    _compare(case, rival, asked, steps)
    watch = Watch(case.pid)
    turns = take_turns(steps, rounds, _LEAST_S)
    cells, bars = len(case.tails), sum(len(b) for s in case.bars.values() for b in s.values())
    scaled = f"{SAMPLED_CELLS} cells, scaled to {cells}"
    rows = [
        Row(
            name,
            turns.pass_s(name) / step.units,
            turns.ratio(name, _FLOOR),
            scaled if step.units < 1 else "",
        )
        for name, step in steps.items()
    ]
    heading = watch.heading(f"prime {cells} cells, {bars:,} bars, {rounds} rounds")
    print_table(heading, rows, "x floor", {"k cells/s": cells / 1e3})
    return [
        Target("prime from memory / protocol by hand", turns.ratio(_OURS, _FLOOR), 5),
        Target("prime from disk", turns.pass_s(_DISK) * 1e3, 25, "ms"),
        Target("bar by bar from disk / ours", turns.ratio(_DISK_PUSH, _DISK), 100, is_least=True),
    ]


async def _from_disk(case: Case) -> None:
    for symbol in case.symbols:
        await case.store.recover(symbol)
        await case.store.prime(symbol)


def _plain_sets(case: Case) -> list[bytes]:
    return [command("SET", f"floor:{key}", value) for key, value in case.tails.items()]


def _compare(case: Case, rival: Rival, asked: Asked, steps: dict[str, Step]) -> None:
    """Every way once, and what it brought to Redis held against the bars."""
    for way in (_FLOOR, _PIPELINES, _PUSH, _ADD):
        steps[way].work()
    asked(rival.compare())
    token = case.store.token.value
    for key, value in case.tails.items():
        case.expect(f"floor:{key}", value)
    for n, way in ((1, _OURS), (2, _DISK)):
        steps[way].work()
        for key, value in case.tails.items():
            case.expect(case.redis_key(key, Generation(token, n)), value)


if __name__ == "__main__":
    sys.exit(main())
