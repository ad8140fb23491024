"""What a verification found: faults with their remedy, notes, counts, as values and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from uds import Flaw
from uds.model import Generation, Symbol, Timeframe

from ..calendars.wall_time import END_MS
from ..degraded import DegradedCode

Check: TypeAlias = Literal[
    "commit", "manifest", "segment", "bucket", "digest", "derived", "state", "tail"
]
"""What was looked at when a fault was found."""

_REBUILD = "Rebuild the symbol while the engine runs: press b on it in the console."
_HINTS: dict[Check, str] = {
    "commit": "Start the engine: it passes this commit over and goes by the newest sound one.",
    "manifest": "No start reads it once it is committed: copy the commit of that name over it.",
    "segment": "Start the engine: it keeps the good lines and brings the others again.",
    "bucket": _REBUILD,
    "digest": _REBUILD,
    "derived": _REBUILD,
    "state": "Start the engine: it goes by the segments and writes the file anew.",
    "tail": "Restart the engine: it fills Redis from the disk.",
}
_CODES: dict[Check, DegradedCode] = {
    "commit": DegradedCode.COMMIT_SKIPPED,
    "segment": DegradedCode.CORRUPT_JSONL,
    "state": DegradedCode.STATE_FALLBACK_PREV,
    "tail": DegradedCode.REDIS_REGRESSED,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not what it must be."""

    check: Check
    """Which check it failed."""
    path: str
    """The file, relative to the data folder; of a tail its name in Redis."""
    detail: str
    """What is wrong, as a sentence."""
    symbol: Symbol | None = None
    timeframe: Timeframe | None = None
    """Which series; None for what concerns a symbol or the whole folder."""

    @classmethod
    def of(cls, flaw: Flaw) -> Fault:
        """What the waist found wrong."""
        return cls(flaw.kind, flaw.path, flaw.detail, flaw.symbol, flaw.timeframe)

    @property
    def code(self) -> str | None:
        """What the engine's next start would say of it; None where it could not tell."""
        code = _CODES.get(self.check)
        return None if code is None else code.value

    @property
    def hint(self) -> str:
        """What an operator can do, in one sentence."""
        return _HINTS[self.check]

    def document(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return {
            "check": self.check,
            "code": self.code,
            "path": self.path,
            "symbol": self.symbol,
            "tf": None if self.timeframe is None else self.timeframe.name,
            "detail": self.detail,
            "hint": self.hint,
        }


@dataclass(slots=True)
class Checked:
    """How much was looked at."""

    commits: int = 0
    """Commits that were parsed and proved."""
    manifests: int = 0
    """Manifests that were held against their commits."""
    segments: int = 0
    """Files of bars that were read."""
    bars: int = 0
    """Bars in them."""
    cells: int = 0
    """Series of the pinned generations."""
    tails: int = 0
    """Tails in Redis that were held against the disk."""
    state: int = 0
    """State files."""

    def add(self, other: Checked) -> None:
        """Count what was looked at elsewhere as well."""
        for field in fields(self):
            total = getattr(self, field.name) + getattr(other, field.name)
            setattr(self, field.name, total)


@dataclass(frozen=True, slots=True)
class SymbolVerified:
    """One symbol."""

    symbol: Symbol
    generation: Generation | None
    """The pinned one; None when no commit proves itself."""
    newest_ms: int | None
    """Close of its newest M1, UTC ms; None without one."""
    checked: Checked
    """How much of it was looked at."""
    faults: tuple[Fault, ...]
    """What is wrong."""
    notes: tuple[str, ...]
    """What is worth knowing and not wrong, as sentences."""

    def document(self) -> dict[str, Any]:
        """The same as a JSON object, faults and notes counted only."""
        return {
            "symbol": self.symbol,
            "generation": None if self.generation is None else str(self.generation),
            "newest_ms": self.newest_ms,
            "checked": asdict(self.checked),
            "faults": len(self.faults),
            "notes": len(self.notes),
        }


RedisState: TypeAlias = Literal["agrees", "differs", "serves nothing", "not reachable"]


@dataclass(frozen=True, slots=True)
class RedisVerified:
    """What Redis was found to serve."""

    state: RedisState
    """In a word."""
    address: str
    """Where it was looked for."""
    detail: str
    """Why it was not compared, as a sentence; empty when it was."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The outcome of one verification."""

    data_root: str
    """The folder."""
    symbols: tuple[SymbolVerified, ...]
    """One by one, in the configuration's order."""
    checked: Checked
    """How much was looked at in all."""
    folder_faults: tuple[Fault, ...]
    """What is wrong with files that belong to no symbol."""
    folder_notes: tuple[str, ...]
    """What is worth knowing of the folder itself, as sentences."""
    redis: RedisVerified
    """The other place where bars are."""

    @property
    def faults(self) -> Iterator[Fault]:
        """All of them."""
        yield from self.folder_faults
        for symbol in self.symbols:
            yield from symbol.faults

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong."""
        return not any(True for _ in self.faults)

    def document(self) -> dict[str, Any]:
        """The same as one JSON object."""
        notes = [{"symbol": None, "detail": note} for note in self.folder_notes]
        notes += [
            {"symbol": one.symbol, "detail": note} for one in self.symbols for note in one.notes
        ]
        return {
            "schema": 1,
            "ok": self.is_ok,
            "data_root": self.data_root,
            "checked": asdict(self.checked),
            "symbols": [symbol.document() for symbol in self.symbols],
            "faults": [fault.document() for fault in self.faults],
            "redis": asdict(self.redis),
            "notes": notes,
        }


def moment(ts_ms: int) -> str:
    """An instant as sentences have it; one of no possible year as the number it is."""
    if not 0 <= ts_ms < END_MS:
        return f"{ts_ms} ms"
    return datetime.fromtimestamp(ts_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%MZ")
