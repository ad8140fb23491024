"""The command `drill` and its own: list, run, abort."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .drilling import abort_drill, list_drills, run_drills

app = typer.Typer(help="Rehearse failures: put one in, watch, take it out, judge.")
"""Its commands stand behind `drill`."""


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """Show what can be drilled: what we believe, what it may touch, where it can be run.

    Examples: coldstart-console drill list · coldstart-console drill list --json
    """
    raise typer.Exit(list_drills(ctx.obj))


@app.command()
def run(
    ctx: typer.Context,
    which: Annotated[str, typer.Argument(metavar="ID|all", help="F1 to F10, Z1 to Z7, or all.")],
    is_live: Annotated[
        bool, typer.Option("--live", help="On the running engine, not in a sandbox.")
    ] = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a JUnit report.")
    ] = None,
) -> None:
    """Run a drill, in a private sandbox unless --live says otherwise.

    Exit 0: every verdict is PASS; 7: one is FAIL; 1: one is INCONCLUSIVE and none FAIL; 5: the
    engine takes no drill now; 3: with --live, no engine answers.

    Examples: coldstart-console drill run F2 · coldstart-console drill run all --junit drills.xml ·
    coldstart-console drill run F2 --live --yes-i-mean F2 --json
    """
    raise typer.Exit(run_drills(ctx.obj, which, junit, is_live=is_live))


@app.command()
def abort(ctx: typer.Context) -> None:
    """End the drill that runs on the engine: its fault is taken out at once.

    Example: coldstart-console drill abort --yes
    """
    raise typer.Exit(abort_drill(ctx.obj))
