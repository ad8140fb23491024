"""What an import brought: files, series and symbols, as values and as one JSON document."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from uds.model import Generation, Symbol


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file that was read."""

    name: str
    """Its name in the folder."""
    timeframe: str
    """M1 or D1."""
    format: str
    """In which format it is."""
    zone: str
    """The clock its times were read from."""
    evidence: str
    """How that clock is known."""
    rows: int
    """Rows it holds, usable or not."""
    dropped: int
    """Rows that are not usable."""
    unfinished: int
    """Rows whose bar may still change: their minute or day is not over yet."""
    fault: str | None
    """What was wrong with it, as the end of a sentence; None when nothing was."""


@dataclass(frozen=True, slots=True)
class SeriesImported:
    """What became of the usable bars of one timeframe, of all files of the symbol together."""

    timeframe: str
    """M1 or D1."""
    new: int
    """Bars whose open was not stored."""
    repeated: int
    """Bars that are stored just so."""
    conflicting: int
    """Bars that are stored with other content."""
    first_conflict_ms: int | None
    """Open of the oldest of them, UTC ms; None when there is none."""
    from_ms: int
    """Open of the oldest bar, UTC ms."""
    until_ms: int
    """Close of the newest bar, UTC ms."""


@dataclass(frozen=True, slots=True)
class SymbolImported:
    """One symbol, committed."""

    symbol: Symbol
    generation: Generation
    """What the next start finds."""
    files: tuple[FileRead, ...]
    """Where the bars came from."""
    series: tuple[SeriesImported, ...]
    """M1 and D1, as far as there were files of them."""
    derived: int
    """Bars of M3 to H4 that were made of the M1 in the files' span."""
    notes: tuple[str, ...]
    """What the operator should know, as sentences."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left alone."""

    name: str
    """Its name in the folder."""
    why: str
    """Why, as a sentence."""
    is_refused: bool
    """Whether it was meant to be imported and could not be used."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The outcome of one import."""

    data_root: str
    """The folder that was written."""
    is_replacing: bool
    """Whether conflicting bars of the files took the place of the stored ones."""
    symbols: tuple[SymbolImported, ...]
    """What was brought, in the configuration's order."""
    skipped: tuple[Skipped, ...]
    """What was not."""

    @property
    def is_whole(self) -> bool:
        """Whether every file that was meant to be imported was."""
        return not any(skipped.is_refused for skipped in self.skipped)

    def document(self) -> dict[str, Any]:
        """The same as one JSON object."""
        return {
            "schema": 1,
            "data_root": self.data_root,
            "replace": self.is_replacing,
            "symbols": [
                asdict(symbol) | {"generation": str(symbol.generation)} for symbol in self.symbols
            ],
            "skipped": [asdict(skipped) for skipped in self.skipped],
        }
