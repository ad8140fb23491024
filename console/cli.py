"""The command line: `coldstart-console`, its commands, and one sentence for each failure."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from engine import EngineError
from uds import UdsError

from .exits import Exit
from .fork import fork_behind
from .options import BadOption, Options, hoisted
from .prose import (
    bootstrap_prose,
    export_prose,
    export_warnings,
    import_prose,
    import_warnings,
    status_prose,
)

if TYPE_CHECKING:
    from engine import Config

_ASK_TIMEOUT_S = 5.0
_DOWN_TIMEOUT_S = 30.0
_DOWN_POLL_S = 0.05
_EXIT_OF = {
    "ActionRefused": Exit.REFUSED,
    "EngineSilent": Exit.TIMEOUT,
    "EngineUnreachable": Exit.UNREACHABLE,
    "FolderLocked": Exit.REFUSED,
    "HistoryUnreadable": Exit.FAILED,
    "NothingStored": Exit.FAILED,
    "UdsError": Exit.FAILED,
    "EngineError": Exit.USAGE,
    "BadOption": Exit.USAGE,
}
"""By the name of the error or of the nearest ancestor listed, so that no error is loaded early."""

_T = TypeVar("_T")


class HoistingGroup(TyperGroup):
    """Lets the shared options stand before or after the command's name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the shared options in front, where the callback takes them."""
        return super().parse_args(ctx, hoisted(args))


