"""How many rows and columns each part of the home screen gets, for any terminal down to 1×1."""

from __future__ import annotations

from dataclasses import dataclass

COMPACT_BELOW = (72, 20)
"""Columns and rows under which only one row per symbol is shown."""
XRAY_FROM_WIDTH = 120
JOURNAL_FROM_HEIGHT = 34
NOTICE_FROM_HEIGHT = 24

_XRAY_SHARE = 3 / 8
_REASONS_MAX = 10
_PROCESSES = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows from top to bottom; 0 means the part is not shown."""

    compact: bool = False
    """Whether only signs are drawn, one row per symbol."""
    header: int = 0
    """Status rows."""
    grid: int = 0
    """Grid rows, the header row included."""
    reasons: int = 0
    """Rows for what is wrong."""
    processes: int = 0
    """Process rows."""
    journal: int = 0
    """Rows for the last events."""
    page: int = 0
    """Rows of a page other than the grid."""
    notice: int = 0
    """The row of answers and hints."""
    footer: int = 0
    """The row of keys."""
    xray_width: int = 0
    """Columns of the pane at the right."""

    @property
    def body(self) -> int:
        """Rows between the status rows and the notice: the height of the x-ray."""
        return self.grid + self.reasons + self.processes + self.journal + self.page


def plan(width: int, height: int, symbols: int, on_processes: bool = False) -> Plan:
    """Share out a terminal; a compact one without room for both shows what has the keys."""
    if width < COMPACT_BELOW[0] or height < COMPACT_BELOW[1]:
        return _compact(height, symbols, on_processes)
    notice = 1 if height >= NOTICE_FROM_HEIGHT else 0
    header, footer, reasons = 2, 1, 1
    left = height - header - footer - reasons - notice - _PROCESSES
    grid = min(symbols + 1, left)
    spare = left - grid
    more_reasons = min(spare, 3 if height >= JOURNAL_FROM_HEIGHT else _REASONS_MAX)
    journal = spare - more_reasons if height >= JOURNAL_FROM_HEIGHT else 0
    return Plan(
        header=header,
        grid=grid,
        reasons=reasons + more_reasons,
        processes=_PROCESSES,
        journal=journal if journal > 1 else 0,
        notice=notice,
        footer=footer,
        xray_width=int(width * _XRAY_SHARE) // 2 * 2 if width >= XRAY_FROM_WIDTH else 0,
    )


def page_plan(width: int, height: int) -> Plan:
    """Share out a terminal for a page other than the grid: it gets all there is."""
    shares = plan(width, height, symbols=0)
    spare = height - shares.header - shares.notice - shares.footer
    return Plan(
        compact=shares.compact,
        header=shares.header,
        page=max(0, spare),
        notice=shares.notice,
        footer=shares.footer,
    )


def _compact(height: int, symbols: int, on_processes: bool) -> Plan:
    notice = 1 if height >= 4 else 0
    footer = 1 if height >= 6 else 0
    body = max(0, height - 1 - notice - footer)
    grid = min(body, max(1, symbols))
    reasons = min(body - grid, _REASONS_MAX)
    processes = _PROCESSES if reasons > _PROCESSES else 0
    if on_processes and not processes:
        grid, reasons, processes = 0, 0, body
    return Plan(
        compact=True,
        header=1,
        grid=grid,
        reasons=max(0, min(reasons, body - grid - processes)),
        processes=processes,
        notice=notice,
        footer=footer,
    )
