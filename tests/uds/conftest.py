"""One real embedded server for all tests of this floor, and both kinds of each seam."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from uds.cache import RedisCache
from uds.disk import FolderDisk
from uds.embedded import EmbeddedServer
from uds.memory_cache import MemoryCache
from uds.memory_disk import MemoryDisk
from uds.ports import Cache, Disk

NAMESPACE = "t"


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A running server; its loop has a thread of its own, as each test brings another loop."""
    folder = tmp_path_factory.mktemp("server")
    server = EmbeddedServer(MemoryDisk(), folder, folder)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="shared server")
    thread.start()
    asyncio.run_coroutine_threadsafe(server.ensure(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture
def raw_redis(shared_server: EmbeddedServer) -> Iterator[redis.Redis]:
    """A plain client of the shared server, emptied; it sees what the product's cache wrote."""
    with redis.Redis.from_url(shared_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
async def redis_cache(
    shared_server: EmbeddedServer, raw_redis: redis.Redis
) -> AsyncIterator[RedisCache]:
    """The real cache, connected to the emptied shared server."""
    cache = RedisCache(shared_server.url, NAMESPACE)
    await cache.connect()
    yield cache
    await cache.close()


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> Cache:
    """Each kind of cache, empty: what a test says of it holds for both."""
    if request.param == "memory":
        return MemoryCache()
    found: RedisCache = request.getfixturevalue("redis_cache")
    return found


@pytest.fixture(params=["memory", "folder"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    """Each kind of disk, empty: what a test says of it holds for both."""
    return MemoryDisk() if request.param == "memory" else FolderDisk(tmp_path / "data")
