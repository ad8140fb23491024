"""One generation of one symbol as a JSON document that proves itself by its checksum."""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec

from . import layout
from .errors import BadManifest
from .model import Coverage, Generation, SeriesKey, Symbol, Timeframe
from .told import told

_BYTES_MAX = 16 * 1024 * 1024


class SegmentEntry(msgspec.Struct, frozen=True):
    """One file of the generation, as far as it was written at the commit."""

    tf_s: int
    """Timeframe in seconds."""
    path: str
    """File, relative to the data folder."""
    bytes: int
    """Length that was durable."""
    crc: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}\Z")]
    """CRC-32 of those bytes, eight lower-case hex digits."""
    first_ms: int
    """Open of its first bar, UTC ms."""
    last_ms: int
    """Open of its last bar, UTC ms."""
    bars: int
    """Lines after the header."""

    def is_of(self, key: SeriesKey) -> bool:
        """Whether it is a file that this floor would write for the series."""
        return self.tf_s == key.timeframe and layout.is_segment_of(key, self.path)


class TailDigest(msgspec.Struct, frozen=True):
    """What the newest bars of a series are, as one number."""

    bars: int
    """How many of the newest bars it is over."""
    sha256: str
    """`digest` of them, hex."""


class Manifest(msgspec.Struct, frozen=True):
    """What a commit makes true."""

    schema: int
    """1."""
    symbol: Symbol
    """Whose generation it is."""
    generation: str
    """Its name, `00000042-0003`."""
    open_mode: str
    """`first_tick` or `previous_close`."""
    anchors: dict[str, str]
    """Zone and wall times of D1 and H4 the data were cut by."""
    segments: tuple[SegmentEntry, ...]
    """All files, oldest bars first within a timeframe."""
    coverage: dict[str, tuple[tuple[int, int], ...]]
    """Fetched intervals [from_ms, until_ms) by timeframe name: M1 and D1."""
    digests: dict[str, TailDigest]
    """Digest of the tail that readers get, by timeframe name."""
    config_hash: str
    """SHA-256 of the configuration it was made under."""
    checksum: str = ""
    """SHA-256 of the document with this field empty."""


_WIDTHS = frozenset(int(timeframe) for timeframe in Timeframe)
_decoder = msgspec.json.Decoder(Manifest)


def encode(manifest: Manifest) -> bytes:
    """The document with its checksum, one line."""
    sealed = msgspec.structs.replace(manifest, checksum=_checksum(manifest))
    return msgspec.json.encode(sealed) + b"\n"


def decode(symbol: Symbol, generation: Generation, data: bytes) -> Manifest:
    """The manifest if it is whole and ours; raises BadManifest otherwise."""
    if len(data) > _BYTES_MAX:
        raise _bad(symbol, generation, f"it has {len(data)} bytes")
    try:
        manifest = _decoder.decode(data)
    except (ValueError, RecursionError) as error:
        raise _bad(symbol, generation, str(error)) from error
    if manifest.checksum != _checksum(manifest):
        raise _bad(symbol, generation, "its checksum is wrong")
    if (manifest.schema, manifest.symbol, manifest.generation) != (1, symbol, str(generation)):
        raise _bad(symbol, generation, "it names another symbol, generation or schema")
    stranger = first_stranger(symbol, manifest.segments)
    if stranger is not None:
        raise _bad(symbol, generation, f"{stranger!r} is not a segment of {symbol}")
    return manifest


def first_stranger(symbol: Symbol, segments: tuple[SegmentEntry, ...]) -> str | None:
    """Path of the first entry that this floor would not write for the symbol; None without."""
    for entry in segments:
        if entry.tf_s not in _WIDTHS or not entry.is_of(SeriesKey(symbol, Timeframe(entry.tf_s))):
            return entry.path
    return None


def coverage_of(manifest: Manifest, timeframe: Timeframe) -> Coverage:
    """The fetched intervals of one timeframe."""
    return Coverage.of(manifest.coverage.get(timeframe.name, ()))


def segments_of(manifest: Manifest, key: SeriesKey) -> tuple[SegmentEntry, ...]:
    """The files of one series."""
    return tuple(entry for entry in manifest.segments if entry.tf_s == key.timeframe)


def _checksum(manifest: Manifest) -> str:
    blank = msgspec.structs.replace(manifest, checksum="")
    return hashlib.sha256(msgspec.json.encode(blank)).hexdigest()


def _bad(symbol: Symbol, generation: Generation, why: str) -> BadManifest:
    return BadManifest(told("manifest_bad", generation.short, symbol, why), scope=symbol)
