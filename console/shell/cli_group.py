"""What all commands have in common: where shared options may stand, and what is not there yet."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from .errands import fail
from .exits import Exit
from .options import hoisted

_NOT_YET = ("completion", "doctor")


class HoistingGroup(TyperGroup):
    """Lets the shared options stand before or after the command's name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the shared options in front, where the callback takes them."""
        return super().parse_args(ctx, hoisted(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """What was promised and is not there yet is said to be so."""
        if args[0] in _NOT_YET:
            fail(Exit.USAGE, f"The command {args[0]!r} is not in this version.")
        return super().resolve_command(ctx, args)
