"""Owning a folder: one at a time, each with a higher number than any before."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import redis

from uds import layout
from uds.disk import FolderDisk
from uds.embedded import EmbeddedServer
from uds.errors import DiskFailed, Fenced, FolderLocked
from uds.memory_disk import MemoryDisk
from uds.opening import mint_token, new_boot_id, open_store
from uds.ports import Disk
from uds.store import Store

from .conftest import NAMESPACE
from .samples import GOLD, GOLD_M1, bars, serve, terms

NOWHERE = "unix:///nowhere/redis.sock"


def opened(
    root: Path, url: str | None = NOWHERE, boot_id: str = "b"
) -> AbstractAsyncContextManager[Store]:
    """A store over a folder; nothing asks Redis before it is told to connect."""
    return open_store(terms(), root, boot_id, 1_767_621_600_000, url, NAMESPACE)


async def test_tokens_strictly_grow(tmp_path: Path) -> None:
    """A higher number is what fences the owner before (F10)."""
    found = []
    for _ in range(3):
        async with opened(tmp_path / "data") as store:
            found.append(store.token.value)

    assert [1, 2, 3] == found


async def test_a_token_is_on_disk_before_anybody_has_it(tmp_path: Path) -> None:
    """Whoever lists `owner/` later sees every number that was ever used, and whose it was."""
    async with opened(tmp_path, boot_id="abc") as store:
        assert "abc\n" == (tmp_path / layout.owner_path(store.token.value)).read_text()
        assert "abc" == store.token.boot_id


async def test_a_gap_is_never_filled(disk: Disk) -> None:
    """Files of `owner/` may be lost or cleaned up; the highest counts."""
    await disk.create(layout.owner_path(41), b"")
    await disk.create("owner/notes.txt", b"")

    assert 42 == (await mint_token(disk, "b")).value


async def test_two_who_mint_at_once_get_two_tokens(disk: Disk) -> None:
    """Both read the same highest number; exclusive creation decides (F10)."""
    minted = await asyncio.gather(*(mint_token(disk, f"boot {n}") for n in range(6)))

    assert [1, 2, 3, 4, 5, 6] == sorted(token.value for token in minted)
    for token in minted:
        assert f"{token.boot_id}\n".encode() == await disk.read(layout.owner_path(token.value))


async def test_a_token_that_cannot_be_made_is_not_had() -> None:
    """A full disk refuses the start; a number nobody else can see would be no right."""

    class FullDisk(MemoryDisk):
        async def create(self, path: str, data: bytes) -> bool:
            raise DiskFailed(f"Could not create {path}: no space left on device.")

    with pytest.raises(DiskFailed):
        await mint_token(FullDisk(), "b")


async def test_one_owner_at_a_time(tmp_path: Path) -> None:
    """The second is refused, and the first never notices."""
    async with opened(tmp_path) as first:
        with pytest.raises(FolderLocked):
            async with opened(tmp_path):
                pass
        assert ("00000001",) == await FolderDisk(tmp_path).names("owner")
        assert 1 == first.token.value
    async with opened(tmp_path) as second:
        assert 2 == second.token.value


async def test_a_failed_opening_leaves_the_folder_free(tmp_path: Path) -> None:
    """The operator repairs what was wrong and starts again; no restart of anything else."""
    (tmp_path / "owner").write_text("in the way")
    with pytest.raises(DiskFailed):
        async with opened(tmp_path):
            pass

    (tmp_path / "owner").unlink()
    async with opened(tmp_path) as store:
        assert 1 == store.token.value


async def test_a_failure_inside_leaves_the_folder_free(tmp_path: Path) -> None:
    """The error comes through, the lock does not stay."""
    with pytest.raises(ZeroDivisionError):
        async with opened(tmp_path):
            raise ZeroDivisionError
    async with opened(tmp_path):
        pass


async def test_the_lock_names_its_holder(tmp_path: Path) -> None:
    """What the refusal of the next one is made of."""
    async with opened(tmp_path, boot_id="abc"):
        found = json.loads((tmp_path / "LOCK").read_text())

    assert {"pid", "boot_id", "host", "started_ms"} == found.keys()
    assert ("abc", 1_767_621_600_000) == (found["boot_id"], found["started_ms"])


async def test_an_embedded_server_lives_as_long_as_the_store(tmp_path: Path) -> None:
    """Started at the first connection, ended with the block."""
    async with opened(tmp_path, url=None) as store:
        assert store.server is not None
        assert store.server.pid is None
        await store.connect()
        assert store.server.pid is not None
        await store.check_ownership()
        await store.recover(GOLD)
        await store.append(GOLD_M1, bars(3))
        await serve(store)
    assert store.server.pid is None


async def test_a_successor_fences_its_predecessor(
    tmp_path: Path, shared_server: EmbeddedServer, raw_redis: redis.Redis
) -> None:
    """A copy of the folder elsewhere, one Redis: the higher token wins, the other stops (F10)."""
    (tmp_path / "b" / "owner").mkdir(parents=True)
    (tmp_path / "b" / layout.owner_path(7)).touch()
    url = shared_server.url
    async with opened(tmp_path / "a", url) as first, opened(tmp_path / "b", url) as second:
        await first.connect()
        await first.check_ownership()
        await second.connect()

        with pytest.raises(Fenced):
            await first.check_ownership()
        with pytest.raises(Fenced):
            await first.connect()
        await second.check_ownership()


def test_a_boot_id_is_random() -> None:
    """No clock in it: two boots in one second differ (F10)."""
    found = {new_boot_id() for _ in range(100)}

    assert 100 == len(found)
    assert {32} == {len(boot_id) for boot_id in found}
