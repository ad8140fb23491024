"""Simulations trust the dictionary, so it is run beside the real server, call by call.

Whatever two engines, a copy of one's folder, an emptied server or an old backup do: each call
must come to the same answer in both, and leave the same behind.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import redis

from uds import codec, layout
from uds.cache import RedisCache
from uds.errors import UdsError
from uds.memory_cache import MemoryCache
from uds.model import FencingToken, Generation, SeriesKey, Symbol
from uds.ports import Cache, Pointer

from .conftest import NAMESPACE
from .samples import GOLD, TIMEFRAMES, bars, preview

OPERATIONS = 10_000
SYMBOLS = (GOLD, "XAG/USD")
OWNERS = (
    FencingToken(1, "a1" * 16),
    FencingToken(1, "b1" * 16),
    FencingToken(2, "a2" * 16),
    FencingToken(3, "a3" * 16),
)
TAILS = {
    tf: (*(codec.pack_tail(tf, bars(n, 0, tf)) for n in range(4)), b"CST1 but no tail")
    for tf in TIMEFRAMES
}
"""Real tails of none to three bars, and what somebody else might have written."""
DUMP = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local is_hash = redis.call('TYPE', key).ok == 'hash'
  found[#found + 1] = key
  found[#found + 1] = is_hash and redis.call('HGETALL', key) or redis.call('GET', key)
end
return found
"""

TO_BE_SEEN = [
    (name, word)
    for name, own_words in {
        "claim": "FENCED",
        "holds": "FENCED UNCLAIMED",
        "write": "FENCED UNCLAIMED SEALED",
        "flip": "FENCED UNCLAIMED INCOMPLETE",
        "extend": "FENCED UNCLAIMED NOT_LIVE OUT_OF_SEQ",
        "read": "",
        "preview": "FENCED UNCLAIMED NOT_LIVE",
        "forget": "FENCED UNCLAIMED SEALED",
    }.items()
    for word in ("ok", *own_words.split())
]
"""A run in which one of these is rare would prove little of it."""

Contents: TypeAlias = Mapping[str, "bytes | Mapping[bytes, bytes]"]


@dataclass(frozen=True, slots=True)
class Backup:
    """What both held at one time."""

    memory: MemoryCache
    """Its dictionaries, copied."""
    server: Contents
    """The server's keys."""


def in_memory(memory: MemoryCache) -> Contents:
    """The dictionary's contents under the names that the server has for them."""
    found: dict[str, bytes | Mapping[bytes, bytes]] = {}
    for symbol, owner in memory.owners.items():
        found[layout.owner_key(NAMESPACE, symbol)] = f"{owner.value} {owner.boot_id}".encode()
    for symbol, pointer in memory.live.items():
        found[layout.live_key(NAMESPACE, symbol)] = {
            b"generation": str(pointer.generation).encode(),
            b"seq": str(pointer.seq).encode(),
            b"previous": str(pointer.previous or "").encode(),
        }
    for (symbol, generation, tf), tail in memory.tails.items():
        found[layout.tail_key(NAMESPACE, SeriesKey(symbol, tf), generation)] = tail
    for key, forming in memory.previews.items():
        found[layout.preview_key(NAMESPACE, key)] = codec.preview_json(forming)
    return found


def on_server(client: redis.Redis) -> Contents:
    """All keys of the server with their values."""
    flat = client.eval(DUMP, 0)
    assert isinstance(flat, list)
    found: dict[str, bytes | Mapping[bytes, bytes]] = {}
    for key, value in zip(flat[::2], flat[1::2], strict=True):
        if isinstance(value, list):
            value = dict(zip(value[::2], value[1::2], strict=True))
        found[key.decode()] = value
    return found


def put_on_server(client: redis.Redis, contents: Contents) -> None:
    """Replace all contents, as a restored backup does."""
    with client.pipeline() as pipeline:
        pipeline.flushall()
        for key, value in contents.items():
            if isinstance(value, bytes):
                pipeline.set(key, value)
            else:
                for field, part in value.items():
                    pipeline.hset(key, field, part)
        pipeline.execute()


