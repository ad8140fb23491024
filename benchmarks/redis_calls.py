"""What the fence adds to a write, and the pointer to a read: microseconds a call, by hand."""

from __future__ import annotations

from uds import layout
from uds.model import Generation, Symbol

from .redis_case import OK, Case
from .resp import bulk, command
from .session import Row, Watch, print_table
from .turns import Step, Turns, take_turns
from .waist_store import NAMESPACE, Asked

_CALLS = 104
_LEAST_S = 0.01
_SET_ALONE, _WRITE_ALONE = "SET of one tail, alone", "coldstart_write of one tail, alone"
_SET_MANY, _WRITE_MANY = "SET of one tail, 104 in one buffer", "coldstart_write, 104 in one buffer"
_GET, _READ = "GET of one tail", "coldstart_read of one cell"
_MGET, _READ_ALL = "MGET of eight tails", "coldstart_read of eight cells"
_PAIRS = (
    (_WRITE_ALONE, _SET_ALONE),
    (_WRITE_MANY, _SET_MANY),
    (_READ, _GET),
    (_READ_ALL, _MGET),
)


def measure(case: Case, asked: Asked, rounds: int) -> None:
    """Time each pair in turn, print the table."""
    symbol = case.symbols[0]
    asked(case.store.prime(symbol))
    generation = asked(case.store.flip(symbol)).generation
    steps = {**_writes(case, symbol), **_reads(case, symbol, generation)}
    watch = Watch(case.pid)
    turns = take_turns(steps, rounds, _LEAST_S)
    size = len(case.tails[case.keys_of(symbol)[0]])
    heading = watch.heading(f"one call, tails of {size:,} bytes, {rounds} rounds")
    print_table(heading, [row for pair in _PAIRS for row in _rows(turns, *pair)], "x plain")


def _rows(turns: Turns, ours: str, plain: str) -> list[Row]:
    found = []
    for name in (plain, ours):
        call_s = turns.pass_s(name) / turns.units[name]
        more_s = call_s - turns.pass_s(plain) / turns.units[plain]
        note = "" if name == plain else f"{more_s * 1e6:+.1f} us a call"
        found.append(Row(name, call_s, turns.ratio(name, plain), note))
    return found


def _writes(case: Case, symbol: Symbol) -> dict[str, Step]:
    key = case.keys_of(symbol)[0]
    value, token = case.tails[key], case.store.token
    spare = Generation(token.value, 9_999)
    tail = case.redis_key(key, spare)
    gate = (layout.owner_key(NAMESPACE, symbol), layout.live_key(NAMESPACE, symbol))
    owner = (str(token.value), token.boot_id, str(spare))
    plain = command("SET", tail, value)
    fenced = command("FCALL", "coldstart_write", "3", *gate, tail, *owner, value)
    answer = bulk(b"OK")
    if case.wire.ask(fenced, len(answer)) != answer:
        raise SystemExit("coldstart_write did not say OK")
    case.expect(tail, value)
    return {
        _SET_ALONE: Step(lambda: case.wire.ask(plain, len(OK))),
        _WRITE_ALONE: Step(lambda: case.wire.ask(fenced, len(answer))),
        _SET_MANY: Step(lambda: case.wire.ask(plain * _CALLS, len(OK) * _CALLS), units=_CALLS),
        _WRITE_MANY: Step(
            lambda: case.wire.ask(fenced * _CALLS, len(answer) * _CALLS), units=_CALLS
        ),
    }


def _reads(case: Case, symbol: Symbol, generation: Generation) -> dict[str, Step]:
    keys = case.keys_of(symbol)
    tails = [case.redis_key(key, generation) for key in keys]
    values = [bulk(case.tails[key]) for key in keys]
    live = layout.live_key(NAMESPACE, symbol)
    names = [key.timeframe.name for key in keys]
    pointer = bulk(str(generation).encode()) + bulk(b"0") + bulk(b"")
    calls = {
        _GET: (command("GET", tails[0]), values[0]),
        _READ: (
            command("FCALL_RO", "coldstart_read", "1", live, names[0]),
            b"*4\r\n" + pointer + values[0],
        ),
        _MGET: (command("MGET", *tails), b"*8\r\n" + b"".join(values)),
        _READ_ALL: (
            command("FCALL_RO", "coldstart_read", "1", live, *names),
            b"*11\r\n" + pointer + b"".join(values),
        ),
    }
    for name, (asking, answer) in calls.items():
        if case.wire.ask(asking, len(answer)) != answer:
            raise SystemExit(f"{name}: another answer than the tails")

    def step(asking: bytes, answer: bytes) -> Step:
        return Step(lambda: case.wire.ask(asking, len(answer)))

    return {name: step(*call) for name, call in calls.items()}
