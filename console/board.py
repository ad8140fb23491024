"""What the home screen knows and does, without a terminal: the engine's facts through an outlook.

The screen turns keys into calls of these methods and draws the frame that comes out; nothing
here waits, and nothing knows how a row is painted. Freezing keeps the facts, the moment, the
log and the journal as they were; all of them go on being gathered behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from engine import BadReplica, DegradedReason, Status
from uds.model import SeriesKey, Symbol

from .cursor import Pane, Shown, following, moved, settled, turned
from .frame import Frame, drawn, listing_of
from .lines import text_of
from .logbook import LogBook
from .lookout import Wish
from .offers import Slot
from .outlook import Outlook
from .pages import Page
from .picture import Picture, shown_of
from .rim import Rim
from .uses import Uses
from .widgets.cell_face import FAULTY
from .widgets.drill_notice import is_another
from .widgets.facts import Facts
from .widgets.journal import Journal
from .widgets.listing import Item
from .widgets.reason_page import reason_key
from .widgets.xray_rows import xray_body
from .words import Words

if TYPE_CHECKING:
    from engine import Catalogue, Waterfalls, Xray


_YANK_WIDTH = 100
_UNDER_WAY_S, _SETTLED_S = 1.0, 5.0
"""How often a page is asked for while it is shown."""
_Scope: TypeAlias = SeriesKey | str | None


class Places(NamedTuple):
    """What the operator's place means to an act; None where it means nothing."""

    process: str | None = None
    symbol: Symbol | None = None
    reason: tuple[str, str] | None = None
    """Code and scope of a reason."""
    drill: str | None = None

    def words_for(self, slots: Sequence[Slot]) -> tuple[str, ...] | None:
        """The arguments of an act about this place; None where it is about nothing here."""
        if not slots:
            return ()
        code, scope = self.reason or (None, None)
        here = {"process": self.process, "symbol": self.symbol, "reason": code, "scope": scope}
        here["drill"] = self.drill
        words = [word for slot in slots if (word := here.get(slot.kind)) is not None]
        wanted = sum(slot.is_required for slot in slots)
        return tuple(words) if len(words) >= wanted else None


