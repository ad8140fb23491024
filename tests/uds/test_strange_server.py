"""Another server than the one we left: restarted, too old, or not Redis at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from uds.cache import RedisCache
from uds.embedded import EmbeddedServer
from uds.errors import CacheDown, CacheRegressed, CacheTimeout, CacheTooOld
from uds.memory_disk import MemoryDisk
from uds.model import Generation
from uds.ports import Pointer

from .conftest import NAMESPACE
from .samples import GOLD, TIMEFRAMES, token

G1 = Generation(1, 1)
M1, M5, D1 = TIMEFRAMES


async def test_a_restarted_server_is_a_loss_even_with_all_its_keys(
    own_server: EmbeddedServer,
) -> None:
    """Synced every second, it may have an earlier value of a tail that was primed twice."""
    cache = RedisCache(own_server.url, NAMESPACE)
    await cache.connect()
    await cache.claim([GOLD], token(1))
    await cache.write(GOLD, token(1), G1, {M1: b"M1"})
    await cache.flip(GOLD, token(1), G1, 0, [M1])
    await cache.holds([GOLD], token(1))
    await restarted(own_server)

    with pytest.raises(CacheRegressed, match="restarted or replaced"):
        await cache.holds([GOLD], token(1))
    await cache.connect()
    assert (Pointer(G1, 0, None),) == await cache.holds([GOLD], token(1))
    await cache.close()


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A server of this test alone."""
    server = EmbeddedServer(MemoryDisk(), tmp_path, tmp_path)
    await server.ensure()
    yield server
    await server.stop()


async def restarted(server: EmbeddedServer) -> None:
    """End a server in good order and start it again: it keeps everything."""
    await server.stop()
    await server.ensure()


def bulk(text: str) -> bytes:
    """A string as the protocol spells it."""
    return f"${len(text)}\r\n{text}\r\n".encode()


GREETING = b"%2\r\n" + bulk("server") + bulk("redis") + bulk("proto") + b":3\r\n"


@asynccontextmanager
async def speaking(answers: dict[str, bytes]) -> AsyncIterator[RedisCache]:
    """A cache whose server gives each command its one answer, and OK to all others."""
    answers = {"HELLO": GREETING} | answers

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2])
            writer.write(answers.get(words[0].decode().upper(), b"+OK\r\n"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cache = RedisCache(f"redis://127.0.0.1:{port}", NAMESPACE)
    try:
        yield cache
    finally:
        await cache.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        ("redis_version:6.2.14\r\n", "is version 6.2.14."),
        ("redis_version:7.0.0\r\nvalkey_version:6.9\r\n", "is version 6.9."),
        pytest.param(f"redis_version:{'0' * 5_000}7\r\n", f"{'0' * 32}.", id="endless"),
        ("redis_version:next\r\n", "is version next."),
        ("# Server\r\n", "is version 0."),
        ("", "is version 0."),
        ("redis_version:7.2.4\r\n", "does not know functions."),
    ],
)
async def test_a_server_that_is_too_old_is_refused_with_a_remedy(info: str, sentence: str) -> None:
    """What it lacks shows at the start, not in the middle of the first priming."""
    unknown = b"-ERR unknown command 'FUNCTION', with args beginning with: 'LOAD'\r\n"
    async with speaking({"INFO": bulk(info), "FUNCTION": unknown}) as cache:
        with pytest.raises(CacheTooOld) as refused:
            await cache.connect()

    assert str(refused.value).endswith(
        f"{sentence} Redis 7 or newer, or any Valkey, is needed; or remove redis.url."
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"+OK\r\n",
        b":42\r\n",
        b"_\r\n",
        b",nan\r\n",
        b"#t\r\n",
        bulk("OK"),
        bulk("\x1b[2J"),
        b"*1\r\n:1\r\n",
        b"*1\r\n$2\r\nOK\r\n",
        b"*4\r\n$2\r\nOK\r\n:1\r\n:2\r\n:3\r\n",
        b"*3\r\n*0\r\n*0\r\n*0\r\n",
        b"*3\r\n_\r\n_\r\n_\r\n",
        b"*5\r\n_\r\n_\r\n_\r\n_\r\n_\r\n",
        b"%1\r\n:1\r\n:2\r\n",
        b"-SOMETHING else\r\n",
        b"-ERR Function not found\r\n",
        b"?\r\n",
        b"$x\r\n",
        b"*x\r\n",
        b"%1\r\n*0\r\n:1\r\n",
        b"*1\r\n" * 2_000,
        b"HTTP/1.1 400 Bad Request\r\n",
    ],
)
async def test_an_answer_without_meaning_is_an_error_of_ours(answer: bytes) -> None:
    """A library of the same name, a proxy, another protocol: never a traceback, never a claim."""
    good = {"INFO": bulk("redis_version:7.2.4\r\nrun_id:1")}
    async with speaking(good | {"FCALL": answer, "FCALL_RO": answer}) as cache:
        for ask in (lambda: cache.holds([GOLD], token(1)), lambda: cache.read(GOLD, [M1, M5])):
            with pytest.raises((CacheRegressed, CacheDown)) as said:
                await ask()
            assert str(said.value).isprintable()
    for command in ("INFO", "FUNCTION"):
        async with speaking(good | {command: answer}) as cache:
            with suppress(CacheDown, CacheTooOld, CacheRegressed):
                await cache.connect()


async def test_nothing_is_served_by_a_server_that_says_so() -> None:
    """An empty answer is the one without a pointer."""
    async with speaking({"FCALL_RO": b"*0\r\n"}) as cache:
        assert await cache.read(GOLD, [M1]) is None


async def test_half_an_answer_is_none() -> None:
    """A server that stops in the middle of one is waited for no longer than any other."""
    async with speaking({"FCALL_RO": b"*3\r\n$14\r\n00000001"}) as cache:
        with pytest.raises(CacheTimeout):
            await cache.read(GOLD, [M1])
