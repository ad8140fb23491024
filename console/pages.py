"""The pages of the screen and the way the operator came through them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_KEPT = 30


class Page(Enum):
    """What the middle of the screen shows."""

    GRID = "grid"
    PROCESSES = "processes"
    REASONS = "reasons"
    TIMELINE = "timeline"
    LOGS = "logs"
    DRILLS = "drills"
    JOURNAL = "journal"
    XRAY = "xray"
    DRILL = "drill"
    """One drill over the whole page."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The pages that were visited, as a browser remembers them."""

    pages: tuple[Page, ...] = (Page.GRID,)
    """In the order of the visits; those behind `at` can be gone forward to."""
    at: int = 0
    """Which of them is shown."""
    before: Page = Page.GRID
    """What was shown before this one, by whatever way."""

    @property
    def here(self) -> Page:
        """What is shown."""
        return self.pages[self.at]


def visited(trail: Trail, page: Page) -> Trail:
    """The trail with one more page; what lay ahead of it is forgotten."""
    if page is trail.here:
        return trail
    pages = (*trail.pages[: trail.at + 1], page)[-_KEPT:]
    return Trail(pages, len(pages) - 1, trail.here)


def stepped(trail: Trail, steps: int) -> Trail:
    """So many visits forward (negative: back), stopping at the ends."""
    at = max(0, min(len(trail.pages) - 1, trail.at + steps))
    return trail if at == trail.at else Trail(trail.pages, at, trail.here)


def swapped(trail: Trail) -> Trail:
    """Back to what was shown before, and with the next call here again."""
    return visited(trail, trail.before)
