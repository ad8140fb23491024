"""The command that runs the whole engine on virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .simulating import Wanted, simulate

app = typer.Typer()
"""Its command stands among those of `cli.py`."""


@app.command("simulate")
def simulate_(
    ctx: typer.Context,
    seeds: Annotated[int, typer.Option(min=1, help="How many runs.")] = 100,
    seed: Annotated[
        str | None, typer.Option(help="Replay one and tell its story: 7, power:7, crash:1@2.350.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Replay a regression file and tell its story.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="nemesis, power, crash, cut or zombie; default: all.")
    ] = None,
    is_minimising: Annotated[
        bool, typer.Option("--minimise", help="Make what fails small and keep it as a file.")
    ] = False,
    bars: Annotated[int, typer.Option(min=30, max=5_000, help="M1 of a warm-up.")] = 150,
    symbols: Annotated[int, typer.Option(min=1, max=8, help="How many symbols.")] = 3,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes side by side.")] = 1,
    out: Annotated[Path, typer.Option(help="Where --minimise puts its files.")] = Path("."),
) -> None:
    """Run the whole engine on virtual time, with faults drawn from seeds, and judge it.

    Exit 0: all that must hold held; 8: it did not. A run is the same on every machine.

    Examples: coldstart-console simulate --seeds 500 --workers 2 · coldstart-console simulate
    --seed 7 · coldstart-console simulate --strategy crash --seeds 5000 --minimise --json
    """
    wanted = Wanted(seeds, seed, file, strategy, is_minimising, bars, symbols, workers, out)
    raise typer.Exit(simulate(ctx.obj, wanted))
