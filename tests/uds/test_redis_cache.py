"""The real server only: what it stores, what it announces, and what becomes of foreign values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
import redis

from uds.cache import RedisCache
from uds.errors import CacheRegressed
from uds.model import Generation
from uds.ports import Pointer

from .conftest import NAMESPACE
from .samples import GOLD, TIMEFRAMES, minute, preview, token

G1, G2 = Generation(1, 1), Generation(1, 2)
M1, M5, D1 = TIMEFRAMES
LIVE_KEY = f"{NAMESPACE}:{{XAU_USD}}:live"
TAILS = {tf: tf.name.encode() for tf in TIMEFRAMES}


async def live(cache: RedisCache, generation: Generation = G1) -> None:
    """Make a complete generation of gold the live one."""
    await cache.claim([GOLD], token(1))
    await cache.write(GOLD, token(1), generation, TAILS)
    await cache.flip(GOLD, token(1), generation, 0, TIMEFRAMES)


@contextmanager
def listening(client: redis.Redis, channel: str) -> Iterator[Callable[[], object]]:
    """A subscriber of one of gold's channels; the call waits for what it hears next."""
    with client.pubsub() as listener:  # type: ignore[no-untyped-call]  # not typed there
        listener.subscribe(f"{NAMESPACE}:{{XAU_USD}}:{channel}")
        assert "subscribe" == listener.get_message(timeout=1)["type"]
        yield lambda: listener.get_message(timeout=1)["data"]


