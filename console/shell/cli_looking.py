"""The commands that look: at a running engine, at what it recorded, at an incident."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from .acting import act
from .analysing import analyze
from .errands import loaded, need_terminal, run_loop, tell
from .looking import look_at_events, look_at_grid, look_at_status, look_why, wait_for
from .options import Options
from .reading_logs import read_logs

app = typer.Typer()
"""Its commands stand among those of `cli.py`."""


@app.command()
def status(ctx: typer.Context) -> None:
    """Ask the running engine how it is.

    Examples: coldstart-console status · coldstart-console status --json --data ./data_v3
    """
    raise typer.Exit(look_at_status(ctx.obj))


@app.command()
def grid(ctx: typer.Context) -> None:
    """Show every symbol in every timeframe, and whether it is ready.

    Examples: coldstart-console grid · coldstart-console grid --json
    """
    raise typer.Exit(look_at_grid(ctx.obj))


@app.command()
def why(
    ctx: typer.Context,
    subject: Annotated[
        str | None, typer.Argument(metavar="[SYMBOL[/TF]]", help="Default: the gate.")
    ] = None,
    acknowledged: Annotated[
        str | None,
        typer.Option(
            "--acknowledge", metavar="REASON", help="Mark it as seen, at that scope if one is said."
        ),
    ] = None,
) -> None:
    """Say why the gate, a symbol or a cell is not ready.

    With --acknowledge it says instead that the operator has seen a reason.

    Examples: coldstart-console why · coldstart-console why XAU/USD ·
    coldstart-console why XAU/USD/H4 --json · coldstart-console why --acknowledge GAP HKG33/H4
    """
    if acknowledged is None:
        raise typer.Exit(look_why(ctx.obj, subject))
    reason = {"code": acknowledged.upper(), **({"scope": subject} if subject else {})}
    raise typer.Exit(act(ctx.obj, "acknowledge", reason))


@app.command()
def wait(
    ctx: typer.Context,
    what: Annotated[str, typer.Option("--for", help="gate, symbol:S or phase:P.")] = "gate",
) -> None:
    """Wait until the gate is open, a symbol is served, or a phase is reached.

    Examples: coldstart-console wait --for gate --timeout 60 ·
    coldstart-console wait --for symbol:XAU/USD · coldstart-console wait --for phase:priming
    """
    raise typer.Exit(wait_for(ctx.obj, what))


@app.command()
def events(
    ctx: typer.Context,
    is_following: Annotated[bool, typer.Option("-f", "--follow", help="Go on.")] = False,
    since: Annotated[
        int | None, typer.Option(min=0, help="Only events behind this number.")
    ] = None,
) -> None:
    """Show what happened; with -f what happens, until --timeout or Ctrl-C.

    Examples: coldstart-console events · coldstart-console events -f --json ·
    coldstart-console events --since 1200
    """
    raise typer.Exit(look_at_events(ctx.obj, since, is_following=is_following))


@app.command()
def logs(
    ctx: typer.Context,
    process: Annotated[str | None, typer.Argument(help="Only this process's lines.")] = None,
    is_following: Annotated[bool, typer.Option("-f", "--follow", help="Go on.")] = False,
) -> None:
    """Show what the running engine logged; with -f what it logs, until --timeout or Ctrl-C.

    Examples: coldstart-console logs · coldstart-console logs m1_poller -f --json
    """
    raise typer.Exit(read_logs(ctx.obj, process, is_following=is_following))


@app.command("analyze")
def analyze_(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="[critical-chain|blame|budget|compare]")
    ] = "critical-chain",
    boots: Annotated[
        list[str] | None, typer.Argument(metavar="[A B]", help="Two boots to compare.")
    ] = None,
    boot: Annotated[str, typer.Option(help="Owner token; -1 the last boot, -2 before it.")] = "-1",
    chrome: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a trace for a trace viewer.")
    ] = None,
) -> None:
    """Say what recorded boots waited for; reads the data folder, needs no engine.

    Examples: coldstart-console analyze · coldstart-console analyze blame --boot 41 ·
    coldstart-console analyze compare 41 42 --json · coldstart-console analyze --chrome boot.json
    """
    raise typer.Exit(analyze(ctx.obj, what, tuple(boots or ()), boot, chrome))


@app.command()
def report(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for the bundle.")] = Path("."),
) -> None:
    """Put what explains an incident into one file, without secrets.

    Status, reasons, timeline, events, boot record, configuration, state file, versions; from
    the running engine, else from the data folder.

    Examples: coldstart-console report · coldstart-console report --out ~/incidents --json
    """
    from ..incident import report as report_incident

    raise typer.Exit(report_incident(ctx.obj, out))


@app.command()
def replay(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="boots/TOKEN.jsonl, or an incident bundle, packed or not.", readable=False
        ),
    ],
) -> None:
    """Show a recorded boot in the console: run it, step, seek; there is no engine behind it.

    Examples: coldstart-console replay data/boots/00000042.jsonl ·
    coldstart-console replay incident-3f9ac1d2-20261123T071331Z.tar.gz
    """
    need_terminal("A replay", "`analyze` prints what a boot took.")
    from ..replaying import replay_console

    options: Options = ctx.obj
    config = loaded(options)
    logging.getLogger().addHandler(logging.NullHandler())
    code, sentence = run_loop(replay_console(config, file, is_mouse=options.is_mouse))
    if sentence:
        tell(sentence)
    raise typer.Exit(code)
