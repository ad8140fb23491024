"""The home screen: status rows, the grid, what is wrong, the processes, keys."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.screen import Screen
from textual.timer import Timer

from engine import Status

from ..commands import HOME, bindings, footer_line
from ..cursor import Cursor, Pane, moved, settled, turned
from ..layout import Plan, plan
from ..lines import Line, cropped
from ..paint import Brush
from ..pulse import FAST_S, pulse_s
from ..widgets.facts import Facts
from ..widgets.grid_rows import Grid
from ..widgets.grid_view import GridView
from ..widgets.header_rows import Header
from ..widgets.journal import Journal
from ..widgets.journal_rows import journal_rows
from ..widgets.line_view import LineView
from ..widgets.notice_row import notice_row
from ..widgets.process_rows import process_rows
from ..widgets.reason_rows import reason_rows
from ..widgets.xray_rows import xray_rows
from ..words import Words

_TOLD_S = 8.0
_VIEWS = ("header", "reasons", "processes", "journal", "xray", "notice", "footer")


class HomeScreen(Screen[None], inherit_bindings=False):
    """Everything on one page; it holds a cursor and the last answer, all else is the status."""

    BINDINGS = bindings(HOME)
    AUTO_FOCUS = None

    def __init__(
        self,
        now_ms: Callable[[], int],
        ask: Callable[[str, str], None],
        brush: Brush,
        words: Words,
    ) -> None:
        super().__init__()
        self._now_ms = now_ms
        self._ask = ask
        self._words = words
        self._views = {name: LineView(brush, id=name) for name in _VIEWS}
        self._grid = GridView(brush)
        self._facts: Facts | None = None
        self._cursor = Cursor()
        self._top = 0
        self._plan = Plan()
        self._told = ""
        self._journal = Journal(words)
        self._pulse: Timer | None = None
        self._is_ticking = False
        self._telling: Timer | None = None

    def compose(self) -> ComposeResult:
        """The parts from top to bottom, the x-ray at the right."""
        self._draw()
        views = self._views
        yield views["header"]
        with Horizontal(id="body"):
            with Vertical(id="main"):
                yield self._grid
                yield from (views[name] for name in ("reasons", "processes", "journal"))
            yield views["xray"]
        yield views["notice"]
        yield views["footer"]

    def show(self, status: Status) -> None:
        """Take the engine's newest status."""
        self._facts = Facts.of(status)
        self._cursor = settled(self._cursor, status)
        self._journal.learn(self._facts, self._now_ms())
        if not self._is_ticking:
            self._draw()

    def tell(self, sentence: str) -> None:
        """Show an answer for a few seconds."""
        self._told = sentence
        if self._telling is not None:
            self._telling.stop()
        self._telling = self.set_timer(_TOLD_S, self._forget)
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Share out the new size."""
        self._draw()

    def action_move(self, columns: int, rows: int) -> None:
        """Move the cursor."""
        if self._facts is not None:
            self._cursor = moved(self._cursor, self._facts.status, columns, rows)
            self._draw()

    def action_next_pane(self) -> None:
        """Give the keys to the other pane."""
        self._cursor = turned(self._cursor)
        self._draw()

    def action_restart(self) -> None:
        """Ask to restart the selected process; from the grid, let one be selected first."""
        if self._cursor.pane is Pane.GRID:
            self.action_next_pane()
            self.tell(self._words.choose_process)
        elif self._cursor.process is not None:
            self._ask("restart", self._cursor.process)

    def action_rebuild(self) -> None:
        """Ask to rebuild the selected symbol."""
        if self._cursor.symbol is not None:
            self._ask("rebuild", self._cursor.symbol)

    def _forget(self) -> None:
        self._told = ""
        self._draw()

    def _draw(self) -> None:
        """Show everything; before the first layout this already shares out the terminal."""
        facts = self._facts
        width, height = self.app.size
        if facts is None or not self.is_running or not width or not height:
            return
        now_ms = self._now_ms()
        on_processes = self._cursor.pane is Pane.PROCESSES
        self._share_out(plan(width, height, len(facts.symbols), on_processes))
        self._draw_grid(facts, now_ms, width - self._plan.xray_width)
        for name, rows in self._rows(facts, now_ms, width).items():
            self._views[name].show(rows)
        self._await_pulse(pulse_s(facts.status, now_ms, ages_shown=self._plan.xray_width > 0))

    def _draw_grid(self, facts: Facts, now_ms: int, width: int) -> None:
        grid = Grid(facts, self._cursor, now_ms, self._words)
        compose = grid.compact if self._plan.compact else grid.columns
        columns, self._top = compose(width, self._plan.grid, self._top)
        self._grid.show(columns)

    def _rows(self, facts: Facts, now_ms: int, width: int) -> dict[str, tuple[Line, ...]]:
        shares, cursor, words, status = self._plan, self._cursor, self._words, facts.status
        header = Header(facts, now_ms, words)
        main, side = width - shares.xray_width, shares.xray_width
        notice = (notice_row(facts, self._told, width, words),)
        reasons = reason_rows(facts, main, shares.reasons, words)
        return {
            "header": (header.compact_row(width),) if shares.compact else header.rows(width),
            "reasons": notice if self._told and not shares.notice else reasons,
            "processes": process_rows(status, cursor, now_ms, main, shares.processes, words),
            "journal": journal_rows(self._journal.entries, main, shares.journal, words),
            "xray": xray_rows(status, cursor.cell, now_ms, side, shares.body, words),
            "notice": notice,
            "footer": (cropped(footer_line(words), width),),
        }

    def _share_out(self, shares: Plan) -> None:
        if shares == self._plan:
            return
        self._plan = shares
        heights = {name: getattr(shares, name) for name in _VIEWS if name != "xray"}
        for name, rows in heights.items():
            self._views[name].display = rows > 0
            self._views[name].styles.height = rows
        self._grid.display = shares.grid > 0
        self._grid.styles.height = shares.grid
        self._views["xray"].display = shares.xray_width > 0
        self._views["xray"].styles.width = shares.xray_width

    def _await_pulse(self, delay_s: float | None) -> None:
        """A drawing that comes at once anyway also shows the statuses until then."""
        if self._pulse is not None:
            self._pulse.stop()
        self._is_ticking = delay_s == FAST_S
        self._pulse = None if delay_s is None else self.set_timer(delay_s, self._draw)
