"""The home screen: keys become calls of the board, and the frame that comes out is drawn."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from textual.app import ComposeResult
from textual.events import MouseScrollDown, MouseScrollUp, Resize
from textual.screen import Screen
from textual.timer import Timer

from engine import Status
from uds.model import Symbol

from ..alarm import Alarm
from ..board import Board, Places
from ..commands import HOME, SECTIONS, Tables, bindings
from ..evidence import evidence_folder, keep
from ..frame import VIEWS
from ..hold import Hold
from ..layout import Plan
from ..lines import Look
from ..link import FLUSH_S
from ..logbook import LogBook
from ..lookout import Ask, Lookout, Wish
from ..messages import LogGrew
from ..moments import file_stamp
from ..offers import Deed
from ..outlook import Outlook
from ..pages import Page
from ..paint import Brush
from ..preference import Preference
from ..pulse import FAST_S
from ..recalling import recalled
from ..rim import Rim
from ..widgets.grid_view import GridView
from ..widgets.ground import Ground, GroundColumn, GroundRow
from ..widgets.line_view import LineView
from ..words import Words
from .prompt import PromptScreen

_TOLD_S = 8.0
_WHEEL_ROWS = 3


class HomeScreen(Screen[None], Ground, inherit_bindings=False):
    """Every page of the console; what they show is the board's."""

    BINDINGS = bindings(HOME, is_fixed=False)
    AUTO_FOCUS = None

    def __init__(
        self,
        now_ms: Callable[[], int],
        hold: Callable[[], Hold],
        brush: Brush,
        words: Words,
        logs: LogBook | None = None,
        tables: Tables = SECTIONS,
    ) -> None:
        super().__init__()
        self._now_ms = now_ms
        self._hold = hold
        self._brush = brush
        self.ground = brush.style(Look.PLAIN)
        self._words = words
        self._logs = logs or LogBook()
        self._views = {name: LineView(brush, id=name) for name in VIEWS}
        self._grid = GridView(brush)
        self._board = Board(words, self._logs)
        self._board.rim = Rim(tables=tables)
        self._plan = Plan()
        self._pulse = Alarm(lambda: self.call_later(self._draw))
        self._is_ticking = False
        self._telling: Timer | None = None
        self._is_log_awaited = False
        self._lookout: Lookout | None = None
        self._preference: Preference | None = None

    def compose(self) -> ComposeResult:
        """The parts from top to bottom, the x-ray at the right."""
        self._draw()
        views = self._views
        yield views["header"]
        with GroundRow(self.ground, id="body"):
            with GroundColumn(self.ground, id="main"):
                yield self._grid
                yield from (views[name] for name in ("page", "reasons", "processes", "journal"))
            yield views["xray"]
        yield views["notice"]
        yield views["footer"]

    def on_mount(self) -> None:
        """Hear of new log lines."""
        self._logs.hear(self._heard)

    def on_unmount(self) -> None:
        """Hear no more of them, and draw no more."""
        self._logs.hear(None)
        self._pulse.stop()

    def show(self, status: Status) -> None:
        """Take the engine's newest status."""
        self._board.journal.own_actor = self._hold().actor
        self._board.learn(status, self._now_ms())
        if not self._is_ticking:
            self._draw()

    async def look_out(self, look: Ask) -> None:
        """Ask for what the page shown wants beyond the status; until cancelled."""
        self._lookout = Lookout(look, lambda: self._board.wish, self._hear)
        await self._lookout.keep()

    async def recall(self, look: Ask) -> None:
        """Tell what happened before this console looked, as far as the engine still knows it."""
        first = self._board.journal.first
        if first is not None:
            self._board.journal.recall(await recalled(look, first, self._words))
            self._draw()

    async def wait_for(self, prefer: Callable[[Symbol], Awaitable[None]]) -> None:
        """Let the symbol under the cursor come next; until cancelled."""
        self._preference = Preference(prefer, lambda: self._board.preferred)
        await self._preference.keep()

    def tell(self, sentence: str, path: str = "") -> None:
        """Show an answer for a few seconds; a file that it names stands in the journal too."""
        self._board.rim = self._board.rim._replace(told=sentence, path=path)
        if path:
            self._board.journal.note_file(self._now_ms(), sentence)
        if self._telling is not None:
            self._telling.stop()
        self._telling = self.set_timer(_TOLD_S, self._forget)
        self._draw()

    @property
    def places(self) -> Places:
        """What an act would be about."""
        return self._board.places

    def choose(self, kind: str, key: str) -> None:
        """Let a process, a symbol or a reason be chosen, for this key."""
        self._board.choose(kind)
        words = self._words
        wanted = {
            "process": words.choose_process,
            "reason": words.choose_reason,
            "drill": words.choose_drill,
        }
        self.tell(wanted.get(kind, words.choose_symbol).format(key=key))

    def note_refusal(self, deed: Deed, said: str, command: str) -> None:
        """Write into the journal what the operator could not do here, and why."""
        self._board.journal.note_refusal(self._now_ms(), deed, said, command)

    def rewind(self) -> None:
        """Time has been turned back: what was later has not happened."""
        self._board.journal.rewind(self._now_ms())

    def redraw(self) -> None:
        """Show the hold on the engine as it is now."""
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Share out the new size."""
        self._draw()

    def on_log_grew(self, message: LogGrew) -> None:
        """Draw the log page soon, however many lines there are until then."""
        self.set_timer(FLUSH_S, self._draw_log)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel moves as the keys do; the mouse is heard with --mouse only."""
        self.action_move(0, _WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The other way."""
        self.action_move(0, -_WHEEL_ROWS)

    def action_move(self, columns: int, rows: int) -> None:
        """Move the place on this page."""
        self._board.move(columns, rows)
        self._cursor_moved()

    def action_leap(self, screens: int) -> None:
        """Half a screen up or down."""
        self._board.leap(screens)
        self._cursor_moved()

    def action_next_pane(self) -> None:
        """Give the keys to the other part of the grid page."""
        self._board.next_pane()
        self._draw()

    def action_visit(self, page: str) -> None:
        """Show a page."""
        self._turn(self._board.outlook.visiting(Page(page)))

    def action_walk(self, steps: int) -> None:
        """Back or forward along the pages."""
        self._turn(self._board.outlook.walking(steps))

    def action_swap(self) -> None:
        """The page before this one."""
        self._turn(self._board.outlook.swapping())

    def action_step_back(self) -> None:
        """Drop the filter, else go one page back."""
        self._turn(self._board.outlook.stepping_back())

    def action_look_closer(self) -> None:
        """Into what is selected."""
        self._board.look_closer()
        self._draw()

    def action_next_fault(self, step: int) -> None:
        """On to the next thing that is wrong."""
        if self._board.next_fault(step):
            self._cursor_moved()
        else:
            self.tell(self._words.no_fault_here)

    def action_faults_only(self) -> None:
        """Hide what is well, or show everything."""
        if self._board.sift():
            self._cursor_moved()
        else:
            self.tell(self._words.no_fault_here)

    def action_metric(self) -> None:
        """Another figure in the cells."""
        self._turn(self._board.outlook.measuring())

    def action_sort(self) -> None:
        """Another order of a list; never of the grid, whose order is the configuration's."""
        if self._board.sort():
            self._draw()
        else:
            self.tell(self._words.not_sorted)

    def action_freeze(self) -> None:
        """Let the picture stand still, or move again."""
        self._board.freeze()
        self._draw()

    def action_filter(self) -> None:
        """Type a filter; the picture follows each keystroke."""
        before = self._board.outlook

        def typed(text: str) -> None:
            self._turn(self._board.outlook.filtering(text))

        def closed(text: str | None) -> None:
            typed(before.sieve.text if text is None else text)

        hint = self._words.filter_keys
        screen = PromptScreen("/", before.sieve.text, hint, self._brush, typed)
        self.app.push_screen(screen, closed)

    def action_yank(self) -> None:
        """Copy the selection by way of the terminal, and keep it in a file."""
        text = self._board.yank()
        if not text:
            self.tell(self._words.nothing_to_yank)
            return
        self.app.copy_to_clipboard(text)
        self.run_worker(self._keep(f"{text}\n"), group="acts", exit_on_error=False)

    def _cursor_moved(self) -> None:
        if self._preference is not None:
            self._preference.turn()
        self._draw()

    def _turn(self, outlook: Outlook) -> None:
        self._board.turn(outlook)
        self._draw()

    def _forget(self) -> None:
        self._board.rim = self._board.rim._replace(told="", path="")
        self._draw()

    async def _keep(self, text: str) -> None:
        name = f"yank-{file_stamp(self._now_ms())}.txt"
        try:
            path = await asyncio.to_thread(keep, evidence_folder(os.environ), name, text)
        except OSError as error:
            self.tell(self._words.yank_unkept.format(error=error.strerror or error))
        else:
            self.tell(self._words.yanked.format(path=path), str(path))

    def _heard(self) -> None:
        """In whichever thread logs; one message is under way at most."""
        if not self._is_log_awaited:
            self._is_log_awaited = True
            self.post_message(LogGrew())

    def _hear(self, wish: Wish, answer: object) -> None:
        self._board.hear(wish, answer)
        self._draw()

    def _draw_log(self) -> None:
        self._is_log_awaited = False
        if self._board.outlook.page is Page.LOGS and not self._board.is_frozen:
            self._draw()

    def _draw(self) -> None:
        """Show everything; before the first layout this already shares out the terminal."""
        width, height = self.app.size
        if not self.is_running or not width or not height:
            return
        self._board.rim = self._board.rim._replace(hold=self._hold())
        frame = self._board.frame(self._now_ms(), width, height)
        if frame is None:
            return
        self._share_out(frame.plan)
        if self._lookout is not None:
            self._lookout.turn()
        regions = self._grid.take(frame.columns)
        for name, rows in frame.rows.items():
            regions += self._views[name].take(rows)
        if regions:
            self.refresh(*regions)
        self._await_pulse(frame.pulse_s)

    def _share_out(self, shares: Plan) -> None:
        if shares == self._plan:
            return
        self._plan = shares
        heights = {name: getattr(shares, name) for name in VIEWS if name != "xray"}
        for name, rows in heights.items():
            self._views[name].display = rows > 0
            self._views[name].styles.height = rows
        self._grid.display = shares.grid > 0
        self._grid.styles.height = shares.grid
        self._views["xray"].display = shares.xray_width > 0
        self._views["xray"].styles.width = shares.xray_width

    def _await_pulse(self, delay_s: float | None) -> None:
        """A drawing that comes at once anyway also shows the statuses until then."""
        self._is_ticking = delay_s == FAST_S
        self._pulse.set(delay_s)
