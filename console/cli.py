"""The command line: `coldstart-console`, its commands, and one sentence for each failure."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from .clean import defusing
from .shell.acting import act
from .shell.analysing import analyze
from .shell.cli_acts import app as acts
from .shell.cli_at_rest import app as at_rest
from .shell.cli_drills import app as drills
from .shell.cli_group import HoistingGroup
from .shell.cli_simulation import app as simulation
from .shell.errands import NobodyReads, fail, loaded, run_loop, show, tell
from .shell.exits import Exit
from .shell.looking import look_at_events, look_at_grid, look_at_status, look_why, wait_for
from .shell.options import TIMEOUT_MAX_S, Options
from .shell.prose import bootstrap_prose
from .shell.reading_logs import read_logs
from .shell.stderr_log import logging_to_stderr
from .terminal.fork import fork_behind

app = typer.Typer(
    cls=HoistingGroup,
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def main(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="Configuration file; default ./config.json.", readable=False),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder.", readable=False)] = None,
    broker: Annotated[str | None, typer.Option(help="sim or replay:PATH.")] = None,
    redis: Annotated[
        str | None, typer.Option(help="redis://… or unix://…; default: an embedded server.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Run as if now were this instant (ISO 8601).")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="API port; 0 picks one.")
    ] = None,
    socket: Annotated[Path | None, typer.Option(help="Control socket.", readable=False)] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0, max=TIMEOUT_MAX_S, help="Seconds to wait.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Answer yes to questions.")] = False,
    yes_i_mean: Annotated[
        str | None, typer.Option(metavar="NAME", help="The word a destroying act asks for.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only", help="An engine started here takes no acts; attach only looks."
        ),
    ] = False,
    lang: Annotated[
        str | None, typer.Option(help="The screen's language, en or uk; default: the locale's.")
    ] = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII only.")] = False,
    mouse: Annotated[bool, typer.Option("--mouse", help="Hear the mouse.")] = False,
    allow_drills: Annotated[
        bool, typer.Option("--allow-drills", help="Take live drills on env prod too.")
    ] = False,
) -> None:
    """Start, recover and show the cold start of a market-data platform.

    Without a command it runs the console with the engine in this process. The options below
    may stand before or after a command.

    Examples: coldstart-console · coldstart-console bootstrap --json ·
    coldstart-console up --headless --port 0 · coldstart-console status
    """
    ctx.obj = Options(
        config=config,
        data=data,
        broker=broker,
        redis=redis,
        at=at,
        port=port,
        socket=socket,
        timeout_s=timeout,
        is_json=as_json,
        is_yes=yes,
        is_quiet=quiet,
        is_read_only=read_only,
        yes_i_mean=yes_i_mean,
        lang=lang,
        is_ascii=ascii_only,
        is_mouse=mouse,
        allows_drills=allow_drills,
    )
    if ctx.invoked_subcommand is None:
        up(ctx, headless=False)


@app.command()
def up(
    ctx: typer.Context,
    headless: Annotated[bool, typer.Option("--headless", help="Engine and socket only.")] = False,
) -> None:
    """Run the engine under the console, or without one.

    Examples: coldstart-console up · coldstart-console up --headless --port 0
    """
    options: Options = ctx.obj
    if headless:
        from .shell.hosting import host_headless

        config = loaded(options)
        with logging_to_stderr(config.logging.level) as say:
            code = run_loop(host_headless(config, options, say))
        raise typer.Exit(code)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail(Exit.USAGE, "The console needs a terminal; use `up --headless` without one.")
    tether = fork_behind()
    config = loaded(options)
    logging.getLogger().addHandler(logging.NullHandler())
    from .terminal.siblings import host_console

    raise typer.Exit(run_loop(host_console(config, options, tether)))


@app.command()
def attach(ctx: typer.Context) -> None:
    """Put a screen in front of the running engine; it only looks until A arms it.

    Several may look at once; d or q leaves, and the engine goes on. With --read-only it is
    never armed.

    Examples: coldstart-console attach · coldstart-console attach --read-only --data ./data_v3
    """
    options: Options = ctx.obj
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail(Exit.USAGE, "The console needs a terminal; `status` and `events -f` need none.")
    config = loaded(options)
    logging.getLogger().addHandler(logging.NullHandler())
    from engine import socket_path

    from .attaching import attach_console

    path = socket_path(config.data_root, options.socket)
    is_read_only, is_mouse = options.is_read_only, options.is_mouse
    code, why = run_loop(attach_console(config, path, is_read_only=is_read_only, is_mouse=is_mouse))
    if why:
        tell(why)
    raise typer.Exit(code)


@app.command()
def bootstrap(ctx: typer.Context) -> None:
    """Start once, wait for the gate, print the report, stop.

    Examples: coldstart-console bootstrap · coldstart-console bootstrap --json --port 0
    """
    from .shell.hosting import host_bootstrap

    options: Options = ctx.obj
    config = loaded(options)
    with logging_to_stderr(config.logging.level):
        exit_code, report = run_loop(host_bootstrap(config, options))
    show(json.dumps(report) if options.is_json else bootstrap_prose(report))
    raise typer.Exit(exit_code)


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
    from .incident import report as report_incident

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
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail(Exit.USAGE, "A replay needs a terminal; `analyze` prints what a boot took.")
    from .replaying import replay_console

    options: Options = ctx.obj
    config = loaded(options)
    logging.getLogger().addHandler(logging.NullHandler())
    code, sentence = run_loop(replay_console(config, file, is_mouse=options.is_mouse))
    if sentence:
        tell(sentence)
    raise typer.Exit(code)


app.add_typer(acts)
app.add_typer(at_rest)
app.add_typer(drills, name="drill")
app.add_typer(simulation)


def run() -> None:
    """The console script."""
    sys.stderr = defusing(sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a locale that lacks a sign loses that sign
        sys.stdout.reconfigure(errors="replace")
    try:
        app(prog_name="coldstart-console")
    except NobodyReads:
        raise SystemExit(Exit.OK) from None
