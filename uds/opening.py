"""Taking ownership of a data folder: the lock, then the next fencing token, then the store."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from . import layout
from .cache import RedisCache
from .disk import FolderDisk
from .embedded import EmbeddedServer
from .fault import FaultPlan
from .faulty import FaultyCache, FaultyDisk
from .model import FencingToken
from .ports import Disk
from .run_folder import make_socket_folder
from .shelf import StoreTerms
from .store import Store

_BOOT_ID_BYTES = 16


def new_boot_id() -> str:
    """128 random bits in hex; no clock in it, so two boots in one second differ (F10)."""
    return secrets.token_hex(_BOOT_ID_BYTES)


@asynccontextmanager
async def open_store(
    terms: StoreTerms,
    data_root: Path,
    boot_id: str,
    opened_ms: int,
    redis_url: str | None,
    namespace: str,
    faults: FaultPlan | None = None,
) -> AsyncIterator[Store]:
    """Own the folder until the block ends; Redis is reached later, by `Store.connect`.

    opened_ms is the host's real clock. Disk and Redis obey `faults` when it is given. Raises
    FolderLocked, FolderUnreadable, DiskFailed.
    """
    faults = faults or FaultPlan()
    disk = FaultyDisk(FolderDisk(data_root), faults, asyncio.sleep)
    await disk.lock(_holder(boot_id, opened_ms))
    async with AsyncExitStack() as closing:
        closing.callback(disk.close)
        sockets = make_socket_folder(data_root)
        token = await mint_token(disk, boot_id)
        server = EmbeddedServer(disk, data_root, sockets) if redis_url is None else None
        url = redis_url if server is None else server.url
        assert url is not None
        cache = FaultyCache(RedisCache(url, namespace), faults, asyncio.sleep)
        store = Store(terms, token, disk, cache, server)
        closing.push_async_callback(store.close)
        yield store


async def mint_token(disk: Disk, boot_id: str) -> FencingToken:
    """The next number that no owner of this folder ever had, durable before it is used.

    Exclusive creation decides a race: reading the highest and adding one would not.
    """
    names = await disk.names(layout.OWNER_FOLDER)
    number = max((layout.owner_token(name) or 0 for name in names), default=0) + 1
    while not await disk.create(layout.owner_path(number), f"{boot_id}\n".encode()):
        number += 1
    return FencingToken(number, boot_id)


def _holder(boot_id: str, opened_ms: int) -> str:
    return json.dumps(
        {
            "pid": os.getpid(),
            "boot_id": boot_id,
            "host": socket.gethostname(),
            "started_ms": opened_ms,
        }
    )
