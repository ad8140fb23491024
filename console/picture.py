"""Everything there is to see at one moment, before an outlook chooses from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .cursor import Shown
from .logbook import LogBook
from .sieve import Sieve
from .uses import Uses
from .widgets.cell_face import FAULTY
from .widgets.facts import Facts
from .widgets.journal import Entry
from .words import Words

if TYPE_CHECKING:
    from engine import Catalogue, Waterfalls, Xray


class Picture(NamedTuple):
    """The engine as the console knows it."""

    facts: Facts
    """Its status."""
    now_ms: int
    """The market's clock, UTC ms."""
    words: Words
    """The operator's language."""
    entries: tuple[Entry, ...]
    """Events and acts, newest first."""
    logs: LogBook
    """The newest log lines."""
    boots: Waterfalls | None = None
    """This boot and the one before, as the timeline page asked for them; None until then."""
    seen: Xray | None = None
    """A cell as the x-ray page asked for it; None until then."""
    uses: Uses | None = None
    """What the engine uses of its host, as the process page asked for it; None until then."""
    cards: Catalogue | None = None
    """What can be drilled, as the drill page asked for it; None until then."""

    def kept(self) -> Picture:
        """The same with a log that does not grow."""
        logs = LogBook()
        logs.write((line.at_ms, line.level, line.source, line.text) for line in self.logs.lines)
        return self._replace(logs=logs)


def shown_of(facts: Facts, sieve: Sieve, words: Words) -> Shown:
    """The rows and columns of the grid that a filter leaves."""
    if sieve.is_open:
        return Shown(facts.symbols, facts.timeframes)
    timeframes = sieve.columns(facts.timeframes)
    states: dict[str, set[str]] = {symbol: set() for symbol in facts.symbols}
    faulty = {scope for scope in facts.marks if isinstance(scope, str)}
    for key, cell in facts.status.cells.items():
        if key.timeframe in timeframes:
            look = facts.look_of(key)
            named = words.states[look.value].casefold()
            states[key.symbol] |= {cell.state.value, look.value, named}
            if look in FAULTY:
                faulty.add(key.symbol)
    rows = (s for s in facts.symbols if sieve.shows_row(s, states[s], s in faulty))
    return Shown(tuple(rows), timeframes)
