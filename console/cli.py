"""The command line: `coldstart-console`, its commands, and one sentence for each failure.

Here stand the options of all and the commands that put up a screen or run an engine; the others
are behind the door in `shell/cli_group.py`, which opens when one of them is named.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from errno import ENOSPC
from pathlib import Path
from typing import Annotated

import typer

from .clean import defusing
from .shell.cli_group import HoistingGroup
from .shell.errands import NobodyReads, fail_unwritten, loaded, need_terminal, run_loop, show, tell
from .shell.exits import Exit
from .shell.options import TIMEOUT_MAX_S, Options
from .terminal.fork import fork_behind
from .uncollected import uncollected

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
        from .shell.stderr_log import logging_to_stderr

        config = loaded(options)
        with logging_to_stderr(config.logging.level) as say:
            code = run_loop(host_headless(config, options, say), say)
        raise typer.Exit(code)
    need_terminal("The console", "use `up --headless` without one.")
    tether = fork_behind()
    uncollected()
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
    need_terminal("The console", "`status` and `events -f` need none.")
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
    from .shell.prose import bootstrap_prose
    from .shell.stderr_log import logging_to_stderr

    options: Options = ctx.obj
    config = loaded(options)
    with logging_to_stderr(config.logging.level) as say:
        exit_code, report = run_loop(host_bootstrap(config, options), say)
    show(json.dumps(report) if options.is_json else bootstrap_prose(report))
    raise typer.Exit(exit_code)


def run() -> None:
    """The console script."""
    sys.stderr = defusing(sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a locale that lacks a sign loses that sign
        sys.stdout.reconfigure(errors="replace")
    try:
        app(prog_name="coldstart-console")
    except NobodyReads:
        raise SystemExit(Exit.OK) from None
    except OSError as error:  # the help does not go by `show`
        if error.errno != ENOSPC or error.filename is not None:
            raise
        fail_unwritten(error)
