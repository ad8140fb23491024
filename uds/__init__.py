"""The Unified Data Store: the only floor that touches the data folder and Redis (I1).

The door is lazy, see `door.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .door import lazy_door

if TYPE_CHECKING:
    from .at_rest import drills_of as drills_of
    from .at_rest import export_folder as export_folder
    from .at_rest import legacy_folder as legacy_folder
    from .at_rest import state_head as state_head
    from .at_rest import view_folder as view_folder
    from .codec import bars_json as bars_json
    from .codec import pack_tail as pack_tail
    from .disk import read_document as read_document
    from .drill_files import DrillFiles as DrillFiles
    from .errors import BadManifest as BadManifest
    from .errors import BadTail as BadTail
    from .errors import CacheDown as CacheDown
    from .errors import CacheRegressed as CacheRegressed
    from .errors import CacheTimeout as CacheTimeout
    from .errors import CacheTooOld as CacheTooOld
    from .errors import DiskFailed as DiskFailed
    from .errors import DiskFull as DiskFull
    from .errors import Fenced as Fenced
    from .errors import FolderLocked as FolderLocked
    from .errors import FolderUnreadable as FolderUnreadable
    from .errors import ServerMissing as ServerMissing
    from .errors import UdsError as UdsError
    from .export_files import ExportFolder as ExportFolder
    from .fault import Fault as Fault
    from .fault import FaultKind as FaultKind
    from .fault import FaultPlan as FaultPlan
    from .fault import Injection as Injection
    from .faulty import FaultyCache as FaultyCache
    from .faulty import FaultySteps as FaultySteps
    from .folder_check import Flaw as Flaw
    from .folder_check import StateChecked as StateChecked
    from .folder_check import check_agreement as check_agreement
    from .folder_check import check_commits as check_commits
    from .folder_check import check_digests as check_digests
    from .folder_check import check_state as check_state
    from .folder_check import foreign_names as foreign_names
    from .folder_view import FolderView as FolderView
    from .folder_view import Pinned as Pinned
    from .folder_view import Vanished as Vanished
    from .host_process import Used as Used
    from .host_process import started as started
    from .host_process import used as used
    from .incarnation import Incarnation as Incarnation
    from .incarnation import Revoked as Revoked
    from .inspection import Filed as Filed
    from .inspection import Held as Held
    from .inspection import Inspected as Inspected
    from .layout import BOOTS_FOLDER as BOOTS_FOLDER
    from .layout import is_symbol as is_symbol
    from .layout import shown_address as shown_address
    from .layout import timeframe_named as timeframe_named
    from .legacy import LegacyFault as LegacyFault
    from .legacy import LegacyFolder as LegacyFolder
    from .legacy import LegacySeries as LegacySeries
    from .legacy_codec import encode_records as encode_records
    from .memory_cache import MemoryCache as MemoryCache
    from .memory_disk import MemoryDisk as MemoryDisk
    from .memory_disk import NodeCrashed as NodeCrashed
    from .opening import mint_token as mint_token
    from .opening import new_boot_id as new_boot_id
    from .opening import open_store as open_store
    from .platter import Platter as Platter
    from .ports import Cache as Cache
    from .ports import Pointer as Pointer
    from .reader import Reader as Reader
    from .reader import Served as Served
    from .recovery import Dropped as Dropped
    from .recovery import Recovered as Recovered
    from .run_folder import make_socket_folder as make_socket_folder
    from .run_folder import socket_folder as socket_folder
    from .segment_view import SegmentRead as SegmentRead
    from .shelf import Appended as Appended
    from .shelf import Collected as Collected
    from .shelf import Scrubbed as Scrubbed
    from .shelf import Snapshot as Snapshot
    from .shelf import StoreTerms as StoreTerms
    from .store import Store as Store
    from .told import UDS_SAYINGS as UDS_SAYINGS
    from .viewing import View as View
    from .viewing import open_view as open_view

__getattr__ = lazy_door(
    __name__,
    {
        "at_rest": (
            "drills_of",
            "export_folder",
            "legacy_folder",
            "state_head",
            "view_folder",
        ),
        "codec": ("bars_json", "pack_tail"),
        "disk": ("read_document",),
        "drill_files": ("DrillFiles",),
        "errors": (
            "BadManifest",
            "BadTail",
            "CacheDown",
            "CacheRegressed",
            "CacheTimeout",
            "CacheTooOld",
            "DiskFailed",
            "DiskFull",
            "Fenced",
            "FolderLocked",
            "FolderUnreadable",
            "ServerMissing",
            "UdsError",
        ),
        "export_files": ("ExportFolder",),
        "fault": (
            "Fault",
            "FaultKind",
            "FaultPlan",
            "Injection",
        ),
        "faulty": ("FaultyCache", "FaultySteps"),
        "folder_check": (
            "Flaw",
            "StateChecked",
            "check_agreement",
            "check_commits",
            "check_digests",
            "check_state",
            "foreign_names",
        ),
        "folder_view": (
            "FolderView",
            "Pinned",
            "Vanished",
        ),
        "host_process": ("Used", "started", "used"),
        "incarnation": (
            "Incarnation",
            "Revoked",
        ),
        "inspection": ("Filed", "Held", "Inspected"),
        "layout": (
            "BOOTS_FOLDER",
            "is_symbol",
            "shown_address",
            "timeframe_named",
        ),
        "legacy": (
            "LegacyFault",
            "LegacyFolder",
            "LegacySeries",
        ),
        "legacy_codec": ("encode_records",),
        "memory_cache": ("MemoryCache",),
        "memory_disk": ("MemoryDisk", "NodeCrashed"),
        "opening": (
            "mint_token",
            "new_boot_id",
            "open_store",
        ),
        "platter": ("Platter",),
        "ports": ("Cache", "Pointer"),
        "reader": ("Reader", "Served"),
        "recovery": (
            "Dropped",
            "Recovered",
        ),
        "run_folder": (
            "make_socket_folder",
            "socket_folder",
        ),
        "segment_view": ("SegmentRead",),
        "shelf": (
            "Appended",
            "Collected",
            "Scrubbed",
            "Snapshot",
            "StoreTerms",
        ),
        "store": ("Store",),
        "told": ("UDS_SAYINGS",),
        "viewing": ("View", "open_view"),
    },
)
