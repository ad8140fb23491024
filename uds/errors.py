"""What can go wrong below the waist, each as a sentence with a hint for the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .told import Told

if TYPE_CHECKING:
    from .model import SeriesKey, Symbol


class UdsError(Exception):
    """The root of this floor's errors; str() is one sentence that names the place."""

    heals = False
    """Whether the engine repairs it by itself."""

    def __init__(
        self, detail: str | Told, *, hint: str | Told = "", scope: SeriesKey | Symbol | None = None
    ) -> None:
        super().__init__(f"{detail} {hint}".strip())
        self.detail = str(detail)
        self.hint = str(hint)
        self.told = tuple(one for one in (detail, hint) if isinstance(one, Told))
        """The same as codes, where all of it stands in the table; empty otherwise."""
        if any(one and not isinstance(one, Told) for one in (detail, hint)):
            self.told = ()
        self.scope = scope


class FolderLocked(UdsError):
    """Another process owns the data folder."""


class FolderUnreadable(UdsError):
    """The data folder cannot be created, read or written."""


class Fenced(UdsError):
    """An owner with a higher token exists; nothing of ours may become visible any more."""


class DiskFailed(UdsError):
    """An operation on the data folder failed after it was opened."""

    heals = True


class DiskFull(DiskFailed):
    """There is no space left on the disk, or none that we may use."""


class BadManifest(UdsError):
    """A manifest does not say what its checksum says, or is not one."""

    heals = True


class BadState(UdsError):
    """The state file is not what its checksum says, or is not one."""

    heals = True


class BadJournal(UdsError):
    """A page journal whose first line cannot be believed."""

    heals = True


class BadSegment(UdsError):
    """A segment's header is unreadable, so none of its lines can be trusted."""

    heals = True


class BadTail(UdsError):
    """A value in Redis is not a packed tail."""

    heals = True


class CacheDown(UdsError):
    """Redis refuses connections or went away."""

    heals = True


class CacheTimeout(CacheDown):
    """Redis did not answer in time; the command may have been applied."""


class CacheRegressed(UdsError):
    """Redis lost what we put there: our claim, our keys or our functions."""

    heals = True


class CacheTooOld(UdsError):
    """The server is older than Redis 7 or does not know functions."""


class ServerMissing(UdsError):
    """No embedded server can be started on this host."""
