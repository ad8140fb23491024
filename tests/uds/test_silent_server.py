"""A server that is not there, or does not answer: named, in time, and without secrets."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from uds.cache import CALL_TIMEOUT_S, RedisCache
from uds.call_deadline import GRACE_S, GRACES_MAX, LATE_S, within
from uds.embedded import EmbeddedServer
from uds.errors import CacheDown, CacheTimeout
from uds.model import Generation, Symbol, Timeframe
from uds.ports import Pointer

from .conftest import NAMESPACE
from .samples import GOLD, TIMEFRAMES, token

G1 = Generation(1, 1)
M1, M5, D1 = TIMEFRAMES
TAILS = {tf: tf.name.encode() for tf in TIMEFRAMES}
SYMBOLS = tuple(f"S{n}" for n in range(13))
BEARABLE_S = 0.8
"""A call has 0.5 s; less than twice that, on a machine that has more to do."""
PRIMED_TAIL = bytes(16 + 56 * 2_000)


@contextmanager
def stopped(server: EmbeddedServer) -> Iterator[None]:
    """A server that does not answer, and answers again afterwards."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


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

    with pytest.raises(CacheDown, match=r"cannot be reached \(unix:///nowhere/redis\.sock\)"):
        await cache.claim([GOLD], token(1))
    await cache.close()


async def test_a_stopped_server_times_out(
    shared_server: EmbeddedServer, redis_cache: RedisCache
) -> None:
    """A hung server is told from a missing one, and no later answer is taken for another's."""
    await redis_cache.claim([GOLD], token(1))
    await prime(redis_cache, GOLD, TAILS)
    with stopped(shared_server), pytest.raises(CacheTimeout, match="did not answer within"):
        await redis_cache.extend(GOLD, token(1), G1, 0, {M1: b"late"})

    await redis_cache.extend(GOLD, token(1), G1, 0, {M1: b"late"})
    found = await redis_cache.read(GOLD, (M1,))

    assert found is not None
    assert (1, {M1: b"late"}) == (found[0].seq, found[1])


async def test_a_server_stopped_while_it_is_primed_costs_one_deadline(
    shared_server: EmbeddedServer, redis_cache: RedisCache
) -> None:
    """More calls than connections: those that wait for one fail with the others, in time (F2).

    And nothing is mixed when it goes on, whatever of the first priming is still on its way.
    """
    await redis_cache.claim(SYMBOLS, token(1))
    first, second = dict.fromkeys(TIMEFRAMES, PRIMED_TAIL), dict.fromkeys(TIMEFRAMES, b"second")
    with stopped(shared_server), the_loop_at_ease():
        async with asyncio.timeout(BEARABLE_S):
            failed = await asyncio.gather(
                *(redis_cache.write(symbol, token(1), G1, first) for symbol in SYMBOLS),
                return_exceptions=True,
            )
    await asyncio.gather(*(prime(redis_cache, symbol, second) for symbol in SYMBOLS))

    assert {CacheTimeout} == {type(error) for error in failed}
    for symbol in SYMBOLS:
        assert (Pointer(G1, 0, None), second) == await redis_cache.read(symbol, TIMEFRAMES)


async def test_an_answer_that_came_while_our_loop_was_held_is_no_timeout(
    redis_cache: RedisCache,
) -> None:
    """On an overloaded host it is we who are late: nobody may be told that Redis was silent."""
    tails = dict.fromkeys(TIMEFRAMES, PRIMED_TAIL)
    await redis_cache.claim(SYMBOLS, token(1))
    await asyncio.gather(*(prime(redis_cache, symbol, tails) for symbol in SYMBOLS))
    asked = [asyncio.ensure_future(redis_cache.read(s, TIMEFRAMES)) for s in SYMBOLS]
    await asyncio.sleep(0)

    time.sleep(CALL_TIMEOUT_S + 5 * LATE_S)

    assert [(Pointer(G1, 0, None), tails)] * len(SYMBOLS) == await asyncio.gather(*asked)


async def test_the_patience_with_a_held_loop_has_an_end() -> None:
    """A few graces in one call, and then the other side is called silent, as it may well be."""
    held_count = 0

    async def hold_the_loop() -> None:
        nonlocal held_count
        async with within(GRACE_S):
            while True:
                held_count += 1
                time.sleep(GRACE_S + 2 * LATE_S)
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        await hold_the_loop()

    assert GRACES_MAX < held_count <= 2 * GRACES_MAX + 3


async def prime(cache: RedisCache, symbol: Symbol, tails: dict[Timeframe, bytes]) -> None:
    """Write a whole generation and make it the live one."""
    await cache.write(symbol, token(1), G1, tails)
    await cache.flip(symbol, token(1), G1, 0, TIMEFRAMES)


@contextmanager
def the_loop_at_ease() -> Iterator[None]:
    """Fails when something else on this loop had to wait long meanwhile."""
    loop = asyncio.get_running_loop()
    beats_s: list[float] = []

    async def beat() -> None:
        while True:
            beats_s.append(loop.time())
            await asyncio.sleep(0.01)

    beating = loop.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
    assert max(b - a for a, b in pairwise(beats_s)) < BEARABLE_S / 2


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