class Board:
    """One operator's look at one engine."""

    def __init__(self, words: Words, logs: LogBook) -> None:
        self.words = words
        self.logs = logs
        self.journal = Journal(words)
        """Events since the console looked, and the operator's acts."""
        self.outlook = Outlook()
        """What is shown of it all."""
        self.rim = Rim()
        """What stands around the picture."""
        self._boots: Waterfalls | None = None
        self._seen: Xray | None = None
        self._cards: Catalogue | None = None
        self._uses: Uses | None = None
        self._newest: Facts | None = None
        self._now_ms = 0
        self._frozen: Picture | None = None
        self._leap_rows = 1

    @property
    def is_frozen(self) -> bool:
        """Whether the picture stands still."""
        return self._frozen is not None

    def learn(self, status: Status, now_ms: int) -> None:
        """Take the engine's newest status."""
        self._now_ms = now_ms
        self._follow_drill(status)
        self._newest = Facts.of(status)
        self.journal.learn(self._newest, now_ms)
        self._settle()

    @property
    def wish(self) -> Wish | None:
        """What the page shown wants to know beyond the status."""
        if self.is_frozen or self._newest is None:
            return None
        if self.outlook.page is Page.TIMELINE:
            is_open = self._newest.status.opened_gate_after_s is not None
            return Wish("timeline", (), _SETTLED_S if is_open else _UNDER_WAY_S)
        if self.outlook.page in (Page.DRILLS, Page.DRILL):
            return Wish("drills", (), _SETTLED_S)
        if self.outlook.page is Page.PROCESSES:
            return Wish("host", (), _UNDER_WAY_S)
        cell = self.outlook.cursor.cell
        if self.outlook.page is Page.XRAY and cell is not None:
            place = (("symbol", cell.symbol), ("timeframe", cell.timeframe.name))
            return Wish("xray", place, _SETTLED_S)
        return None

    @property
    def preferred(self) -> Symbol | None:
        """The symbol the operator waits for; None once the gate is open, and off the grid."""
        here, facts = self.outlook, self._newest
        if facts is None or facts.status.gate_state.is_open or self.is_frozen:
            return None
        if here.page is not Page.GRID or here.cursor.pane is not Pane.GRID:
            return None
        return here.cursor.symbol

    def hear(self, wish: Wish, answer: object) -> None:
        """Take what the engine answered; what this version cannot read changes nothing."""
        # what reads it is not loaded before the first picture
        from engine import catalogue_of, host_use_of, waterfalls_of, xray_of

        with suppress(BadReplica):
            if wish.op == "xray":
                self._seen = xray_of(answer)
            elif wish.op == "drills":
                self._cards = catalogue_of(answer)
            elif wish.op == "host":
                use = host_use_of(answer)
                self._uses = Uses(use) if self._uses is None else self._uses.after(use)
            else:
                self._boots = waterfalls_of(answer)

    def frame(self, now_ms: int, width: int, height: int) -> Frame | None:
        """What to draw now; None before there is anything to see."""
        self._now_ms = now_ms
        picture = self._picture
        if picture is None:
            return None
        rim = self.rim._replace(is_frozen=self.is_frozen)
        frame = drawn(picture, self.outlook, rim, width, height)
        self.outlook = frame.outlook
        self._leap_rows = max(1, (frame.plan.page or frame.plan.grid) // 2)
        return frame

    def move(self, columns: int, rows: int) -> None:
        """Move the place on this page."""
        facts = self._facts
        if facts is None:
            return
        look = self.outlook
        if look.page in (Page.GRID, Page.XRAY):
            cursor = look.cursor
            if look.page is Page.XRAY:
                cursor = replace(cursor, pane=Pane.GRID)
            cursor = moved(cursor, facts.status, columns, rows, self._shown(facts))
            self.outlook = look.placing(cursor)
        elif look.page is Page.DRILL:
            self.outlook = look.scrolling(max(0, look.tops.get(Page.DRILL, 0) + rows))
        elif rows and (listing := listing_of(look, self._picture)) is not None:
            chosen = listing.stepped(look.chosen.get(look.page), rows)
            self.outlook = look.choosing(chosen)

    def leap(self, screens: int) -> None:
        """Half a screen up or down; the x-ray scrolls."""
        if self.outlook.page is Page.XRAY:
            top = self.outlook.tops.get(Page.XRAY, 0) + screens * self._leap_rows
            self.outlook = self.outlook.scrolling(max(0, top))
        else:
            self.move(0, screens * self._leap_rows)

    def next_pane(self) -> None:
        """Give the keys to the other part of the grid page."""
        self.outlook = self.outlook.visiting(Page.GRID).placing(turned(self.outlook.cursor))

    def choose(self, kind: str) -> None:
        """Go where a process, a reason or a symbol can be chosen."""
        if kind == "reason":
            self.outlook = self.outlook.visiting(Page.REASONS)
        elif kind == "drill":
            self.outlook = self.outlook.visiting(Page.DRILLS)
        elif kind == "process":
            self._choose_process()
        elif self.outlook.page is not Page.GRID:
            self.outlook = self.outlook.visiting(Page.GRID)

    def _choose_process(self) -> None:
        cursor = replace(self.outlook.cursor, pane=Pane.PROCESSES)
        self.outlook = self.outlook.visiting(Page.GRID).placing(cursor)

    def look_closer(self) -> None:
        """From an entry to all of it, from a process to its log, from a reason to where it is."""
        look = self.outlook
        if look.page is Page.GRID and look.cursor.pane is Pane.GRID:
            self.outlook = look.visiting(Page.XRAY)
        elif look.page is Page.GRID and look.cursor.process is not None:
            self.outlook = look.visiting(Page.PROCESSES).choosing(look.cursor.process)
        elif look.page is Page.PROCESSES and (item := self._chosen()) is not None:
            self.outlook = look.visiting(Page.LOGS).choosing(None).filtering(item.key)
        elif look.page is Page.DRILLS and self._chosen() is not None:
            self.outlook = look.visiting(Page.DRILL).scrolling(0)
        elif look.page is Page.REASONS and self._facts is not None:
            reason = self._reason()
            self._go_where_it_is(self._facts, reason.scope if reason else None)

    def next_fault(self, step: int) -> bool:
        """On to the next thing that is wrong (-1: back); whether there is one."""
        facts, look = self._facts, self.outlook
        if facts is None:
            return False
        if look.page not in (Page.GRID, Page.XRAY):
            listing = listing_of(look, self._picture)
            key = listing.next_fault(look.chosen.get(look.page), step) if listing else None
            self.outlook = look.choosing(key) if key is not None else look
            return key is not None
        order = self._shown(facts).cells
        cell = following(_faulty(facts, order), order, look.cursor.cell, step)
        if cell is None:
            return False
        self.outlook = look.placing(replace(look.cursor, pane=Pane.GRID, cell=cell))
        return True

    def turn(self, outlook: Outlook) -> None:
        """Another outlook; the cursor stays on something that is shown."""
        self.outlook = outlook
        self._settle()

    def sift(self) -> bool:
        """Hide what is well, or show everything again; whether there is a fault to be left."""
        sifted, facts = self.outlook.sifting(), self._facts
        if not sifted.faults_only or facts is None:
            self.turn(sifted)
            return True
        if sifted.page in (Page.GRID, Page.XRAY):
            is_bare = not shown_of(facts, sifted.sieve_of(Page.GRID), self.words).symbols
        else:
            listing = listing_of(sifted, self._picture)
            is_bare = listing is not None and not listing.items
        if not is_bare:
            self.turn(sifted)
        return not is_bare

    def sort(self) -> bool:
        """Give this list its other order, or take it away; whether it has one."""
        listing = listing_of(self.outlook, self._picture)
        if listing is None or not listing.is_sortable:
            return False
        self.outlook = self.outlook.sorting()
        return True

    def freeze(self) -> None:
        """Keep the picture as it is, or let it move again."""
        picture = self._picture
        self._frozen = None if self.is_frozen or picture is None else picture.kept()
        self._settle()

    @property
    def places(self) -> Places:
        """What an act would be about."""
        look, facts = self.outlook, self._facts
        if look.page in (Page.GRID, Page.XRAY):
            on_process = look.page is Page.GRID and look.cursor.pane is Pane.PROCESSES
            return Places(look.cursor.process if on_process else None, look.cursor.symbol)
        if look.page is Page.PROCESSES and (item := self._chosen()) is not None:
            return Places(process=item.key)
        if look.page in (Page.DRILLS, Page.DRILL):
            item = self._chosen()
            return Places(drill=item.key if item else None)
        reason = self._reason()
        if reason is None:
            return Places()
        scope, code = reason.scope, (reason.code.value, str(reason.scope or "platform"))
        if isinstance(scope, SeriesKey):
            return Places(symbol=scope.symbol, reason=code)
        is_symbol = facts is not None and scope in facts.symbols
        return Places(None if is_symbol else scope, scope if is_symbol else None, code)

    def yank(self) -> str:
        """The selection as plain text; empty when there is none."""
        picture, look = self._picture, self.outlook
        if picture is None:
            return ""
        if look.page in (Page.GRID, Page.XRAY):
            status, words = picture.facts.status, picture.words
            seen = picture.seen if look.page is Page.XRAY else None
            rows = xray_body(status, look.cursor.cell, picture.now_ms, _YANK_WIDTH, words, seen)
            return "\n".join(text_of(row).rstrip() for row in rows)
        item = self._chosen()
        if item is None:
            return ""
        paragraphs = [span.text.rstrip() for span in item.detail]
        return "\n".join(paragraphs or [text_of(item.line).strip()])

    @property
    def _facts(self) -> Facts | None:
        return self._frozen.facts if self._frozen is not None else self._newest

    @property
    def _picture(self) -> Picture | None:
        """What is looked at: the present, or the moment of freezing."""
        if self._frozen is not None or self._newest is None:
            return self._frozen
        return Picture(
            self._newest,
            self._now_ms,
            self.words,
            tuple(self.journal.entries),
            self.logs,
            self._boots,
            self._seen,
            self._uses,
            self._cards,
        )

    def _shown(self, facts: Facts) -> Shown:
        return shown_of(facts, self.outlook.sieve_of(Page.GRID), self.words)

    def _settle(self) -> None:
        if (facts := self._facts) is not None:
            cursor = settled(self.outlook.cursor, facts.status, self._shown(facts))
            self.outlook = self.outlook.placing(cursor)

    def _chosen(self) -> Item | None:
        """The entry chosen in the list of this page; on one drill's page, that drill."""
        look = self.outlook
        look = look.visiting(Page.DRILLS) if look.page is Page.DRILL else look
        listing = listing_of(look, self._picture)
        return listing.chosen(look.chosen.get(look.page)) if listing else None

    def _follow_drill(self, status: Status) -> None:
        """A drill that has just begun is the one that is looked at."""
        before = self._newest.status.drill if self._newest is not None else None
        drill = status.drill
        if drill is None or not drill.is_running:
            return
        if is_another(before, drill):
            self.outlook = self.outlook.choosing_on(Page.DRILLS, drill.id)

    def _reason(self) -> DegradedReason | None:
        """The selected reason; None also when none is selected, or it has passed."""
        item, facts = self._chosen(), self._facts
        if item is None or facts is None or self.outlook.page is not Page.REASONS:
            return None
        return {reason_key(r): r for r in facts.status.reasons}.get(item.key)

    def _go_where_it_is(self, facts: Facts, scope: _Scope) -> None:
        """To the x-ray of a reason's cell, to the row of its symbol, or to its process."""
        status, look = facts.status, self.outlook
        if scope in [process.name for process in status.processes]:
            self.outlook = look.visiting(Page.PROCESSES).choosing(str(scope))
            return
        page = Page.XRAY if isinstance(scope, SeriesKey) else Page.GRID
        cell = next((key for key in status.cells if scope in (key, key.symbol)), None)
        if cell is not None:
            cursor = replace(look.cursor, pane=Pane.GRID, cell=cell)
            open_look = replace(look.visiting(page).filtering(""), faults_only=False)
            self.turn(open_look.placing(cursor))


def _faulty(facts: Facts, order: tuple[SeriesKey, ...]) -> list[SeriesKey]:
    """Cells with a fault; of a symbol that has one itself, its first cell."""
    seen: set[Symbol] = set()
    found: list[SeriesKey] = []
    for key in order:
        if key not in facts.status.cells:
            continue
        is_first = key.symbol not in seen
        seen.add(key.symbol)
        if facts.look_of(key) in FAULTY or (is_first and key.symbol in facts.marks):
            found.append(key)
    return found
