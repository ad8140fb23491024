"""How the operator looks at the engine: which page, where on it, through which filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from . import pages
from .cursor import Cursor
from .metric import Metric, next_metric
from .pages import Page, Trail
from .sieve import Sieve, sieve_of

_OVER = {Page.XRAY: Page.GRID, Page.DRILL: Page.DRILLS}
"""What shows one entry goes through those of another page, and through its filter."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Everything on the screen that is the operator's and not the engine's."""

    trail: Trail = field(default_factory=Trail)
    """The pages visited."""
    cursor: Cursor = field(default_factory=Cursor)
    """The place on the grid page."""
    chosen: Mapping[Page, str] = field(default_factory=dict)
    """The selected entry of each list; the newest where there is none."""
    tops: Mapping[Page, int] = field(default_factory=dict)
    """The first row drawn of each page."""
    filters: Mapping[Page, str] = field(default_factory=dict)
    """The filter of each page as it was typed."""
    faults_only: bool = False
    """Whether what is well is hidden, on every page."""
    metric: Metric = Metric.STATE
    """What the cells show."""
    sorted: frozenset[Page] = frozenset()
    """The lists that show faults first and then go by name."""

    @property
    def page(self) -> Page:
        """The page shown."""
        return self.trail.here

    @property
    def sieve(self) -> Sieve:
        """The filter of the page shown; the x-ray goes through the cells of the grid."""
        return self.sieve_of(_OVER.get(self.page, self.page))

    def sieve_of(self, page: Page) -> Sieve:
        """The filter of a page."""
        return sieve_of(self.filters.get(page, ""), self.faults_only)

    def visiting(self, page: Page) -> Outlook:
        """On another page."""
        return replace(self, trail=pages.visited(self.trail, page))

    def walking(self, steps: int) -> Outlook:
        """Back or forward along the pages."""
        return replace(self, trail=pages.stepped(self.trail, steps))

    def swapping(self) -> Outlook:
        """On the page before this one."""
        return replace(self, trail=pages.swapped(self.trail))

    def stepping_back(self) -> Outlook:
        """Without the filter; where there was none, one page back, at last on the grid."""
        if not self.sieve.is_open:
            return replace(self.filtering(""), faults_only=False)
        if self.page is not Page.GRID and self.trail.at == 0:
            return self.visiting(Page.GRID)
        return self.walking(-1)

    def filtering(self, text: str) -> Outlook:
        """With another filter on this page."""
        page = _OVER.get(self.page, self.page)
        return replace(self, filters={**self.filters, page: text.strip()})

    def choosing(self, key: str | None) -> Outlook:
        """On another entry of this page's list; None for the newest."""
        others = {page: chosen for page, chosen in self.chosen.items() if page is not self.page}
        return replace(self, chosen=others if key is None else {**others, self.page: key})

    def choosing_on(self, page: Page, key: str) -> Outlook:
        """With an entry of another page's list chosen, for whoever goes there."""
        return replace(self, chosen={**self.chosen, page: key})

    def scrolling(self, top: int) -> Outlook:
        """With another first row on this page."""
        return replace(self, tops={**self.tops, self.page: top})

    def measuring(self) -> Outlook:
        """With the next figure in the cells."""
        return replace(self, metric=next_metric(self.metric))

    def sifting(self) -> Outlook:
        """With faults only, or with everything again."""
        return replace(self, faults_only=not self.faults_only)

    def sorting(self) -> Outlook:
        """With this list in its other order."""
        return replace(self, sorted=self.sorted ^ {self.page})

    def placing(self, cursor: Cursor) -> Outlook:
        """Elsewhere on the grid page."""
        return replace(self, cursor=cursor)
