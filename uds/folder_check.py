"""What of a data folder's own documents does not hold: commits, manifests, digests, state file.

Segments judge themselves as they are read (see `segment_view`). Nothing here is repaired: a
flaw names its place, and the engine's next start does what can be done.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from . import checkpoint, layout
from .checkpoint import Checkpoint, SymbolState
from .digest import digest
from .errors import BadManifest, BadState
from .folder_view import FolderView, Pinned
from .manifest import SegmentEntry, TailDigest
from .model import Generation, SeriesKey, Symbol, Timeframe
from .ports import Disk

FlawKind: TypeAlias = Literal["commit", "manifest", "digest", "state"]

_AT_ROOT = {
    layout.BOOTS_FOLDER,
    layout.DRILLS_FOLDER,
    layout.LOCK,
    layout.OWNER_FOLDER,
    layout.RUN_FOLDER,
    layout.EMBEDDED_FOLDER,
    layout.QUARANTINE_FOLDER,
    layout.STATE,
    layout.STATE_PREVIOUS,
    layout.STATE_SAVED,
    layout.STATE_MEMO,
}
_STATE_FILES = (layout.STATE, layout.STATE_PREVIOUS)


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that does not prove itself."""

    kind: FlawKind
    """What it is about."""
    path: str
    """The file, relative to the data folder."""
    detail: str
    """What is wrong with it, as a sentence."""
    symbol: Symbol | None = None
    timeframe: Timeframe | None = None
    """Which series; None for what concerns a symbol or the whole folder."""


@dataclass(frozen=True, slots=True)
class CommitsChecked:
    """All commits of one symbol."""

    sound: tuple[Generation, ...]
    """Those that prove themselves, newest first."""
    manifests: int
    """Manifests that lie beside them and were compared."""
    count: int
    """All that were parsed, sound or not."""
    flaws: tuple[tuple[Generation, Flaw], ...]
    """What is wrong, and whose commit or manifest it is."""


async def check_commits(view: FolderView, symbol: Symbol) -> CommitsChecked:
    """Every commit proves itself, and its manifest is the same document."""
    sound: list[Generation] = []
    flaws: list[tuple[Generation, Flaw]] = []
    manifests = count = 0
    for generation in await view.commits(symbol):
        path = layout.commit_path(symbol, generation)
        try:
            pinned = await view.pin_at(symbol, generation)
        except BadManifest as error:
            flaw = Flaw("commit", path, _sentence(error.detail), symbol)
            flaws.append((generation, flaw))
            count += 1
            continue
        if pinned is None:
            continue
        count += 1
        sound.append(generation)
        beside = layout.manifest_path(symbol, generation)
        written = await view.disk.read(beside)
        manifests += written is not None
        committed = await view.disk.read(path)
        if committed is None:  # collected meanwhile
            continue
        if written is not None and written != committed:
            detail = f"The manifest {generation.short} of {symbol} is not what was committed."
            flaws.append((generation, Flaw("manifest", beside, detail, symbol)))
    return CommitsChecked(tuple(sound), manifests, count, tuple(flaws))


async def check_digests(
    pinned: Pinned, key: SeriesKey, digits: int, state: SymbolState | None
) -> tuple[Flaw, ...]:
    """The tail at the commit, and at the checkpoint if it speaks of it, is what was digested."""
    flaws: list[Flaw] = []
    committed = pinned.manifest.digests.get(key.timeframe.name)
    path = layout.commit_path(pinned.symbol, pinned.generation)
    if committed and not await _is_digested(pinned, key, digits, committed, ()):
        flaws.append(Flaw("digest", path, _stale(key, committed, "commit"), *key))
    saved = state.digests.get(key.timeframe.name) if state else None
    if state and saved and not await _is_digested(pinned, key, digits, saved, state.tails):
        flaws.append(Flaw("digest", layout.STATE, _stale(key, saved, "state file"), *key))
    return tuple(flaws)


async def _is_digested(
    pinned: Pinned,
    key: SeriesKey,
    digits: int,
    said: TailDigest,
    since: Iterable[SegmentEntry],
) -> bool:
    bars = await pinned.recorded_tail(key, said.bars, tuple(since))
    return len(bars) == said.bars and digest(bars, digits) == said.sha256


def _stale(key: SeriesKey, said: TailDigest, where: str) -> str:
    return f"The newest {said.bars} bars of {key} are not those whose digest the {where} has."


