"""Every key of the console in one table; keys, footer and help are made of it."""

from __future__ import annotations

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
HOME = (
    Command("restart", ("r",), "restart", Danger.ACT),
    Command("rebuild", ("b",), "rebuild", Danger.ACT),
    Command("pane", ("tab", "shift+tab"), "next_pane"),
    Command("left", ("h", "left"), "move(-1, 0)"),
    Command("down", ("j", "down"), "move(0, 1)"),
    Command("up", ("k", "up"), "move(0, -1)"),
    Command("right", ("l", "right"), "move(1, 0)"),
    Command("first", ("g",), f"move(0, -{_FAR})"),
    Command("last", ("G",), f"move(0, {_FAR})"),
    Command("line_start", ("0", "home"), f"move(-{_FAR}, 0)"),
    Command("line_end", ("$", "end"), f"move({_FAR}, 0)"),
)
CONFIRM = (
    Command("yes", ("y", "Y"), "answer(True)"),
    Command("no", ("n", "N", "escape", "enter", "q", "ctrl+q", "ctrl+c"), "answer(False)"),
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
    "?": "comma",
    "$": "semicolon",
}
_FOOTER = ("help", "restart", "rebuild", "detach", "pane")


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
    for name in _FOOTER:
        gap = " " if key_of[name].isalpha() else ""
        row += (Span(f" {key_of[name]}", Look.STRONG), Span(gap + words.footer[name], Look.DIM))
    return tuple(row)


def _there(key: str) -> str:
    if key in _UKRAINIAN:
        return _UKRAINIAN[key]
    return _UKRAINIAN.get(key.lower(), "").upper() if len(key) == 1 else ""
