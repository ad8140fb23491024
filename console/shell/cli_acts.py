"""The commands that make a running engine do something: restart, rebuild, open-gate, down."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from .acting import act, stop
from .errands import fail
from .exits import Exit

app = typer.Typer()
"""Its commands stand among those of `cli.py`."""


class Deepening(Enum):
    """What becomes of the fetching of older history."""

    PAUSE = "pause"
    RESUME = "resume"


@app.command()
def restart(
    ctx: typer.Context,
    process: Annotated[str, typer.Argument(help="connector, m1_poller, tick_publisher, …")],
    is_forced: Annotated[
        bool, typer.Option("--force", help="Wait for nothing it does; wants its name.")
    ] = False,
) -> None:
    """Restart one process; the others do not notice.

    Examples: coldstart-console restart tick_publisher --yes ·
    coldstart-console restart m1_poller --force --yes-i-mean m1_poller
    """
    action = "restart-force" if is_forced else "restart"
    raise typer.Exit(act(ctx.obj, action, {"process": process}))


@app.command()
def rebuild(
    ctx: typer.Context,
    symbols: Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL]…")] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Every symbol; wants the word.")] = False,
    deepening: Annotated[
        Deepening | None,
        typer.Option(help="Hold the fetching of older history, or let it go on; rebuilds nothing."),
    ] = None,
    is_dry: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would touch.")
    ] = False,
) -> None:
    """Fetch and derive symbols anew; readers stay on what they have until each flip.

    Examples: coldstart-console rebuild XAU/USD --dry-run ·
    coldstart-console rebuild XAU/USD USD/JPY --yes ·
    coldstart-console rebuild --all --yes-i-mean all · coldstart-console rebuild --deepening pause
    """
    if (is_all, bool(symbols), deepening is not None).count(True) != 1:
        fail(Exit.USAGE, "Name the symbols to rebuild, or say --all, or --deepening.")
    action = "rebuild-all" if is_all else "rebuild"
    if deepening is not None:
        action = f"{deepening.value}-depth"
    arguments = {"symbols": symbols} if symbols else {}
    raise typer.Exit(act(ctx.obj, action, arguments, is_dry=is_dry))


@app.command("open-gate")
def open_gate(
    ctx: typer.Context,
    is_dry: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be missing.")
    ] = False,
) -> None:
    """Let readers have what there is although cells are missing; expires by itself.

    Examples: coldstart-console open-gate --dry-run ·
    coldstart-console open-gate --yes-i-mean gate
    """
    raise typer.Exit(act(ctx.obj, "open-gate", {}, is_dry=is_dry))


@app.command()
def down(ctx: typer.Context) -> None:
    """Stop the running engine in order.

    Example: coldstart-console down --yes
    """
    raise typer.Exit(stop(ctx.obj))