@dataclass(frozen=True, slots=True)
class StateChecked:
    """The state file and the one before it."""

    files: int
    """How many of the two are there."""
    checkpoint: Checkpoint | None
    """What the better one says; None when neither can be believed."""
    flaws: tuple[Flaw, ...]
    """What is wrong with the one that a start reads first."""
    is_spare_bad: bool
    """Whether the one before it cannot be believed: no harm while the other can."""


async def check_state(view: FolderView) -> StateChecked:
    """The state file proves itself; never having had one is no flaw."""
    was_saved = await view.disk.read(layout.STATE_SAVED) is not None  # first: it comes last
    current, spare = [await _parsed(view.disk, path) for path in _STATE_FILES]
    why = current.why
    if not current.is_there and spare.is_there:
        why = "it is missing, though the one before it was kept"
    elif not current.is_there and was_saved:
        why = "it is missing, though it was saved"
    flaw = Flaw("state", layout.STATE, f"{layout.STATE} cannot be used: {why}.")
    return StateChecked(
        current.is_there + spare.is_there,
        current.said or spare.said,
        (flaw,) if why else (),
        bool(spare.why),
    )


class _StateFile(NamedTuple):
    """One of the two."""

    is_there: bool
    said: Checkpoint | None
    """What it says; None without it and when it cannot be believed."""
    why: str
    """Why it cannot, as the end of a sentence; empty when it can."""


async def _parsed(disk: Disk, path: str) -> _StateFile:
    data = await disk.read(path)
    if data is None:
        return _StateFile(False, None, "")
    try:
        return _StateFile(True, checkpoint.decode(data), "")
    except BadState as error:
        return _StateFile(True, None, error.detail)


async def check_agreement(pinned: Pinned, key: SeriesKey, state: SymbolState) -> tuple[Flaw, ...]:
    """What a checkpoint of this very generation recorded of a series is there."""
    for entry in state.tails:
        if entry.tf_s != key.timeframe:
            continue
        why = await _missing(pinned.disk, entry)
        if why:
            return (Flaw("state", entry.path, f"{layout.STATE} and {entry.path}: {why}.", *key),)
    mark_ms = state.watermarks.get(key.timeframe.name)
    newest_ms = (await pinned.tail(key, 1)).last_open_ms
    if mark_ms is None or (newest_ms is not None and newest_ms >= mark_ms):
        return ()
    detail = f"{layout.STATE} knows a bar of {key} that opens at {mark_ms}: the files end before."
    return (Flaw("state", layout.STATE, detail, *key),)


async def _missing(disk: Disk, entry: SegmentEntry) -> str:
    data = await disk.read(entry.path, 0, entry.bytes)
    if data is None:
        return "the file is missing"
    if len(data) < entry.bytes:
        return f"{entry.bytes} bytes are recorded, the file has {len(data)}"
    if zlib.crc32(data) != int(entry.crc, 16):
        return "the recorded bytes are not those of the file"
    return ""


async def foreign_names(
    disk: Disk, symbols: Iterable[Symbol]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(folder, names) of what no engine wrote; the data folder itself is the empty one."""
    known = {layout.folder_of(symbol): symbol for symbol in symbols}
    found = [await _strangers(disk, "", {*_AT_ROOT, *known}.__contains__)]
    for top, symbol in known.items():
        folders: dict[str, Callable[[str], bool]] = {
            layout.manifest_folder(symbol): lambda name: bool(layout.manifest_generation(name)),
            layout.commit_folder(symbol): lambda name: bool(layout.committed_generation(name)),
            layout.journal_folder(symbol): lambda name: bool(layout.journaled_generation(name)),
        }
        for timeframe in Timeframe:
            folders[layout.series_folder(SeriesKey(symbol, timeframe))] = _holds_bars
        inside = {folder.removeprefix(f"{top}/") for folder in folders}
        found.append(await _strangers(disk, top, inside.__contains__))
        found += [await _strangers(disk, folder, is_ours) for folder, is_ours in folders.items()]
    return tuple((folder, names) for folder, names in found if names)


async def _strangers(
    disk: Disk, folder: str, is_ours: Callable[[str], bool]
) -> tuple[str, tuple[str, ...]]:
    names = await disk.names(folder)
    return folder, tuple(name for name in names if not is_ours(name) and not _is_unfinished(name))


def _is_unfinished(name: str) -> bool:
    """Whether it is what an interrupted replacement leaves."""
    return name.startswith(".") and name.endswith(".tmp")


def _holds_bars(name: str) -> bool:
    return layout.segment_number(name) is not None or layout.is_legacy_part(name)


def _sentence(detail: str) -> str:
    return detail[:1].upper() + detail[1:]
