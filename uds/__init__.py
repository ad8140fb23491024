"""The Unified Data Store: the only floor that touches the data folder and Redis (I1)."""

from .codec import bars_json
from .disk import read_document
from .errors import (
    CacheDown,
    CacheRegressed,
    CacheTimeout,
    CacheTooOld,
    DiskFailed,
    Fenced,
    FolderLocked,
    FolderUnreadable,
    ServerMissing,
    UdsError,
)
from .host_process import started
from .layout import is_symbol, timeframe_named
from .opening import new_boot_id, open_store
from .recovery import Dropped, Recovered
from .run_folder import make_socket_folder, socket_folder
from .store import Appended, Snapshot, Store, StoreTerms

__all__ = [
    "Appended",
    "CacheDown",
    "CacheRegressed",
    "CacheTimeout",
    "CacheTooOld",
    "DiskFailed",
    "Dropped",
    "Fenced",
    "FolderLocked",
    "FolderUnreadable",
    "Recovered",
    "ServerMissing",
    "Snapshot",
    "Store",
    "StoreTerms",
    "UdsError",
    "bars_json",
    "is_symbol",
    "make_socket_folder",
    "new_boot_id",
    "open_store",
    "read_document",
    "socket_folder",
    "started",
    "timeframe_named",
]
