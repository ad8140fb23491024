"""The real server only: what it stores, what it announces, and how each way to fail is named."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from uds.cache import RedisCache
from uds.embedded import EmbeddedServer
from uds.errors import CacheDown, CacheRegressed, CacheTimeout
from uds.model import Generation

from .conftest import NAMESPACE
from .samples import GOLD, TIMEFRAMES, minute, preview, token

G1 = Generation(1, 1)
M1, M5, D1 = TIMEFRAMES
TAILS = {tf: tf.name.encode() for tf in TIMEFRAMES}


async def live(cache: RedisCache) -> None:
    """Make a complete generation of gold the live one."""
    await cache.claim([GOLD], token(1))
    await cache.write(GOLD, token(1), G1, TAILS)
    await cache.flip(GOLD, token(1), G1, 0, TIMEFRAMES)


@contextmanager
def stopped(server: EmbeddedServer) -> Iterator[None]:
    """A server that does not answer, and answers again afterwards."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


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
    for field, value in pointer.items():
        raw_redis.hset(f"{NAMESPACE}:{{XAU_USD}}:live", field, value)

    with pytest.raises(CacheRegressed, match="has no meaning"):
        await redis_cache.read(GOLD, TIMEFRAMES)


async def test_a_value_of_another_type_is_refused_by_name(
    redis_cache: RedisCache, raw_redis: redis.Redis
) -> None:
    """The server's words reach the operator."""
    raw_redis.set(f"{NAMESPACE}:{{XAU_USD}}:live", "text")

    with pytest.raises(CacheDown, match="WRONGTYPE"):
        await redis_cache.read(GOLD, TIMEFRAMES)


# -- a server that is not there -------------------------------------------------------------------


async def test_a_refused_port_is_down() -> None:
    """Said at once and once: the engine repeats, the client does not."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        cache = RedisCache(f"redis://127.0.0.1:{free.getsockname()[1]}", NAMESPACE)
        with pytest.raises(CacheDown, match="cannot be reached") as down:
            await cache.connect()
    await cache.close()

    assert not isinstance(down.value, CacheTimeout)


async def test_a_socket_that_is_gone_is_down() -> None:
    """The embedded server was killed."""
    cache = RedisCache("unix:///nowhere/redis.sock", NAMESPACE)

    with pytest.raises(CacheDown, match=r"unix:///nowhere/redis\.sock cannot be reached"):
        await cache.claim([GOLD], token(1))
    await cache.close()


async def test_a_stopped_server_times_out(
    shared_server: EmbeddedServer, redis_cache: RedisCache
) -> None:
    """A hung server is told from a missing one, and no later answer is taken for another's."""
    await live(redis_cache)
    with stopped(shared_server), pytest.raises(CacheTimeout, match="did not answer within"):
        await redis_cache.extend(GOLD, token(1), G1, 0, {M1: b"late"})

    await redis_cache.extend(GOLD, token(1), G1, 0, {M1: b"late"})
    found = await redis_cache.read(GOLD, (M1,))

    assert found is not None
    assert (1, {M1: b"late"}) == (found[0].seq, found[1])


@pytest.mark.parametrize(
    "address",
    [
        "redis://operator:hunter2@127.0.0.1:{port}/0",
        "redis://:hunter2@127.0.0.1:{port}",
        "redis://127.0.0.1:{port}?password=hunter2",
        "redis://127.0.0.1:{port}?username=operator&password=hunter2@operator",
    ],
)
async def test_no_message_holds_credentials(address: str) -> None:
    """Messages reach the screen, the log and reports."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        cache = RedisCache(address.format(port=port), NAMESPACE)
        with pytest.raises(CacheDown) as down:
            await cache.connect()
    await cache.close()

    assert f"redis://127.0.0.1:{port}" in str(down.value)
    assert "hunter2" not in f"{down.value!r} {down.value.hint} {cache!r}"
    assert "operator" not in str(down.value)


async def test_a_refused_password_is_down(shared_server: EmbeddedServer) -> None:
    """The server knows no such user; it says so, and we say it without the password."""
    cache = RedisCache(f"{shared_server.url}?username=operator&password=hunter2", NAMESPACE)

    with pytest.raises(CacheDown) as down:
        await cache.connect()
    await cache.close()

    assert "hunter2" not in str(down.value)


async def test_a_closed_cache_may_be_closed_again(shared_server: EmbeddedServer) -> None:
    """Shutting down never raises."""
    cache = RedisCache(shared_server.url, NAMESPACE)
    await cache.connect()

    for _ in range(2):
        await cache.close()