async def test_keys_are_what_the_format_says(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """Other programs read them: names, types and values are published."""
    await live(redis_cache)
    stem = f"{NAMESPACE}:{{XAU_USD}}"

    assert f"1 {token(1).boot_id}".encode() == raw_redis.get(f"{stem}:owner")
    assert {b"generation": b"00000001-0001", b"seq": b"0", b"previous": b""} == raw_redis.hgetall(
        f"{stem}:live"
    )
    assert b"M5" == raw_redis.get(f"{stem}:00000001-0001:M5")
    assert 5 == raw_redis.dbsize()


def test_every_function_and_every_word_is_described() -> None:
    """Whoever writes a reader, or looks for a split brain, has these tables only."""
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
    source = (files("uds") / "functions.lua").read_text("utf-8")
    words = set(re.findall(r"return '([A-Z_]+)'", source))

    assert set(re.findall(r"'(coldstart_\w+)'", source)) == set(
        re.findall(r"^\| `(coldstart_\w+)`", text, re.MULTILINE)
    )
    assert words == set(re.findall(r"^\| ([A-Z_]+) \|", text, re.MULTILINE))


def slot(key: bytes) -> int:
    """Which of a cluster's 16 384 slots a key is in: CRC-16/XMODEM of its hash tag."""
    tag = key.partition(b"{")[2].partition(b"}")[0] or key
    crc = 0
    for byte in tag:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (0x1021 if crc & 0x8000 else 0)
    return (crc & 0xFFFF) % 16_384


def test_the_slot_is_counted_as_a_cluster_counts_it() -> None:
    """The check values of its specification."""
    assert 0x31C3 == slot(b"123456789")
    assert slot(b"user1000") == slot(b"{user1000}.following") != slot(b"user1001")


async def test_all_keys_of_a_symbol_share_one_slot(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """Or a cluster would refuse every fenced function."""
    await live(redis_cache)
    await live(redis_cache, G2)
    await redis_cache.extend(GOLD, token(1), G2, 0, TAILS)
    await redis_cache.preview(GOLD, token(1), 60_000, [preview(1)])
    keys = list(raw_redis.scan_iter())

    assert {slot(b"{XAU_USD}")} == {slot(key) for key in keys}
    assert 2 + 2 * len(TAILS) + 1 == len(keys)


async def test_tails_have_no_time_to_live(redis_cache: RedisCache, raw_redis: redis.Redis) -> None:
    """A generation of which one tail expires would be incomplete while it is live."""
    await live(redis_cache)

    assert {-1} == {raw_redis.ttl(key) for key in raw_redis.scan_iter()}


async def test_an_extension_announces_itself(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """Subscribers learn their place in the stream."""
    await live(redis_cache)
    with listening(raw_redis, "up") as hear:
        await redis_cache.extend(GOLD, token(1), G1, 0, {M1: b"a", M5: b"b"})
        assert b"00000001-0001 1" == hear()


async def test_a_forming_bar_is_json_with_a_time_to_live(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """When the ticks stop, it goes by itself: a forming bar of yesterday would be a lie."""
    await live(redis_cache)
    await redis_cache.preview(GOLD, token(1), 60_000, [preview(10)])
    key = f"{NAMESPACE}:{{XAU_USD}}:pv:M1"
    value = raw_redis.get(key)
    assert isinstance(value, bytes)

    assert {
        "open_time_ms": minute(10),
        "close_time_ms": minute(11),
        "o": 2000.0,
        "h": 2001.0,
        "low": 1999.0,
        "c": 2000.5,
        "v": 7,
        "complete": False,
        "src": "preview",
    } == json.loads(value)
    assert raw_redis.pttl(key) in range(1, 60_001)


async def test_a_tick_reaches_its_subscribers(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """On the symbol's own channel, as it was given."""
    with listening(raw_redis, "tick") as hear:
        await redis_cache.publish_tick(GOLD, b"\0tick")
        assert b"\0tick" == hear()


async def test_an_emptied_server_is_noticed(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """FLUSHALL takes the owner with the data, so nothing is written into the void (F2)."""
    await live(redis_cache)
    raw_redis.flushall()

    with pytest.raises(CacheRegressed, match="UNCLAIMED"):
        await redis_cache.holds([GOLD], token(1))
    with pytest.raises(CacheRegressed, match="UNCLAIMED"):
        await redis_cache.extend(GOLD, token(1), G1, 0, TAILS)


async def test_lost_functions_are_noticed(redis_cache: RedisCache, raw_redis: redis.Redis) -> None:
    """A server that was replaced by another has none; connecting again loads them."""
    raw_redis.function_flush()

    with pytest.raises(CacheRegressed, match="lost our functions"):
        await redis_cache.claim([GOLD], token(1))
    await redis_cache.connect()
    await redis_cache.claim([GOLD], token(1))


@pytest.mark.parametrize(
    "pointer",
    [
        {"generation": "latest", "seq": "0", "previous": ""},
        {"generation": "00000001-0001", "seq": "x", "previous": ""},
        {"generation": "00000001-0001", "previous": ""},
        {"generation": "00000001-0001", "seq": "0", "previous": "\xff"},
        {"generation": b"\xff\xfe", "seq": "0"},
    ],
)
async def test_a_pointer_without_meaning_is_a_loss(
    redis_cache: RedisCache, raw_redis: redis.Redis, pointer: dict[str, str | bytes]
) -> None:
    """Anybody may write to Redis; the engine puts its own back."""
    await live(redis_cache)
    raw_redis.delete(LIVE_KEY)
    for field, value in pointer.items():
        raw_redis.hset(LIVE_KEY, field, value)

    with pytest.raises(CacheRegressed, match="has no meaning"):
        await redis_cache.read(GOLD, TIMEFRAMES)
    with pytest.raises(CacheRegressed, match="has no meaning"):
        await redis_cache.holds([GOLD], token(1))
    await live(redis_cache, G2)
    assert (Pointer(G2, 0, None),) == await redis_cache.holds([GOLD], token(1))


async def test_a_pointer_of_another_type_is_a_loss(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """Claiming again clears the way, as for one without meaning."""
    await live(redis_cache)
    raw_redis.delete(LIVE_KEY)
    raw_redis.set(LIVE_KEY, "text")

    with pytest.raises(CacheRegressed, match="of another type"):
        await redis_cache.read(GOLD, TIMEFRAMES)
    with pytest.raises(CacheRegressed, match="has no meaning"):
        await redis_cache.holds([GOLD], token(1))
    await live(redis_cache)
    assert (Pointer(G1, 0, None), TAILS) == await redis_cache.read(GOLD, TIMEFRAMES)


@pytest.mark.parametrize("owner", [b"", b"me", b"1", b"one two", b"\xff 1", {"a": "b"}])
async def test_an_owner_without_meaning_is_nobody(
    redis_cache: RedisCache, raw_redis: redis.Redis, owner: bytes | dict[str, str]
) -> None:
    """We claim again and go on."""
    key = f"{NAMESPACE}:{{XAU_USD}}:owner"
    await live(redis_cache)
    raw_redis.delete(key)
    if isinstance(owner, bytes):
        raw_redis.set(key, owner)
    else:
        raw_redis.hset(key, "a", owner["a"])

    with pytest.raises(CacheRegressed, match="UNCLAIMED"):
        await redis_cache.holds([GOLD], token(1))
    await redis_cache.claim([GOLD], token(1))
    assert (Pointer(G1, 0, None),) == await redis_cache.holds([GOLD], token(1))


async def test_a_tail_of_another_type_is_a_missing_tail(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """The others are served, and a forming bar finds nothing final before it."""
    await live(redis_cache)
    raw_redis.delete(f"{NAMESPACE}:{{XAU_USD}}:{G1}:M1")
    raw_redis.rpush(f"{NAMESPACE}:{{XAU_USD}}:{G1}:M1", "a", "b")
    await redis_cache.preview(GOLD, token(1), 60_000, [preview(1)])

    found = await redis_cache.read(GOLD, TIMEFRAMES)
    assert found is not None
    assert {M5, D1} == found[1].keys()


@pytest.mark.parametrize("value", [b"junk", b'{"open_time_ms":1e400}', b'"open_time_ms":'])
async def test_a_forming_bar_that_is_none_does_not_stop_a_flip(
    redis_cache: RedisCache, raw_redis: redis.Redis, value: bytes
) -> None:
    """What others put there goes with its own time to live, or is drawn over."""
    raw_redis.set(f"{NAMESPACE}:{{XAU_USD}}:pv:M1", value)
    await live(redis_cache)

    assert (Pointer(G1, 0, None),) == await redis_cache.holds([GOLD], token(1))
