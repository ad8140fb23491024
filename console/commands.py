"""Every key of the console in one table; keys, footer and help are made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from .lines import ALWAYS, Form, Line, Look, Part, Span, fitted
from .words import Words

if TYPE_CHECKING:
    from textual.binding import BindingType

_FAR = 10_000


class Danger(Enum):
    """What a command may do, and so how it is asked for."""

    VIEW = "view"
    """Nothing asked."""
    ACT = "act"
    """y/n, no by default."""
    DESTROY = "destroy"
    """The name of what it is about is typed."""


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


Keys: TypeAlias = Mapping[str, tuple[str, ...]]
"""Keys by the command that they are given to."""
Tables: TypeAlias = Mapping[str, tuple[Command, ...]]
"""Commands by the section of the help page."""

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
    Command("time", ("t", "4"), "visit('timeline')"),
    Command("logs", ("l", "5"), "visit('logs')"),
    Command("drills", ("6",), "visit('drills')"),
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
    Command("incident", ("S",), "app.incident"),
    Command("repaint", ("ctrl+r",), "app.again"),
)
SPOKEN = (
    Command("cmd", (":",), "app.command"),
    Command("palette", ("ctrl+p",), "app.palette"),
    Command("arm", ("A",), "app.arm"),
)
ACTS = (
    Command("restart", ("r",), "app.act('restart')", Danger.ACT),
    Command("rebuild", ("b",), "app.act('rebuild')", Danger.ACT),
    Command("acknowledge", ("a",), "app.act('acknowledge')", Danger.ACT),
    Command("open-gate", ("o",), "app.act('open-gate')", Danger.DESTROY),
    Command("restart-force", ("R",), "app.act('restart-force')", Danger.DESTROY),
    Command("rebuild-all", ("B",), "app.act('rebuild-all')", Danger.DESTROY),
    Command("drill", ("f",), "app.act('drill')", Danger.DESTROY),
    Command("drill-abort", ("F",), "app.act('drill-abort')", Danger.ACT),
)
"""Keys of the engine's registry; their ids are its ids. What has no key here is typed."""
SECTIONS: Tables = {
    "everywhere": EVERYWHERE,
    "spoken": SPOKEN,
    "acts": ACTS,
    "pages": PAGES,
    "moves": MOVES,
    "sights": SIGHTS,
}
"""The tables of the home screen in the order of the help page."""
REPLAY = (
    Command("play", ("space",), "app.play"),
    Command("later", (".",), "app.step(1)"),
    Command("earlier", ("comma",), "app.step(-1)"),
    Command("faster", ("+",), "app.speed(1)"),
    Command("slower", ("-",), "app.speed(-1)"),
    Command("seek", ("@",), "app.seek"),
)
"""Keys of a recorded boot; they come before others that a Ukrainian layout has there."""
_NOT_IN_REPLAY = {"detach", "arm", "freeze", "swap"}
REPLAY_SECTIONS: Tables = {
    "replay": REPLAY,
    **{
        section: tuple(command for command in table if command.id not in _NOT_IN_REPLAY)
        for section, table in SECTIONS.items()
        if table is not ACTS
    },
}
"""The tables of a replay: nothing acts, for nobody is there."""
HOME = (*PAGES, *MOVES, *SIGHTS, *SPOKEN, *ACTS)
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
COMMAND = (
    *PROMPT,
    Command("complete", ("tab",), "complete"),
    Command("older", ("up", "ctrl+p"), "recall(-1)"),
    Command("newer", ("down", "ctrl+n"), "recall(1)"),
)
PALETTE = (
    *PROMPT,
    Command("up", ("up", "ctrl+p"), "step(-1)"),
    Command("down", ("down", "ctrl+n"), "step(1)"),
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
    ":": "Ж",
    ".": "ю",
    "comma": "б",
    "@": "quotation_mark",
}
KEY_NAMES = {
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "comma": ",",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "home": "Home",
    "end": "End",
    "ctrl+r": "Ctrl+R",
    "ctrl+p": "Ctrl+P",
    "ctrl+q": "Ctrl+Q",
    "ctrl+c": "Ctrl+C",
}
"""Keys as an operator is told them."""
_FOOTER = (
    *("play", "later", "earlier", "faster", "seek"),
    *("help", "cmd", "filter", "restart", "rebuild", "drill", "logs", "time", "detach"),
)
"""In the order of the bottom row; what is in no table has no key yet and is left out."""
_YIELDING = {
    **{"drill": 0, "time": 1, "logs": 2, "rebuild": 3, "restart": 4, "filter": 5, "cmd": 6},
    **{"seek": 0, "faster": 1, "earlier": 2, "later": 3},
}
"""What the bottom row does without where it is short, the lowest first."""


def all_keys(command: Command) -> tuple[str, ...]:
    """Its keys and those in the same places of the Ukrainian layout."""
    return (*command.keys, *(there for key in command.keys if (there := _there(key))))


def bindings(commands: Iterable[Command], *, is_fixed: bool = True) -> list[BindingType]:
    """The table as Textual wants it; one that is not fixed can be given other keys by name."""
    from textual.binding import Binding  # the command line reads the table, and draws nothing

    return [
        Binding(",".join(all_keys(c)), c.run, c.id, show=False, id=None if is_fixed else c.id)
        for c in commands
    ]


def rekeyed(tables: Tables, keys: Keys) -> Tables:
    """The tables with other keys for some commands."""
    return {
        section: tuple(c._replace(keys=keys.get(c.id, c.keys)) for c in table)
        for section, table in tables.items()
    }


def first_keys(tables: Tables) -> dict[str, str]:
    """The key of each command that an operator is told, as it is told."""
    keys = {c.id: c.keys[0] for table in tables.values() for c in table if c.keys}
    return {name: KEY_NAMES.get(key, key) for name, key in keys.items()}


def footer_line(words: Words, tables: Tables, width: int) -> Line:
    """The keys that act on the home screen, as the bottom row shows them; some where it is short.

    The way to all of them and the way out stay longest: the others are in the help.
    """
    key_of = first_keys(tables)
    parts: list[Part] = []
    for name in filter(key_of.__contains__, _FOOTER):
        key = key_of[name]
        gap = "" if len(key) == 1 and not key.isalnum() else " "
        said = (Span(f" {key}", Look.STRONG), Span(gap + words.footer[name], Look.DIM))
        parts.append((Form(_YIELDING.get(name, ALWAYS), said),))
    return fitted(parts, width, gap="")


def _there(key: str) -> str:
    if key in _UKRAINIAN:
        return _UKRAINIAN[key]
    return _UKRAINIAN.get(key.lower(), "").upper() if len(key) == 1 else ""
