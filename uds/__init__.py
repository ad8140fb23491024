"""The Unified Data Store: the only floor that touches the data folder and Redis (I1).

The door is lazy, see `door.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .door import lazy_door

if TYPE_CHECKING:
    from .codec import bars_json as bars_json
    from .disk import read_document as read_document
    from .errors import CacheDown as CacheDown
    from .errors import CacheRegressed as CacheRegressed
    from .errors import CacheTimeout as CacheTimeout
    from .errors import CacheTooOld as CacheTooOld
    from .errors import DiskFailed as DiskFailed
    from .errors import Fenced as Fenced
    from .errors import FolderLocked as FolderLocked
    from .errors import FolderUnreadable as FolderUnreadable
    from .errors import ServerMissing as ServerMissing
    from .errors import UdsError as UdsError
    from .host_process import started as started
    from .layout import is_symbol as is_symbol
    from .layout import shown_address as shown_address
    from .layout import timeframe_named as timeframe_named
    from .opening import new_boot_id as new_boot_id
    from .opening import open_store as open_store
    from .recovery import Dropped as Dropped
    from .recovery import Recovered as Recovered
    from .run_folder import make_socket_folder as make_socket_folder
    from .run_folder import socket_folder as socket_folder
    from .store import Appended as Appended
    from .store import Snapshot as Snapshot
    from .store import Store as Store
    from .store import StoreTerms as StoreTerms

__getattr__ = lazy_door(
    __name__,
    {
        "codec": ("bars_json",),
        "disk": ("read_document",),
        "errors": (
            "CacheDown",
            "CacheRegressed",
            "CacheTimeout",
            "CacheTooOld",
            "DiskFailed",
            "Fenced",
            "FolderLocked",
            "FolderUnreadable",
            "ServerMissing",
            "UdsError",
        ),
        "host_process": ("started",),
        "layout": (
            "is_symbol",
            "shown_address",
            "timeframe_named",
        ),
        "opening": (
            "new_boot_id",
            "open_store",
        ),
        "recovery": (
            "Dropped",
            "Recovered",
        ),
        "run_folder": (
            "make_socket_folder",
            "socket_folder",
        ),
        "store": (
            "Appended",
            "Snapshot",
            "Store",
            "StoreTerms",
        ),
    },
)
