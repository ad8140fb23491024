"""Folders without an owner: data folders that are only read, and folders for other programs."""

from __future__ import annotations

from pathlib import Path

from .disk import FolderDisk
from .drill_files import DrillFiles
from .export_files import ExportFolder
from .folder_view import FolderView
from .layout import STATE
from .legacy import LegacyFolder


def view_folder(data_root: Path) -> FolderView:
    """Its commits and segments, whether an engine runs on it or not."""
    return FolderView(FolderDisk(data_root))


async def state_head(data_root: Path, bytes_max: int) -> bytes | None:
    """The beginning of its state file as it stands there; None where there is none."""
    return await FolderDisk(data_root).read(STATE, 0, bytes_max)


def legacy_folder(data_root: Path) -> LegacyFolder:
    """The files that the platform of before left in it."""
    return LegacyFolder(FolderDisk(data_root))


def export_folder(root: Path) -> ExportFolder:
    """A folder that files for other programs are written to."""
    return ExportFolder(root)


def drills_of(data_root: Path) -> DrillFiles:
    """What drills keep in a data folder, whether an engine runs on it or not."""
    return DrillFiles(FolderDisk(data_root))