async def outcome(call: Coroutine[object, object, object]) -> tuple[str, object]:
    """What a call comes to: `ok` with its answer, or the server's word with the error's class."""
    try:
        return "ok", await call
    except UdsError as error:
        word = re.search(r"it answered (\w+)", error.detail)
        return word[1] if word else "FENCED", type(error)


def any_call(dice: random.Random, memory: MemoryCache) -> tuple[str, list[object]]:
    """The name of a method and arguments that are often, but not always, allowed."""
    symbol: Symbol = dice.choices(SYMBOLS, (4, 1))[0]
    owner, generation = dice.choice(OWNERS), Generation(dice.choice((1, 2)), dice.randint(1, 4))
    live = memory.live.get(symbol, Pointer(generation, 0, None))
    seq = max(0, live.seq + dice.choices((-1, 0, 1), (2, 6, 1))[0])
    if dice.random() < 0.7:
        owner = memory.owners.get(symbol, owner)
    if dice.random() < 0.4:
        generation = dice.choice((live.generation, live.previous or generation))
    some = dice.sample(TIMEFRAMES, dice.randint(1, 3))
    tails = {tf: dice.choice(TAILS[tf]) for tf in some}
    whole = {tf: dice.choice(TAILS[tf]) for tf in TIMEFRAMES}
    forming = [preview(dice.randint(0, 4), tf) for tf in some]
    calls: list[tuple[int, str, list[object]]] = [
        (2, "claim", [dice.sample(SYMBOLS, dice.randint(1, 2)), owner]),
        (3, "holds", [dice.sample(SYMBOLS, dice.randint(1, 2)), owner]),
        (6, "write", [symbol, owner, generation, dice.choice((whole, tails))]),
        (6, "flip", [symbol, owner, generation, dice.randint(0, 3), some]),
        (9, "extend", [symbol, owner, generation, seq, tails]),
        (3, "read", [symbol, some]),
        (6, "preview", [symbol, owner, 600_000, forming if symbol == GOLD else []]),
        (3, "forget", [symbol, owner, generation, some]),
    ]
    _, name, arguments = dice.choices(calls, [weight for weight, _, _ in calls])[0]
    return name, arguments


def any_fate(
    dice: random.Random, memory: MemoryCache, client: redis.Redis, backups: list[Backup]
) -> str | None:
    """Now and then the server is emptied, copied, or set back to a copy."""
    match dice.randrange(400):
        case 0:
            client.flushall()
            memory.emptied()
            return "emptied"
        case 1:
            memory.put_back(backups[-1].memory)
            put_on_server(client, backups[-1].server)
            return "set back"
        case 2 | 3:
            backups.append(Backup(memory.copied(), on_server(client)))
            return "copied"
    return None


async def test_dictionary_and_server_are_alike(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """Any sequence of calls and fates: the same answers, the same errors, the same contents."""
    dice = random.Random(20_260_105)
    memory = MemoryCache()
    backups = [Backup(MemoryCache(), {})]
    fates: Counter[str | None] = Counter()
    words: Counter[tuple[str, str]] = Counter()
    differences = []
    for number in range(OPERATIONS):
        fates[any_fate(dice, memory, raw_redis, backups)] += 1
        name, arguments = any_call(dice, memory)
        expected = await outcome(asked(memory, name, arguments))
        found = await outcome(asked(redis_cache, name, arguments))
        words[name, expected[0]] += 1
        if expected != found or in_memory(memory) != on_server(raw_redis):
            differences.append((number, name, arguments, expected, found))
            put_on_server(raw_redis, in_memory(memory))

    assert [] == differences[:3]
    assert set() == {"emptied", "set back", "copied"} - fates.keys()
    assert {} == {what: words[what] for what in TO_BE_SEEN if words[what] < 20}


def asked(cache: Cache, name: str, arguments: list[object]) -> Coroutine[object, object, object]:
    """The call of a method by its name."""
    call: Coroutine[object, object, object] = getattr(cache, name)(*arguments)
    return call