app = typer.Typer(
    cls=HoistingGroup,
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
app.add_typer(config_app, name="config")


@app.callback(invoke_without_command=True)
def main(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Configuration file; default ./config.json.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder.")] = None,
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
    socket: Annotated[Path | None, typer.Option(help="Control socket.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds to wait.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Answer yes to questions.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
    lang: Annotated[
        str | None, typer.Option(help="The screen's language, en or uk; default: the locale's.")
    ] = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII only.")] = False,
    mouse: Annotated[bool, typer.Option("--mouse", help="Hear the mouse.")] = False,
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
        lang=lang,
        is_ascii=ascii_only,
        is_mouse=mouse,
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
        from .hosting import host_headless

        config = _loaded(options)
        _log_to_stderr()
        raise typer.Exit(_run(host_headless(config, options, _tell)))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        _fail(Exit.USAGE, "The console needs a terminal; use `up --headless` without one.")
    tether = fork_behind()
    config = _loaded(options)
    logging.getLogger().addHandler(logging.NullHandler())
    from .siblings import host_console

    raise typer.Exit(_run(host_console(config, options, tether)))


@app.command()
def bootstrap(ctx: typer.Context) -> None:
    """Start once, wait for the gate, print the report, stop.

    Examples: coldstart-console bootstrap · coldstart-console bootstrap --json --port 0
    """
    from .hosting import host_bootstrap

    options: Options = ctx.obj
    config = _loaded(options)
    _log_to_stderr()
    exit_code, report = _run(host_bootstrap(config, options))
    typer.echo(json.dumps(report) if options.is_json else bootstrap_prose(report))
    raise typer.Exit(exit_code)


@app.command()
def status(ctx: typer.Context) -> None:
    """Ask the running engine how it is.

    Examples: coldstart-console status · coldstart-console status --json --data ./data_v3
    """
    options: Options = ctx.obj
    document = _asked(options, "status", {})
    typer.echo(json.dumps(document) if options.is_json else status_prose(document))
    is_well = document["readiness"] and not document["degraded"]
    raise typer.Exit(Exit.OK if is_well else Exit.NOT_READY)


@app.command()
def down(ctx: typer.Context) -> None:
    """Stop the running engine in order.

    Example: coldstart-console down --yes
    """
    options: Options = ctx.obj
    question = _asked(options, "question", {"action": "shutdown", "target": ""})
    if not options.is_yes and not typer.confirm(str(question), default=False, err=True):
        _fail(Exit.REFUSED, "Nothing was stopped.")
    _tell(str(_asked(options, "act", {"action": "shutdown", "target": ""})))
    try:
        _run(asyncio.wait_for(_gone(options), options.timeout_s or _DOWN_TIMEOUT_S))
    except TimeoutError:
        _fail(Exit.TIMEOUT, "The engine was told to stop and still answers.")
    typer.echo("The engine has stopped.")


@app.command("import")
def import_(
    ctx: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="A history file, a folder of them, or a data folder.")
    ],
    format_name: Annotated[
        str | None,
        typer.Option("--format", help="csv, histdata, mt, dukascopy or v3; default: told."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Clock of files that do not state theirs: Europe/Athens, UTC-5, …"),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="Whose file it is; default: as its name says.")
    ] = None,
    is_replacing: Annotated[
        bool, typer.Option("--replace", help="Of two bars that differ take the file's.")
    ] = False,
) -> None:
    """Bring M1 and D1 of files or of another data folder into ours; no engine may own it.

    Examples: coldstart-console import EURUSD_M1.csv · coldstart-console import ./histdata
    --zone America/New_York · coldstart-console import export.txt --symbol XAU/USD --json ·
    coldstart-console import --format v3 ../old/data_v3
    """
    from engine import ImportRequest, SystemClock, import_history

    options: Options = ctx.obj
    config = _loaded(options)
    at_ms = _or_fail(options.at_ms)
    clock = SystemClock() if at_ms is None else SystemClock.started_at(at_ms)
    request = ImportRequest(path, format_name, zone, symbol, is_replacing)
    say = _tell if sys.stderr.isatty() and not options.is_quiet else _say_nothing
    report = _run(import_history(config, request, clock, say))
    document = report.document()
    typer.echo(json.dumps(document) if options.is_json else import_prose(document))
    for line in import_warnings(document):
        _tell(line)
    raise typer.Exit(Exit.OK if report.is_whole else Exit.USAGE)


@app.command()
def verify(ctx: typer.Context) -> None:
    """Prove the stored bars: checksums, grids, M3 to H4 against their M1, the tails in Redis.

    Takes no lock and writes nothing, so an engine may run. Exit 0: all holds; 8: it does not.

    Examples: coldstart-console verify · coldstart-console verify --data ./copy --json
    """
    from engine import SystemClock, verify_folder

    from .verifying import progress, verify_prose

    options: Options = ctx.obj
    config = _loaded(options)
    with progress(config.symbols, is_shown=not options.is_quiet) as hear:
        report = _run(verify_folder(config, SystemClock(), hear))
    document = report.document()
    typer.echo(json.dumps(document) if options.is_json else verify_prose(document))
    raise typer.Exit(Exit.OK if report.is_ok else Exit.INTEGRITY)


@app.command("export")
def export_(
    ctx: typer.Context,
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="SYMBOL…", help="Whose bars; else --all.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Every configured symbol.")] = False,
    layout: Annotated[
        str, typer.Option(help="v3: today's folder of part files; csv: a file a series.")
    ] = "v3",
    tf: Annotated[
        str | None, typer.Option("--tf", help="M1,D1,…; default: every stored timeframe.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("export"),
    is_replacing: Annotated[
        bool, typer.Option("--replace", help="Write over files that exist.")
    ] = False,
) -> None:
    """Write stored bars to files for other programs; an engine may run meanwhile.

    Examples: coldstart-console export XAU/USD · coldstart-console export --all --layout csv
    --tf M1,D1 --out ./csv · coldstart-console export USD/JPY --replace --json
    """
    from engine import export_bars, export_request

    options: Options = ctx.obj
    config = _loaded(options)
    asked = tuple(symbols or ())
    request = _or_fail(lambda: export_request(asked, is_all, layout, tf, out, is_replacing))
    say = _tell if sys.stderr.isatty() and not options.is_quiet else _say_nothing
    report = _run(export_bars(config, request, say))
    document = report.document()
    typer.echo(json.dumps(document) if options.is_json else export_prose(document))
    for line in export_warnings(document):
        _tell(line)
    raise typer.Exit(Exit.OK if report.is_whole else Exit.INTEGRITY)


@config_app.command("check")
def config_check(ctx: typer.Context) -> None:
    """Say whether the configuration can be used.

    Example: coldstart-console config check --config config.json
    """
    config = _loaded(ctx.obj)
    groups = ", ".join(sorted({str(config.calendar_group(s)) for s in config.symbols}))
    typer.echo(
        f"The configuration can be used: {len(config.symbols)} symbols, "
        f"{len(config.timeframes)} timeframes, calendars {groups}."
    )


@config_app.command("show")
def config_show(ctx: typer.Context) -> None:
    """Print the configuration as it is used, everything filled in.

    Example: coldstart-console config show
    """
    typer.echo(_loaded(ctx.obj).model_dump_json(indent=2, by_alias=True))


def run() -> None:
    """The console script."""
    app(prog_name="coldstart-console")


def _loaded(options: Options) -> Config:
    from engine import load_config

    return _or_fail(
        lambda: load_config(options.config, os.environ, options.overrides(), Path.cwd())
    )


def _asked(options: Options, op: str, args: dict[str, str]) -> Any:
    from engine import call_engine

    config = _loaded(options)
    timeout_s = options.timeout_s or _ASK_TIMEOUT_S
    return _or_fail(
        lambda: call_engine(config.data_root, op, args, path=options.socket, timeout_s=timeout_s)
    )


async def _gone(options: Options) -> None:
    while _answers(options):
        await asyncio.sleep(_DOWN_POLL_S)


def _answers(options: Options) -> bool:
    from engine import EngineUnreachable, call_engine

    config = _loaded(options)
    try:
        call_engine(config.data_root, "status", {}, path=options.socket, timeout_s=_ASK_TIMEOUT_S)
    except EngineUnreachable:
        return False
    return True


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    return _or_fail(lambda: asyncio.run(work))


def _or_fail(work: Callable[[], _T]) -> _T:
    """Do it; a failure that we know becomes its sentence and its exit code."""
    try:
        return work()
    except (EngineError, UdsError, BadOption) as error:
        names = (ancestor.__name__ for ancestor in type(error).__mro__)
        _fail(next(_EXIT_OF[name] for name in names if name in _EXIT_OF), str(error))
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None


def _fail(code: Exit, sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _say_nothing(_: str) -> None:
    """For whoever does not watch."""


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
