"""The state file: what the live generations had become by now, proved by a checksum.

A commit says what a generation was at its birth; since then bars came live. The checkpoint, at
most one a second, records how far: the lengths of the files that grew, the coverage, the
watermarks. It is a help, not the truth: where it disagrees with the segments, they win.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from . import layout
from .errors import BadState
from .manifest import SegmentEntry, TailDigest, first_stranger
from .model import Coverage, Generation, Symbol, Timeframe
from .told import Told, told

_BYTES_MAX = 16 * 1024 * 1024


class SymbolState(msgspec.Struct, frozen=True):
    """One symbol's live generation."""

    generation: str
    """Its name, `00000042-0003`."""
    seq: int
    """Extensions since its flip."""
    last_saved_m5_open_ms: int | None
    """Open of the newest stored M5, UTC ms: from there the cascade is warmed up."""
    watermarks: dict[str, int]
    """Open of the newest stored bar by timeframe name, UTC ms."""
    coverage: dict[str, tuple[tuple[int, int], ...]]
    """Fetched intervals [from_ms, until_ms) by timeframe name: M1 and D1."""
    tails: tuple[SegmentEntry, ...]
    """The files that grew, or were begun, since the commit, as they are now."""
    digests: dict[str, TailDigest]
    """Digest of the tail that readers get, by timeframe name."""

    def coverage_of(self, timeframe: Timeframe) -> Coverage:
        """The fetched intervals of one timeframe."""
        return Coverage.of(self.coverage.get(timeframe.name, ()))


class Checkpoint(msgspec.Struct, frozen=True):
    """The whole state file."""

    schema: int
    """1."""
    saved_ms: int
    """When it was written, UTC ms."""
    boot_id: str
    """Who wrote it."""
    owner_token: int
    """The owner that wrote it."""
    symbols: dict[Symbol, SymbolState]
    """Every symbol that has a committed generation."""
    checksum: str = ""
    """SHA-256 of the document with this field empty."""


Source: TypeAlias = Literal["none", "current", "previous", "rebuilt"]
"""Which file was believed: `none` when there never was one, `rebuilt` when none could be."""


@dataclass(frozen=True, slots=True)
class FoundState:
    """What the state files were found to be."""

    source: Source
    """Which one is used."""
    symbols: Mapping[Symbol, SymbolState]
    """What it says; empty without one."""
    told: Told | None = None
    """What was wrong with a better one; None when nothing was."""

    @property
    def why(self) -> str:
        """The same in English; empty when nothing was."""
        return "" if self.told is None else str(self.told)

    def of(self, symbol: Symbol, generation: Generation) -> SymbolState | None:
        """What is known of a generation since its commit; None when that is nothing."""
        state = self.symbols.get(symbol)
        return state if state is not None and state.generation == str(generation) else None


_GONE = told("state_gone", layout.STATE, layout.STATE_PREVIOUS)
_decoder = msgspec.json.Decoder(Checkpoint)


def encode(checkpoint: Checkpoint) -> bytes:
    """The file's bytes: JSON over several lines, for jq and for the eye."""
    proved = msgspec.structs.replace(checkpoint, checksum=_checksum(checkpoint))
    return msgspec.json.format(msgspec.json.encode(proved), indent=1) + b"\n"


def decode(data: bytes) -> Checkpoint:
    """Parse and check; raises BadState."""
    if len(data) > _BYTES_MAX:
        raise BadState(f"it has {len(data)} bytes, more than {_BYTES_MAX}")
    try:
        found = _decoder.decode(data)
    except (ValueError, RecursionError) as error:
        raise BadState(str(error)) from error
    if found.schema != 1 or found.checksum != _checksum(found):
        raise BadState("its checksum is wrong")
    for symbol, state in found.symbols.items():
        _check(symbol, state)
    return found


def choose(current: bytes | None, previous: bytes | None, *, was_saved: bool) -> FoundState:
    """The best of the two files: the current one, else the one before, else nothing.

    `was_saved` says whether this folder is known to have had them.
    """
    if current is None and previous is None:
        return FoundState("rebuilt", {}, _GONE) if was_saved else FoundState("none", {})
    try:
        return FoundState("current", decode(current or b"").symbols)
    except BadState as error:
        why = told("state_bad", layout.STATE, error)
        if current is None:
            why = told("state_missing", layout.STATE)
    try:
        return FoundState("previous", decode(previous or b"").symbols, why)
    except BadState:
        return FoundState("rebuilt", {}, why)


def _check(symbol: Symbol, state: SymbolState) -> None:
    """Raises BadState when an entry names what this floor would not write."""
    try:
        Generation.parse(state.generation)
    except ValueError as error:
        raise BadState(str(error)) from error
    stranger = first_stranger(symbol, state.tails)
    if stranger is not None:
        raise BadState(f"{stranger!r} is not a segment of {symbol}")


def _checksum(checkpoint: Checkpoint) -> str:
    blank = msgspec.structs.replace(checkpoint, checksum="")
    return hashlib.sha256(msgspec.json.encode(blank)).hexdigest()
