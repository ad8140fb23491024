"""Looking at a data folder and at what Redis serves of it, for whoever owns neither."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from . import layout
from .cache import RedisCache
from .disk import FolderDisk
from .embedded import EmbeddedServer
from .errors import FolderUnreadable
from .folder_view import FolderView
from .model import Generation, SeriesKey
from .reader import Reader
from .run_folder import socket_folder


@dataclass(frozen=True, slots=True)
class View:
    """A folder, and the Redis that belongs to it."""

    folder: FolderView
    """The disk's side."""
    reader: Reader
    """The side of Redis; whether it is there shows when it is asked."""
    address: str
    """Where Redis should be, as screens may have it."""
    namespace: str
    """What all keys there begin with."""

    def tail_name(self, key: SeriesKey, generation: Generation) -> str:
        """The key of one tail in Redis."""
        return layout.tail_key(self.namespace, key, generation)


@asynccontextmanager
async def open_view(data_root: Path, redis_url: str | None, namespace: str) -> AsyncIterator[View]:
    """Look until the block ends; without a url at the embedded server of a running engine.

    Nothing is written, no lock is taken and Redis is not waited for. Raises FolderUnreadable.
    """
    if not os.path.isdir(data_root):
        raise FolderUnreadable(
            f"There is no data folder {data_root}: nothing is stored here.",
            hint="Choose another with --data, or start the engine once.",
        )
    disk = FolderDisk(data_root)
    embedded = EmbeddedServer(disk, data_root, socket_folder(data_root))
    url = redis_url or embedded.reader_url
    cache = RedisCache(url, namespace)
    try:
        yield View(FolderView(disk), Reader(cache), layout.shown_address(url), namespace)
    finally:
        await cache.close()
        disk.close()
