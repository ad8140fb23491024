"""What all commands have in common: where shared options may stand, and what is not there yet.

Most commands stay behind a door until one is named that `cli.py` does not have itself, or until
all are listed: the screen, which is asked for by no name, shall not wait for them.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup
from typer.main import get_group

from ..uncollected import collected
from .errands import fail
from .exits import Exit
from .options import hoisted

_NOT_YET = ("completion", "doctor")


class HoistingGroup(TyperGroup):
    """Lets the shared options stand before or after the command's name."""

    _is_whole = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the shared options in front, where the callback takes them."""
        return super().parse_args(ctx, hoisted(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """What was promised and is not there yet is said to be so."""
        if args[0] in _NOT_YET:
            fail(Exit.USAGE, f"The command {args[0]!r} is not in this version.")
        found = super().resolve_command(ctx, args)
        collected()
        return found

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One of ours, else one from behind the door."""
        if cmd_name not in self.commands:
            self._open()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """All of them, in the order of the help."""
        self._open()
        return super().list_commands(ctx)

    def _open(self) -> None:
        if not self._is_whole:
            from .cli_rooms import app

            self._is_whole = True
            self.commands.update(get_group(app).commands)
