"""Every key of the console in one table; keys, footer and help are made of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from textual.binding import Binding, BindingType

from .lines import Line, Look, Span
from .words import Words

_FAR = 10_000


class Danger(Enum):
    """What a command may do; acts ask with y/n first."""

    VIEW = "view"
    ACT = "act"


class Command(NamedTuple):
    """One thing the operator can ask for."""

    id: str
    """Its name; the words for footer and help go by it."""
    keys: tuple[str, ...]
    """The keys, the one shown first; Ukrainian ones are added by position."""
    run: str
    """The Textual action."""
    danger: Danger = Danger.VIEW
    """Whether it asks first."""


EVERYWHERE = (
    Command("help", ("?",), "app.help"),
    Command("detach", ("d",), "app.detach"),
    Command("quit", ("q", "ctrl+q", "ctrl+c"), "app.leave", Danger.ACT),
)
LEAVE = (
    Command("detach", ("d", "D"), "part('detached')"),
    Command("stop", ("s", "S"), "part('stopped')"),
    Command("stay", ("n", "N", "escape", "enter", "q", "ctrl+q", "ctrl+c"), "stay"),
)
PAGES = (
    Command("grid", ("1",), "visit('grid')"),
    Command("processes", ("2",), "visit('processes')"),
    Command("reasons", ("3",), "visit('reasons')"),
    Command("logs", ("l", "5"), "visit('logs')"),
    Command("journal", ("7",), "visit('journal')"),
    Command("enter", ("enter",), "look_closer"),
    Command("leave", ("escape",), "step_back"),
    Command("back", ("[",), "walk(-1)"),
    Command("forward", ("]",), "walk(1)"),
    Command("swap", ("-",), "swap"),
    Command("pane", ("tab", "shift+tab"), "next_pane"),
)
MOVES = (
    Command("left", ("h", "left"), "move(-1, 0)"),
    Command("down", ("j", "down"), "move(0, 1)"),
    Command("up", ("k", "up"), "move(0, -1)"),
    Command("right", ("right",), "move(1, 0)"),
    Command("first", ("g",), f"move(0, -{_FAR})"),
    Command("last", ("G",), f"move(0, {_FAR})"),
    Command("line_start", ("0", "home"), f"move(-{_FAR}, 0)"),
    Command("line_end", ("$", "end"), f"move({_FAR}, 0)"),
    Command("page_up", ("pageup",), "leap(-1)"),
    Command("page_down", ("pagedown",), "leap(1)"),
    Command("next_fault", ("n",), "next_fault(1)"),
    Command("previous_fault", ("N",), "next_fault(-1)"),
)
SIGHTS = (
    Command("filter", ("/",), "filter"),
    Command("faults_only", ("z",), "faults_only"),
    Command("metric", ("m",), "metric"),
    Command("sort", ("s",), "sort"),
    Command("freeze", ("space",), "freeze"),
    Command("yank", ("y",), "yank"),
    Command("repaint", ("ctrl+r",), "repaint"),
)
ACTS = (
    Command("restart", ("r",), "restart", Danger.ACT),
    Command("rebuild", ("b",), "rebuild", Danger.ACT),
)
SECTIONS = {
    "everywhere": EVERYWHERE,
    "acts": ACTS,
    "pages": PAGES,
    "moves": MOVES,
    "sights": SIGHTS,
}
"""The tables of the home screen in the order of the help page."""
HOME = (*PAGES, *MOVES, *SIGHTS, *ACTS)
CONFIRM = (
    Command("yes", ("y", "Y"), "answer(True)"),
    Command("no", ("n", "N", "escape", "enter", "q", "ctrl+q", "ctrl+c"), "answer(False)"),
)
PROMPT = (
    Command("accept", ("enter",), "accept"),
    Command("leave", ("escape", "ctrl+c"), "leave"),
    Command("erase", ("backspace",), "edit('erase')"),
    Command("erase_word", ("ctrl+w",), "edit('erase_word')"),
    Command("erase_all", ("ctrl+u",), "edit('erase_all')"),
    Command("caret_left", ("left",), "edit('left')"),
    Command("caret_right", ("right",), "edit('right')"),
    Command("caret_start", ("home", "ctrl+a"), "edit('start')"),
    Command("caret_end", ("end", "ctrl+e"), "edit('end')"),
)
HELP = (
    Command("close", ("escape", "?", "q", "ctrl+q", "ctrl+c"), "close"),
    Command("down", ("j", "down"), "scroll(1)"),
    Command("up", ("k", "up"), "scroll(-1)"),
    Command("first", ("g",), f"scroll(-{_FAR})"),
    Command("last", ("G",), f"scroll({_FAR})"),
)

_UKRAINIAN = {
    **dict(zip("qwertyuiop", "йцукенгшщз", strict=True)),
    **dict(zip("asdfghjkl", "фівапролд", strict=True)),
    **dict(zip("zxcvbnm", "ячсмить", strict=True)),
    "[": "х",
    "]": "ї",
    "/": "full_stop",
    "?": "comma",
    "$": "semicolon",
}
_FOOTER = ("help", "cmd", "filter", "restart", "rebuild", "drill", "logs", "time", "detach")
"""In the order of the bottom row; what is in no table has no key yet and is left out."""


def all_keys(command: Command) -> tuple[str, ...]:
    """Its keys and those in the same places of the Ukrainian layout."""
    return (*command.keys, *(there for key in command.keys if (there := _there(key))))


def bindings(commands: Iterable[Command]) -> list[BindingType]:
    """The table as Textual wants it."""
    return [Binding(",".join(all_keys(c)), c.run, c.id, show=False) for c in commands]


def footer_line(words: Words) -> Line:
    """The keys that act on the home screen, as the bottom row shows them."""
    key_of = {command.id: command.keys[0] for command in (*EVERYWHERE, *HOME)}
    row: list[Span] = []
    for name in filter(key_of.__contains__, _FOOTER):
        gap = " " if key_of[name].isalpha() else ""
        row += (Span(f" {key_of[name]}", Look.STRONG), Span(gap + words.footer[name], Look.DIM))
    return tuple(row)


def command_line(action_id: str, target: str) -> str:
    """What does the same in a shell."""
    name = {"shutdown": "down"}.get(action_id, action_id)
    return shlex.join(filter(None, ("coldstart-console", name, target)))


def _there(key: str) -> str:
    if key in _UKRAINIAN:
        return _UKRAINIAN[key]
    return _UKRAINIAN.get(key.lower(), "").upper() if len(key) == 1 else ""
