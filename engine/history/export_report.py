"""What an export wrote: symbols and series, as values and as one JSON document."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

from uds.model import Generation, Symbol

Layout: TypeAlias = Literal["v3", "csv"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)


@dataclass(frozen=True, slots=True)
class SeriesExported:
    """One series in its files."""

    timeframe: str
    """M1, M3, …"""
    bars: int
    """How many there are."""
    files: int
    """In how many files."""
    from_ms: int | None
    """Open of the oldest bar, UTC ms; None without bars."""
    until_ms: int | None
    """Close of the newest bar, UTC ms; None without bars."""
    flaws: tuple[str, ...]
    """What of its segments was damaged, so that bars are missing."""


@dataclass(frozen=True, slots=True)
class SymbolExported:
    """One symbol."""

    symbol: Symbol
    generation: Generation
    """Which data."""
    series: tuple[SeriesExported, ...]
    """In the order of the timeframes."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The outcome of one export."""

    out: str
    """The folder that was written."""
    layout: Layout
    """`v3` or `csv`."""
    symbols: tuple[SymbolExported, ...]
    """What was written, in the configuration's order."""
    skipped: tuple[str, ...]
    """Symbols of which nothing is committed, as sentences."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was damaged."""
        return not any(one.flaws for symbol in self.symbols for one in symbol.series)

    def document(self) -> dict[str, Any]:
        """The same as one JSON object."""
        return {
            "schema": 1,
            "out": self.out,
            "layout": self.layout,
            "symbols": [asdict(one) | {"generation": str(one.generation)} for one in self.symbols],
            "skipped": list(self.skipped),
        }
